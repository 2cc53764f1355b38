"""Access to an order: only for its renter."""

from functools import cache

from django.http import Http404, HttpRequest

from accounts.guards import signed_in_user
from core.prepared import Select
from orders.models import Order


def order_of(request: HttpRequest, number: str, *related: str) -> Order:
    """Return the signed-in user's order, joined with `related`. Raises Http404 for anybody else's."""
    order = _own(related).first(renter=signed_in_user(request).pk, number=number)
    if order is None:
        raise Http404
    return order


@cache
def _own(related: tuple[str, ...]) -> Select[Order]:
    rows = Order.objects.select_related(*related) if related else Order.objects.all()
    return Select(
        lambda value: rows.filter(renter=value(Order, "renter"), number=value(Order, "number")).order_by()
    )


def check_is_own(request: HttpRequest, number: str) -> None:
    """Raise Http404 if a signed-in user is not the order's renter. Anonymous users pass."""
    if request.user.is_authenticated:
        order_of(request, number)
