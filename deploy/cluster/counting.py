"""Counts acknowledged changes against database and stand-in. Pure functions: a test plants losses.

`make soak` counts by the same rules.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

TOOK_MONEY = ("PAID", "SURPLUS")


@dataclass
class Acknowledged:
    """Numbers of the orders whose change the site confirmed to its renter."""

    booked: set[str] = field(default_factory=set)
    paid: set[str] = field(default_factory=set)
    cancelled: set[str] = field(default_factory=set)
    failures: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        return f"{len(self.booked)} bookings, {len(self.paid)} payments, {len(self.cancelled)} cancellations"


class Books(NamedTuple):
    """Rows of the database."""

    orders: list[tuple[str, str, int, Any, Any]]
    """Number, status, renter, house and arrival."""
    payments: list[tuple[str, str, int]]
    """Number at Alipay, status, received fen."""
    refunds: list[tuple[str, str, int, str]]
    """Number at Alipay, number of the refund, fen, status."""


def lost(notes: Acknowledged, books: Books, trades: list[dict[str, Any]]) -> Iterator[str]:
    """Yield a sentence for each acknowledged change that is not in the database."""
    statuses = {number: status for number, status, *_rest in books.orders}
    took = {number.partition("_")[0] for number, status, _fen in books.payments if status == "PAID"}
    yield from lost_orders(notes, statuses)
    yield from (f"order {number} was paid and is not" for number in notes.paid - took)
    received = {number: fen for number, status, fen in books.payments if status in TOOK_MONEY}
    for trade in trades:
        if trade["received_fen"] > received.get(trade["out_trade_no"], 0):
            yield f"Alipay received {trade['received_fen']} fen for {trade['out_trade_no']}, the books less"


def lost_orders(notes: Acknowledged, statuses: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence for each booking and cancellation that is not in the database."""
    yield from (f"order {number} was booked and is gone" for number in notes.booked - statuses.keys())
    for number in notes.cancelled:
        if statuses.get(number) != "CANCELED":
            yield f"order {number} was cancelled and is {statuses.get(number)}"


def doubled(books: Books, trades: list[dict[str, Any]]) -> Iterator[str]:
    """Yield a sentence for what is there twice: a stay, money, a refund."""
    live = [order[2:] for order in books.orders if order[1] not in ("CANCELED", "REJECTED")]
    yield from (f"{stay} is booked {count} times" for stay, count in Counter(live).items() if count > 1)
    applied = Counter(number.partition("_")[0] for number, status, _fen in books.payments if status == "PAID")
    yield from (f"order {number} is paid {count} times" for number, count in applied.items() if count > 1)
    received = {trade["out_trade_no"]: trade["received_fen"] for trade in trades}
    for number, status, fen in books.payments:
        if status in TOOK_MONEY and fen > received.get(number, 0):
            yield f"the books received {fen} fen for {number}, Alipay {received.get(number, 0)}"
    ours = {(number, request): fen for number, request, fen, status in books.refunds if status == "DONE"}
    theirs = {
        (trade["out_trade_no"], refund["out_request_no"]): refund["amount_fen"]
        for trade in trades
        for refund in trade["refunds"]
    }
    yield from differing("refunded", ours, theirs)


def differing(what: str, ours: Mapping[Any, int], theirs: Mapping[Any, int]) -> Iterator[str]:
    """Yield a sentence for each sum that is not the same in the books and at Alipay."""
    for key in ours.keys() | theirs.keys():
        if ours.get(key) != theirs.get(key):
            yield f"{what} for {key}: {ours.get(key)} fen in the books, {theirs.get(key)} at Alipay"


def unsettled(books: Books, trades: list[dict[str, Any]]) -> Iterator[str]:
    """Yield a sentence for what the sweeps have yet to do."""
    settled = {number for number, status, _fen in books.payments if status in TOOK_MONEY}
    for trade in trades:
        if trade["received_fen"] and trade["out_trade_no"] not in settled:
            yield f"the money for {trade['out_trade_no']} is not in the books"
    for number, request, _fen, status in books.refunds:
        if status in ("DUE", "SENT"):
            yield f"refund {request} of {number} is not sent"
