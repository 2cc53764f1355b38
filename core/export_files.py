"""Writes tables as CSV and XLSX files, in pieces: memory does not grow with the number of rows."""

import csv
import io
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import IO, Any

from django.utils import timezone
from xlsxwriter import Workbook

Cell = str | int | Decimal | date | datetime | None
"""`Decimal`: an amount in yuan. A `datetime` is shown in Beijing time."""
Table = Iterable[Sequence[Cell]]

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""Beginnings that make a spreadsheet run a cell of a CSV file as a formula."""
ROWS_OF_A_SHEET = 1_000_000
LONGEST_CELL = 32_767
_PIECE = 64 * 1024
_FIRST_YEAR = 1900


def yuan(fen: int | None) -> Decimal | None:
    return None if fen is None else Decimal(fen).scaleb(-2)


def csv_file(table: Table) -> Iterator[bytes]:
    """Yield a CSV file in UTF-8; the mark at its beginning tells Excel so."""
    yield "\ufeff".encode()
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    for row in table:
        writer.writerow([_text(cell) for cell in row])
        if buffer.tell() > _PIECE:
            yield _emptied(buffer)
    yield _emptied(buffer)


def _emptied(buffer: io.StringIO) -> bytes:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode("utf-8", errors="replace")


def _text(cell: Cell) -> str:
    if isinstance(cell, datetime):
        return f"{timezone.localtime(cell):%Y-%m-%d %H:%M:%S}"
    if isinstance(cell, str):
        return f"'{cell}" if cell.startswith(FORMULA) else cell
    return "" if cell is None else str(cell)


def xlsx_file(table: Table) -> Iterator[bytes]:
    """Yield an XLSX file, whose end has to be known first: it is written to the disk."""
    with tempfile.TemporaryFile() as file:
        _write_xlsx(file, table)
        file.seek(0)
        while piece := file.read(_PIECE):
            yield piece


def _write_xlsx(file: IO[bytes], table: Table) -> None:
    book = Workbook(file, {"constant_memory": True})
    write = _writer(book)
    rows = iter(table)
    head = next(rows)
    sheet, number = None, 0
    for row in rows:
        if sheet is None or number > ROWS_OF_A_SHEET:
            sheet, number = _new_sheet(book, head), 1
        for column, cell in enumerate(row):
            write(sheet, number, column, cell)
        number += 1
    if sheet is None:
        _new_sheet(book, head)
    book.close()


def _new_sheet(book: Workbook, head: Sequence[Cell]) -> Any:
    sheet = book.add_worksheet()
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, len(head) - 1, 18)
    bold = book.add_format({"bold": True})
    for column, text in enumerate(head):
        sheet.write_string(0, column, str(text), bold)
    return sheet


def _writer(book: Workbook) -> Callable[[Any, int, int, Cell], None]:
    """Return a function that writes a cell by its type. No text is read as a formula, link or number."""
    amount = book.add_format({"num_format": "0.00"})
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})

    def write(sheet: Any, row: int, column: int, cell: Cell) -> None:
        if isinstance(cell, str):
            if cell:
                sheet.write_string(row, column, cell[:LONGEST_CELL])
        elif isinstance(cell, date) and cell.year < _FIRST_YEAR:  # no number of a day in XLSX
            sheet.write_string(row, column, _text(cell))
        elif isinstance(cell, datetime):
            sheet.write_datetime(row, column, timezone.localtime(cell).replace(tzinfo=None), moment)
        elif isinstance(cell, date):
            sheet.write_datetime(row, column, cell, day)
        elif isinstance(cell, Decimal):
            sheet.write_number(row, column, cell, amount)
        elif cell is not None:
            sheet.write_number(row, column, cell)

    return write


KINDS: dict[str, tuple[Callable[[Table], Iterator[bytes]], str]] = {
    "csv": (csv_file, "text/csv; charset=utf-8"),
    "xlsx": (xlsx_file, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
}
"""By ending of the file's name: its writer and media type."""
