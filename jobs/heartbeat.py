"""Heartbeat of the sweep, for /readyz; and claims, so that one of several sweeps does a periodic task."""

import time
from datetime import datetime, timedelta

from django.utils import timezone

from jobs.models import Heartbeat
from payments.models import Payment

SWEEP = "sweep"
BEAT_EVERY = 10.0
"""Minimum interval between writes, in seconds."""
SILENT_AFTER = timedelta(seconds=100)
"""Short enough for an alert within 2 minutes, long enough for a sweep that cron starts every minute."""

_last_beat: dict[str, float] = {}


def beat(name: str) -> None:
    """Record that `name` is running."""
    now = time.monotonic()
    if now - _last_beat.get(name, -BEAT_EVERY) < BEAT_EVERY:
        return
    _last_beat[name] = now
    if not Heartbeat.objects.filter(name=name).update(beat_at=timezone.now()):
        Heartbeat.objects.get_or_create(name=name, defaults={"beat_at": timezone.now()})


def claimed(*, within: timedelta) -> set[str]:
    """Names with a claim or heartbeat within that time."""
    recent = Heartbeat.objects.filter(beat_at__gt=timezone.now() - within)
    return set(recent.values_list("name", flat=True))


def claim(name: str, *, every: timedelta) -> bool:
    """True for one process once in `every`."""
    now = timezone.now()
    _row, is_new = Heartbeat.objects.get_or_create(name=name, defaults={"beat_at": now})
    return is_new or bool(Heartbeat.objects.filter(name=name, beat_at__lte=now - every).update(beat_at=now))


def last_beat() -> datetime | None:
    """Time of the last heartbeat of the sweep."""
    return Heartbeat.objects.filter(name=SWEEP).values_list("beat_at", flat=True).first()


def sweep_is_missed_since() -> datetime | None:
    """Time of the last heartbeat, if it is overdue. None if all is well.

    If no sweep has ever run: the time at which the first poll was due, if that is overdue.
    """
    overdue = Payment.objects.unsure().filter(next_try_at__isnull=False).order_by("next_try_at")
    since = last_beat() or overdue.values_list("next_try_at", flat=True).first()
    return since if since is not None and since < timezone.now() - SILENT_AFTER else None
