"""The state of an attempt as the renter sees it: on 支付完成, and as a sentence on the order page."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from orders.models import Order
from payments.books.refunds import is_late
from payments.models import Payment, Refund


class PaymentPageState(enum.StrEnum):
    PAID = "paid"
    CONFIRMING = "confirming"
    REFUNDING = "refunding"
    DELAYED = "delayed"
    REFUNDED = "refunded"
    NEUTRAL = "neutral"


@dataclass(frozen=True, slots=True)
class PaymentPage:
    """The state of 支付完成, with the rows that decided it, so that the page does not read them again."""

    state: PaymentPageState
    payment: Payment | None = None
    refunds: Sequence[Refund] = ()
    """The refunds behind the state, oldest first."""

    @property
    def refunds_fen(self) -> int:
        return sum(refund.amount_fen for refund in self.refunds)


NEUTRAL = PaymentPage(PaymentPageState.NEUTRAL)


def is_delayed(refund: Refund) -> bool:
    """True if it is refused or late, until Alipay has made it or staff give it up. As in money_state."""
    return refund.status == Refund.Status.REFUSED or (refund.status in Refund.ON_ITS_WAY and is_late(refund))


def page_of(payment: Payment) -> PaymentPage:
    """Decide the state of an attempt. Reads the refunds last: if the order is cancelled, all are there."""
    if not payment.is_settled:
        return PaymentPage(PaymentPageState.CONFIRMING, payment)
    is_applied = payment.status == Payment.Status.PAID
    if is_applied and payment.refund_reserved_fen == 0:
        return PaymentPage(PaymentPageState.PAID, payment)  # the usual case, without a query
    counts = is_applied and payment.order.status != Order.Status.CANCELED
    told = [*Refund.ON_ITS_WAY, Refund.Status.REFUSED, Refund.Status.DONE]
    refunds = list(payment.refunds.filter(status__in=told).order_by("created_at", "id"))
    if counts and sum(refund.amount_fen for refund in refunds) < payment.received_fen:
        return PaymentPage(PaymentPageState.PAID, payment)
    if delayed := [refund for refund in refunds if is_delayed(refund)]:
        return PaymentPage(PaymentPageState.DELAYED, payment, delayed)
    if on_their_way := [refund for refund in refunds if refund.status != Refund.Status.DONE]:
        return PaymentPage(PaymentPageState.REFUNDING, payment, on_their_way)
    return PaymentPage(PaymentPageState.REFUNDED if refunds else PaymentPageState.NEUTRAL, payment, refunds)
