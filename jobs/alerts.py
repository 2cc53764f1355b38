"""Tells staff, in the log and once a day, what waits for them."""

import logging
from datetime import timedelta

from bills.days import missed_days
from jobs import heartbeat
from payments.staff import work_queue

log = logging.getLogger(__name__)

TOLD_EVERY = timedelta(days=1)
NAMED = 5

LISTS = {**work_queue.LISTS, "missing bills": missed_days}


def due() -> list[str]:
    """The lists to be told of now; none of which a sweep has told within the day."""
    told = heartbeat.claimed(within=TOLD_EVERY)
    return [name for name in LISTS if f"told {name}" not in told]


def tell(name: str) -> int:
    """Say in the log how many of a list wait for staff, and which came first; how many."""
    waiting = LISTS[name]()
    if not heartbeat.claim(f"told {name}", every=TOLD_EVERY):
        return 0  # another sweep was first
    if waiting:
        first = ", ".join(map(str, waiting[:NAMED]))
        log.error("for staff, see the admin: %d %s (%s)", len(waiting), name, first)
    return len(waiting)
