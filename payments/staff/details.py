"""Details of the message log in the reader's language; Alipay's own names stay as they are."""

import re

from django.contrib import admin
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.stored_phrases import StoredPhrases
from payments.models import GatewayMessage
from payments.staff.alipay_codes import explained

_CALL = re.compile(r"(query|close|refund query \S+|refund \S+): (?!paid )(.*)", re.DOTALL)
_CALLS = StoredPhrases(
    [
        ("query", _("payment query")),
        ("close", _("closing")),
        (r"refund query (?P<number>\S+)", _("query of refund %(number)s")),
        (r"refund (?P<number>\S+)", _("refund %(number)s")),
    ]
)
_ANSWERS = StoredPhrases(
    [
        (r"Paid\(.*\)", _("paid")),
        (r"Waiting\(\)", _("waiting for the buyer to pay")),
        (r"Closed\(\)", _("closed")),
        (r"NotExisting\(\)", _("no such transaction")),
        (r"Refunded\(\)", _("refunded")),
        (r"RefundFound\(.*\)", _("refunded")),
        (r"NotRefunded\(\)", _("not refunded")),
        (r"Unknown\(reason='(?P<reason>.*)'\)", _("no usable answer (%(reason)s)")),
        ("a moment ago", _("a moment ago")),
    ]
)
_DETAILS = StoredPhrases(
    [
        ("applied to the order", _("counted for the order")),
        ("surplus: refunded automatically", _("extra payment: refunded automatically")),
        ("recorded before", _("recorded before")),
        (
            "its process ended before it was judged; Alipay is asked again",
            _("Handling was interrupted; Alipay is queried again."),
        ),
        (
            "verified by a key that is no longer configured",
            _("Signed with a key that is no longer configured."),
        ),
        ("another app_id", _("for another app_id")),
        ("another seller_id", _("for another seller_id")),
        (r"out_trade_no (?P<number>.*)", _("unknown number: out_trade_no %(number)s")),
        ("no (?P<field>total_amount|trade_no)", _("%(field)s is missing")),
        (r"(?P<told>[\d.]+) instead of (?P<asked>[\d.]+)", _("￥%(told)s instead of ￥%(asked)s")),
        (
            r"query: paid (?P<paid>[\d.]+), (?P<asked>[\d.]+) was asked for",
            _("Query: ￥%(paid)s paid instead of ￥%(asked)s."),
        ),
        ("Alipay was asked and confirmed it", _("Alipay was queried and confirmed it.")),
        ("not a (?P<kind>return|notice)", _("unexpected fields")),
        ("too long", _("too long")),
        ("too many fields", _("too many fields")),
        ("the signature is not base64", _("The signature is unreadable.")),
        (r"(?P<field>\S+) is a duplicate", _("%(field)s occurs twice")),
        ("a field without a valid name", _("a field without a valid name")),
        (
            r"(?P<field>\S+) contains a character that is not allowed",
            _("%(field)s contains a character that is not allowed"),
        ),
    ]
)


def in_words(detail: str) -> str:
    """Return a detail of the message log, or an answer of a call in it, in the reader's language."""
    if detail.startswith("Alipay was asked: "):
        return gettext("Alipay was queried: %(answer)s") % {"answer": _answer(detail.partition(": ")[2])}
    if call := _CALL.fullmatch(detail):
        said = {"call": _CALLS.shown(call[1]), "answer": _answer(call[2])}
        return gettext("%(call)s: %(answer)s") % said
    return _DETAILS.shown(detail)


def _answer(stored: str) -> str:
    if stored.startswith("Refused("):
        return explained(stored.partition("sub_code='")[2].rstrip("')") or stored)
    return _ANSWERS.shown(stored)


class DetailInWords:
    """The column of messages with their details."""

    @admin.display(description=_("details"), ordering="detail")
    def detail_in_words(self, message: GatewayMessage) -> str:
        return in_words(message.detail)
