"""The months of a house's page: which nights are free."""

import calendar
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from django.utils import timezone

from houses import availability
from houses.forms import FURTHEST_DAYS
from houses.models import House

MONTHS_SHOWN = 2
_WEEKS = calendar.Calendar(firstweekday=calendar.MONDAY)


@dataclass(frozen=True)
class Day:
    date: date
    state: str
    """Of the night that begins then: free, taken, or over for what can't be booked any more or yet."""


@dataclass(frozen=True)
class Month:
    first: date
    weeks: list[list[Day | None]]
    """None: that day belongs to the month before or after."""


@dataclass(frozen=True)
class Calendar:
    months: list[Month]
    previous: date | None
    """The first of a month to go on with, as `next` is; None where there is nothing to book."""
    next: date | None


def of_house(house: House, wanted: str) -> Calendar:
    """Two months from `wanted` on, "2027-01" or "2027-01-31"; from this month on where it says none of use.

    Costs one query.
    """
    today = timezone.localdate()
    last = today + timedelta(days=FURTHEST_DAYS)
    start = min(max(_first_of(wanted) or today, today), last).replace(day=1)
    starts = [_later(start, n) for n in range(MONTHS_SHOWN)]
    end = _later(start, MONTHS_SHOWN)
    taken = availability.taken(house, start, end)

    def day(at: date) -> Day:
        if not today <= at <= last:
            return Day(at, "over")
        return Day(at, "taken" if at in taken else "free")

    return Calendar(
        months=[_month(first, day) for first in starts],
        previous=max(_later(start, -MONTHS_SHOWN), today.replace(day=1)) if start > today else None,
        next=end if end <= last else None,
    )


def _month(first: date, day: Callable[[date], Day]) -> Month:
    weeks = _WEEKS.monthdatescalendar(first.year, first.month)
    return Month(first, [[day(at) if at.month == first.month else None for at in week] for week in weeks])


def _first_of(month: str) -> date | None:
    match = re.match(r"(20[0-9]{2})-(0[1-9]|1[0-2])(-|$)", month)
    return date(int(match[1]), int(match[2]), 1) if match else None


def _later(first: date, months: int) -> date:
    """The first of the month so many months later."""
    index = first.year * 12 + first.month - 1 + months
    return date(index // 12, index % 12 + 1, 1)
