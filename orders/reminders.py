"""Reminders to pay, one for each order, before its deadline."""

from datetime import timedelta

from django.utils import timezone

from core.transactions import durable_transaction
from orders import transitions
from orders.models import Order, OrderEvent, OrderQuerySet
from orders.money_state import is_confirming, is_result_unknown

WHILE_CONFIRMING = timedelta(minutes=1)
"""Delay of a reminder while it may be paid already."""


def due() -> list[int]:
    """Return the primary keys of orders whose `remind_at` has passed, whatever their status."""
    return list(Order.objects.filter(remind_at__lte=timezone.now()).order_by().values_list("pk", flat=True))


@durable_transaction
def remind(key: int) -> bool:
    """Write the REMINDED event, which mailing.py mails. Returns True if it was written.

    Not if the order is not payable, or if another sweep was first. Postponed while its payment is being
    confirmed, or nobody knows whether it is paid.
    """
    order = Order.objects.select_for_update().get(pk=key)
    if order.is_payable and (is_confirming(order) or is_result_unknown(order)):
        _postpone(order)
        return False
    if not _claim(order) or not order.is_payable:
        return False
    transitions.note(order, OrderEvent.Kind.REMINDED)
    return True


def _claim(order: Order) -> bool:
    return _unclaimed(order).update(remind_at=None) == 1


def _postpone(order: Order) -> None:
    _unclaimed(order).update(remind_at=timezone.now() + WHILE_CONFIRMING)


def _unclaimed(order: Order) -> OrderQuerySet:
    return Order.objects.filter(pk=order.pk, remind_at__isnull=False)
