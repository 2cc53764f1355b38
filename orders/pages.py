"""Keyset pagination of a renter's orders: page 5,000 costs as much as page 1."""

from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from django.db.models import Q, Subquery
from django.utils import timezone

from accounts.models import User
from core.prepared import MakeValue, Select
from houses import covers
from houses.models import House
from orders.models import Order, OrderQuerySet
from orders.money_state import long_ago, with_confirming, with_refund_sums
from orders.search import matching
from orders.stages import BY_CHECK_IN, Stage, added_up, by_status_and_day, matching_stage, stage_of

ORDERS_PER_PAGE = 20
_HOUSE_COLUMNS = [f"house__{field.name}" for field in House._meta.concrete_fields if not field.primary_key]
"""The card of an order shows nothing of the home but its cover."""


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
    shape = bool(status), stage, bool(before)
    statement = _statement(*shape, text) if text else _prepared(*shape)
    orders = statement.all(
        renter=renter.pk, status=status, before=before, today=timezone.localdate(), long_ago=long_ago()
    )
    is_last = len(orders) <= ORDERS_PER_PAGE
    orders = orders[:ORDERS_PER_PAGE]
    covers.attach((order.house, order.cover_key) for order in orders)  # type: ignore[attr-defined]
    return Page(orders, next_before=None if is_last else orders[-1].number)


def _rows(
    value: MakeValue, *, has_status: bool, stage: Stage | None, is_further: bool, text: str
) -> OrderQuerySet:
    renter = value(Order, "renter")
    found = Order.objects.placed_by(renter).filter(matching(text))
    if has_status:
        found = found.filter(status=value(Order, "status"))
    if stage:
        found = found.filter(matching_stage(stage, value(Order, "check_in", "today")))
    by_check_in = stage in BY_CHECK_IN
    if is_further:
        last = Order.objects.placed_by(renter).filter(number=value(Order, "number", "before"))
        found = found.filter(_after(last, by_check_in))
    rows = with_confirming(with_refund_sums(found, value(Order, "created_at", "long_ago")))
    rows = rows.select_related("house", "review", "waiting_change").defer(*_HOUSE_COLUMNS)
    rows = rows.annotate(cover_key=covers.key_of("house"))
    sorting = ("check_in", "pk") if by_check_in else ("-created_at", "-pk")
    return rows.order_by(*sorting)[: ORDERS_PER_PAGE + 1]


def _statement(has_status: bool, stage: Stage | None, is_further: bool, text: str = "") -> Select[Order]:
    return Select(partial(_rows, has_status=has_status, stage=stage, is_further=is_further, text=text))


_prepared = cache(_statement)
"""Not for texts that renters type: each is a statement of its own."""


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
    statement = Select(partial(_counts, text=text)) if text else _COUNTS
    return added_up(statement.all(renter=renter.pk, today=timezone.localdate()))


def _counts(value: MakeValue, text: str = "") -> Any:
    orders = Order.objects.placed_by(value(Order, "renter")).filter(matching(text))
    return by_status_and_day(orders, value(Order, "check_in", "today"))


_COUNTS: Select[tuple[str, str, int]] = Select(_counts)
