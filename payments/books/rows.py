"""What attempts and refunds share: the lock on their order, and what Alipay has confirmed of the money.

Locks are always taken in one order, Order, then Payment, then Refund, so that no two writers wait for each
other. The compare-and-set `update()` decides who was first, also where locks do not reach.
"""

from orders.models import Order
from payments.models import Payment


def lock_order(payment: Payment) -> Order:
    """The payment's order, locked until the transaction ends; only the columns that the books decide by."""
    columns = ("number", "status", "amount_fen")  # a whole row costs more
    return Order.objects.select_for_update().only(*columns).get(pk=payment.order_id)


def confirm_evidence(payment: Payment, evidence: str) -> None:
    """Replace a return's word by Alipay's own: the money is certain, and no longer contradicted."""
    Payment.objects.filter(pk=payment.pk, evidence=Payment.Evidence.RETURN).update(
        evidence=evidence, next_try_at=None, contradicted_at=None
    )
