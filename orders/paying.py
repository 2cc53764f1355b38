"""How far the paying of an order has come, for its page and for the list."""

import functools

from django.db.models import Case, Exists, OuterRef, Q, When

from orders.models import Order, OrderQuerySet

_CONFIRMING = Q(
    payments__status="OPEN", payments__messages__channel="RETURN", payments__messages__verdict="ASKED"
)
"""Its renter came back from Alipay with a genuine return, and Alipay's own word is still to come."""


def is_confirming(order: Order) -> bool:
    return order.status == Order.Status.WAIT_PAYMENT and _confirming().filter(pk=order.pk).exists()


def with_confirming(orders: OrderQuerySet) -> OrderQuerySet:
    """With `confirming`: looked up for those of a page that wait for payment, in the same query."""
    return orders.annotate(confirming=_is_confirming())


@functools.cache  # it is the same for every page
def _is_confirming() -> Case:
    looked_up = Exists(_confirming().filter(pk=OuterRef("pk")))
    return Case(When(status=Order.Status.WAIT_PAYMENT, then=looked_up), default=False)


def _confirming() -> OrderQuerySet:
    return Order.objects.filter(_CONFIRMING).order_by()
