"""Copies of a bill that other programs saved, and other files of Alipay's: named, with what to do."""

import csv
import io
import re

import pytest

from payments.alipay.bill import BillProblem, parse
from payments.alipay.tests.test_bill import PAID, PAYMENT, PLAIN, REFUND, gbk, problem, text_of, zipped
from tests.vectors import vector

BILL = text_of(PAYMENT.format(**PLAIN), REFUND.format(**PLAIN))
NO_TABS = BILL.replace("\t", "")


def resaved(text: str, separator: str = ",") -> str:
    """The text as Excel saves it: rows padded to one width, numbers and times in its own format."""
    rows = [line.split(",") for line in text.splitlines()]
    return "".join(f"{separator.join(map(_shown, row + [''] * (25 - len(row))))}\r\n" for row in rows)


def quoted(text: str) -> str:
    """The text as a CSV library writes it with every cell in quotation marks."""
    file = io.StringIO()
    csv.writer(file, quoting=csv.QUOTE_ALL).writerows(line.split(",") for line in text.splitlines())
    return file.getvalue()


def _shown(cell: str) -> str:
    if re.fullmatch("[0-9]{16,}", cell):
        return f"{float(cell):.5E}"
    if re.fullmatch(r"-?[0-9]+\.[0-9]+", cell):
        return f"{float(cell):g}"
    return re.sub(r"^(\d+)-(\d+)-(\d+) (\d+:\d+):\d+$", r"\1/\2/\3 \4", cell)


SPREADSHEET = "Excel or another spreadsheet"
COPIES = {
    "UTF-8": (BILL.encode(), "in UTF-8"),
    "UTF-8 with its mark": (BILL.encode("utf-8-sig"), "in UTF-8"),
    "UTF-8, cut within a character": (BILL.encode()[:-3], "in UTF-8"),
    "UTF-8 without the first line": (BILL.partition("\n")[2].encode(), "in UTF-8"),
    "UTF-8 in a zip": (zipped({"业务明细.csv": BILL.encode()}), "in UTF-8"),
    "Excel": (resaved(NO_TABS).encode("gb18030"), SPREADSHEET),
    "Excel, with tabs that keep the numbers whole": (resaved(BILL).encode("gb18030"), SPREADSHEET),
    "Excel, zipped again": (zipped({"业务明细.csv": resaved(NO_TABS).encode("gb18030")}), SPREADSHEET),
    "Excel's CSV UTF-8": (resaved(NO_TABS).encode("utf-8-sig"), "in UTF-8"),
    "Excel's Unicode text": (resaved(NO_TABS, "\t").encode("utf-16"), "UTF-16"),
    "Excel's text with tabs": (resaved(NO_TABS, "\t").encode("gb18030"), SPREADSHEET),
    "Excel of a country with semicolons": (resaved(NO_TABS, ";").encode("gb18030"), SPREADSHEET),
    "Excel on an old Mac": (resaved(NO_TABS).replace("\r\n", "\r").encode("gb18030"), SPREADSHEET),
    "rounded numbers alone": (
        gbk(PAYMENT.format(**PLAIN).replace(PAID.trade_no, "2.02611E+27")),
        SPREADSHEET,
    ),
    "quoted": (quoted(BILL).encode("gb18030"), "quotation marks"),
    "quoted, without tabs": (quoted(NO_TABS).encode("gb18030"), "quotation marks"),
    "quoted, without the lines about the file": (
        quoted("\n".join(line for line in BILL.splitlines() if line[:1] != "#")).encode("gb18030"),
        "quotation marks",
    ),
    "quoted rows alone": (
        "\r\n".join(quoted(line) if line[:1] != "#" else line for line in BILL.splitlines()).encode(
            "gb18030"
        ),
        "quotation marks",
    ),
    "without Chinese": (BILL.encode("ascii", "replace"), "lost its Chinese"),
    "an Excel workbook": (
        zipped({"[Content_Types].xml": b"", "xl/workbook.xml": b""}),
        "Excel workbook (.xlsx)",
    ),
    "an old Excel workbook": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), "Excel workbook (.xls)"),
    "a workbook of LibreOffice": (zipped({"mimetype": b"", "content.xml": b""}), "spreadsheet (.ods)"),
    "packed again on a Mac": (zipped({"a.csv": b"#", "__MACOSX/._a.csv": b""}), "another program packed"),
    "names in UTF-8 without a flag": (
        zipped({"a" * 14: gbk()}).replace(b"a" * 14, "业务明细".encode() + b"\xff\xff"),
        "another program packed",
    ),
    "the balance's bill": (BILL.replace("业务明细查询", "账务明细查询").encode("gb18030"), "账务明细"),
    "the summary": (BILL.replace("业务明细查询", "业务汇总查询").encode("gb18030"), "summary"),
}


@pytest.mark.parametrize(("content", "name"), COPIES.values(), ids=COPIES.keys())
def test_W5_a_copy_is_named_with_what_to_do(content: bytes, name: str) -> None:
    reason = problem(content)
    assert name in reason
    assert "Download the zip" in reason
    assert "do not open and save it" in reason


def test_W5_alipays_own_file_is_no_copy() -> None:
    titles = ["a,,,", "#支付宝", "2.02611E+27", "????????", "支付宝交易号\t", '"支付宝交易号","b"', '"#']
    lines = [PAYMENT.format(title=title, remark=title) for title in titles]
    assert [row for row, _ in parse(gbk(*lines)).rows] == [PAID] * len(titles)


def test_W5_a_real_bill_that_excel_saved_is_named() -> None:
    """Fewer lines than a hundred would each have gone to staff as unreadable."""
    text = vector("bill-trade-2019-09-16.json")["text"]
    for copy in (resaved(text).encode("gb18030"), resaved(text.replace("\t", "")).encode("gb18030")):
        assert SPREADSHEET in problem(copy)
    assert "in UTF-8" in problem(text.encode())


def test_W5_a_page_instead_of_a_file_is_not_called_a_copy() -> None:
    with pytest.raises(BillProblem, match="not a bill from Alipay"):
        parse("<html><title>支付宝</title>".encode())
