"""Counts acknowledged changes against database and stand-in. Pure functions: a test plants losses."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from deploy.cluster.renters import Acknowledged

TOOK_MONEY = ("PAID", "SURPLUS")


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
    yield from (f"order {number} was booked and is gone" for number in notes.booked - statuses.keys())
    yield from (f"order {number} was paid and is not" for number in notes.paid - took)
    for number in notes.canceled:
        if statuses.get(number) != "CANCELED":
            yield f"order {number} was cancelled and is {statuses.get(number)}"
    received = {number: fen for number, status, fen in books.payments if status in TOOK_MONEY}
    for trade in trades:
        if trade["received_fen"] > received.get(trade["out_trade_no"], 0):
            yield f"Alipay received {trade['received_fen']} fen for {trade['out_trade_no']}, the books less"


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
    yield from _differing_refunds(books, trades)


def _differing_refunds(books: Books, trades: list[dict[str, Any]]) -> Iterator[str]:
    ours = {(number, request): fen for number, request, fen, status in books.refunds if status == "DONE"}
    theirs = {
        (trade["out_trade_no"], refund["out_request_no"]): refund["amount_fen"]
        for trade in trades
        for refund in trade["refunds"]
    }
    for key in ours.keys() | theirs.keys():
        if ours.get(key) != theirs.get(key):
            yield f"refund {key}: {ours.get(key)} fen in the books, {theirs.get(key)} at Alipay"


def unsettled(books: Books, trades: list[dict[str, Any]]) -> Iterator[str]:
    """Yield a sentence for what the sweeps have yet to do."""
    settled = {number for number, status, _fen in books.payments if status in TOOK_MONEY}
    for trade in trades:
        if trade["received_fen"] and trade["out_trade_no"] not in settled:
            yield f"the money for {trade['out_trade_no']} is not in the books"
    for number, request, _fen, status in books.refunds:
        if status in ("DUE", "SENT"):
            yield f"refund {request} of {number} is not sent"
