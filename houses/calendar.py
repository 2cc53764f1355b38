"""Calendar of free nights on the page of a house."""

import calendar
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from django.utils import timezone

from houses import availability
from houses.forms import MAX_DAYS_AHEAD
from houses.quotes import Rates

MONTHS_SHOWN = 2
_WEEKS = calendar.Calendar(firstweekday=calendar.MONDAY)


@dataclass(frozen=True)
class Day:
    date: date
    state: str
    """State of the night that begins on this day: free, taken, or over (past, or too far ahead to book)."""
    price_fen: int = 0
    """Price of a free night."""
    least: int = 0
    """Minimum nights of a stay that begins here, where a season asks for more than the house; else 0."""
    is_today: bool = False


@dataclass(frozen=True)
class Month:
    first: date
    weeks: list[list[Day | None]]
    """None stands for a day of the month before or after."""


@dataclass(frozen=True)
class Calendar:
    months: list[Month]
    previous: date | None
    """First day of a month to link to, like `next`; None if nothing there can be booked."""
    next: date | None


def of_house(rates: Rates, wanted: str, *, order_number: str = "") -> Calendar:
    """Return MONTHS_SHOWN months from `wanted`, "2027-01" or "2027-01-31"; from this month if it is invalid.

    A month outside what can be booked is replaced by the nearest one inside. The nights of the order, which
    may move within them, count as free. One query.
    """
    today = timezone.localdate()
    last = today + timedelta(days=MAX_DAYS_AHEAD)
    start = min(max(_parse_month(wanted) or today, today), last).replace(day=1)
    starts = [_add_months(start, n) for n in range(MONTHS_SHOWN)]
    end = _add_months(start, MONTHS_SHOWN)
    taken = availability.taken(rates.house, start, end, but_by=order_number)

    def day(at: date) -> Day:
        if not today <= at <= last:
            return Day(at, "over")
        if at in taken:
            return Day(at, "taken", is_today=at == today)
        least = rates.min_nights(at)
        asked = least if least > rates.house.min_nights else 0
        return Day(at, "free", rates.price_of(at), asked, is_today=at == today)

    return Calendar(
        months=[_month(first, day) for first in starts],
        previous=max(_add_months(start, -MONTHS_SHOWN), today.replace(day=1)) if start > today else None,
        next=end if end <= last else None,
    )


def _month(first: date, day: Callable[[date], Day]) -> Month:
    """Leave out the weeks that are over: nothing in them can be booked."""
    today = timezone.localdate()
    weeks = [week for week in _WEEKS.monthdatescalendar(first.year, first.month) if week[-1] >= today]
    return Month(first, [[day(at) if at.month == first.month else None for at in week] for week in weeks])


def _parse_month(month: str) -> date | None:
    match = re.match(r"(20[0-9]{2})-(0[1-9]|1[0-2])(-|$)", month)
    return date(int(match[1]), int(match[2]), 1) if match else None


def _add_months(first: date, months: int) -> date:
    """Return the first day of the month that is `months` after `first`."""
    index = first.year * 12 + first.month - 1 + months
    return date(index // 12, index % 12 + 1, 1)
