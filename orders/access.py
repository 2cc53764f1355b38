"""The renter's own order, for every page and form about one."""

from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from accounts.guards import signed_in_user
from orders.models import Order


def order_of(request: HttpRequest, number: str, *related: str) -> Order:
    """The renter's own order, with `related` rows. Raises Http404 for another renter's."""
    rows = Order.objects.placed_by(signed_in_user(request))
    return get_object_or_404(rows.select_related(*related) if related else rows, number=number)


def check_is_own(request: HttpRequest, number: str) -> None:
    """Raises Http404 if the signed-in user is not the order's renter. Anonymous users sign in first."""
    if request.user.is_authenticated:
        order_of(request, number)
