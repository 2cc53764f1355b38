"""Pages of a renter's orders, by key: page 5,000 costs what page 1 costs."""

from dataclasses import dataclass

from django.db.models import Count, Q, Subquery

from accounts.models import User
from orders.models import Order
from orders.money_state import with_confirming, with_refund_sums
from orders.search import fits

ORDERS_PER_PAGE = 20


@dataclass(frozen=True)
class Page:
    orders: list[Order]
    next_before: str | None
    """The number after which the next page begins, None on the last one."""


def page_of_orders(renter: User, *, status: str = "", text: str = "", before: str = "") -> Page:
    """The newest ORDERS_PER_PAGE orders of `renter`, of one status and fitting `text` where given.

    Only those older than order `before`; an unknown one gives an empty page. Two queries: the rows with the
    money that goes back, in the order of an index that begins with the renter, and their photos.
    """
    found = Order.objects.placed_by(renter).filter(fits(text))
    if status:
        found = found.filter(status=status)
    if before:
        last = Order.objects.placed_by(renter).filter(number=before)
        created_at, pk = (Subquery(last.values("created_at")), Subquery(last.values("pk")))
        found = found.filter(Q(created_at__lt=created_at) | Q(created_at=created_at, pk__lt=pk))
    rows = with_confirming(with_refund_sums(found))
    rows = rows.select_related("house", "review").prefetch_related("house__photos")
    rows = rows.defer("house__description", "house__rules", "house__arrival")
    orders = list(rows.order_by("-created_at", "-pk")[: ORDERS_PER_PAGE + 1])
    is_last = len(orders) <= ORDERS_PER_PAGE
    orders = orders[:ORDERS_PER_PAGE]
    return Page(orders, next_before=None if is_last else orders[-1].number)


def counts_by_status(renter: User, *, text: str = "") -> dict[str, int]:
    """How many orders of `renter` that fit `text` have each status; statuses that none has are left out."""
    found = Order.objects.placed_by(renter).filter(fits(text))
    return dict(found.order_by().values_list("status").annotate(Count("pk")))
