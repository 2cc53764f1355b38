"""Amounts: integer fen inside, yuan text with two decimals on the wire. Deliberately not the site's code."""

import re

_AMOUNT = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,2}))?")
_LARGEST_FEN = 100_000_000_00


def yuan(fen: int) -> str:
    """30000 -> "300.00"."""
    whole, rest = divmod(abs(fen), 100)
    return f"{'-' if fen < 0 else ''}{whole}.{rest:02d}"


def fen(text: str) -> int:
    """ "300.00", "300.0" or "300" -> 30000. Raises ValueError otherwise, or outside 0.01 to 100000000.00."""
    match = _AMOUNT.fullmatch(text)
    if match is None:
        raise ValueError("not an amount in yuan with up to two decimals")
    amount = int(match[1]) * 100 + int((match[2] or "").ljust(2, "0"))
    if not 1 <= amount <= _LARGEST_FEN:
        raise ValueError("an amount must be 0.01 to 100000000.00 yuan")
    return amount
