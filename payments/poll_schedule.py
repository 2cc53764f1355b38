"""Poll schedule of attempts and refunds: pure functions of times. See decision 10."""

from datetime import datetime, timedelta

FIRST_POLL_AFTER = timedelta(seconds=15)
"""Time from a new attempt, or from a return that settled one on its own, to the first poll."""
LAST_WORD_AFTER = timedelta(minutes=2)
"""Time after an attempt's end from which "not existing" is Alipay's final answer."""
PAYABLE_INTERVAL = timedelta(seconds=80)
"""Maximum interval between polls of an attempt that can still be paid."""

_WAITS = ((15, 15), (45, 30), (105, 60), (225, 120), (7 * 24 * 3600, 300))
"""(age, wait) in seconds: below this age, this wait; above all of them, an hour."""


def next_poll(created_at: datetime, expires_at: datetime, now: datetime) -> datetime:
    """Time of the next poll of an attempt: at intervals of 15 s, 30 s, 1 m, then 80 s, and when it ends.

    Money that no message reports is found within 2 minutes, however late it comes. Attempts still uncertain
    after their end are polled every 5 m, and after a week every hour.
    """
    soon = now + wait_for_age(now - created_at)
    ends = (expires_at, expires_at + LAST_WORD_AFTER)
    if now < ends[-1]:
        soon = min(soon, now + PAYABLE_INTERVAL)
    return min([soon, *(end + timedelta(seconds=1) for end in ends if end >= now)])


def wait_for_age(age: timedelta) -> timedelta:
    """Wait before the next try of an attempt or refund of this age."""
    return next(
        (timedelta(seconds=wait) for limit, wait in _WAITS if age < timedelta(seconds=limit)),
        timedelta(hours=1),
    )
