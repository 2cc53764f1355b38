"""Format of log lines, and filters for what strangers can put into them."""

import json
import logging
import re
from collections.abc import Mapping
from datetime import datetime
from time import monotonic
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError

from core import log_context
from core.log_context import LogContext

_QUERY_STRING = re.compile(r"\?[^\s'\"]*|\bsign=[^\s'\"]*")


def one_line(text: str) -> str:
    """Escape line breaks, control characters and invisible marks, also those of Unicode, as Python does."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


class OneLine(logging.Formatter):
    """Format a record as one line, in time with its zone. Lines of a traceback are indented.

    Addresses and headers are text from outside: a line break in them would begin a line that looks like ours.
    """

    def format(self, record: logging.LogRecord) -> str:
        record.message = record.getMessage()
        record.asctime = self.formatTime(record)
        lines = [self.formatMessage(record)]
        if record.exc_info:
            lines += self.formatException(record.exc_info).split("\n")
        if record.stack_info:
            lines += record.stack_info.split("\n")
        return "\n    ".join(one_line(line) for line in lines)

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        return datetime.fromtimestamp(record.created).astimezone().isoformat(" ", "milliseconds")


class JsonLines(OneLine):
    """Format a record as one line of JSON, with the request or round, the client, staff and order."""

    def format(self, record: logging.LogRecord) -> str:
        fields = {"time": self.formatTime(record), "level": record.levelname, "logger": record.name}
        fields |= {"message": record.getMessage(), **_context_of(record), **getattr(record, "fields", {})}
        if order := log_context.order_in(fields["message"]):
            fields.setdefault("order", order)
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        if record.stack_info:
            fields["stack"] = record.stack_info
        return _escaped(json.dumps(fields, ensure_ascii=False, default=str))

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        return datetime.fromtimestamp(record.created).astimezone().isoformat("T", "milliseconds")


class SiteFormatter(logging.Formatter):
    """Format by the setting LOG_FORMAT. gunicorn makes its formatters before the settings are read."""

    def __init__(self, form: str) -> None:
        super().__init__(form)
        self._text, self._json = OneLine(form), JsonLines(form)

    def format(self, record: logging.LogRecord) -> str:
        is_json = settings.configured and settings.LOG_FORMAT == "json"
        return (self._json if is_json else self._text).format(record)


def _context_of(record: logging.LogRecord) -> dict[str, Any]:
    """Return the fields of the record's request. Django logs a refusal after the middleware has ended."""
    meta: Mapping[str, Any] = getattr(getattr(record, "request", None), "META", {})
    context: LogContext | None = meta.get(log_context.KEY) or log_context.current()
    return context.fields() if context is not None else {}


def _escaped(line: str) -> str:
    """Escape as JSON what is not printable: json.dumps leaves some line breaks of Unicode as they are."""
    if line.isprintable():
        return line
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in line)


class RefusedRequestsAreWarnings(logging.Filter):
    """Turn records about an answer of 4xx into warnings without a traceback.

    Anybody can provoke them: with another Host, an odd path, too many fields. Django logs some of them as
    errors, and errors are for what needs a human.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if 400 <= getattr(record, "status_code", 0) < 500:
            _make_warning(record)
        return True


QUIET_AFTER = 60.0
"""Seconds without a sign of an outage after which the next one is another outage."""

_outage_seen_at = [float("-inf")]


class OneErrorPerOutage(logging.Filter):
    """Turn all but the first record of an outage of the database into warnings without a traceback.

    Each request and each item of the sweep fails meanwhile, and one line is enough to call somebody. The
    answer 503 is a warning in any case: whoever gave it has logged the reason.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        is_repeat = getattr(record, "status_code", 0) == 503
        if record.levelno >= logging.ERROR and _tells_of_outage(record):
            now = monotonic()
            is_repeat, _outage_seen_at[0] = now - _outage_seen_at[0] < QUIET_AFTER, now
        if is_repeat:
            _make_warning(record)
        return True


def _tells_of_outage(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    from core.transactions import is_outage  # its models can't be imported before the settings

    return is_outage(error)


def _make_warning(record: logging.LogRecord) -> None:
    record.levelno, record.levelname = logging.WARNING, logging.getLevelName(logging.WARNING)
    record.exc_info = record.exc_text = None


class StripQueryString(logging.Filter):
    """Strip query strings from addresses: a return from Alipay carries a signature there."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = _QUERY_STRING.sub("?…", record.getMessage()), ()
        return True
