"""Template filters for orders."""

from django import template
from django.utils.translation import gettext

from orders import reasons
from orders.models import Order

register = template.Library()
register.filter("reason", reasons.shown)


def refund_now(order: Order) -> str:
    """Say what a cancellation from now on gives back, with the day."""
    if not order.terms.is_lost:
        return str(order.terms)
    is_paid = order.is_paid
    lost = (
        gettext("A cancellation is not refunded.")
        if is_paid
        else gettext("After you pay, a cancellation is not refunded.")
    )
    return f"{lost} {order.terms.of_the_fee}"
