"""Shared by attempts and refunds: the lock on their order, and the evidence for the money.

Locks are always taken in the same order, Order, then Payment, then Refund, so that writers do not deadlock.
The compare-and-set `update()` decides which writer wins, also between writers that hold no common lock.
"""

from orders.models import Order
from payments.models import Payment


def lock_order(payment: Payment) -> Order:
    """The payment's order, locked until the transaction ends; only the columns that the books need."""
    columns = ("number", "status", "amount_fen", "house")  # cheaper than the whole row
    return Order.objects.select_for_update().only(*columns).get(pk=payment.order_id)


def confirm_evidence(payment: Payment, evidence: str) -> None:
    """Replace a return as evidence by Alipay's own answer: the money is certain, not contradicted."""
    Payment.objects.filter(pk=payment.pk, evidence=Payment.Evidence.RETURN).update(
        evidence=evidence, next_try_at=None, contradicted_at=None
    )
