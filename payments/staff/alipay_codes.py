"""Alipay's common refusal codes in words; unknown ones are shown as they are."""

from django.contrib import admin
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from payments.models import Refund

WORDS = {
    "ACQ.BUYER_ERROR": _("the buyer's account cannot receive money"),
    "ACQ.CONTEXT_INCONSISTENT": _("the request differs from the earlier one"),
    "ACQ.DISCORDANT_REPEAT_REQUEST": _("the same refund number with another amount"),
    "ACQ.INVALID_PARAMETER": _("invalid parameter"),
    "ACQ.ONLINE_TRADE_VOUCHER_NOT_ALLOW_REFUND": _("the voucher used does not allow a refund"),
    "ACQ.REASON_TRADE_BEEN_FREEZEN": _("the transaction is frozen"),
    "ACQ.REASON_TRADE_REFUND_FEE_ERR": _("wrong refund amount"),
    "ACQ.REASON_TRADE_STATUS_INVALID": _("the transaction's status does not allow it"),
    "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL": _("more than is left to refund"),
    "ACQ.SELLER_BALANCE_NOT_ENOUGH": _("our Alipay balance is too low"),
    "ACQ.SYSTEM_ERROR": _("Alipay's system is in trouble"),
    "ACQ.TRADE_BUYER_NOT_MATCH": _("another buyer has opened this transaction"),
    "ACQ.TRADE_HAS_CLOSE": _("the transaction is closed"),
    "ACQ.TRADE_HAS_FINISHED": _("the transaction is finished"),
    "ACQ.TRADE_HAS_SUCCESS": _("the transaction is already paid"),
    "ACQ.TRADE_NOT_ALLOW_REFUND": _("the transaction does not allow refunds"),
    "ACQ.TRADE_NOT_EXIST": _("no such transaction"),
    "ACQ.TRADE_STATUS_ERROR": _("the transaction's status does not allow it"),
    "isp.unknow-error": _("Alipay's system is in trouble"),
    "aop.unknow-error": _("Alipay's system is in trouble"),
    "isv.app-call-limited": _("too many requests"),
    "isv.method-call-limited": _("too many requests"),
    "isv.insufficient-isv-permissions": _("our app lacks the permission"),
    "isv.invalid-app-id": _("unknown app_id"),
    "isv.invalid-signature": _("our signature is wrong"),
}


def explained(refusal: str) -> str:
    """`40004 ACQ.TRADE_NOT_EXIST` -> `no such transaction (40004 ACQ.TRADE_NOT_EXIST)`."""
    words = WORDS.get(refusal.rpartition(" ")[2])
    return gettext("%(words)s (%(code)s)") % {"words": words, "code": refusal} if words else refusal


class RefusalInWords:
    """The column of refunds that says why Alipay refused."""

    @admin.display(description=_("Alipay's refusal reason"), ordering="refusal")
    def refusal_in_words(self, refund: Refund) -> str:
        return explained(refund.refusal)
