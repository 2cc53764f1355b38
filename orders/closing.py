"""Closing an account: only its renter can, and not before its orders are over."""

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import browser_sessions
from accounts.closing import set_closed
from accounts.models import User
from core.refusal import Refusal
from core.transactions import durable_transaction
from orders.guest_details import forget_all
from orders.models import Order
from orders.money_state import being_refunded

MOST_NAMED = 10


def close(renter: User) -> None:
    """Close the account and end its sessions. Once it is closed, does nothing more. Raises Refusal."""
    _close(renter.pk)
    browser_sessions.end(renter, keep=None)


def unfinished_orders(renter: User) -> list[tuple[Order, str]]:
    """Return the orders for which the account is needed, each with the reason."""
    own = Order.objects.placed_by(renter).order_by("check_in", "id")
    today = timezone.localdate()
    reasons = (
        (_("not paid yet"), own.filter(status__in=Order.UNPAID)),
        (_("stay not over yet"), own.filter(status__in=Order.PAID, check_out__gte=today)),
        (_("refund on its way"), being_refunded(own)),
    )
    found: dict[Order, str] = {}
    for reason, orders in reasons:
        for order in orders:
            found.setdefault(order, reason)
    return list(found.items())


@durable_transaction
def _close(key: int) -> None:
    """Lock the renter, as booking.py does: a booking is there already, or finds the account closed."""
    renter = _locked(key)
    if not renter.is_active:
        return
    if renter.is_staff:
        raise Refusal(_("This account belongs to staff. Ask a superuser to close it."))
    if unfinished := unfinished_orders(renter):
        named = ", ".join(f"{order.number} ({reason})" for order, reason in unfinished[:MOST_NAMED])
        raise Refusal(_("You still need your account for these orders: %(orders)s.") % {"orders": named})
    renter.favourites.all().delete()
    forget_all(Order.objects.placed_by(renter))
    set_closed(renter, keeps_records=renter.orders.exists())


def _locked(key: int) -> User:
    return User.objects.select_for_update().get(pk=key)
