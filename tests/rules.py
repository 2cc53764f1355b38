"""The rules that hold after everything (fault matrix, I2 to I5), as questions to the database."""

from collections.abc import Iterator

from orders.models import Order, OrderEvent
from payments.models import Payment

PAID_STATUSES = [Order.Status.WAIT_COMMENT, Order.Status.COMPLETE]


def broken_rules() -> list[str]:
    return [*_paid_orders_without_money(), *_money_without_a_home(), *_refunds_above_receipts()]


def _paid_orders_without_money() -> Iterator[str]:
    for order in Order.objects.filter(status__in=PAID_STATUSES):
        applied = [p for p in order.payments.all() if p.status == Payment.Status.PAID]
        events = order.events.filter(kind=OrderEvent.Kind.PAID).count()
        if len(applied) != 1 or applied[0].received_fen != order.amount_fen:
            yield f"I3 {order}: paid with {[p.received_fen for p in applied]}"
        if events != 1:
            yield f"I3 {order}: {events} events tell that it was paid"


def _money_without_a_home() -> Iterator[str]:
    for payment in Payment.objects.exclude(received_fen=0):
        refunds = sum(refund.amount_fen for refund in payment.refunds.all())
        if payment.status == Payment.Status.SURPLUS and refunds != payment.received_fen:
            yield f"I4 {payment}: surplus of {payment.received_fen}, {refunds} goes back"
        if (
            payment.status == Payment.Status.PAID
            and refunds
            and payment.order.status != Order.Status.CANCELED
        ):
            yield f"I4 {payment}: applied to its order, which stands, and {refunds} goes back"
        if not payment.is_settled:
            yield f"I7 {payment}: money, but {payment.status}"


def _refunds_above_receipts() -> Iterator[str]:
    for payment in Payment.objects.all():
        refunds = sum(refund.amount_fen for refund in payment.refunds.all())
        if refunds > payment.received_fen or refunds != payment.refund_reserved_fen:
            yield f"I5 {payment}: {refunds} of {payment.received_fen} goes back"
