"""Parses Alipay's daily bill of trades.

A zip of two CSV files in GBK; the one without (汇总) in its name has the rows. It is unsigned: it shows what
to query Alipay about, and proves nothing.
"""

import io
import re
import zipfile
import zlib
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from core.money import yuan_text
from payments.alipay import bill_copies
from payments.alipay.bill_rows import NEEDED, Layout, Row, fee_layout, fen

MAX_CSV_BYTES = 64 * 1024 * 1024
"""About 300,000 rows."""
MAX_MEMBERS = 10
MAX_UNREADABLE = 100
MAX_LINE = 2000

_ACCOUNT = re.compile(r"#账号：\[([0-9]{1,32})\]")
_MIDNIGHT = r"\[([0-9]{4})年([0-9]{2})月([0-9]{2})日 00:00:00\]"
_PERIOD = re.compile(rf"#起始日期：{_MIDNIGHT}\s*终止日期：{_MIDNIGHT}")
_TOTAL = re.compile(r"#(交易|退款)合计：([0-9]+)笔，商家实收(?:退款)?共(-?[0-9.]+)元")
_END = "列表结束"


class BillProblem(Exception):
    """The file is not a usable bill of a day. The message is printed by reconcile_bill."""


class EmptyFile(BillProblem):
    """The file has no rows, and does not name account, day and end as a bill does."""


@dataclass(frozen=True, slots=True)
class Bill:
    """`rows`: payments and refunds, each with its raw line. `others`: the same for other business types.

    `unreadable`: lines that have no or more than one reading.
    """

    account: str
    day: date
    rows: list[tuple[Row, str]]
    unreadable: list[str]
    others: list[tuple[Row, str]] = field(default_factory=list)


def parse(content: bytes) -> Bill:
    """Parse a zip or a bare CSV file. Raises BillProblem."""
    data = _unzipped(content) if content.startswith(b"PK") else content
    if len(data) > MAX_CSV_BYTES:
        raise BillProblem(f"The file has more than {MAX_CSV_BYTES} bytes.")
    if name := bill_copies.name_of(data):
        raise _wrong_file(name)
    # "replace", because a title may be cut within a character. The fields that matter are ASCII.
    text = data.decode("gb18030", errors="replace")
    lines = [line for line in (line.strip("\r\ufeff ") for line in text.split("\n")) if line]
    remarks = [line for line in lines if line.startswith("#")]
    table = [line for line in lines if not line.startswith("#")]
    try:
        account, day = _account_and_day(remarks)
        if not any(_END in line for line in remarks):
            raise BillProblem("The file has no end mark: it is truncated.")
    except BillProblem as problem:
        if not table or (len(table) == 1 and not _missing(_names(table[0]))):
            raise EmptyFile(str(problem) if lines else "The file is empty: it is not a bill.") from problem
        raise
    bill = Bill(account, day, [], [])
    if table:  # a day without business may have no header either
        _read_table(table, bill)
    if not bill.unreadable:
        _check_totals(remarks, [row for row, _ in bill.rows], [row for row, _ in bill.others])
    return bill


def _read_table(table: list[str], bill: Bill) -> None:
    """Read header and lines into the bill. Raises BillProblem."""
    names = _names(table[0])
    if missing := _missing(names):
        raise BillProblem(f"The bill has no column {', '.join(missing)}.")
    layout, fees = Layout(names), fee_layout(names)
    for line in table[1:]:
        row = layout.read(line)
        if row is None:
            bill.unreadable.append(line[:MAX_LINE])
        else:
            row = replace(row, fee_fen=fees.read_fee(line) if fees else None)
            (bill.others if row.business_type else bill.rows).append((row, line))
    if len(bill.unreadable) > MAX_UNREADABLE:
        raise BillProblem(
            f"{len(bill.unreadable)} lines of the bill can't be read, such as {bill.unreadable[0]}"
        )


def _unzipped(content: bytes) -> bytes:
    try:
        # The names are in GBK, without the flag for their encoding.
        with zipfile.ZipFile(io.BytesIO(content), metadata_encoding="gb18030") as archive:
            members = archive.infolist()
            if len(members) > MAX_MEMBERS:
                raise BillProblem(f"The zip holds more than {MAX_MEMBERS} files.")
            if name := bill_copies.name_of_zip([member.filename for member in members]):
                raise _wrong_file(name)
            tables = [m for m in members if m.filename.endswith(".csv") and "汇总" not in m.filename]
            if len(tables) != 1:
                kind = BillProblem if tables else EmptyFile
                raise kind("The zip does not hold exactly one file of rows (….csv without 汇总).")
            if tables[0].compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise BillProblem("The zip has an unusual compression method.")
            with archive.open(tables[0]) as member:
                return member.read(MAX_CSV_BYTES + 1)  # the size in the header can't be trusted
    except UnicodeDecodeError as error:
        raise _wrong_file(bill_copies.PACKED_AGAIN) from error
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError) as error:
        raise BillProblem(f"The zip is broken ({error}).") from error


def _wrong_file(name: str) -> BillProblem:
    return BillProblem(f"The file is not a bill as Alipay writes it, but {name}. {bill_copies.REMEDY}")


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
    return [name.strip().replace("（", "(").replace("）", ")") for name in header.split(",")]


def _missing(names: list[str]) -> list[str]:
    return [name for name in NEEDED if names.count(name) != 1]


def _check_totals(remarks: list[str], rows: list[Row], others: list[Row]) -> None:
    """Compare the rows with the counts and sums in the bill's last lines. Raises BillProblem.

    Alipay does not say whether the totals include other business types: either counts.
    """
    try:
        _check_sums(remarks, rows)
    except BillProblem:
        if not others:
            raise
        _check_sums(remarks, [*rows, *others])


def _check_sums(remarks: list[str], rows: list[Row]) -> None:
    counts, sums = Counter[bool](), Counter[bool]()
    for row in rows:
        is_outgoing = row.is_refund or row.amount_fen < 0
        counts[is_outgoing] += 1
        sums[is_outgoing] += row.net_fen or 0
    has_sums = all(row.net_fen is not None for row in rows)
    for found in filter(None, map(_TOTAL.match, remarks)):
        kind, count, total = found.groups()
        is_outgoing = kind == "退款"
        if int(count) != counts[is_outgoing]:
            raise BillProblem(f"The bill says {kind} {count}笔, and has {counts[is_outgoing]} such rows.")
        if has_sums and fen(total) != sums[is_outgoing]:
            raise BillProblem(
                f"The bill says {kind} {total}元, and its rows add up to {yuan_text(sums[is_outgoing])}."
            )
