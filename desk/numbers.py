"""The numbers of a range of days: bookings, money, nights. docs/staff.md defines each.

Every sum is over rows that an index finds by their day; the number of queries does not grow.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from django.db.models import Avg, Count, DurationField, Exists, ExpressionWrapper, F, OuterRef, QuerySet, Sum
from django.db.models.functions import TruncDate

from bills.days import day_of
from desk.periods import Period
from houses.models import MAX_NIGHTS, BookedNight, House
from orders.models import Order
from payments.alipay.answers import BEIJING
from payments.models import Payment, Refund


@dataclass
class Figures:
    """Sums of a day, a home, an area or all of them."""

    bookings: int = 0
    received_fen: int = 0
    refunded_fen: int = 0
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
    """Bookings of these days for which money came, until now."""
    time_to_pay: timedelta | None = None
    lead_time: timedelta | None = None

    @property
    def share_paid(self) -> float | None:
        return self.paid / self.total.bookings if self.total.bookings else None


def numbers_of(period: Period) -> Numbers:
    homes = {home.pk: home for home in House.objects.select_related("area").order_by("id")}
    numbers = Numbers(
        period, {day: Figures() for day in period.days}, {home: Figures() for home in homes.values()}
    )
    _count_bookings(numbers, homes)
    _sum_money(numbers, homes)
    _count_nights(numbers, homes)
    _count_offered(numbers, homes)
    for home, figures in numbers.by_home.items():
        numbers.by_area.setdefault(str(home.area), Figures()).add(figures)
        numbers.total.add(figures)
    return numbers


def _count_bookings(numbers: Numbers, homes: dict[int, House]) -> None:
    booked = Order.objects.filter(created_at__range=_range(numbers.period)).order_by()
    for day, count in _by_day(booked, "created_at", Count("pk")):
        numbers.by_day[day].bookings = count
    for home, count in booked.values_list("house").annotate(n=Count("pk")):
        numbers.by_home[homes[home]].bookings = count
    came = Payment.objects.filter(order=OuterRef("pk"), received_fen__gt=0)
    ahead = ExpressionWrapper(F("check_in") - TruncDate("created_at", tzinfo=BEIJING), DurationField())
    found = booked.aggregate(paid=Count("pk", filter=Exists(came)), ahead=Avg(ahead))
    numbers.paid, numbers.lead_time = found["paid"], found["ahead"]


def _sum_money(numbers: Numbers, homes: dict[int, House]) -> None:
    came = Payment.objects.filter(received_fen__gt=0, paid_at__range=_range(numbers.period)).order_by()
    for day, fen in _by_day(came, "paid_at", Sum("received_fen")):
        numbers.by_day[day].received_fen = fen
    for home, fen in came.values_list("order__house").annotate(fen=Sum("received_fen")):
        numbers.by_home[homes[home]].received_fen = fen
    waited = ExpressionWrapper(F("paid_at") - F("order__created_at"), DurationField())
    first = came.filter(status=Payment.Status.PAID)
    numbers.time_to_pay = first.aggregate(waited=Avg(waited))["waited"]
    went = Refund.objects.filter(status=Refund.Status.DONE, done_at__range=_range(numbers.period)).order_by()
    for day, fen in _by_day(went, "done_at", Sum("amount_fen")):
        numbers.by_day[day].refunded_fen = fen
    for home, fen in went.values_list("payment__order__house").annotate(fen=Sum("amount_fen")):
        numbers.by_home[homes[home]].refunded_fen = fen


def _range(period: Period) -> tuple[Any, Any]:
    begin, end = period.moments
    return begin, end - timedelta(microseconds=1)


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
    before = sold.filter(
        check_in__gte=first - timedelta(days=MAX_NIGHTS), check_in__lt=first, check_out__gt=first
    )
    crossing = ("house", "check_in", "check_out", "nights", "amount_fen")
    for rows in (before, beginning.filter(check_out__gt=end)):
        for home, check_in, check_out, nights, fen in rows.values_list(*crossing):
            inside = (min(check_out, end) - max(check_in, first)).days
            _add_nights(numbers.by_home[homes[home]], inside, fen * inside // nights)
    for rows in (before, beginning):
        for check_in, check_out, stays in rows.values_list("check_in", "check_out").annotate(n=Count("pk")):
            for day in Period(max(check_in, first), min(check_out, end) - timedelta(days=1)).days:
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
