"""Days, in Beijing: those whose bill was compared with our books, and those whose bill may have something."""

from datetime import date, datetime, time, timedelta

from django.utils import timezone

from payments.alipay.answers import BEIJING
from payments.models import ComparedBill, Payment, Refund

LOOK_BACK = timedelta(days=60)
"""A day longer ago is compared only if somebody names it."""
MISSED_AFTER = timedelta(hours=48)
"""So long after a day's end its bill exists, and should have been compared."""
NEAR_MIDNIGHT = timedelta(minutes=10)
"""What came so shortly before a day's end may be in the next day's bill."""


def not_compared() -> list[date]:
    """Days that are over whose bill was not compared to the end, from the first attempt to pay on."""
    first = Payment.objects.order_by("id").values_list("created_at", flat=True).first()
    if first is None:
        return []
    compared = set(ComparedBill.objects.values_list("day", flat=True))
    yesterday = day_of(timezone.now()) - timedelta(days=1)
    return [day for day in _days(day_of(first), yesterday) if day not in compared]


def days_to_compare() -> list[date]:
    """Those of not_compared() that are not too long ago."""
    since = day_of(timezone.now()) - LOOK_BACK
    return [day for day in not_compared() if day >= since]


def missed_days() -> list[date]:
    """Those of days_to_compare() that somebody must be told of."""
    late = timezone.now() - MISSED_AFTER - timedelta(days=1)
    return [day for day in days_to_compare() if beginning(day) < late]


def day_of(moment: datetime) -> date:
    """The day, in Beijing, whose bill has what Alipay did at that moment."""
    return moment.astimezone(BEIJING).date()


def days_of_bills(ours: Payment | Refund) -> list[date]:
    """The days whose bill may have it: between when it was made here and when we heard that it was done."""
    done_at = (ours.done_at if isinstance(ours, Refund) else ours.paid_at) or ours.created_at
    return _days(day_of(min(ours.created_at, done_at)), day_of(done_at + NEAR_MIDNIGHT))


def beginning(day: date) -> datetime:
    return datetime.combine(day, time.min, BEIJING)


def _days(first: date, last: date) -> list[date]:
    """Both included."""
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]
