"""Parses Alipay's daily bill of trades.

A zip of two CSV files in GBK; the one without (汇总) in its name has the rows. It is unsigned and comes over
plain HTTP: it shows what to query Alipay about, and proves nothing.
"""

import io
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from core.money import parse_yuan, yuan_text
from payments.alipay.answers import beijing_time, is_trade_no

MAX_CSV_BYTES = 64 * 1024 * 1024
"""About 300,000 rows."""
MAX_MEMBERS = 10
MAX_SPARE_COMMAS = 50
MAX_UNREADABLE = 100
MAX_LINE = 2000

_ACCOUNT = re.compile(r"#账号：\[([0-9]{1,32})\]")
_MIDNIGHT = r"\[([0-9]{4})年([0-9]{2})月([0-9]{2})日 00:00:00\]"
_PERIOD = re.compile(rf"#起始日期：{_MIDNIGHT}\s*终止日期：{_MIDNIGHT}")
_TOTAL = re.compile(r"#(交易|退款)合计：([0-9]+)笔，商家实收(?:退款)?共(-?[0-9.]+)元")
_END = "列表结束"
_NUMBER = re.compile(r"[!-~]{1,64}")
_NEEDED = ("支付宝交易号", "商户订单号", "业务类型", "订单金额(元)")
_TITLE, _REQUEST, _NET = "商品名称", "退款批次号/请求号", "商家实收(元)"


class BillProblem(Exception):
    """The file is not a usable bill of a day. The message is printed by reconcile_bill."""


@dataclass(frozen=True, slots=True)
class Row:
    """One payment or refund. `amount_fen` is positive for both."""

    is_refund: bool
    trade_no: str
    out_trade_no: str
    out_request_no: str
    amount_fen: int
    net_fen: int | None
    """The seller's share, which the totals at the end add up. None: older files may lack the column."""


@dataclass(frozen=True, slots=True)
class Bill:
    """`rows`: each with its raw line. `unreadable`: lines that have no or more than one reading."""

    account: str
    day: date
    rows: list[tuple[Row, str]]
    unreadable: list[str]


def parse(content: bytes) -> Bill:
    """Parse a zip or a bare CSV file. Raises BillProblem."""
    data = _unzipped(content) if content.startswith(b"PK") else content
    if len(data) > MAX_CSV_BYTES:
        raise BillProblem(f"The file has more than {MAX_CSV_BYTES} bytes.")
    # "replace", because a title may be cut within a character. The fields that matter are ASCII.
    text = data.decode("gb18030", errors="replace")
    lines = [line for line in (line.strip("\r\ufeff ") for line in text.split("\n")) if line]
    remarks = [line for line in lines if line.startswith("#")]
    table = [line for line in lines if not line.startswith("#")]
    account, day = _account_and_day(remarks)
    if not any(_END in line for line in remarks):
        raise BillProblem("The file has no end mark: it is truncated.")
    names = _names(table[0] if table else "")
    rows, unreadable = [], []
    for line in table[1:]:
        row = _row(line, names)
        if row is None:
            unreadable.append(line[:MAX_LINE])
        else:
            rows.append((row, line))
    if len(unreadable) > MAX_UNREADABLE:
        raise BillProblem(f"{len(unreadable)} lines of the bill can't be read, such as {unreadable[0]}")
    if not unreadable:
        _check_totals(remarks, [row for row, _ in rows])
    return Bill(account, day, rows, unreadable)


def _unzipped(content: bytes) -> bytes:
    try:
        # The names are in GBK, without the flag for their encoding.
        with zipfile.ZipFile(io.BytesIO(content), metadata_encoding="gb18030") as archive:
            members = archive.infolist()
            if len(members) > MAX_MEMBERS:
                raise BillProblem(f"The zip holds more than {MAX_MEMBERS} files.")
            tables = [m for m in members if m.filename.endswith(".csv") and "汇总" not in m.filename]
            if len(tables) != 1:
                raise BillProblem("The zip does not hold exactly one file of rows (….csv without 汇总).")
            if tables[0].compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise BillProblem("The zip has an unusual compression method.")
            with archive.open(tables[0]) as member:
                return member.read(MAX_CSV_BYTES + 1)  # the size in the header can't be trusted
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError) as error:
        raise BillProblem(f"The zip is broken ({error}).") from error


