"""Money is an integer number of fen everywhere; yuan exist only as text, at Alipay's door and on pages."""

import re

MAX_FEN = 100_000_000_00
"""The largest amount Alipay takes in one payment: 100,000,000.00 yuan."""

_YUAN = re.compile(r"(0|[1-9][0-9]{0,8})\.([0-9]{2})")


def yuan_text(fen: int) -> str:
    """30000 -> "300.00": exactly two decimals, no grouping, as Alipay wants it.

    Raises ValueError for anything but an int (a float never gets this far unnoticed).
    """
    if type(fen) is not int:
        raise ValueError(f"an amount in fen must be an int, not {type(fen).__name__}")
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def parse_yuan(text: str) -> int:
    """ "300.00" -> 30000. Raises ValueError for everything that yuan_text() would not have written."""
    match = _YUAN.fullmatch(text)
    if match is None:
        raise ValueError("not an amount in yuan with two decimals")
    return int(match[1]) * 100 + int(match[2])
