"""Pages of a renter's orders, by key: page 5,000 costs what page 1 costs."""

from dataclasses import dataclass

from django.db.models import Q, Subquery

from accounts.models import User
from orders.models import Order

ORDERS_PER_PAGE = 20


@dataclass(frozen=True)
class Page:
    orders: list[Order]
    next_before: str | None
    """The number after which the next page begins, None on the last one."""


def page_of_orders(renter: User, *, status: str = "", before: str = "") -> Page:
    """The newest ORDERS_PER_PAGE orders of `renter`, of one status where given, older than order `before`.

    An unknown `before` gives an empty page. Three queries: ids by the index alone, those rows, their photos.
    """
    ids = Order.objects.placed_by(renter)
    if status:
        ids = ids.filter(status=status)
    if before:
        last = Order.objects.placed_by(renter).filter(number=before)
        created_at, pk = (Subquery(last.values("created_at")), Subquery(last.values("pk")))
        ids = ids.filter(Q(created_at__lt=created_at) | Q(created_at=created_at, pk__lt=pk))
    keys = list(ids.order_by("-created_at", "-pk").values_list("pk", flat=True)[: ORDERS_PER_PAGE + 1])
    rows = Order.objects.filter(pk__in=keys[:ORDERS_PER_PAGE]).select_related("house", "review")
    orders = list(rows.prefetch_related("house__photos").order_by("-created_at", "-pk"))
    return Page(orders, next_before=orders[-1].number if len(keys) > ORDERS_PER_PAGE else None)
