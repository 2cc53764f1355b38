"""Stage of a stay: what people read instead of the status. Derived from status and dates, never stored.

A day begins and ends at midnight in Beijing. On the day of check-out the stay is over.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import date
from typing import Any

from django.db.models import Case, Count, Q, TextChoices, Value, When
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from orders.models import Order, OrderQuerySet

Status = Order.Status


class Stage(TextChoices):
    """In the order in which a stay passes through them; the values of `?stage=`."""

    WAIT_ACCEPT = "WAIT_ACCEPT", _("Awaiting confirmation")
    WAIT_PAYMENT = "WAIT_PAYMENT", _("Payment due")
    UPCOMING = "UPCOMING", _("Upcoming")
    IN_HOUSE = "IN_HOUSE", _("In house")
    WAIT_COMMENT = "WAIT_COMMENT", _("To review")
    COMPLETE = "COMPLETE", _("Completed")
    CANCELED = "CANCELED", _("Cancelled")
    REJECTED = "REJECTED", _("Not accepted")


BY_DAYS = {Stage.UPCOMING, Stage.IN_HOUSE, Stage.WAIT_COMMENT, Stage.COMPLETE}
"""Depend on the day; of the others the status says it all."""
BY_CHECK_IN = {Stage.UPCOMING, Stage.IN_HOUSE}
"""Sorted by check-in, the next first; the others by booking, the newest first."""


def stage_of(status: str, check_in: date, check_out: date) -> Stage:
    """Return today's stage of a stay."""
    if status not in Order.PAID:
        return Stage(status)
    today = timezone.localdate()
    if check_in > today:
        return Stage.UPCOMING
    return Stage.IN_HOUSE if check_out > today else Stage(status)


def staff_label(order: Order) -> str:
    """Return the stage as staff read it: they accept and decline."""
    stage = stage_of(order.status, order.check_in, order.check_out)
    return str(stage.label) if stage in BY_DAYS else order.get_status_display()


def matching_stage(stage: Stage, today: object = None) -> Q:
    """Match the orders that are in the stage today. A prepared statement gives the value for `today`."""
    if stage not in BY_DAYS:
        return Q(status=stage.value)
    when = _days(today or timezone.localdate())
    if stage in BY_CHECK_IN:
        return Q(status__in=Order.PAID) & when[stage]
    return Q(status=stage.value) & when[Stage.COMPLETE]


def by_status_and_day(orders: OrderQuerySet, today: object) -> Any:
    """Count orders by their status and stage of the day, for added_up(). From an index alone."""
    when = _days(today)
    order = (Stage.UPCOMING, Stage.IN_HOUSE)
    day = Case(*(When(when[stage], then=Value(stage.value)) for stage in order), default=Value(""))
    return orders.order_by().values_list("status", day).annotate(Count("pk"))


def added_up(rows: Iterable[tuple[str, str, int]]) -> dict[Stage, int]:
    """Return the counts by stage. Stages without orders are left out."""
    counts: Counter[Stage] = Counter()
    for status, day, count in rows:
        counts[Stage(day if day and status in Order.PAID else status)] += count
    return dict(counts)


def _days(today: object) -> dict[Stage, Q]:
    return {
        Stage.UPCOMING: Q(check_in__gt=today),
        Stage.IN_HOUSE: Q(check_in__lte=today, check_out__gt=today),
        Stage.COMPLETE: Q(check_out__lte=today),
    }
