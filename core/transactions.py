"""The one place that runs a transaction and, where the database asks for it, runs it again.

A deadlock or a lock that was waited for too long undoes the whole transaction, so the whole function
is repeated, never a part of it. That is why it must be the outermost transaction (`durable`), and why a
function under `@durable_transaction` reads anew whatever it decides by, and does nothing outside the
database.
"""

import functools
import logging
import random
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from django.db import OperationalError, transaction

P = ParamSpec("P")
R = TypeVar("R")

log = logging.getLogger(__name__)

TRIES = 5
ROLLED_BACK_CODES = {
    1020,  # MariaDB: record has changed since last read
    1205,  # lock wait timeout
    1213,  # deadlock
}


def was_rolled_back(error: OperationalError) -> bool:
    """True where the database says that nothing of the transaction remains and that it may be repeated."""
    code = error.args[0] if error.args else None
    if isinstance(code, int):
        return code in ROLLED_BACK_CODES
    return "database is locked" in str(error) or "database table is locked" in str(error)


def durable_transaction(function: Callable[P, R]) -> Callable[P, R]:
    """Run `function` in a transaction of its own that is on disk when the call returns.

    Repeats it whole, up to TRIES times with a short random wait, when the database rolled it back;
    then raises the OperationalError. Raises RuntimeError inside another transaction.
    """

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        for attempt in range(1, TRIES + 1):
            try:
                with transaction.atomic(durable=True):
                    return function(*args, **kwargs)
            except OperationalError as error:
                if attempt == TRIES or not was_rolled_back(error):
                    raise
                log.warning(
                    "%s rolled back by the database, try %d: %s", function.__name__, attempt, error.args
                )
                time.sleep(random.uniform(0.01, 0.05) * 2**attempt)
        raise AssertionError("unreachable")

    return run
