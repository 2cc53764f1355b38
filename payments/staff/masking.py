"""Shows Alipay's messages to staff, with signatures and personal data masked."""

import json
import re
from urllib.parse import unquote_plus

from django.utils.translation import gettext as _

from core.money import yuan_text
from payments.alipay.answers import Closed, NotExisting, Paid, QueryResult, Refused, Unknown, Waiting
from payments.staff.alipay_codes import explained

_MASKED = re.compile(
    r"sign|buyer_\w+|\w*logon\w*|seller_email|auth_app_id|mobile|fund_bill_list|voucher_\w+", re.IGNORECASE
)
_NAME = re.compile(r"[A-Za-z0-9_]+")


def masked(raw: bytes) -> str:
    """The message as text, one field per line; bytes that are not UTF-8 appear as \\xNN.

    Values whose name matches _MASKED, and fields without a valid name, are replaced by ***.
    """
    text = _text_of(raw)
    try:
        return json.dumps(_masked_node(json.loads(text)), ensure_ascii=False, indent=1)
    except (ValueError, RecursionError):
        if text.lstrip().startswith(("{", "[")):
            return f"*** ({len(raw)} bytes of invalid JSON)"
    return "\n".join(_masked_pair(pair, _charset_of(text)) for pair in re.split("[&;]", text))


def _text_of(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("gb18030", errors="backslashreplace")


def _charset_of(form: str) -> str:
    """The charset of a form's escapes."""
    return "gb18030" if re.search(r"(?:^|&)charset=gb", form, re.IGNORECASE) else "utf-8"


def _masked_pair(pair: str, charset: str) -> str:
    name, _, value = (unquote_plus(part, charset, "backslashreplace") for part in pair.partition("="))
    if not _NAME.fullmatch(name):
        return "***"
    return f"{name}={'***' if _MASKED.fullmatch(name) else value}"


def _masked_node(node: object) -> object:
    if isinstance(node, dict):
        return {
            name: "***" if _MASKED.fullmatch(name) else _masked_node(value) for name, value in node.items()
        }
    return [_masked_node(value) for value in node] if isinstance(node, list) else node


def answer_label(answer: QueryResult | None) -> str:
    """A sentence about Alipay's answer. None: no query was made, because one was made a moment ago."""
    match answer:
        case Paid(total_fen=total_fen):
            return _("Alipay says: paid, ￥%(amount)s.") % {"amount": yuan_text(total_fen)}
        case Waiting():
            return _("Alipay says: waiting for the buyer to pay.")
        case Closed():
            return _("Alipay says: closed.")
        case NotExisting():
            return _("Alipay says: no such trade; no buyer has opened it yet.")
        case Refused(sub_code=sub_code):
            return _("Alipay refused: %(code)s.") % {"code": explained(sub_code)}
        case Unknown(reason=reason):
            return _("No usable answer from Alipay (%(reason)s).") % {"reason": reason}
        case None:
            return _("Alipay was queried a moment ago.")
