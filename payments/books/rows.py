"""Shared by attempts and refunds: the lock on their order, and the evidence for the money.

Locks are always taken in the same order, Order, then Payment, then Refund, so that writers do not deadlock.
The compare-and-set `update()` decides which writer wins, also between writers that hold no common lock.
"""

from typing import Any

from django.db.models import F

from core.log_context import note_order
from core.prepared import Select
from orders.models import Order
from payments.models import Payment, is_out_trade_no

_ORDER_COLUMNS = ("number", "status", "amount_fen", "house")
"""The columns that the books need: cheaper than the whole row."""
_LOCK_ORDER = Select(
    lambda value: (
        Order.objects.select_for_update()
        .only(*_ORDER_COLUMNS)
        .filter(pk=value(Order, "pk", "key"))
        .order_by()
    )
)
_LOCK_WITH_LIVE = Select(
    lambda value: (
        Order.objects.select_for_update()
        .only(*_ORDER_COLUMNS)
        .annotate(live_key=F("live_payment__pk"))
        .filter(pk=value(Order, "pk", "key"))
        .order_by()
    )
)
_NUMBERED = Select(
    lambda value: Payment.objects.at_alipay().filter(out_trade_no=value(Payment, "out_trade_no")).order_by()
)
_BY_KEY = Select(lambda value: Payment.objects.filter(pk=value(Payment, "pk", "key")).order_by())
_LIVE_OF = Select(
    lambda value: Payment.objects.filter(live_for=value(Payment, "live_for", "order")).order_by()
)


def lock_order(payment: Payment) -> Order:
    """The payment's order, locked until the transaction ends; only the columns that the books need."""
    order = _LOCK_ORDER.first(key=payment.order_id)
    if order is None:
        raise Order.DoesNotExist
    return order


def lock_order_and_live(payment: Payment) -> tuple[Order, int | None]:
    """The payment's order, and the key of its live attempt, both locked until the transaction ends."""
    order: Any = _LOCK_WITH_LIVE.first(key=payment.order_id)
    if order is None:
        raise Order.DoesNotExist
    return order, order.live_key


def numbered(out_trade_no: str) -> Payment | None:
    """The attempt with a number from an external message.

    Validated before the query and compared after it: some databases find `１２` for `12`. Not a payment
    outside Alipay, which no such message can be about.
    """
    if not is_out_trade_no(out_trade_no):
        return None
    note_order(out_trade_no)
    payment = _NUMBERED.first(out_trade_no=out_trade_no)
    return payment if payment is not None and payment.out_trade_no == out_trade_no else None


def refresh(payment: Payment) -> None:
    """Read the attempt again. Forgets its order, as refresh_from_db() does."""
    found = _BY_KEY.first(key=payment.pk)
    if found is None:
        raise Payment.DoesNotExist
    payment.__dict__.update(found.__dict__)  # its _state, too, which holds what was read


def live_of(order: Order) -> Payment | None:
    """The order's live attempt."""
    return _LIVE_OF.first(order=order.pk)


def confirm_evidence(payment: Payment, evidence: str) -> None:
    """Replace a return as evidence by Alipay's own answer: the money is certain, not contradicted."""
    Payment.objects.filter(pk=payment.pk, evidence=Payment.Evidence.RETURN).update(
        evidence=evidence, next_try_at=None, contradicted_at=None
    )
