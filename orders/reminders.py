"""A word to renters whose time to pay is running out, once for each order."""

from datetime import timedelta

from django.utils import timezone

from core.transactions import durable_transaction
from orders import transitions
from orders.models import Order, OrderEvent, OrderQuerySet
from orders.money_state import is_confirming

WHILE_CONFIRMING = timedelta(minutes=1)
"""Nobody is asked to pay what may just have been paid; if no money came, there may still be time."""


def due() -> list[int]:
    """Keys of the orders whose time to be reminded has come, paid and cancelled ones, too."""
    return list(Order.objects.filter(remind_at__lte=timezone.now()).order_by().values_list("pk", flat=True))


@durable_transaction
def remind(key: int) -> bool:
    """Tell the renter, by the timeline and so by mail, that the order must be paid soon.

    False where nothing was told: it can't be paid (any more), another sweep was first, or its payment is
    being confirmed, which puts the reminder off.
    """
    order = Order.objects.select_for_update().get(pk=key)
    if order.is_payable and is_confirming(order):
        _put_off(order)
        return False
    if not _claim(order) or not order.is_payable:
        return False
    transitions.note(order, OrderEvent.Kind.REMINDED)
    return True


def _claim(order: Order) -> bool:
    return _is_due(order).update(remind_at=None) == 1


def _put_off(order: Order) -> None:
    _is_due(order).update(remind_at=timezone.now() + WHILE_CONFIRMING)


def _is_due(order: Order) -> OrderQuerySet:
    return Order.objects.filter(pk=order.pk, remind_at__isnull=False)
