"""Durable transactions that are retried after a deadlock, a lock timeout or a lost connection.

The database rolls back the whole transaction, so the whole function is retried. It must therefore be the
outermost transaction (`durable`), read again in each try whatever it decides by, and do nothing outside the
database.

After a connection that was lost at COMMIT, it is unknown whether the COMMIT took effect. Each transaction
therefore inserts a TransactionMarker under a key of its own, and a retry begins by inserting the same row. If
that fails, the earlier try was committed and its result is returned. If the server is still busy with that
COMMIT, the unique key makes the retry wait for it. The function itself needs no code for this.
"""

import functools
import logging
import random
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import ParamSpec, TypeVar

from django.core.exceptions import ObjectDoesNotExist
from django.db import IntegrityError, InterfaceError, OperationalError, connection, transaction
from django.utils import timezone

from core import metrics
from core.models import TransactionMarker
from core.prepared import Insert

P = ParamSpec("P")
R = TypeVar("R")

log = logging.getLogger(__name__)

TRIES = 5
MAX_WAIT = 1.0
"""Seconds between two tries."""
GIVE_UP_AFTER = 20.0
"""Seconds after which no further try begins: each may have waited for a lock."""
KEEP_MARKERS_FOR = timedelta(hours=1)

ROLLED_BACK_CODES = {
    1020,  # MariaDB: record has changed since last read
    1205,  # lock wait timeout exceeded
    1213,  # deadlock; on a Galera cluster also a write conflict at commit
    9007,  # TiDB: write conflict at commit
}
LOST_CODES = {
    1180,  # error during COMMIT: the cluster may have it or not, and the marker tells
    1047,  # Galera: the node is not part of the cluster
    1927,  # MariaDB: connection was killed
    2006,  # server has gone away
    2013,  # lost connection during query
    4031,  # MySQL: disconnected by the server
}
UNREACHABLE_CODES = {2002, 2003}
"""Can't connect. Retried only if an earlier try had a connection."""

OUTAGE_CODES = (
    ROLLED_BACK_CODES
    | LOST_CODES
    | {
        1021,  # disk full
        1037,  # out of memory
        1040,  # too many connections
        1041,  # out of memory
        1044,  # access to the database denied
        1045,  # access denied: a changed password
        1049,  # unknown database
        1053,  # server shutdown in progress
        1114,  # table is full
        1129,  # host is blocked
        1130,  # host is not allowed
        1152,  # aborted connection, and other faults of the network up to 1161
        *range(1153, 1162),
        1203,  # the user has too many connections
        1226,  # a limit of the user is used up
        1290,  # server is read-only
        1317,  # query was interrupted
        1836,  # server is in read-only mode
        1969,  # MariaDB: max_statement_time exceeded
        3024,  # MySQL: max_execution_time exceeded
    }
)
"""The database is down, full or busy. Codes from 2000 to 2999, of the client library, are outages, too."""


_WRITE_MARKER = Insert(TransactionMarker)


class _WasCommitted(Exception):
    """The marker exists: an earlier try was committed before its connection was lost."""


def durable_transaction(function: Callable[P, R]) -> Callable[P, R]:
    """Decorate `function` to run in a transaction of its own, committed when the call returns.

    Makes up to TRIES tries, with a short random wait between them, if the database rolled it back or the
    connection was lost; two if a row is not found. Then raises the OperationalError; only then is it unknown
    whether the last COMMIT took effect. Raises RuntimeError inside another transaction.
    """

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        key = uuid.uuid4()
        began, give_up_at = False, time.monotonic() + GIVE_UP_AFTER
        for try_number in range(1, TRIES + 1):
            try:
                with transaction.atomic(durable=True):
                    began = True
                    _write_marker(key)
                    result = function(*args, **kwargs)
                return result
            except _WasCommitted:
                log.warning("%s: connection lost at COMMIT, but it was committed", function.__name__)
                return result
            except ObjectDoesNotExist:
                # On a cluster, a row that another node has just committed may be here a moment later.
                if try_number > 1:
                    raise
            except OperationalError as error:
                is_lost = _is_lost(error, began)
                may_retry = try_number < TRIES and time.monotonic() < give_up_at
                if not (may_retry and (is_lost or _was_rolled_back(error))):
                    raise
                metrics.RETRIES.labels(str(_code(error) or "locked")).inc()
                log.warning("%s: try %d failed, retrying: %s", function.__name__, try_number, error.args)
                if is_lost:
                    connection.close()  # Django opens a new one
            time.sleep(random.uniform(0, min(MAX_WAIT, 0.05 * 2**try_number)))
        raise AssertionError("unreachable")

    return run


def delete_old_markers() -> int:
    """Delete the markers that are too old for any retry. Returns their number."""
    return TransactionMarker.objects.filter(made_at__lt=timezone.now() - KEEP_MARKERS_FOR).delete()[0]


def _write_marker(key: uuid.UUID) -> None:
    try:
        _WRITE_MARKER(TransactionMarker(key=key))
    except IntegrityError as error:
        raise _WasCommitted from error


def is_outage(error: Exception) -> bool:
    """Tell whether the database is down, full or busy, as opposed to refusing one statement."""
    if not isinstance(error, OperationalError):
        return isinstance(error, InterfaceError)
    code = _code(error)
    if code is None:
        return not str(error).startswith(("no such ", "near "))  # SQLite
    return code in OUTAGE_CODES or code in range(2000, 3000)


def _was_rolled_back(error: OperationalError) -> bool:
    code = _code(error)
    if code is None:
        return "database is locked" in str(error) or "database table is locked" in str(error)
    return code in ROLLED_BACK_CODES


def _is_lost(error: OperationalError, began: bool) -> bool:
    return _code(error) in LOST_CODES or (began and _code(error) in UNREACHABLE_CODES)


def _code(error: OperationalError) -> int | None:
    """Return MariaDB's error number; None for SQLite, which only has a message."""
    code = error.args[0] if error.args else None
    return code if isinstance(code, int) else None