def _account_and_day(remarks: list[str]) -> tuple[str, date]:
    account = next((found[1] for line in remarks if (found := _ACCOUNT.match(line))), None)
    period = next((found for line in remarks if (found := _PERIOD.match(line))), None)
    if account is None or period is None:
        raise BillProblem("The file is not a bill from Alipay: it names no account and day.")
    try:
        start, end = (date(*map(int, parts)) for parts in (period.groups()[:3], period.groups()[3:]))
    except ValueError as error:
        raise BillProblem(f"The bill's dates can't be read ({error}).") from error
    if end - start != timedelta(days=1):
        raise BillProblem(f"The bill covers {start} to {end}, not one day.")
    return account, start


def _names(header: str) -> list[str]:
    """The column names. Older files have fewer columns, and full-width brackets."""
    names = [name.strip().replace("（", "(").replace("）", ")") for name in header.split(",")]
    missing = [name for name in _NEEDED if names.count(name) != 1]
    if missing:
        raise BillProblem(f"The bill has no column {', '.join(missing)}.")
    return names


def _row(line: str, names: list[str]) -> Row | None:
    """Parse a line. None if it is ambiguous or invalid.

    Titles and remarks are unquoted and may hold commas. Every way to split the line is tried; the line counts
    if all valid splits give the same row.
    """
    splits = (_valid_row(dict(zip(names, cells, strict=True))) for cells in _splits(line.split(","), names))
    found = {row for row in splits if row is not None}
    return found.pop() if len(found) == 1 else None


def _splits(cells: list[str], names: list[str]) -> Iterator[list[str]]:
    """Every way to divide the spare commas between the title and the remark, which is the last column."""
    spare = len(cells) - len(names)
    title = names.index(_TITLE) if _TITLE in names else 0
    for more in range(spare + 1) if spare <= MAX_SPARE_COMMAS else []:
        split = [*cells[:title], ",".join(cells[title : title + more + 1]), *cells[title + more + 1 :]]
        yield [*split[: len(names) - 1], ",".join(split[len(names) - 1 :])]


def _valid_row(cells: dict[str, str]) -> Row | None:
    """The row, if every number, amount and time in it is valid."""
    cells = {name: cell.strip() for name, cell in cells.items()}
    for name, cell in cells.items():
        if name.endswith("时间") and cell and beijing_time(cell) is None:
            return None
        if name.endswith("(元)") and cell and _fen(cell) is None:
            return None
    kind, amount = cells["业务类型"], _fen(cells["订单金额(元)"])
    trade_no, out_trade_no = cells["支付宝交易号"], cells["商户订单号"]
    out_request_no = cells.get(_REQUEST, "")
    is_refund = kind == "退款"
    if (
        kind not in ("交易", "退款")
        or amount is None
        or (amount > 0 if is_refund else amount < 0)
        or not is_trade_no(trade_no)
        or not _NUMBER.fullmatch(out_trade_no)
        or not _NUMBER.fullmatch(out_request_no or "-")
    ):
        return None
    return Row(is_refund, trade_no, out_trade_no, out_request_no, abs(amount), _fen(cells.get(_NET, "")))


def _fen(text: str) -> int | None:
    """ "-0.01" -> -1; None if it is not an amount."""
    try:
        fen = parse_yuan(text.removeprefix("-"))
    except ValueError:
        return None
    return -fen if text.startswith("-") else fen


def _check_totals(remarks: list[str], rows: list[Row]) -> None:
    """Compare the rows with the counts and sums in the bill's last lines. Raises BillProblem."""
    counts, sums = Counter[bool](), Counter[bool]()
    for row in rows:
        counts[row.is_refund] += 1
        sums[row.is_refund] += row.net_fen or 0
    has_sums = all(row.net_fen is not None for row in rows)
    for found in filter(None, map(_TOTAL.match, remarks)):
        kind, count, total = found.groups()
        is_refund = kind == "退款"
        if int(count) != counts[is_refund]:
            raise BillProblem(f"The bill says {kind} {count}笔, and has {counts[is_refund]} such rows.")
        if has_sums and _fen(total) != sums[is_refund]:
            raise BillProblem(
                f"The bill says {kind} {total}元, and its rows add up to {yuan_text(sums[is_refund])}."
            )
