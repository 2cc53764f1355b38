"""Calendar of the staff: houses by days, with the stays and the blocked nights as bars.

A bar goes from the afternoon of the first night's day to the morning after the last night, so its place and
length count in half days. Nights come from BookedNight, whose unique (house, night) finds them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import groupby

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from core.dates import is_in_range
from desk.periods import DAY
from houses import quotes
from houses.models import Area, BookedNight, House
from orders.models import Order

TWO_WEEKS, MONTH = 14, 31
SPANS: Sequence[tuple[int, Promise]] = ((TWO_WEEKS, _("Two weeks")), (MONTH, _("A month")))
HOUSES_SHOWN = 30
DAYS_BEFORE_TODAY = 2


@dataclass(frozen=True)
class Window:
    """Days and houses that the page shows."""

    today: date
    first: date
    span: int = TWO_WEEKS
    area: Area | None = None
    after: int = 0
    """Key of the last house of the page before."""

    @property
    def days(self) -> list[date]:
        return [self.first + timedelta(days=n) for n in range(self.span)]

    @property
    def last(self) -> date:
        return self.days[-1]

    def query(self, **changes: object) -> str:
        """Return the address of this page, with some of its parameters replaced."""
        parameters = {
            "first": self.first.isoformat(),
            "span": self.span,
            "area": self.area and self.area.pk,
            "after": self.after or None,
            **changes,
        }
        return "?" + urlencode({name: str(value) for name, value in parameters.items() if value is not None})

    @property
    def to_today(self) -> str:
        return self.query(first=None)

    @property
    def first_page(self) -> str:
        return self.query(after=None)

    @property
    def earlier(self) -> str:
        return self._moved(-self.span)

    @property
    def later(self) -> str:
        return self._moved(self.span)

    def _moved(self, days: int) -> str:
        first = self.first + timedelta(days=days)
        return self.query(first=first.isoformat()) if is_in_range(first) else ""


@dataclass(frozen=True)
class Choice:
    """Nights of a house that were chosen on the page, to be blocked or released."""

    house: int
    first: date
    last: date

    def has(self, house: House, day: date) -> bool:
        return house.pk == self.house and self.first <= day <= self.last


@dataclass(frozen=True)
class Kind:
    """Meaning of a bar, as its colour, icon and label tell it."""

    name: str
    icon: str
    label: str | Promise


PAID = Kind("paid", "check", _("Paid"))
UNPAID = Kind("unpaid", "clock", _("Payment due"))
WAITING = Kind("waiting", "alert", _("Awaiting acceptance"))
BLOCKED = Kind("blocked", "lock", _("Blocked"))
CHANNEL = Kind("channel", "globe", _("Another channel"))
KINDS = (PAID, UNPAID, WAITING, BLOCKED, CHANNEL)


@dataclass(frozen=True)
class Bar:
    kind: Kind
    label: str
    check_in: date
    check_out: date
    """Days of the stay; of blocked nights, as far as they are on the page."""
    url: str
    halves: int
    """Length on the page, in half days."""
    begins_before: bool
    """Begins at the left edge of the page."""


@dataclass
class Cell:
    """A day of a house."""

    day: date
    url: str = ""
    """Link that chooses its night; empty unless it can be blocked."""
    price_fen: int = 0
    """Price of a free night that can still be sold; else 0."""
    is_chosen: bool = False
    bars: list[Bar] = field(default_factory=list)
    """Begin on this day."""


@dataclass(frozen=True)
class Row:
    house: House
    cells: list[Cell]


def houses_of(window: Window) -> tuple[list[House], str]:
    """Return the houses of the page, and the address of the next page if there is one."""
    rows: QuerySet[House] = House.objects.filter(pk__gt=window.after).order_by("pk")
    if window.area:
        rows = rows.filter(area=window.area)
    found = list(rows.only("title", "is_listed", "price_fen", "weekend_price_fen")[: HOUSES_SHOWN + 1])
    more = window.query(after=found[HOUSES_SHOWN - 1].pk) if len(found) > HOUSES_SHOWN else ""
    return found[:HOUSES_SHOWN], more


def rows_of(
    window: Window, houses: Sequence[House], may_choose: Callable[[date], bool], choice: Choice | None
) -> list[Row]:
    """Return a row for each house. Four queries: nights, orders, renters, prices."""
    nights = list(
        BookedNight.objects.filter(
            house__in=[house.pk for house in houses], night__range=(window.first - DAY, window.last)
        ).order_by("house_id", "night")
    )
    numbers = {night.order_number for night in nights if night.order_number}
    found = Order.objects.filter(number__in=numbers).prefetch_related("renter")
    orders = {order.number: order for order in found}
    by_house = {key: list(rows) for key, rows in groupby(nights, lambda night: night.house_id)}
    rows = [Row(house, [Cell(day) for day in window.days]) for house in houses]
    for row in rows:
        taken = by_house.get(row.house.pk, [])
        _place_bars(window, row, _stays(taken), orders)
        _offer_nights(window, row, {night.night for night in taken}, may_choose, choice)
    _price_nights(window, rows, {(night.house_id, night.night) for night in nights})
    return rows


def _price_nights(window: Window, rows: Sequence[Row], taken: set[tuple[int, date]]) -> None:
    """Write the price into each cell whose night is free and not over. One query."""
    rates = quotes.rates_of([row.house for row in rows], window.first, window.last)
    for row in rows:
        for cell in row.cells:
            if cell.day >= window.today and (row.house.pk, cell.day) not in taken:
                cell.price_fen = rates[row.house.pk].price_of(cell.day)


def _stays(nights: Iterable[BookedNight]) -> list[list[BookedNight]]:
    """Group nights of one house that follow each other and belong together."""
    stays: list[list[BookedNight]] = []
    for night in nights:
        before = stays[-1][-1] if stays else None
        if before and before.night + DAY == night.night and _holder(before) == _holder(night):
            stays[-1].append(night)
        else:
            stays.append([night])
    return stays


def _holder(night: BookedNight) -> tuple[str, str, int | None]:
    return night.order_number, night.note, night.calendar_id


def _place_bars(
    window: Window, row: Row, stays: Iterable[list[BookedNight]], orders: Mapping[str, Order]
) -> None:
    for nights in stays:
        first, last = nights[0].night, nights[-1].night
        begins_before = first < window.first
        start = 0 if begins_before else 2 * (first - window.first).days + 1
        end = min(2 * (last - window.first).days + 3, 2 * window.span)
        order = orders.get(nights[0].order_number)
        kind, label, url = _meaning(window, nights, order)
        stay = (order.check_in, order.check_out) if order else (first, last + DAY)
        bar = Bar(kind, label, *stay, url, end - start, begins_before)
        row.cells[start // 2].bars.append(bar)


def _meaning(window: Window, nights: list[BookedNight], order: Order | None) -> tuple[Kind, str, str]:
    """Return kind, label and address of a bar."""
    held = nights[0]
    if order:
        kind = {Order.Status.WAIT_ACCEPT: WAITING, Order.Status.WAIT_PAYMENT: UNPAID}
        url = reverse("admin:orders_order_change", args=[order.pk])
        return kind.get(Order.Status(order.status), PAID), order.renter.get_full_name(), url
    if held.order_number:
        return BLOCKED, held.order_number, ""
    if held.calendar_id:
        return CHANNEL, held.note, reverse("admin:houses_channelcalendar_change", args=[held.calendar_id])
    chosen = {"house": held.house_id, "night": held.night, "last": nights[-1].night}
    return BLOCKED, held.note, window.query(**chosen) + "#nights"


def _offer_nights(
    window: Window, row: Row, taken: set[date], may_choose: Callable[[date], bool], choice: Choice | None
) -> None:
    """Link each free night to the page where it is chosen: the first one, or from there to the last one."""
    begun = choice.first if choice and choice.house == row.house.pk else None
    for cell in row.cells:
        cell.is_chosen = bool(choice and choice.has(row.house, cell.day))
        if cell.day in taken or not may_choose(cell.day):
            continue
        chosen: dict[str, object] = {"house": row.house.pk, "night": cell.day}
        if begun and begun < cell.day:
            chosen = {"house": row.house.pk, "night": begun, "last": cell.day}
        cell.url = window.query(**chosen) + "#nights"
