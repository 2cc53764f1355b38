"""The stand-in's clock: the machine's plus an offset. All of Alipay's times are Beijing time."""

import re
import time
from datetime import datetime, timedelta, timezone

BEIJING = timezone(timedelta(hours=8))
DAY_SECONDS = 86400

_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")
_TO_THE_MINUTE = re.compile(r"[0-9-]{10} [0-9]{2}:[0-9]{2}")


class Clock:
    """Clock in seconds since 1970; `offset` seconds are added to the machine's clock."""

    def __init__(self) -> None:
        self.offset = 0.0

    def now(self) -> float:
        return time.time() + self.offset


def moment_text(moment: float) -> str:
    """Seconds since 1970 -> "2026-11-23 18:30:00" in Beijing."""
    return datetime.fromtimestamp(moment, BEIJING).strftime("%Y-%m-%d %H:%M:%S")


def parse_moment(text: str) -> float:
    """ "2026-11-23 18:30:00" in Beijing -> seconds since 1970. Raises ValueError for any other form."""
    if not _MOMENT.fullmatch(text):
        raise ValueError("not a time of the form yyyy-MM-dd HH:mm:ss")
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=BEIJING).timestamp()


def parse_deadline(text: str) -> float:
    """Parse a time that may lack its seconds, as in Alipay's older documents. Raises ValueError."""
    return parse_moment(f"{text}:00" if _TO_THE_MINUTE.fullmatch(text) else text)
