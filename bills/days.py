"""Days in Beijing time: which bills are compared, due or missed, and which may have a payment or refund."""

from datetime import date, datetime, time, timedelta

from django.utils import timezone

from orders.recovery import NEAR_MIDNIGHT
from payments.alipay.answers import BEIJING
from payments.models import ComparedBill, Payment, Refund

LOOK_BACK = timedelta(days=60)
"""Earlier days are compared only on request."""
MISSED_AFTER = timedelta(hours=48)
"""Time after a day's end by which its bill should have been compared."""


def not_compared() -> list[date]:
    """Past days whose bill was not compared, starting with the day of the first attempt."""
    first = Payment.objects.at_alipay().order_by("id").values_list("created_at", flat=True).first()
    if first is None:
        return []
    compared = set(ComparedBill.objects.values_list("day", flat=True))
    yesterday = day_of(timezone.now()) - timedelta(days=1)
    return [day for day in _days(day_of(first), yesterday) if day not in compared]


def days_to_compare() -> list[date]:
    """The days of not_compared() within LOOK_BACK."""
    since = day_of(timezone.now()) - LOOK_BACK
    return [day for day in not_compared() if day >= since]


def missed_days() -> list[date]:
    """The days of days_to_compare() that are overdue: staff are alerted."""
    late = timezone.now() - MISSED_AFTER - timedelta(days=1)
    return [day for day in days_to_compare() if beginning(day) < late]


def day_of(moment: datetime) -> date:
    """The day of a moment in Beijing: its bill has what Alipay did then."""
    return moment.astimezone(BEIJING).date()


def days_of_bills(ours: Payment | Refund) -> list[date]:
    """The days whose bill may have it: from its creation here until we learned that it was done."""
    done_at = (ours.done_at if isinstance(ours, Refund) else ours.paid_at) or ours.created_at
    return _days(day_of(min(ours.created_at, done_at)), day_of(done_at + NEAR_MIDNIGHT))


def beginning(day: date) -> datetime:
    return datetime.combine(day, time.min, BEIJING)


def _days(first: date, last: date) -> list[date]:
    """All days from `first` to `last`, inclusive."""
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]
