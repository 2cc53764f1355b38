"""A word to renters whose time to pay is running out, once for each order."""

from django.utils import timezone

from core.transactions import durable_transaction
from orders import transitions
from orders.models import Order, OrderEvent


def due() -> list[int]:
    """Keys of the orders whose time to be reminded has come, paid and cancelled ones, too."""
    return list(Order.objects.filter(remind_at__lte=timezone.now()).order_by().values_list("pk", flat=True))


@durable_transaction
def remind(key: int) -> bool:
    """Tell the renter, by the timeline and so by mail, that the order must be paid soon.

    False where nothing was told: it can't be paid (any more), or another sweep was first.
    """
    order = Order.objects.select_for_update().get(pk=key)
    if not _claim(order) or not order.is_payable:
        return False
    transitions.note(order, OrderEvent.Kind.REMINDED)
    return True


def _claim(order: Order) -> bool:
    return Order.objects.filter(pk=order.pk, remind_at__isnull=False).update(remind_at=None) == 1
