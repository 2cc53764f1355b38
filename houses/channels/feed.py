"""Our calendar of a home, at a private address for each channel: only days, and no word about guests.

A channel does not get its own nights back: it would block what it has just freed, tell us so, and both would
hold the nights for ever.
"""

import hashlib
from collections.abc import Iterable
from datetime import UTC, date, timedelta
from itertools import groupby
from urllib.parse import urlsplit

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe
from icalendar import Calendar, Event

from houses.channels.models import ChannelCalendar, text_of
from houses.models import BookedNight

RESERVED, BLOCKED = "Reserved", "Not available"
NOTED_EVERY = timedelta(minutes=5)
"""That a channel read the same again is written down so often at most."""


@require_safe
def feed(request: HttpRequest, pk: int, token: str) -> HttpResponseBase:
    calendar = _calendar(pk, token)
    rows = BookedNight.objects.filter(house=pk, night__gte=timezone.localdate()).order_by("night")
    nights = {
        night: RESERVED if number else BLOCKED
        for night, number, key in rows.values_list("night", "order_number", "calendar")
        if key != calendar.pk
    }
    if request.method == "GET":
        _note(calendar, text_of(nights))
    ranges = _ranges(nights.items())
    etag = f'"{hashlib.sha256(repr(ranges).encode()).hexdigest()[:32]}"'
    answer = get_conditional_response(request, etag=etag) or HttpResponse(
        _file(pk, ranges), content_type="text/calendar; charset=utf-8"
    )
    answer.headers["ETag"] = etag
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer


def _calendar(pk: int, token: str) -> ChannelCalendar:
    """Return the calendar of this address. Compares in constant time; 404 if there is none."""
    # By `house__pk`, since `house` hands a key beyond 64 bits to SQLite, which raises OverflowError.
    for calendar in ChannelCalendar.objects.filter(house__pk=pk):
        if constant_time_compare(calendar.token, token):
            return calendar
    raise Http404


def _note(calendar: ChannelCalendar, told: str) -> None:
    """Keep what the channel has been told: reading its calendar, we know these nights again."""
    now = timezone.now()
    is_fresh = calendar.told_at is not None and calendar.told_at > now - NOTED_EVERY
    if told != calendar.told or not is_fresh:
        ChannelCalendar.objects.filter(pk=calendar.pk).update(told=told, told_at=now)


def _ranges(nights: Iterable[tuple[date, str]]) -> list[tuple[date, date, str]]:
    """Join nights that follow each other. Returns first night, the day after the last, and the summary."""
    numbered = ((night.toordinal() - n, summary, night) for n, (night, summary) in enumerate(nights))
    found = []
    for (_start, summary), run in groupby(numbered, key=lambda row: row[:2]):
        days = [night for _start, _summary, night in run]
        found.append((days[0], days[-1] + timedelta(days=1), summary))
    return found


def _file(house: int, ranges: list[tuple[date, date, str]]) -> bytes:
    calendar = Calendar()
    calendar.add("version", "2.0")
    calendar.add("prodid", "-//ihome//nights//EN")
    host, now = urlsplit(settings.SITE_URL).hostname, timezone.now().astimezone(UTC)
    for first, last, summary in ranges:
        event = Event()
        event.add("uid", f"{house}-{first:%Y%m%d}@{host}")
        event.add("dtstamp", now)
        event.add("dtstart", first)
        event.add("dtend", last)
        event.add("summary", summary)
        calendar.add_component(event)
    return calendar.to_ical()
