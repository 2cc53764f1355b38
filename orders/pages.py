"""Keyset pagination of a renter's orders: page 5,000 costs as much as page 1."""

from dataclasses import dataclass

from django.db.models import Q, Subquery

from accounts.models import User
from houses.described import LONG_TEXTS
from orders.models import Order, OrderQuerySet
from orders.money_state import with_confirming, with_refund_sums
from orders.search import matching
from orders.stages import BY_CHECK_IN, Stage, count_by_stage, matching_stage, stage_of

ORDERS_PER_PAGE = 20


@dataclass(frozen=True)
class Page:
    orders: list[Order]
    next_before: str | None
    """Value of `before` for the next page; None on the last one."""


def page_of_orders(
    renter: User, *, status: str = "", stage: Stage | None = None, text: str = "", before: str = ""
) -> Page:
    """Return ORDERS_PER_PAGE orders of `renter`, filtered by `status`, `stage` and `text` if given.

    The newest first, but stays ahead by check-in, the next first. `before` is the number of the last order on
    the page before, in either order: its own place is looked up, so orders that come or go in between shift
    no page. An unknown one gives an empty page. Two queries: the rows with their refund sums, sorted by an
    index that begins with the renter, and the photos.
    """
    found = Order.objects.placed_by(renter).filter(matching(text))
    if status:
        found = found.filter(status=status)
    if stage:
        found = found.filter(matching_stage(stage))
    by_check_in = stage in BY_CHECK_IN
    if before:
        found = found.filter(_after(Order.objects.placed_by(renter).filter(number=before), by_check_in))
    rows = with_confirming(with_refund_sums(found))
    rows = rows.select_related("house", "review", "waiting_change").prefetch_related("house__photos")
    rows = rows.defer(*(f"house__{name}" for name in LONG_TEXTS))
    sorting = ("check_in", "pk") if by_check_in else ("-created_at", "-pk")
    orders = list(rows.order_by(*sorting)[: ORDERS_PER_PAGE + 1])
    is_last = len(orders) <= ORDERS_PER_PAGE
    orders = orders[:ORDERS_PER_PAGE]
    return Page(orders, next_before=None if is_last else orders[-1].number)


def next_trip_first(newest: list[Order]) -> list[Order]:
    """Return the orders with the stay of today, or the next one, on top: it is what a guest looks for.

    Among these orders only, without a query. What must be paid or confirmed is the newest anyhow.
    """
    trips = [
        order for order in newest if stage_of(order.status, order.check_in, order.check_out) in BY_CHECK_IN
    ]
    if not trips:
        return newest
    following = min(trips, key=lambda order: order.check_in)
    return [following, *(order for order in newest if order is not following)]


def _after(last: OrderQuerySet, by_check_in: bool) -> Q:
    """Match the orders that come after the one of `last` in the list."""
    column, beyond = ("check_in", "gt") if by_check_in else ("created_at", "lt")
    value, pk = (Subquery(last.values(name)) for name in (column, "pk"))
    return Q((f"{column}__{beyond}", value)) | Q((column, value), (f"pk__{beyond}", pk))


def counts_by_stage(renter: User, *, text: str = "") -> dict[Stage, int]:
    """Count the orders of `renter` that match `text`, by stage. Stages without orders are left out."""
    return count_by_stage(Order.objects.placed_by(renter).filter(matching(text)))
