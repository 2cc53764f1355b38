"""Advice for staff about a refund that Alipay has not made."""

from django.contrib import admin
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from payments.books.refunds import is_late
from payments.models import Refund

Status = Refund.Status

_ANOTHER_WAY = gettext_lazy(
    "Retrying won't help. Agree with the renter on another way to pay them back, then give this refund up "
    "and say so."
)
_COMPARE = gettext_lazy(
    "Compare our refunds of this payment with those at Alipay. Give this one up, and refund the amount that "
    "is left."
)
_OPERATOR = gettext_lazy("Tell the site operator. Retry once it is mended.")

NEXT_STEPS: dict[str, str | Promise] = {
    "ACQ.BUYER_ERROR": _ANOTHER_WAY,
    "ACQ.CONTEXT_INCONSISTENT": _COMPARE,
    "ACQ.DISCORDANT_REPEAT_REQUEST": _COMPARE,
    "ACQ.ONLINE_TRADE_VOUCHER_NOT_ALLOW_REFUND": _ANOTHER_WAY,
    "ACQ.REASON_TRADE_BEEN_FREEZEN": gettext_lazy(
        "Ask Alipay why the transaction is frozen. Retry once it is released."
    ),
    "ACQ.REASON_TRADE_REFUND_FEE_ERR": _COMPARE,
    "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL": _COMPARE,
    "ACQ.SELLER_BALANCE_NOT_ENOUGH": gettext_lazy("Top up our Alipay balance, then retry."),
    "ACQ.TRADE_HAS_CLOSE": _COMPARE,
    "ACQ.TRADE_HAS_FINISHED": _ANOTHER_WAY,
    "ACQ.TRADE_NOT_ALLOW_REFUND": _ANOTHER_WAY,
    "ACQ.TRADE_NOT_EXIST": gettext_lazy(
        "Look up the transaction at Alipay. If the money never arrived, give this refund up and say so."
    ),
    "isv.insufficient-isv-permissions": _OPERATOR,
    "isv.invalid-app-id": _OPERATOR,
    "isv.invalid-signature": _OPERATOR,
}
"""By Alipay's refusal code; staff/alipay_codes.py says what each means."""


def next_step(refund: Refund) -> str:
    """Advice about a refund; empty if nobody has to do anything."""
    match refund.status:
        case Status.PROPOSED:
            return _("Another member of staff must approve it. The renter has not been told of it.")
        case Status.REFUSED:
            truth = _("Not refunded: Alipay refused. The renter reads that it is delayed.")
            return _("%(truth)s %(step)s") % {"truth": truth, "step": _mend(refund)}
        case Status.DUE if refund.payment.is_outside:
            return _("Give the money back the way it came (%(channel)s), then confirm it here.") % {
                "channel": refund.payment.get_channel_display()
            }
        case Status.DUE | Status.SENT if is_late(refund):
            return _(
                "Not made within a day. Look at the payment's refunds at Alipay, and tell the site operator: "
                "the sweep or Alipay does not respond."
            )
    return ""


def _mend(refund: Refund) -> str:
    step = NEXT_STEPS.get(refund.refusal.rpartition(" ")[2])
    return str(step) if step else _("Look up the transaction at Alipay, remove the cause, then retry.")


class NextStep:
    """The column of refunds that says what staff can do."""

    @admin.display(description=gettext_lazy("next step"))
    def next_step(self, refund: Refund) -> str:
        return next_step(refund) or "-"
