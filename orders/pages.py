"""Keyset pagination of a renter's orders: page 5,000 costs as much as page 1."""

from dataclasses import dataclass

from django.db.models import Count, Q, Subquery

from accounts.models import User
from houses.described import LONG_TEXTS
from orders.models import Order
from orders.money_state import with_confirming, with_refund_sums
from orders.search import matching

ORDERS_PER_PAGE = 20


@dataclass(frozen=True)
class Page:
    orders: list[Order]
    next_before: str | None
    """Value of `before` for the next page; None on the last one."""


def page_of_orders(renter: User, *, status: str = "", text: str = "", before: str = "") -> Page:
    """Return the newest ORDERS_PER_PAGE orders of `renter`, filtered by `status` and `text` if given.

    `before` is the number of the last order on the page before; an unknown one gives an empty page. Two
    queries: the rows with their refund sums, sorted by an index that begins with the renter, and the photos.
    """
    found = Order.objects.placed_by(renter).filter(matching(text))
    if status:
        found = found.filter(status=status)
    if before:
        last = Order.objects.placed_by(renter).filter(number=before)
        created_at, pk = (Subquery(last.values("created_at")), Subquery(last.values("pk")))
        found = found.filter(Q(created_at__lt=created_at) | Q(created_at=created_at, pk__lt=pk))
    rows = with_confirming(with_refund_sums(found))
    rows = rows.select_related("house", "review").prefetch_related("house__photos")
    rows = rows.defer(*(f"house__{name}" for name in LONG_TEXTS))
    orders = list(rows.order_by("-created_at", "-pk")[: ORDERS_PER_PAGE + 1])
    is_last = len(orders) <= ORDERS_PER_PAGE
    orders = orders[:ORDERS_PER_PAGE]
    return Page(orders, next_before=None if is_last else orders[-1].number)


def counts_by_status(renter: User, *, text: str = "") -> dict[str, int]:
    """Count the orders of `renter` that match `text`, by status. Statuses without orders are left out."""
    found = Order.objects.placed_by(renter).filter(matching(text))
    return dict(found.order_by().values_list("status").annotate(Count("pk")))
