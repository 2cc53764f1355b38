"""The numbers of a range of days: bookings, money, nights. docs/staff.md defines each.

Every sum is over rows that an index finds by their day; the number of queries does not grow.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from statistics import median
from typing import Any

from django.db.models import Avg, Count, DurationField, ExpressionWrapper, F, Q, QuerySet, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone

from bills.days import day_of
from desk.periods import Period
from houses.models import BookedNight, House
from orders.models import Order
from orders.stays import LONGEST_STAY
from payments.alipay.answers import BEIJING
from payments.models import BillEntry, ComparedBill, Payment, Refund

PAYMENTS_TIMED = 1000
"""Newest payments whose time is looked at: each needs its order."""


@dataclass
class Figures:
    """Sums of a day, a home, an area or all of them. Money is not told by home: no index leads from it."""

    bookings: int = 0
    received_fen: int = 0
    refunded_fen: int = 0
    outside_fen: int = 0
    """Part of the money in that came outside Alipay."""
    outside_refunded_fen: int = 0
    fee_fen: int = 0
    """As the bills sign it: below zero, Alipay took it."""
    nights: int = 0
    earned_fen: int = 0
    """Price of the nights sold, whenever it was paid."""
    offered: int = 0
    """Nights that were for sale."""

    @property
    def occupancy(self) -> float | None:
        return self.nights / self.offered if self.offered else None

    @property
    def rate_fen(self) -> int | None:
        """Average price of a night sold."""
        return round(self.earned_fen / self.nights) if self.nights else None

    def add(self, other: "Figures") -> None:
        for name in self.__dataclass_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass
class Numbers:
    period: Period
    by_day: dict[date, Figures]
    by_home: dict[House, Figures]
    by_area: dict[str, Figures] = field(default_factory=dict)
    total: Figures = field(default_factory=Figures)
    paid: int = 0
    """Bookings of these days that are paid now."""
    time_to_pay: timedelta | None = None
    lead_time: timedelta | None = None
    days_without_fees: int = 0
    """Days that are over, but whose bill was not compared, or before fees were kept."""

    @property
    def share_paid(self) -> float | None:
        return self.paid / self.total.bookings if self.total.bookings else None


def numbers_of(period: Period) -> Numbers:
    homes = {home.pk: home for home in House.objects.select_related("area").order_by("id")}
    numbers = Numbers(
        period, {day: Figures() for day in period.days}, {home: Figures() for home in homes.values()}
    )
    _count_bookings(numbers, homes)
    _sum_money(numbers)
    _sum_fees(numbers)
    _count_nights(numbers, homes)
    _count_offered(numbers, homes)
    for home, figures in numbers.by_home.items():
        numbers.by_area.setdefault(str(home.area), Figures()).add(figures)
        numbers.total.add(figures)
    return numbers


def _count_bookings(numbers: Numbers, homes: dict[int, House]) -> None:
    booked = Order.objects.filter(created_at__range=numbers.period.moments).order_by()
    for day, count in _by_day(booked, "created_at", Count("pk")):
        numbers.by_day[day].bookings = count
    for home, count in booked.values_list("house").annotate(n=Count("pk")):
        numbers.by_home[homes[home]].bookings = count
    ahead = ExpressionWrapper(F("check_in") - TruncDate("created_at", tzinfo=BEIJING), DurationField())
    found = booked.aggregate(paid=Count("pk", filter=Q(status__in=Order.PAID)), ahead=Avg(ahead))
    numbers.paid, numbers.lead_time = found["paid"], found["ahead"]


def _sum_money(numbers: Numbers) -> None:
    came = Payment.objects.filter(received_fen__gt=0, paid_at__range=numbers.period.moments).order_by()
    for day, fen in _by_day(came, "paid_at", Sum("received_fen")):
        numbers.by_day[day].received_fen = fen
        numbers.total.received_fen += fen
    first = came.filter(stay_change=None)
    newest = first.order_by("-paid_at").values_list("paid_at", "order__created_at")[:PAYMENTS_TIMED]
    waited = [(paid_at - booked_at).total_seconds() for paid_at, booked_at in newest if paid_at]
    numbers.time_to_pay = timedelta(seconds=median(waited)) if waited else None
    went = Refund.objects.filter(status=Refund.Status.DONE, done_at__range=numbers.period.moments).order_by()
    for day, fen in _by_day(went, "done_at", Sum("amount_fen")):
        numbers.by_day[day].refunded_fen = fen
        numbers.total.refunded_fen += fen
    for day, fen in _by_day(came.filter(channel__in=Payment.OUTSIDE), "paid_at", Sum("received_fen")):
        numbers.by_day[day].outside_fen = fen
        numbers.total.outside_fen += fen
    handed = went.filter(payment__channel__in=Payment.OUTSIDE)
    for day, fen in _by_day(handed, "done_at", Sum("amount_fen")):
        numbers.by_day[day].outside_refunded_fen = fen
        numbers.total.outside_refunded_fen += fen


def _sum_fees(numbers: Numbers) -> None:
    days = (numbers.period.first, numbers.period.last)
    entries = BillEntry.objects.filter(day__range=days, fee_fen__isnull=False).order_by()
    for day, fen in entries.values_list("day").annotate(fen=Sum("fee_fen")):
        numbers.by_day[day].fee_fen = fen
        numbers.total.fee_fen += fen
    today = timezone.localdate()
    over = sum(day < today for day in numbers.by_day)
    known = ComparedBill.objects.filter(day__range=days, entries__isnull=False).count()
    numbers.days_without_fees = max(0, over - known)


def _by_day(rows: QuerySet, moment: str, total: Any) -> Iterable[tuple[date, int]]:
    return rows.values_list(TruncDate(moment, tzinfo=BEIJING)).annotate(total=total)


def _count_nights(numbers: Numbers, homes: dict[int, House]) -> None:
    """Stays within the days are summed by the database; those that cross their edges by the night."""
    first, end = numbers.period.first, numbers.period.end
    sold = Order.objects.filter(status__in=Order.PAID).order_by()
    beginning = sold.filter(check_in__gte=first, check_in__lt=end)
    within = beginning.filter(check_out__lte=end).values_list("house")
    for home, nights, fen in within.annotate(n=Sum("nights"), fen=Sum("amount_fen")):
        _add_nights(numbers.by_home[homes[home]], nights, fen)
    before = sold.filter(check_in__gte=first - LONGEST_STAY, check_in__lt=first, check_out__gt=first)
    crossing = ("house", "check_in", "check_out", "nights", "amount_fen")
    for rows in (before, beginning.filter(check_out__gt=end)):
        for home, check_in, check_out, nights, fen in rows.values_list(*crossing):
            inside = Period(max(check_in, first), min(check_out, end) - timedelta(days=1)).days
            _add_nights(numbers.by_home[homes[home]], len(inside), fen * len(inside) // nights)
            if check_in < first:
                _count_days(numbers, inside, 1)
    stays = beginning.values_list("check_in", "check_out").annotate(n=Count("pk"))
    for check_in, check_out, count in stays:
        _count_days(numbers, Period(check_in, min(check_out, end) - timedelta(days=1)).days, count)


def _count_days(numbers: Numbers, days: Iterable[date], stays: int) -> None:
    for day in days:
        numbers.by_day[day].nights += stays


def _add_nights(figures: Figures, nights: int, fen: int) -> None:
    figures.nights += nights
    figures.earned_fen += fen


def _count_offered(numbers: Numbers, homes: dict[int, House]) -> None:
    """Count the nights since a home was added, less those held by staff. A home off the list offers none.

    Never fewer than were sold.
    """
    first, last = numbers.period.first, numbers.period.last
    held = BookedNight.objects.filter(night__range=(first, last), order_number="").order_by()
    held_by = Counter(dict(held.values_list("house").annotate(n=Count("pk"))))
    for home in homes.values():
        since = max(first, day_of(home.created_at))
        on_sale = max(0, (last - since).days + 1) - held_by[home.pk] if home.is_listed else 0
        figures = numbers.by_home[home]
        figures.offered = max(on_sale, figures.nights)
