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


_DIGITS = "零壹贰叁肆伍陆柒捌玖"


def yuan_in_capitals(fen: int) -> str:
    """12345 -> "人民币壹佰贰拾叁元肆角伍分": as on Chinese receipts, where a figure could be altered.

    Raises ValueError below 0 and above MAX_FEN.
    """
    if not 0 <= fen <= MAX_FEN:
        raise ValueError("only amounts that can be paid are written in capitals")
    yuan, jiao, last = fen // 100, fen // 10 % 10, fen % 10
    words = f"{_whole_in_capitals(yuan)}元" if yuan else ""
    if jiao:
        words += f"{_DIGITS[jiao]}角"
    elif yuan and last:
        words += "零"
    words += f"{_DIGITS[last]}分" if last else "整"
    return f"人民币{words if fen else '零元整'}"


def _whole_in_capitals(number: int) -> str:
    """One 零 for any run of zeros between digits, none at the end; 万 and 亿 close their four digits."""
    words, skipped_zeros = "", False
    for place, digit in zip(range(len(str(number)) - 1, -1, -1), map(int, str(number)), strict=True):
        if digit:
            words += ("零" if skipped_zeros else "") + _DIGITS[digit] + ("", "拾", "佰", "仟")[place % 4]
        skipped_zeros = not digit
        if place % 4 == 0 and number // 10**place % 10_000:
            words += ("", "万", "亿")[place // 4]
            skipped_zeros = False
    return words


def parse_yuan(text: str) -> int:
    """ "300.00" -> 30000. Raises ValueError for everything that yuan_text() would not have written."""
    match = _YUAN.fullmatch(text)
    if match is None:
        raise ValueError("not an amount in yuan with two decimals")
    return int(match[1]) * 100 + int(match[2])
