"""Amounts of money. The code counts in integer fen; yuan exist only as text, for Alipay and for pages."""

import re

MAX_FEN = 100_000_000_00
"""Alipay's limit for one payment: 100,000,000.00 yuan."""

_YUAN = re.compile(r"(0|[1-9][0-9]{0,8})\.([0-9]{2})")


def yuan_text(fen: int) -> str:
    """Format fen in yuan, 30000 -> "300.00": two decimals and no grouping, as Alipay requires.

    Raises ValueError for any other type than int, above all for floats.
    """
    if type(fen) is not int:
        raise ValueError(f"an amount in fen must be an int, not {type(fen).__name__}")
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100}.{abs(fen) % 100:02d}"


_DIGITS = "零壹贰叁肆伍陆柒捌玖"


def yuan_in_capitals(fen: int) -> str:
    """Spell an amount in financial numerals, 12345 -> "人民币壹佰贰拾叁元肆角伍分".

    Receipts carry them because digits are easily altered. Raises ValueError below 0 and above MAX_FEN.
    """
    if not 0 <= fen <= MAX_FEN:
        raise ValueError("only amounts from 0 to MAX_FEN can be written in capitals")
    yuan, jiao, last = fen // 100, fen // 10 % 10, fen % 10
    text = f"{_whole_in_capitals(yuan)}元" if yuan else ""
    if jiao:
        text += f"{_DIGITS[jiao]}角"
    elif yuan and last:
        text += "零"
    text += f"{_DIGITS[last]}分" if last else "整"
    return f"人民币{text if fen else '零元整'}"


def _whole_in_capitals(number: int) -> str:
    """Spell a whole number: one 零 for a run of zeros between digits, 万 or 亿 after each four digits."""
    text, skipped_zeros = "", False
    for place, digit in zip(range(len(str(number)) - 1, -1, -1), map(int, str(number)), strict=True):
        if digit:
            text += ("零" if skipped_zeros else "") + _DIGITS[digit] + ("", "拾", "佰", "仟")[place % 4]
        skipped_zeros = not digit
        if place % 4 == 0 and number // 10**place % 10_000:
            text += ("", "万", "亿")[place // 4]
            skipped_zeros = False
    return text


def parse_yuan(text: str) -> int:
    """Parse yuan into fen, "300.00" -> 30000. Raises ValueError for text that yuan_text() can't produce."""
    match = _YUAN.fullmatch(text)
    if match is None:
        raise ValueError("not an amount in yuan with two decimals")
    return int(match[1]) * 100 + int(match[2])
