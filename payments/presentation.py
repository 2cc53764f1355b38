"""How what Alipay said is shown to staff: in words; signatures and personal data masked."""

import re
from urllib.parse import unquote_plus

from django.utils.translation import gettext as _

from core.money import yuan_text
from payments.alipay.answers import Closed, NotExisting, Paid, QueryResult, Refused, Unknown, Waiting

_MASKED_FIELDS = (
    r"sign|buyer_id|buyer_open_id|buyer_user_id|buyer_logon_id|seller_email|auth_app_id|fund_bill_list"
)
_IN_FORM = re.compile(rf"(?P<before>(?:^|&)(?:{_MASKED_FIELDS})=)[^&]*")
_IN_JSON = re.compile(rf'(?P<before>"(?:{_MASKED_FIELDS})"\s*:\s*)(?:"(?:[^"\\]|\\.)*"?|[^,}}\]]*)')


def masked(raw: bytes) -> str:
    """The message as text; bytes that are no UTF-8 appear as \\xNN."""
    text = raw.decode("utf-8", errors="backslashreplace")
    if text.lstrip().startswith(("{", "[")):
        return _IN_JSON.sub(r'\g<before>"***"', text)
    hidden = _IN_FORM.sub(r"\g<before>***", text)
    return "\n".join(unquote_plus(pair, errors="backslashreplace") for pair in hidden.split("&"))


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
