"""Nights in an iCalendar file of another channel.

Whatever the bytes, the answer is nights or an Unreadable with a Trouble. Guests' names in it are not kept.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from dateutil.rrule import rrulestr
from django.utils import timezone
from icalendar import Calendar

from houses.channels.models import Trouble

MAX_EVENTS = 2000
MAX_LINES = 15 * MAX_EVENTS
MAX_REPEATING = 50
MAX_NIGHTS = 20_000
"""Of all events together, those that overlap counted each."""
MAX_DAYS_AHEAD = 731
"""Nights beyond are not held: as far as staff can block nights."""
LONGEST_REPETITION = timedelta(days=5 * 366)
"""A repeating event that began longer ago is not read: each of its days would have to be counted."""
EVENING = time(18)
"""An event that ends later takes the night of its last day, too: 00:00 to 23:59 are whole days."""
BLOCKS = ("not available", "unavailable", "blocked", "closed", "不可", "关房", "已关闭", "锁房")
"""In the summary of an event that may be a block, not a sale. Booking writes one for both."""
_MAX_INTERVAL = 366
_OF_ALL_RULES = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST"}
_CHOOSING: dict[str, dict[str, re.Pattern[str]]] = {
    "DAILY": {},
    "WEEKLY": {"BYDAY": re.compile("MO|TU|WE|TH|FR|SA|SU")},
    "MONTHLY": {
        "BYDAY": re.compile("([+-]?[1-4])?(MO|TU|WE|TH|FR|SA|SU)"),
        "BYMONTHDAY": re.compile("[+-]?([1-9]|1[0-9]|2[0-8])"),
    },
    "YEARLY": {},
}
"""Parts that choose days, of which a rule may have one. Each finds a day in every week or month: for one that
never comes, such as 30 February, the library would look up to the year 9999."""


class Unreadable(Exception):
    """Nothing of the file was read. `trouble` says why."""

    def __init__(self, trouble: Trouble, detail: str = "") -> None:
        super().__init__(trouble, detail)
        self.trouble, self.detail = trouble, detail


class _OddEvent(Exception):
    """An event that can't be read."""


@dataclass(frozen=True, slots=True)
class Stay:
    """Nights of an event, from today on."""

    nights: frozenset[date]
    may_be_block: bool


@dataclass(frozen=True, slots=True)
class Reading:
    stays: list[Stay]
    unread: int
    """Events that can't be read."""

    def sold(self, told: set[date]) -> set[date]:
        """Return the nights that were sold there.

        A block of nights all of which our own feed had, when the channel last read it, is its echo: the
        channel tells us what we told it.
        """
        sold = [stay.nights for stay in self.stays if not (stay.may_be_block and stay.nights <= told)]
        return set().union(*sold)


def read(content: bytes, today: date) -> Reading:
    """Return the stays that are not over. Raises Unreadable."""
    if content.count(b"BEGIN:VEVENT") > MAX_EVENTS or content.count(b"\n") > MAX_LINES:
        raise Unreadable(Trouble.LARGE)
    try:
        parsed = Calendar.from_ical(content, multiple=True)
        calendars = [part for part in parsed if part.name == "VCALENDAR"]
        events = [event for calendar in calendars for event in calendar.walk("VEVENT")]
    except Exception as error:  # the library raises many kinds, and these bytes are anybody's
        raise Unreadable(Trouble.NOT_CALENDAR) from error
    if not calendars:
        raise Unreadable(Trouble.NOT_CALENDAR)
    return _reading(events, today)


def _reading(events: list[Any], today: date) -> Reading:
    window = (today, today + timedelta(days=MAX_DAYS_AHEAD))
    replaced = _replaced_days(events)
    stays: list[Stay] = []
    unread = repeating = nights = 0
    for event in events:
        try:
            repeating += "RRULE" in event
            if repeating > MAX_REPEATING:
                raise _OddEvent
            if str(event.get("STATUS", "")).upper() != "CANCELLED":
                but = replaced.get(_uid(event), set()) if "RECURRENCE-ID" not in event else set()
                found = [stay for stay in _stays(event, but, *window) if stay.nights]
                nights += sum(len(stay.nights) for stay in found)
                stays += found
        except Exception:  # as above
            unread += 1
        if nights > MAX_NIGHTS:
            raise Unreadable(Trouble.LARGE)
    return Reading(stays, unread)


