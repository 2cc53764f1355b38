"""Holder of each night of a house that other channels sold, too: decided without a database."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from houses.channels.models import ChannelCalendar, nights_in


@dataclass(frozen=True, slots=True)
class Held:
    """Holder of a night: an order, a channel's calendar, or staff if neither is set."""

    order_number: str = ""
    calendar: int | None = None


@dataclass(frozen=True, slots=True)
class Clash:
    """A calendar that sold nights which another holds."""

    calendar: int
    holder: Held


@dataclass
class Plan:
    to_free: set[date] = field(default_factory=set)
    to_hold: dict[date, int] = field(default_factory=dict)
    """Night → key of the calendar."""
    clashes: dict[Clash, set[date]] = field(default_factory=lambda: defaultdict(set))


def plan(calendars: Iterable[ChannelCalendar], held: Mapping[date, Held], today: date) -> Plan:
    """Decide for one house, from today on. `held` has the nights that are taken now.

    An order keeps its nights, and so do staff. A channel keeps its nights while its calendar has them; then
    the first calendar that sold them gets them.
    """
    sold: dict[date, list[int]] = defaultdict(list)
    for calendar in sorted(calendars, key=lambda calendar: calendar.pk):
        for night in nights_in(calendar.nights):
            sold[night].append(calendar.pk)
    found = Plan()
    for night in sorted({*sold, *held}):
        if night >= today:
            _decide(found, night, sold.get(night, []), held.get(night))
    return found


def _decide(found: Plan, night: date, sellers: list[int], holder: Held | None) -> None:
    if holder and holder.calendar and holder.calendar not in sellers:
        found.to_free.add(night)
        holder = None
    if holder is None and sellers:
        holder = Held(calendar=sellers[0])
        found.to_hold[night] = sellers[0]
    for seller in sellers:
        if holder and holder != Held() and holder.calendar != seller:
            found.clashes[Clash(seller, holder)].add(night)
