"""Kinds of news for staff: open items that wait for them, and silence of the sweep or the bill."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from bills.days import missed_days
from houses.models import ChannelCalendar, DoubleSale
from orders.models import Order
from payments.models import BillLine, GatewayMessage, Payment, Refund
from payments.staff import work_queue

AT_ONCE = 100
"""Items of a kind that are read at a time; the next sweep reads more once these are dealt with."""


@dataclass(frozen=True, slots=True)
class News:
    event: str
    about: str
    path: str


@dataclass(frozen=True, slots=True)
class Kind:
    name: str
    title: str | Promise
    sees: Sequence[str]
    """Permissions without which nobody is told."""
    acts: str
    """Permission with which one is told unless one chose otherwise. Empty: superusers are."""
    news: Callable[[], Iterable[News]]

    def may_be_told(self, user: User) -> bool:
        return user.is_active and user.is_staff and user.has_perms(self.sees)

    def is_default(self, user: User) -> bool:
        return user.has_perm(self.acts) if self.acts else user.is_superuser


def _listed(name: str, rows: QuerySet) -> list[News]:
    """Return news of the newest rows, by the pages of their admin."""
    meta = rows.model._meta
    page = f"admin:{meta.app_label}_{meta.model_name}_change"
    newest = rows[:AT_ONCE]  # in the order of the model, for which there are indexes
    return [News(f"{name} {row.pk}", str(row)[:80], reverse(page, args=[row.pk])) for row in newest]


def _bookings() -> list[News]:
    return _listed("accept", Order.objects.filter(status=Order.Status.WAIT_ACCEPT))


def _refunds(name: str, which: Q) -> list[News]:
    return _listed(name, Refund.objects.filter(which))


def _to_check() -> list[News]:
    return [
        *_listed("payment", Payment.objects.filter(work_queue.payments())),
        *_listed("message", GatewayMessage.objects.filter(work_queue.messages())),
        *_listed("line", BillLine.objects.filter(work_queue.bill_lines())),
        *_refunds("late", work_queue.refunds() & Q(status__in=[Refund.Status.DUE, Refund.Status.SENT])),
    ]


def _double_sales() -> list[News]:
    return _listed("sold twice", DoubleSale.objects.filter(work_queue.double_sales()))


def _channels() -> list[News]:
    """A calendar is told of anew each time that its trouble begins."""
    rows = ChannelCalendar.objects.filter(ChannelCalendar.needing_staff()).select_related("house")
    page = "admin:houses_channelcalendar_change"
    return [
        News(f"channel {row.pk} {row.troubled_since:%m%d%H%M}", str(row)[:80], reverse(page, args=[row.pk]))
        for row in rows.order_by("-pk")[:AT_ONCE]
    ]


def _silence() -> list[News]:
    page = reverse("admin:index")
    return [News(f"bill {day}", str(day), page) for day in missed_days()]


KINDS = {
    kind.name: kind
    for kind in (
        Kind("accept", _("Booking to accept"), ["orders.view_order"], "orders.change_order", _bookings),
        Kind(
            "approve",
            _("Refund to approve"),
            ["payments.view_refund"],
            "payments.change_refund",
            lambda: _refunds("approve", Q(status=Refund.Status.PROPOSED)),
        ),
        Kind(
            "refused",
            _("Refund refused by Alipay"),
            ["payments.view_refund"],
            "payments.change_refund",
            lambda: _refunds("refused", Q(status=Refund.Status.REFUSED)),
        ),
        Kind(
            "check",
            _("Payment, message or bill to check"),
            ["payments.view_payment", "payments.view_gatewaymessage", "payments.view_billline"],
            "payments.change_gatewaymessage",
            _to_check,
        ),
        Kind(
            "double_sales",
            _("Night sold twice"),
            ["houses.view_doublesale"],
            "houses.change_doublesale",
            _double_sales,
        ),
        Kind(
            "channels",
            _("Calendar of another channel can't be read"),
            ["houses.view_channelcalendar"],
            "houses.change_channelcalendar",
            _channels,
        ),
        Kind("silent", _("Sweep or bill silent"), [], "", _silence),
    )
}


def chosen(user: User) -> set[str]:
    """Return the kinds that somebody is told of: as chosen, or by default, and only what they may see."""
    choice = getattr(user, "told_choice", None)
    if choice is None:
        wanted = {name for name, kind in KINDS.items() if kind.is_default(user)}
    else:
        wanted = set(choice.kinds.split())
    return {name for name in wanted if name in KINDS and KINDS[name].may_be_told(user)}


def recipients() -> list[User]:
    """Staff with a confirmed address."""
    staff = User.objects.filter(is_staff=True, is_active=True, email_verified_at__isnull=False)
    return list(staff.exclude(email="").select_related("told_choice").order_by("id"))
