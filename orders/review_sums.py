"""Sums of a house over its reviews: kept in the transaction that shows, changes or takes out a review.

A review is counted by a compare-and-set on `is_counted`, which also locks its row: the values added or
subtracted are those in the row. Lock the order first; the house comes last.
"""

from django.db.models import F
from django.utils import timezone

from houses.models import MARKS, House
from orders.models import Order, Review


def count(key: int) -> bool:
    """Show and count a review. False if it is counted already, or hidden."""
    is_first = _mark(key, is_counted=True)
    if is_first:
        add(Review.objects.get(pk=key), +1)
    return is_first


def uncount(key: int) -> bool:
    """Take a review out. False if it was not counted."""
    is_first = _mark(key, is_counted=False)
    if is_first:
        add(Review.objects.get(pk=key), -1)
    return is_first


def _mark(key: int, *, is_counted: bool) -> bool:
    rows = Review.objects.filter(pk=key, is_counted=not is_counted)
    if is_counted:
        rows = rows.filter(hidden_at=None)
    return bool(rows.update(is_counted=is_counted, count_due=None))


def add(review: Review, times: int) -> None:
    """Add the stars of a review to its house (`times=+1`) or subtract them (-1)."""
    changes = {"review_count": times, "rating_sum": times * review.rating}
    for mark in MARKS:
        if stars := getattr(review, mark):
            changes |= {f"{mark}_count": times, f"{mark}_sum": times * stars}
    columns = {name: F(name) + change for name, change in changes.items()}
    House.objects.filter(pk=review.house_id).update(**columns)


def count_or_wait(key: int, order: Order) -> bool:
    """Count a review if the stay has ended, otherwise on the day of check-out. True if counted."""
    if order.has_ended:
        return count(key)
    Review.objects.filter(pk=key, is_counted=False).update(count_due=order.check_out)
    return False


def follow(order: Order) -> None:
    """Count a review on the new day of check-out, also one that was counted on the old day."""
    if order.status == Order.Status.COMPLETE and not order.has_ended:
        for key in Review.objects.filter(order=order, is_counted=True).values_list("pk", flat=True):
            uncount(key)
            Review.objects.filter(pk=key).update(count_due=order.check_out)
    Review.objects.filter(order=order, count_due__isnull=False).update(count_due=order.check_out)


def due() -> list[int]:
    """Return the keys of reviews whose stay has ended since they were written. By an index."""
    rows = Review.objects.filter(count_due__lte=timezone.localdate())
    return list(rows.order_by("count_due").values_list("pk", flat=True))