def _replaced_days(events: list[Any]) -> dict[str, set[date]]:
    """Return, by UID, the days of repeating events that another event replaces or cancels."""
    found: dict[str, set[date]] = {}
    for event in events:
        with suppress(Exception):  # an event whose day can't be read replaces none
            found.setdefault(_uid(event), set()).add(_moment(event["RECURRENCE-ID"].dt).date())
    return found


def _uid(event: Any) -> str:
    return str(event.get("UID", ""))


def _stays(event: Any, but: set[date], first: date, last: date) -> Iterator[Stay]:
    begin, end = _nights(event)
    summary = str(event.get("SUMMARY", "")).lower()
    may_be_block = any(word in summary for word in BLOCKS)
    starts = _starts(event, begin, last)
    if len(starts) * min((end - begin).days, MAX_DAYS_AHEAD) > MAX_NIGHTS:
        raise _OddEvent
    for day in starts:
        if day not in but:
            start, stop = max(day, first), min(day + (end - begin), last)
            nights = frozenset(start + timedelta(days=n) for n in range((stop - start).days))
            yield Stay(nights, may_be_block)


def _nights(event: Any) -> tuple[date, date]:
    """Return the first night, and the day after the last one. Raises _OddEvent."""
    start = _value(event, "DTSTART")
    if start is None:
        raise _OddEvent
    length = _value(event, "DURATION", timedelta)
    end = _value(event, "DTEND") or (start + length if length is not None else start)
    begin, stop = _moment(start), _moment(end)
    if stop < begin:
        raise _OddEvent
    last = stop.date() + timedelta(days=stop.time() > EVENING)
    return begin.date(), max(last, begin.date() + timedelta(days=1))


def _value(event: Any, name: str, kind: type = date) -> Any:
    value = event.get(name)
    if value is None:
        return None
    value = getattr(value, "dt", getattr(value, "td", None))
    if not isinstance(value, kind):
        raise _OddEvent
    return value


def _moment(value: date) -> datetime:
    """Return the time in Beijing. A time without a zone is Beijing's, and a day begins at midnight."""
    beijing = timezone.get_default_timezone()
    if not isinstance(value, datetime):
        return datetime.combine(value, time(), beijing)
    return value.astimezone(beijing) if value.tzinfo else value.replace(tzinfo=beijing)


def _starts(event: Any, begin: date, last: date) -> list[date]:
    """Return the days on which the event begins: one, or those of its rule. Raises _OddEvent."""
    if "RDATE" in event or isinstance(event.get("RRULE"), list):
        raise _OddEvent
    if "RRULE" not in event:
        return [begin]
    rule = event["RRULE"].copy()
    if not _is_simple(rule) or begin < last - LONGEST_REPETITION:
        raise _OddEvent
    # A day, not a moment: UNTIL has a zone or not, and the rule of a moment would need the same.
    until = rule.pop("UNTIL", None)
    ends = min([last, *(_moment(day).date() for day in until or [])])
    days = rrulestr(rule.to_ical().decode(), dtstart=datetime.combine(begin, time()))
    found = days.between(datetime.combine(begin, time()), datetime.combine(ends, time()), inc=True)
    return sorted({day.date() for day in found} - _excluded(event))


def _is_simple(rule: Any) -> bool:
    """Return True for a rule whose days are found in few steps. Raises any error for one that is broken."""
    given = {name.upper(): [str(value).upper() for value in values] for name, values in rule.items()}
    [frequency] = given["FREQ"]
    [interval] = given.get("INTERVAL", ["1"])
    patterns, choosing = _CHOOSING[frequency], given.keys() - _OF_ALL_RULES
    return (
        1 <= int(interval) <= _MAX_INTERVAL
        and len(choosing) <= 1
        and all(patterns[name].fullmatch(value) for name in choosing for value in given[name])
    )


def _excluded(event: Any) -> set[date]:
    given = event.get("EXDATE", [])
    lists = given if isinstance(given, list) else [given]
    return {_moment(day.dt).date() for dates in lists for day in dates.dts}
