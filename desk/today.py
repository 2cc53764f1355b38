"""今天, the first page of the admin: what waits for staff, who comes and who goes.

Each list is a filter of one of the admin's lists, so that its number and its link mean the same rows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import Model, Q, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.factors import door
from accounts.models import User
from bills.days import missed_days, not_compared
from houses.models import ChannelCalendar, DoubleSale
from jobs.heartbeat import last_beat, sweep_is_missed_since
from orders import stays, waiting_changes
from orders.models import Order, Recovery, Review
from payments.models import BillLine, ComparedBill, GatewayMessage, Payment, Refund
from payments.staff import work_queue

RENEWS_AFTER = timedelta(minutes=1)
ROWS_SHOWN = 5
COUNTED = 1000
"""Largest number shown; more is COUNTED+. Counting stops there."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A list of 今天: rows of a list in the admin, which has them under `query`."""

    name: str
    title: str | Promise
    where: Callable[[date], Q]
    query: Callable[[date], dict[str, str]]
    order_by: Sequence[str]
    model: type[Model] = Order
    related: Sequence[str] = ("renter",)
    template: str = "admin/desk/order_row.html"
    is_task: bool = False
    """Waits for staff. The others only inform."""
    is_rare: bool = False
    """Not counted while it is empty."""
    nothing: str | Promise = ""
    """Said where the list is empty. Without it, an empty list is only counted."""


def _status(status: str) -> Callable[[date], dict[str, str]]:
    return lambda today: {"status__exact": status}


def _stay(kind: str, in_days: int = 0) -> Callable[[date], dict[str, str]]:
    def query(today: date) -> dict[str, str]:
        day = (today + timedelta(days=in_days)).isoformat()
        return {"stay": kind, "first": day, "last": day}

    return query


def _to_check(name: str, title: Promise, model: type[Model], where: Callable[[], Q], *related: str) -> Kind:
    """A part of the work queue."""
    return Kind(
        name=name,
        title=title,
        where=lambda today: where(),
        query=lambda today: {"for_staff": "1"},
        order_by=["id"],
        model=model,
        related=related,
        template="admin/desk/refund_row.html" if model is Refund else "admin/desk/row_to_check.html",
        is_task=True,
        is_rare=model is not Refund,
    )


KINDS = (
    _to_check("recoveries", _("No bookings: restored from a backup"), Recovery, work_queue.recoveries),
    _to_check("double_sales", _("Nights sold twice"), DoubleSale, work_queue.double_sales),
    Kind(
        name="accept",
        title=_("To accept"),
        where=lambda today: Q(status=Order.Status.WAIT_ACCEPT),
        query=_status(Order.Status.WAIT_ACCEPT),
        order_by=["accept_by", "id"],
        is_task=True,
    ),
    Kind(
        name="arriving",
        title=_("Arriving today"),
        nothing=_("Nobody arrives today."),
        where=lambda today: stays.arriving(today, today),
        query=_stay("arriving"),
        order_by=stays.ORDER_BY["arriving"],
    ),
    Kind(
        name="tomorrow",
        title=_("Arriving tomorrow"),
        where=lambda today: stays.arriving(today + timedelta(days=1), today + timedelta(days=1)),
        query=_stay("arriving", in_days=1),
        order_by=stays.ORDER_BY["arriving"],
    ),
    Kind(
        name="leaving",
        title=_("Leaving today"),
        nothing=_("Nobody leaves today."),
        where=lambda today: stays.leaving(today, today),
        query=_stay("leaving"),
        order_by=stays.ORDER_BY["leaving"],
    ),
    Kind(
        name="in_house",
        title=_("In house tonight"),
        where=lambda today: stays.in_house(today, today),
        query=_stay("in_house"),
        order_by=stays.ORDER_BY["in_house"],
    ),
    Kind(
        name="unpaid",
        title=_("Unpaid"),
        where=lambda today: Q(status=Order.Status.WAIT_PAYMENT),
        query=_status(Order.Status.WAIT_PAYMENT),
        order_by=["pay_by", "id"],
    ),
    Kind(
        name="changes",
        title=_("Differences to be paid"),
        where=lambda today: waiting_changes.orders_that_wait(),
        query=lambda today: {"money": "difference"},
        order_by=["waiting_change__pay_by", "id"],
        related=("renter", "waiting_change"),
        template="admin/desk/change_row.html",
        is_rare=True,
    ),
    _to_check(
        "refunds",
        _("Refunds that wait"),
        Refund,
        work_queue.refunds,
        "asked_by",
        "payment__order__renter",
    ),
    _to_check("payments", _("Payments to check"), Payment, work_queue.payments),
    _to_check(
        "messages",
        _("Messages to check"),
        GatewayMessage,
        work_queue.messages,
    ),
    _to_check(
        "bill_lines",
        _("Bill differences"),
        BillLine,
        work_queue.bill_lines,
        "payment",
    ),
    Kind(
        name="reviews",
        title=_("Reviews edited while hidden"),
        where=lambda today: Review.edited_while_hidden(),
        query=lambda today: {"shown": "edited"},
        order_by=["edited_at", "id"],
        model=Review,
        related=("order", "renter"),
        template="admin/desk/review_row.html",
        is_task=True,
        is_rare=True,
    ),
    _to_check(
        "channels", _("Calendars that can't be read"), ChannelCalendar, ChannelCalendar.needing_staff, "house"
    ),
)


@dataclass(frozen=True)
class Listed:
    kind: Kind
    count: int
    url: str
    rows: list[Model]

    @property
    def counted(self) -> str:
        return f"{COUNTED}+" if self.count > COUNTED else str(self.count)

    @property
    def has_more(self) -> bool:
        return self.count > len(self.rows)


def page_for(user: User) -> dict[str, object]:
    """Return the context of the page: the lists that the user may see, and the state of sweep and bill."""
    today = timezone.localdate()
    found = [_listed(kind, today) for kind in KINDS if user.has_perm(_to_see(kind.model))]
    missed = missed_days()
    return {
        "today": today,
        "renews_at": timezone.now() + RENEWS_AFTER,
        "renewal": door.RENEWAL,
        "lists": [listed for listed in found if listed.count or not listed.kind.is_rare],
        "is_all_done": not any(listed.count for listed in found if listed.kind.is_task),
        "sweep_at": last_beat(),
        "sweep_missed_since": sweep_is_missed_since(),
        "missed_bills": missed,
        "bill_state": _bill_state(today),
        "may_accept": user.has_perm("orders.change_order"),
        "may_refund": user.has_perm("payments.change_refund"),
    }


def _to_see(model: type[Model]) -> str:
    """Name the permission."""
    return f"{model._meta.app_label}.view_{model._meta.model_name}"


def _listed(kind: Kind, today: date) -> Listed:
    rows: QuerySet = kind.model._default_manager.filter(kind.where(today)).order_by()
    address = reverse(f"admin:{kind.model._meta.app_label}_{kind.model._meta.model_name}_changelist")
    return Listed(
        kind,
        rows[: COUNTED + 1].count(),
        f"{address}?{urlencode(kind.query(today))}",
        list(rows.order_by(*kind.order_by).prefetch_related(*kind.related)[:ROWS_SHOWN]),
    )


def _bill_state(today: date) -> str:
    """State yesterday's bill; empty if none is expected."""
    yesterday = today - timedelta(days=1)
    if ComparedBill.objects.filter(day=yesterday).exists():
        return gettext("Yesterday's bill is reconciled.")
    return gettext("Yesterday's bill has not come yet.") if yesterday in not_compared() else ""
