"""The clock of this machine against that of the database: deadlines are compared across machines."""

import time

from django.db import connection

MAX_DIFFERENCE = 30.0
"""Seconds. A sweep whose clock is further off would expire orders too early, or ask too late."""


def seconds_ahead() -> float:
    """Return how far this machine's clock is ahead of the database's. 0 on SQLite, which has none."""
    if connection.vendor != "mysql":
        return 0.0
    before = time.time()
    with connection.cursor() as cursor:
        cursor.execute("SELECT UNIX_TIMESTAMP(NOW(6))")
        [told] = cursor.fetchone()
    return (before + time.time()) / 2 - float(told)


def fault() -> str:
    """Return a sentence if the clocks differ by more than MAX_DIFFERENCE; else nothing."""
    ahead = seconds_ahead()
    if abs(ahead) <= MAX_DIFFERENCE:
        return ""
    side = "ahead of" if ahead > 0 else "behind"
    return f"this machine's clock is {abs(ahead):.0f} s {side} the database's"
