"""Access to an order: only for its renter."""

from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from accounts.guards import signed_in_user
from orders.models import Order


def order_of(request: HttpRequest, number: str, *related: str) -> Order:
    """Return the signed-in user's order, joined with `related`. Raises Http404 for anybody else's."""
    rows = Order.objects.placed_by(signed_in_user(request))
    return get_object_or_404(rows.select_related(*related) if related else rows, number=number)


def check_is_own(request: HttpRequest, number: str) -> None:
    """Raise Http404 if a signed-in user is not the order's renter. Anonymous users pass."""
    if request.user.is_authenticated:
        order_of(request, number)
