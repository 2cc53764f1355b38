"""Readiness of this machine: the database, the clock, the sweep, Redis, the disk."""

import logging
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, connection

from core import clock, database_checks
from jobs.heartbeat import sweep_is_missed_since

log = logging.getLogger(__name__)

LEAST_FREE_MB = 500
_MB = 1024 * 1024

_told = ""
"""The reason of the last answer: it is logged as an error when it begins, not each time it is asked for."""


def reason_not_ready() -> str:
    """Return one line with what is wrong, or nothing. Logs it."""
    error: DatabaseError | None = None
    try:
        reason = next(_faults(), "")
    except DatabaseError as away:
        reason, error = "database: no answer, or not migrated", away
    _log(reason, error)
    return reason


def _faults() -> Iterator[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM django_migrations WHERE app = 'payments' LIMIT 1")
        if cursor.fetchone() is None:
            yield "database: no answer, or not migrated"
    yield from (f"database: {fault}" for fault in database_checks.problems(connection))
    if off := clock.fault():
        yield f"clock: {off}"
    if since := sweep_is_missed_since():
        yield f"sweep: not at work since {since:%Y-%m-%d %H:%M:%S} UTC"
    if settings.REDIS_URL and not _redis_answers():
        yield "redis: no answer. Pages are slower without it"
    if (free := free_megabytes()) < LEAST_FREE_MB:
        yield f"disk: {free} MB left for {settings.MEDIA_ROOT}"


def _redis_answers() -> bool:
    backend: Any = cache
    return backend.answers()


def free_megabytes() -> int:
    """Return the space that is left where photos are written."""
    folder = Path(settings.MEDIA_ROOT).absolute()
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free // _MB


def _log(reason: str, error: DatabaseError | None) -> None:
    global _told
    kind = reason.partition(":")[0]
    if reason:
        level = logging.WARNING if kind == _told else logging.ERROR
        log.log(level, "not ready: %s", reason, exc_info=error)
    elif _told:
        log.warning("ready again")
    _told = kind
