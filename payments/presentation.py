"""How a gateway message is shown to people: readable, with signatures and personal data masked."""

import re
from urllib.parse import unquote_plus

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
