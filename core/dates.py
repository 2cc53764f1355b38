"""Dates as people type them where a browser has no picker."""

import re
import unicodedata
from datetime import date

FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2100, 12, 31)
"""Limits of any day that a person types or looks for. Arithmetic near the limits of `date` overflows."""

_TYPED = re.compile(
    r"([0-9]{4})(?: ?[-/.] ?([0-9]{1,2}) ?[-/.] ?([0-9]{1,2})| ?年 ?([0-9]{1,2}) ?月 ?([0-9]{1,2}) ?[日号]?"
    r"|([0-9]{2})([0-9]{2}))"
)
_DASHES = re.compile("[‐‑‒–—―−]")


def is_in_range(day: date) -> bool:
    return FIRST_DAY <= date(day.year, day.month, day.day) <= LAST_DAY  # a datetime is a date, too


def parse_date(typed: str) -> date | None:
    """Parse 2026-12-20, 2026/12/20, 2026.12.20, 20261220 or 2026年12月20日, also in full width; else None."""
    shown = "".join(char for char in typed if unicodedata.category(char) != "Cf")  # marks of a copied text
    plain = _DASHES.sub("-", unicodedata.normalize("NFKC", shown)).replace("。", ".").strip()
    match = _TYPED.fullmatch(plain)
    if not match:
        return None
    year, month, day = (int(part) for part in match.groups() if part)
    try:
        return date(year, month, day)
    except ValueError:  # such as the 30th of February
        return None
