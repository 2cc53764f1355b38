"""Daily alerts: logs the lists of the work queue once a day."""

import logging
from datetime import timedelta

from bills.days import missed_days
from jobs import heartbeat
from payments.staff import work_queue

log = logging.getLogger(__name__)

EVERY = timedelta(days=1)
NAMED = 5
"""Maximum number of items named in a log line."""

LISTS = {**work_queue.LISTS, "missing bills": missed_days}


def due() -> list[str]:
    """Names of the lists that no sweep has logged within the day."""
    claimed = heartbeat.claimed(within=EVERY)
    return [name for name in LISTS if f"told {name}" not in claimed]


def tell(name: str) -> int:
    """Log the length of a list and its first items. Returns the length, 0 if another sweep has logged it."""
    waiting = LISTS[name]()
    if not heartbeat.claim(f"told {name}", every=EVERY):
        return 0  # another sweep was first
    if waiting:
        first = ", ".join(map(str, waiting[:NAMED]))
        log.error("work queue in the admin: %d %s (%s)", len(waiting), name, first)
    return len(waiting)
