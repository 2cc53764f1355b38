"""XLSX as a stream: a zip whose sheets are sent while their rows are read. See docs/decisions/0026."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import count
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile

from django.utils import timezone

Cell = str | int | Decimal | date | datetime | None
"""`Decimal`: an amount in yuan. A `datetime` is shown in Beijing time."""

ROWS_OF_A_SHEET = 1_000_000
CHARACTERS_OF_A_SHEET = 1 << 28
"""1 GB at most. Above 2 GB a zip needs extensions that not every program reads."""
LONGEST_CELL = 32_767
FIRST_DAY = date(1900, 3, 1)
"""Excel counts days from 1899-12-30; before this day it counts a 29 February that never was."""
_DAY_ZERO = date(1899, 12, 30)
_PIECE = 64 * 1024

_BOLD, _AMOUNT, _DATE, _MOMENT = 1, 2, 3, 4
"""Styles, by their place in cellXfs."""

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'

_RELS = (
    f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
)
_STYLES = (
    f'{_XML}<styleSheet xmlns="{_MAIN}">'
    '<numFmts count="2"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/>'
    '<numFmt numFmtId="165" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss"/></numFmts>'
    '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
    '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill>'
    '<fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    '<cellXfs count="5"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
    '<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/>'
    + "".join(
        f'<xf numFmtId="{number}" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
        for number in (2, 164, 165)
    )
    + '</cellXfs><cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>'
    "</styleSheet>"
)
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\r\x0e-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
"""Characters that XML has no place for, and text that would be read as one of them."""


class _Pipe:
    """A file that can only be written; what was written is taken from it piece by piece."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self.size = 0

    def write(self, data: bytes) -> int:
        self._pieces.append(bytes(data))
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        pass

    def taken(self) -> bytes:
        pieces, self._pieces, self.size = self._pieces, [], 0
        return b"".join(pieces)


def xlsx_file(table: Iterable[Sequence[Cell]]) -> Iterator[bytes]:
    """Yield an XLSX file. Its first piece is there before any row is read, its memory does not grow."""
    pipe, sheets = _Pipe(), 0
    with ZipFile(pipe, "w", ZIP_DEFLATED, compresslevel=1) as book:  # type: ignore[call-overload]
        book.writestr("_rels/.rels", _RELS)
        book.writestr("xl/styles.xml", _STYLES)
        yield pipe.taken()
        for sheets, texts in enumerate(_sheets(table), 1):
            with book.open(f"xl/worksheets/sheet{sheets}.xml", "w") as sheet:
                for text in texts:
                    sheet.write(text.encode("utf-8", errors="replace"))
                    if pipe.size > _PIECE:
                        yield pipe.taken()
        for name, text in _parts(sheets):
            book.writestr(name, text)
    yield pipe.taken()


def _sheets(table: Iterable[Sequence[Cell]]) -> Iterator[Iterator[str]]:
    """Yield the text of each sheet, in pieces. A full one is followed by another with the same head."""
    rows = iter(table)
    head = next(rows)
    waiting: list[Sequence[Cell]] = []

    def texts() -> Iterator[str]:
        yield _beginning(head)
        size = 0
        for number in count(2):
            row = waiting.pop() if waiting else next(rows, None)
            if row is None:
                break
            if number > ROWS_OF_A_SHEET + 1 or size > CHARACTERS_OF_A_SHEET:
                waiting.append(row)
                break
            text = _row(number, row)
            size += len(text)
            yield text
        yield "</sheetData></worksheet>"

    yield texts()
    while waiting:
        yield texts()


def _beginning(head: Sequence[Cell]) -> str:
    return (
        f'{_XML}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0">'
        '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>'
        f'<cols><col min="1" max="{len(head)}" width="18" customWidth="1"/></cols>'
        f"<sheetData>{_row(1, [str(text) for text in head], style=_BOLD)}"
    )


def _row(number: int, row: Sequence[Cell], style: int = 0) -> str:
    cells = (_cell(f"{column_name(place)}{number}", cell, style) for place, cell in enumerate(row))
    return f'<row r="{number}">{"".join(cells)}</row>'


def column_name(place: int) -> str:
    """Return the letters of a column: A, … Z, AA."""
    first, last = divmod(place, 26)
    return (column_name(first - 1) if first else "") + chr(ord("A") + last)


def _cell(name: str, cell: Cell, style: int) -> str:
    """Return a cell by its type. No text is read as a formula, link or number."""
    if cell is None or cell == "":
        return ""
    if isinstance(cell, datetime):
        cell = timezone.localtime(cell).replace(tzinfo=None)
    if isinstance(cell, date) and (cell.date() if isinstance(cell, datetime) else cell) < FIRST_DAY:
        cell = str(cell)
    if isinstance(cell, str):
        text = escape(_NO_XML.sub(_escaped, cell[:LONGEST_CELL]))
        return f'<c r="{name}" s="{style}" t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'
    value, style = _number(cell)
    return f'<c r="{name}" s="{style}"><v>{value}</v></c>'


def _number(cell: int | Decimal | date) -> tuple[object, int]:
    """Return number and style."""
    if isinstance(cell, datetime):
        seconds = cell.hour * 3600 + cell.minute * 60 + cell.second
        return round((cell.date() - _DAY_ZERO).days + seconds / 86_400, 10), _MOMENT
    if isinstance(cell, date):
        return (cell - _DAY_ZERO).days, _DATE
    return cell, _AMOUNT if isinstance(cell, Decimal) else 0


def _escaped(found: re.Match[str]) -> str:
    return f"_x{ord(found[0]):04X}_"


def _parts(sheets: int) -> Iterator[tuple[str, str]]:
    """Yield name and text of the parts that name the sheets."""
    numbers = range(1, sheets + 1)
    named = "".join(f'<sheet name="Sheet{n}" sheetId="{n}" r:id="rId{n}"/>' for n in numbers)
    yield (
        "xl/workbook.xml",
        f'{_XML}<workbook xmlns="{_MAIN}" xmlns:r="{_RELATIONS}"><sheets>{named}</sheets></workbook>',
    )
    targets = [*(("worksheet", f"worksheets/sheet{n}.xml") for n in numbers), ("styles", "styles.xml")]
    links = "".join(
        f'<Relationship Id="rId{n}" Type="{_RELATIONS}/{kind}" Target="{target}"/>'
        for n, (kind, target) in enumerate(targets, 1)
    )
    yield (
        "xl/_rels/workbook.xml.rels",
        f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">{links}</Relationships>',
    )
    types = [("workbook", "sheet.main"), ("styles", "styles")]
    types += [(f"worksheets/sheet{n}", "worksheet") for n in numbers]
    overrides = "".join(
        f'<Override PartName="/xl/{part}.xml" ContentType="{_TYPE}.{kind}+xml"/>' for part, kind in types
    )
    yield (
        "[Content_Types].xml",
        f'{_XML}<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{overrides}</Types>',
    )
