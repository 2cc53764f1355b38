"""The one place that runs a transaction and, where the database asks for it, runs it again.

A deadlock or a lock that was waited for too long undoes the whole transaction, so the whole function
is repeated, never a part of it. That is why it must be the outermost transaction (`durable`), and why a
function under `@durable_transaction` reads anew whatever it decides by, and does nothing outside the
database.

A connection that is lost at COMMIT leaves it unknown whether the COMMIT took effect. So each transaction
writes a TransactionMarker under a key of its own, and a repeat begins by writing that very row. If that
fails, the first try was committed and its result is the answer. If the server is still at the first COMMIT,
the unique key makes the repeat wait for it. No function needs to know of this.
"""

import functools
import logging
import random
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import ParamSpec, TypeVar

from django.db import IntegrityError, OperationalError, connection, transaction
from django.utils import timezone

from core.models import TransactionMarker

P = ParamSpec("P")
R = TypeVar("R")

log = logging.getLogger(__name__)

TRIES = 5
LONGEST_WAIT = 1.0
GIVE_UP_AFTER = 20.0
"""Seconds after which no further try begins: each may have waited for a lock."""
MARKERS_ARE_KEPT = timedelta(hours=1)

ROLLED_BACK_CODES = {
    1020,  # MariaDB: record has changed since last read
    1205,  # lock wait timeout
    1213,  # deadlock; on a cluster also a conflict at commit
    9007,  # TiDB: write conflict at commit
}
LOST_CODES = {
    1047,  # Galera: this node has lost its cluster
    1927,  # MariaDB: connection was killed
    2006,  # server has gone away
    2013,  # lost connection during query
    4031,  # MySQL: disconnected by the server
}
UNREACHABLE_CODES = {2002, 2003}
"""Can't connect. After a loss this is part of it; at the very beginning the caller is told at once."""


class _WasCommitted(Exception):
    """The connection was lost, but not before the transaction was on disk."""


def durable_transaction(function: Callable[P, R]) -> Callable[P, R]:
    """Run `function` in a transaction of its own that is on disk when the call returns.

    Repeats it whole, up to TRIES times with a short random wait, when the database rolled it back or the
    connection was lost; then raises the OperationalError, and then alone it is open whether a lost COMMIT was
    done. Raises RuntimeError inside another transaction.
    """

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        key = uuid.uuid4()
        began, give_up_at = False, time.monotonic() + GIVE_UP_AFTER
        for attempt in range(1, TRIES + 1):
            try:
                with transaction.atomic(durable=True):
                    began = True
                    _write_marker(key)
                    result = function(*args, **kwargs)
                return result
            except _WasCommitted:
                log.warning("%s was committed, though the connection was lost", function.__name__)
                return result
            except OperationalError as error:
                is_lost = _is_lost(error, began)
                may_repeat = attempt < TRIES and time.monotonic() < give_up_at
                if not (may_repeat and (is_lost or _was_rolled_back(error))):
                    raise
                log.warning("%s: try %d ended by the database: %s", function.__name__, attempt, error.args)
                if is_lost:
                    connection.close()  # Django opens a new one
            time.sleep(random.uniform(0, min(LONGEST_WAIT, 0.05 * 2**attempt)))
        raise AssertionError("unreachable")

    return run


def delete_old_markers() -> int:
    """Delete the rows that no repeat will ask for any more; how many there were."""
    return TransactionMarker.objects.filter(made_at__lt=timezone.now() - MARKERS_ARE_KEPT).delete()[0]


def _write_marker(key: uuid.UUID) -> None:
    try:
        TransactionMarker.objects.create(key=key)
    except IntegrityError as error:
        raise _WasCommitted from error


def _was_rolled_back(error: OperationalError) -> bool:
    code = _code(error)
    if code is None:
        return "database is locked" in str(error) or "database table is locked" in str(error)
    return code in ROLLED_BACK_CODES


def _is_lost(error: OperationalError, began: bool) -> bool:
    return _code(error) in LOST_CODES or (began and _code(error) in UNREACHABLE_CODES)


def _code(error: OperationalError) -> int | None:
    """MariaDB's number; SQLite has only words."""
    code = error.args[0] if error.args else None
    return code if isinstance(code, int) else None
