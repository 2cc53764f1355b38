"""Dates as people type them where a browser has no picker."""

import re
import unicodedata
from datetime import date

_TYPED = re.compile(
    r"([0-9]{4})(?: ?[-/.] ?([0-9]{1,2}) ?[-/.] ?([0-9]{1,2})| ?年 ?([0-9]{1,2}) ?月 ?([0-9]{1,2}) ?[日号]?"
    r"|([0-9]{2})([0-9]{2}))"
)
_DASHES = re.compile("[‐‑‒–—―−]")


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
