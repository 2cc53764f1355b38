"""Recognizes copies of a bill that another program saved, and Alipay's other files.

A spreadsheet rounds trade numbers and cuts amounts and times; what is left would be compared wrongly.
"""

import codecs
import re

REMEDY = (
    "Download the zip of the trade bill (业务明细) from Alipay again, and give that zip as it is: "
    "do not open and save it in another program."
)

PACKED_AGAIN = "a zip that another program packed"

_HEAD = 4096
_UTF_8 = tuple(text.encode() for text in ("#支付宝", "#账号", "支付宝交易号"))
_PADDED = re.compile(r'"?#.*[^,;\t]([,;\t])\1{2,}')
_OTHER_SEPARATOR = re.compile(r'"?支付宝交易号"?[;\t|]')
_ROUNDED = re.compile(r'^"?[0-9](?:[.,][0-9]+)?E\+[12][0-9]"?[,;\t]', re.MULTILINE)
_QUOTED = re.compile(r'^"(?:#|支付宝交易号")', re.MULTILINE)
_NO_CHINESE = re.compile(r"#\?{4,}")


def name_of(data: bytes) -> str | None:
    """Say what an unzipped file is, if it is not the trade bill as Alipay wrote it."""
    head = data[:_HEAD]
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        return "an Excel workbook (.xls)"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "a copy that was saved in UTF-16 (Unicode text)"
    if head.startswith(codecs.BOM_UTF8) or any(text in head for text in _UTF_8):
        return "a copy that was saved in UTF-8; Alipay writes GBK"
    return _name_of_text(head.decode("gb18030", errors="replace"), data)


def name_of_zip(names: list[str]) -> str | None:
    """Say what a zip with these members is, if it is the document of another program."""
    if any(name.startswith("xl/") for name in names):
        return "an Excel workbook (.xlsx)"
    if "content.xml" in names:
        return "a spreadsheet (.ods)"
    if any(name.startswith("__MACOSX/") for name in names):
        return PACKED_AGAIN
    return None


def _name_of_text(head: str, data: bytes) -> str | None:
    lines = re.split(r"[\r\n]+", head)
    is_saved = any(map(_PADDED.fullmatch, lines[:5])) or any(map(_OTHER_SEPARATOR.match, lines))
    if is_saved or _ROUNDED.search(data.decode("latin-1")):
        return "a copy that Excel or another spreadsheet saved, with rounded numbers"
    if _QUOTED.search(head):
        return "a copy that another program saved, with quotation marks around the cells"
    if _NO_CHINESE.match(head):
        return "a copy that lost its Chinese characters when it was saved"
    if head.startswith("#支付宝账务"):
        return "Alipay's bill of the account's balance (账务明细), not of its trades"
    if head.startswith("#支付宝业务汇总"):
        return "the summary of a bill (汇总), without its rows"
    return None
