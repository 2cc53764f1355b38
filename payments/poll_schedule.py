"""When Alipay is asked again about an attempt or a refund: pure functions of times. See decision 10."""

from datetime import datetime, timedelta

LAST_WORD_AFTER = timedelta(minutes=2)
"""So long after an attempt expired, "not existing" is Alipay's last word."""
PAYABLE_INTERVAL = timedelta(seconds=80)
"""An attempt that can still be paid is asked about at least so often."""

_WAITS = ((15, 15), (45, 30), (105, 60), (225, 120), (7 * 24 * 3600, 300))
"""Below this age in seconds, wait so many seconds; above all of them, an hour."""


def next_poll(created_at: datetime, expires_at: datetime, now: datetime) -> datetime:
    """When to ask again about an attempt: after 15 s, 30 s, 1 m, then every 80 s, and when it ends.

    So money that no message reports is found within 2 minutes, however late it comes. What is uncertain after
    that is asked about every 5 m, and after a week every hour.
    """
    soon = now + wait_for_age(now - created_at)
    ends = (expires_at, expires_at + LAST_WORD_AFTER)
    if now < ends[-1]:
        soon = min(soon, now + PAYABLE_INTERVAL)
    return min([soon, *(end + timedelta(seconds=1) for end in ends if end >= now)])


def wait_for_age(age: timedelta) -> timedelta:
    """The pause before the next try of something that is so old."""
    return next(
        (timedelta(seconds=wait) for limit, wait in _WAITS if age < timedelta(seconds=limit)),
        timedelta(hours=1),
    )
