"""When the sweep was last at work, for /readyz; and who of several does what is due once in a while."""

import time
from datetime import datetime, timedelta

from django.utils import timezone

from jobs.models import Heartbeat
from payments.models import Payment

SWEEP = "sweep"
BEAT_EVERY = 10.0
"""Seconds; a busy sweep does not write more often."""
SILENT_AFTER = timedelta(seconds=100)
"""So that somebody is told within 2 minutes; a sweep that cron starts every minute is heard in time."""

_last_beat: dict[str, float] = {}


def beat(name: str) -> None:
    """Say that `name` is at work."""
    now = time.monotonic()
    if now - _last_beat.get(name, -BEAT_EVERY) < BEAT_EVERY:
        return
    _last_beat[name] = now
    if not Heartbeat.objects.filter(name=name).update(beat_at=timezone.now()):
        Heartbeat.objects.get_or_create(name=name, defaults={"beat_at": timezone.now()})


def claimed(*, within: timedelta) -> set[str]:
    """What some process has claimed, or was at, within that time."""
    recent = Heartbeat.objects.filter(beat_at__gt=timezone.now() - within)
    return set(recent.values_list("name", flat=True))


def claim(name: str, *, every: timedelta) -> bool:
    """True for one process once in `every`."""
    now = timezone.now()
    _row, is_new = Heartbeat.objects.get_or_create(name=name, defaults={"beat_at": now})
    return is_new or bool(Heartbeat.objects.filter(name=name, beat_at__lte=now - every).update(beat_at=now))


def sweep_is_missed_since() -> datetime | None:
    """Since when nobody has swept though there is work; None while all is well.

    Where no sweep has ever run, the oldest attempt that somebody should have been asked about tells.
    """
    beats = Heartbeat.objects.filter(name=SWEEP).values_list("beat_at", flat=True)
    overdue = Payment.objects.unsure().filter(next_try_at__isnull=False).order_by("next_try_at")
    since = beats.first() or overdue.values_list("next_try_at", flat=True).first()
    return since if since is not None and since < timezone.now() - SILENT_AFTER else None
