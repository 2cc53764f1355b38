"""The days that a report is about, chosen by links or typed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext

from bills.days import beginning
from core.dates import is_in_range, parse_date
from core.refusal import Refusal

MAX_DAYS = 400
"""Longest range: its sums still come at once with a million orders."""
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Period:
    """Days in Beijing, both included."""

    first: date
    last: date

    @property
    def days(self) -> list[date]:
        return [self.first + n * DAY for n in range((self.last - self.first).days + 1)]

    @property
    def end(self) -> date:
        """The day after the last."""
        return self.last + DAY

    @property
    def moments(self) -> tuple[datetime, datetime]:
        """The first and the last moment, as `__range` takes them."""
        return beginning(self.first), beginning(self.end) - timedelta(microseconds=1)

    @property
    def query(self) -> str:
        return f"first={self.first}&last={self.last}"


def period_of(typed: QueryDict) -> Period:
    """Return the days that an address names, this month without any. Raises Refusal."""
    texts = [text for name in ("first", "last") if (text := str(typed.get(name, "")))]
    if not texts:
        return month_of(timezone.localdate())
    first, last = parse_date(texts[0]), parse_date(texts[-1])
    if not (first and last and is_in_range(first) and is_in_range(last)):
        raise Refusal(gettext("Enter the days as 2026-12-20."))
    if last < first:
        raise Refusal(gettext("The last day is before the first."))
    if last - first >= timedelta(days=MAX_DAYS):
        raise Refusal(gettext("Choose at most %(days)d days.") % {"days": MAX_DAYS})
    return Period(first, last)


def month_of(day: date) -> Period:
    """The whole month of a day."""
    first = day.replace(day=1)
    return Period(first, (first + 31 * DAY).replace(day=1) - DAY)


def usual(today: date) -> Iterator[tuple[str, Period]]:
    """Yield label and days of the links beside the form."""
    yield gettext("Today"), Period(today, today)
    yield gettext("Last 7 days"), Period(today - 6 * DAY, today)
    yield gettext("This month"), month_of(today)
    yield gettext("Last month"), month_of(today.replace(day=1) - DAY)
    yield gettext("Last 12 months"), Period(today - 364 * DAY, today)
