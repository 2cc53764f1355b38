"""Reading the calendars of other channels: claimed, fetched outside of transactions, and held.

Any number of sweeps may do this. docs/decisions/0020-channel-calendars.md has the rules.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.utils import timezone

from core.transactions import durable_transaction
from houses import availability
from houses.channels.fetching import Answer, fetch
from houses.channels.models import ChannelCalendar, Trouble, nights_in, text_of
from houses.channels.reading import Reading, Unreadable, read
from houses.models import House

EVERY = timedelta(minutes=15)
LONGEST_PAUSE = timedelta(hours=2)
"""Between two tries of a calendar that can't be read."""
AT_ONCE = 60
"""Calendars of one round of the sweep, so that slow ones don't hold up payments; the next round goes on."""
MANY = 3
"""A calendar that had so many nights to come, and has none, is not believed at once."""
BELIEVED_AFTER = timedelta(days=1)


@dataclass(frozen=True)
class Due:
    """A calendar to read, as it was when it was found to be due."""

    key: int
    at: datetime


def due() -> list[Due]:
    rows = ChannelCalendar.objects.filter(next_try_at__lte=timezone.now()).order_by("next_try_at")
    return [Due(key, at) for key, at in rows.values_list("pk", "next_try_at")[:AT_ONCE] if at]


def refresh(item: Due) -> int:
    """Read a calendar and hold its nights. Returns 0 if another sweep was first."""
    if not _claim(item):
        return 0
    calendar = ChannelCalendar.objects.get(pk=item.key)
    answer, reading, failure = None, None, None
    try:
        answer = fetch(calendar.url, etag=calendar.etag, last_modified=calendar.last_modified)
        reading = None if answer.content is None else read(answer.content, timezone.localdate())
    except Unreadable as error:
        failure = error
    _keep(calendar.pk, calendar.url, answer, reading, failure)
    return 1


def _claim(item: Due) -> bool:
    """Take an item by compare-and-set. If this process dies, it is due again after EVERY."""
    unclaimed = ChannelCalendar.objects.filter(pk=item.key, next_try_at=item.at).exclude(url="")
    return bool(unclaimed.update(next_try_at=timezone.now() + EVERY))


@durable_transaction
def _keep(
    key: int, url: str, answer: Answer | None, reading: Reading | None, failure: Unreadable | None
) -> None:
    """Record an answer, and settle the nights of the house. Drops the answer of an address that changed."""
    house = House.objects.select_for_update().filter(channel_calendars=key).first()
    calendar = ChannelCalendar.objects.select_for_update().filter(pk=key, url=url).first()
    if house is None or calendar is None:
        return
    if failure:
        _note_trouble(calendar, failure.trouble, failure.detail)
    elif answer and reading:
        _take(calendar, answer, reading)
    else:
        _note_unchanged(calendar)
    calendar.save()
    availability.settle_channels(house)


def _take(calendar: ChannelCalendar, answer: Answer, reading: Reading) -> None:
    """Take over the nights of a reading. One that is partial, or suddenly empty, frees none."""
    today = timezone.localdate()
    before = {night for night in nights_in(calendar.nights) if night >= today}
    sold = reading.sold(nights_in(calendar.told))
    calendar.fetched_at = timezone.now()
    if reading.unread:
        # No tags: the same bytes are read again, in case a later version reads them.
        calendar.etag = calendar.last_modified = ""
        calendar.nights = text_of(before | sold)
        _note_trouble(calendar, Trouble.PARTIAL, str(reading.unread))
    elif _is_suspicious(calendar, before, sold):
        calendar.etag = calendar.last_modified = ""
        _note_trouble(calendar, Trouble.EMPTIED, str(len(before)))
    else:
        calendar.nights, calendar.etag, calendar.last_modified = (
            text_of(sold),
            answer.etag,
            answer.last_modified,
        )
        _note_unchanged(calendar)


def _is_suspicious(calendar: ChannelCalendar, before: set[date], sold: set[date]) -> bool:
    """Tell whether a calendar lost all of its nights at once, and not for as long as BELIEVED_AFTER."""
    if sold or len(before) < MANY:
        return False
    since = calendar.troubled_since if calendar.trouble == Trouble.EMPTIED else None
    return since is None or since > timezone.now() - BELIEVED_AFTER


def _note_unchanged(calendar: ChannelCalendar) -> None:
    calendar.fetched_at = timezone.now()
    calendar.trouble, calendar.detail, calendar.troubled_since = "", "", None


def _note_trouble(calendar: ChannelCalendar, trouble: Trouble, detail: str) -> None:
    """Record a trouble, and try again later the longer it lasts."""
    now = timezone.now()
    is_other_kind = (trouble == Trouble.EMPTIED) != (calendar.trouble == Trouble.EMPTIED)
    if not calendar.trouble or is_other_kind:
        calendar.troubled_since = now
    lasted = now - (calendar.troubled_since or now)
    calendar.next_try_at = now + min(max(EVERY, lasted), LONGEST_PAUSE)
    calendar.trouble, calendar.detail = trouble, detail


@durable_transaction
def free_nights(key: int) -> bool:
    """Believe an empty calendar, because staff say so. False if it is not EMPTIED."""
    house = House.objects.select_for_update().get(channel_calendars=key)
    calendar = ChannelCalendar.objects.select_for_update().get(pk=key)
    if calendar.trouble != Trouble.EMPTIED:
        return False
    calendar.nights = ""
    _note_unchanged(calendar)
    calendar.save()
    availability.settle_channels(house)
    return True
