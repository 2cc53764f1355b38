"""Access to an order: only for its renter."""

from collections.abc import Callable
from functools import cache

from django.http import Http404, HttpRequest
from django.urls import reverse

from accounts.guards import signed_in_user
from accounts.models import User
from core.prepared import Select
from orders.models import Order


def order_of(request: HttpRequest, number: str, *related: str) -> Order:
    """Return the signed-in user's order, joined with `related`. Raises Http404 for anybody else's."""
    order = _own(related).first(renter=signed_in_user(request).pk, number=number)
    if order is None:
        raise Http404
    return order


_OWN_BY_KEY = Select(
    lambda value: Order.objects.filter(renter=value(Order, "renter"), pk=value(Order, "pk")).order_by()
)


def own_order(user: User, key: int) -> Order | None:
    """Return the order with a key if it is the user's."""
    return _OWN_BY_KEY.first(renter=user.pk, pk=key)


@cache
def _own(related: tuple[str, ...]) -> Select[Order]:
    rows = Order.objects.select_related(*related) if related else Order.objects.all()
    return Select(
        lambda value: rows.filter(renter=value(Order, "renter"), number=value(Order, "number")).order_by()
    )


def own_page(view_name: str, fragment: str = "") -> Callable[[HttpRequest, str], str]:
    """Return a function that names a page of an order, to come back to after a sign-in.

    It raises Http404 if a signed-in user is not the order's renter. Anonymous users pass.
    """

    def page(request: HttpRequest, number: str) -> str:
        if request.user.is_authenticated:
            order_of(request, number)
        return reverse(view_name, args=[number]) + fragment

    return page
