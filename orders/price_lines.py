"""The price of an order, line by line, frozen when it is booked or its stay is changed."""

from dataclasses import fields
from datetime import date
from typing import Any

from houses import quotes
from houses.quotes import Line, Quote

_DEFAULTS = {field.name: field.default for field in fields(Line)}


def columns_of(quote: Quote) -> dict[str, Any]:
    """Return the columns of an order that hold its price.

    `price_per_night_fen` is for readers who want one number: the average of the nights, before discounts and
    fees. Only where the price is plain, it times the nights is the amount.
    """
    return {
        "price_per_night_fen": quote.average_fen,
        "amount_fen": quote.total_fen,
        "price_lines": [_to_json(line) for line in quote.lines],
    }


def quote_of(order: Any) -> Quote:
    """Return the price as it was agreed. Asks no database."""
    agreed = quote_from(order.price_lines)
    if agreed.total_fen == order.amount_fen:
        return agreed
    # Booked, or its stay changed, by a version without lines: those nights had one price.
    each_fen, count = order.price_per_night_fen, order.nights
    return Quote((Line(quotes.NIGHTS, order.amount_fen, each_fen, count, first=order.check_in),))


def quote_from(stored: list[dict[str, Any]]) -> Quote:
    """Return the price whose lines were stored as `columns_of` has them."""
    return Quote(tuple(_from_json(line) for line in stored))


def cleaning_fen(order: Any) -> int:
    return sum(line.fen for line in quote_of(order).lines if line.kind == quotes.CLEANING)


def _to_json(line: Line) -> dict[str, Any]:
    values = {name: getattr(line, name) for name in _DEFAULTS}
    values["first"] = line.first and line.first.isoformat()
    return {name: value for name, value in values.items() if value != _DEFAULTS[name]}


def _from_json(stored: dict[str, Any]) -> Line:
    values = {name: value for name, value in stored.items() if name in _DEFAULTS}
    if "first" in values:
        values["first"] = date.fromisoformat(values["first"])
    return Line(**values)
