"""Faults at named points of the site: the process dies, the database fails, a concurrent act runs."""

import functools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pkgutil import resolve_name
from unittest import mock

from django.db import OperationalError

# Name of a point -> the function. No transaction is open around "call Alipay".
POINTS = {
    "call Alipay": "payments.alipay.http.post",
    "record a message": "payments.books.message_log.record_signed",
    "settle": "payments.books.attempts.settle",
    "claim the receipt": "payments.books.attempts._record",
    "owe a refund": "payments.books.refunds.create",
    "mark a refund sent": "payments.books.refunds.mark_sent",
    "mark a refund done": "payments.books.refunds.mark_done",
    "mark an attempt closed": "payments.books.attempts.mark_closed",
    "make an attempt": "payments.checkout._lock_and_make",
    "make an attempt for a difference": "payments.checkout_of_change._lock_and_make",
    "agree on a change": "orders.waiting_changes.agree",
    "make a change": "orders.waiting_changes.complete",
    "end a change": "orders.waiting_changes.end",
    "cancel": "orders.transitions.cancel",
    "expire": "orders.transitions.expire",
    "tell the timeline": "orders.transitions.note",
}

NETWORK = "call Alipay"


class Killed(BaseException):
    """The process dies. A BaseException: no handler of the site runs, and open transactions roll back."""


class Trouble:
    """Planned faults: each happens once, when the code next reaches its point ("before" or "after")."""

    def __init__(self) -> None:
        self._planned: dict[tuple[str, str], Callable[[], object]] = {}
        self.happened: list[str] = []

    def plan(self, where: str, when: str, what: Callable[[], object]) -> None:
        self._planned[where, when] = what

    def forget(self) -> None:
        self._planned.clear()

    def reach(self, where: str, when: str) -> None:
        what = self._planned.pop((where, when), None)
        if what is not None:
            self.happened.append(f"{when} {where}")
            what()


def die() -> None:
    raise Killed


def deadlock() -> None:
    raise OperationalError(1213, "Deadlock found when trying to get lock; try restarting transaction")


def connection_lost() -> None:
    raise OperationalError(2013, "Lost connection to server during query")


@contextmanager
def points_watched(trouble: Callable[[], Trouble]) -> Iterator[None]:
    """Wrap the functions of POINTS, so that planned faults happen before and after them."""
    with ExitStack() as stack:
        for where, path in POINTS.items():
            function = resolve_name(path)
            stack.enter_context(mock.patch(path, _watched(function, where, trouble)))
        yield


def _watched(function: Callable, where: str, trouble: Callable[[], Trouble]) -> Callable:
    @functools.wraps(function)
    def run(*args: object, **kwargs: object) -> object:
        trouble().reach(where, "before")
        result = function(*args, **kwargs)
        trouble().reach(where, "after")
        return result

    return run
