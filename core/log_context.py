"""Context of log lines: the request or the round of the sweep, its client, its order, and who of staff.

A middleware and the sweep open it; the formatter reads it. All but the id is looked up only when a line is
written.
"""

import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from core.client_address import client_address

HEADER = "X-Request-Id"
KEY = "ihome.log_context"
"""Its place in a WSGI environment, where gunicorn finds it after the answer."""

_GIVEN_ID = re.compile(r"[0-9A-Za-z-]{8,64}")
_ORDER = re.compile(r"(?<![0-9A-Za-z])[0-9]{14}(?![0-9])")


@dataclass(slots=True)
class LogContext:
    kind: str
    """`request` or `round`."""
    id: str
    request: HttpRequest | None = None
    order: str = ""

    def fields(self) -> dict[str, Any]:
        """Return what each line says, without the empty ones."""
        found: dict[str, Any] = {self.kind: self.id}
        if self.request is not None:
            found["client"] = client_address(self.request)
            # Only if the page has looked at it: a log line asks nothing of the database.
            user = getattr(self.request, "_cached_user", None)
            found["staff"] = user.pk if user is not None and getattr(user, "is_staff", False) else None
        found["order"] = self.order or self._order_of_address()
        return {name: value for name, value in found.items() if value}

    def _order_of_address(self) -> str:
        return order_in(self.request.path) if self.request is not None else ""


_CURRENT: ContextVar[LogContext | None] = ContextVar("log_context", default=None)


def current() -> LogContext | None:
    return _CURRENT.get()


def order_in(text: str) -> str:
    """Return the first order number of a text, also that in the number of an attempt. Empty without one."""
    found = _ORDER.search(text)
    return found[0] if found else ""


def note_order(number: str) -> None:
    """Name the order that this request or item is about. Takes the number of an attempt, too."""
    if (context := _CURRENT.get()) is not None:
        context.order = number.partition("_")[0]


def new_id() -> str:
    return f"{random.getrandbits(64):016x}"  # no secret, and many times cheaper than one


def id_of(request: HttpRequest) -> str:
    """Return the id that our own proxy gave the request, so that both logs have it; else a new one."""
    given = request.META.get("HTTP_X_REQUEST_ID", "") if settings.TRUST_PROXY else ""
    return given if _GIVEN_ID.fullmatch(given) else new_id()


@contextmanager
def within(context: LogContext) -> Iterator[LogContext]:
    """Have the lines of this block, in this thread, carry the context."""
    token = _CURRENT.set(context)
    try:
        yield context
    finally:
        _CURRENT.reset(token)
