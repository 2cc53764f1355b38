"""Format of log lines, and filters for what strangers can put into them."""

import logging
import re
from datetime import datetime

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


class RefusedRequestsAreWarnings(logging.Filter):
    """Turn records about an answer of 4xx into warnings without a traceback.

    Anybody can provoke them: with another Host, an odd path, too many fields. Django logs some of them as
    errors, and errors are for what needs a human.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if 400 <= getattr(record, "status_code", 0) < 500:
            record.levelno, record.levelname = logging.WARNING, logging.getLevelName(logging.WARNING)
            record.exc_info = record.exc_text = None
        return True


class StripQueryString(logging.Filter):
    """Strip query strings from addresses: a return from Alipay carries a signature there."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = _QUERY_STRING.sub("?…", record.getMessage()), ()
        return True
