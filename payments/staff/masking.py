"""How what Alipay said is shown to staff: in words; signatures and personal data masked."""

import json
import re
from urllib.parse import unquote_plus

from django.utils.translation import gettext as _

from core.money import yuan_text
from payments.alipay.answers import Closed, NotExisting, Paid, QueryResult, Refused, Unknown, Waiting

_MASKED = re.compile(
    r"sign|buyer_\w+|\w*logon\w*|seller_email|auth_app_id|mobile|fund_bill_list|voucher_\w+", re.IGNORECASE
)
_NAME = re.compile(r"[A-Za-z0-9_]+")


def masked(raw: bytes) -> str:
    """The message as text, a field a line; bytes that are no UTF-8 appear as \\xNN.

    What stands under a name of _MASKED, or under none that is one, is not shown: only that it is there.
    """
    text = raw.decode("utf-8", errors="backslashreplace")
    try:
        return json.dumps(_masked_node(json.loads(text)), ensure_ascii=False, indent=1)
    except (ValueError, RecursionError):
        if text.lstrip().startswith(("{", "[")):
            return f"*** ({len(raw)} bytes that are no whole JSON)"
    return "\n".join(_masked_pair(pair) for pair in re.split("[&;]", text))


def _masked_pair(pair: str) -> str:
    name, _, value = (unquote_plus(part, errors="backslashreplace") for part in pair.partition("="))
    if not _NAME.fullmatch(name):
        return "***"
    return f"{name}={'***' if _MASKED.fullmatch(name) else value}"


def _masked_node(node: object) -> object:
    if isinstance(node, dict):
        return {
            name: "***" if _MASKED.fullmatch(name) else _masked_node(value) for name, value in node.items()
        }
    return [_masked_node(value) for value in node] if isinstance(node, list) else node


def in_words(answer: QueryResult | None) -> str:
    """A sentence on what Alipay answered; None: it was not asked again so soon."""
    match answer:
        case Paid(total_fen=total_fen):
            return _("Alipay says: paid, ￥%(amount)s.") % {"amount": yuan_text(total_fen)}
        case Waiting():
            return _("Alipay says: the buyer is there and has not paid.")
        case Closed():
            return _("Alipay says: closed.")
        case NotExisting():
            return _("Alipay says: no buyer has come yet.")
        case Refused(sub_code=sub_code):
            return _("Alipay refuses to answer (%(code)s).") % {"code": sub_code}
        case Unknown(reason=reason):
            return _("No usable answer came (%(reason)s).") % {"reason": reason}
        case None:
            return _("Alipay was asked a moment ago.")
