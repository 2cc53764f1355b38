"""The steps of an order. The only writer of Order.status.

Each step names the statuses it may start from and decides by a compare-and-set `update()`, so that of two
people at once one wins on every database. The event that tells of it shares the transaction.
A caller that also moves money locks the order row first; see docs/payments.md.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import User
from houses import availability
from houses.models import House
from orders.models import Order, OrderEvent, Review

Kind = OrderEvent.Kind
Status = Order.Status

ACCEPT_WITHIN = timedelta(hours=24)
PAY_WITHIN_AFTER_INSTANT_BOOKING = timedelta(minutes=30)
PAY_WITHIN_AFTER_ACCEPTANCE = timedelta(hours=24)
SHORTEST_TIME_TO_PAY = timedelta(minutes=5)
REMIND_AT_MOST_BEFORE = timedelta(hours=2)
"""A reminder comes with a third of the time to pay left: 10 minutes of 30, but of a day no more than this."""


class IllegalTransition(Exception):
    """The order isn't in a status from which this step may be taken. Nothing was written."""

    def __init__(self, order: Order, kind: str) -> None:
        super().__init__(f"order {order.number}: {kind} is not possible now")


def accept_by(check_in: date) -> datetime:
    """Until when staff may accept what is booked now: never when it would be too late to pay."""
    return min(timezone.now() + ACCEPT_WITHIN, _last_moment(check_in))


def booked(order: Order) -> None:
    """Tell of a new order; where the house has instant booking, it waits for payment from the start."""
    note(order, Kind.BOOKED, actor=order.renter)
    if order.house.instant_book:
        accept(order, by=None, pay_within=PAY_WITHIN_AFTER_INSTANT_BOOKING)


def accept(order: Order, *, by: User | None, pay_within: timedelta = PAY_WITHIN_AFTER_ACCEPTANCE) -> None:
    """Staff take the booking (or the house does by itself); the renter may now pay until `pay_by`.

    Too late once `accept_by` or the day of check-in has passed.
    """
    if order.check_in < timezone.localdate() or (order.accept_by and order.accept_by <= timezone.now()):
        raise IllegalTransition(order, Kind.ACCEPTED)
    now = timezone.now()
    pay_by = min(now + pay_within, _last_moment(order.check_in))
    _move(
        order,
        Kind.ACCEPTED,
        to=Status.WAIT_PAYMENT,
        allowed=[Status.WAIT_ACCEPT],
        by=by,
        pay_by=pay_by,
        remind_at=pay_by - min((pay_by - now) / 3, REMIND_AT_MOST_BEFORE),
    )


@transaction.atomic
def reject(order: Order, *, by: User, reason: str) -> None:
    """Staff decline the booking and say why; its nights are free again."""
    if not reason.strip():
        raise ValueError("a rejection needs a reason")
    _move(
        order, Kind.REJECTED, to=Status.REJECTED, allowed=[Status.WAIT_ACCEPT], by=by, closing_reason=reason
    )
    availability.release(order.number)


@transaction.atomic
def expire(order: Order) -> None:
    """Nobody accepted it, or nobody paid it, in time; its nights are free again.

    An order that waits for payment only expires through payments/settlement.py: Alipay has the last word.
    """
    _move(order, Kind.EXPIRED, to=Status.CANCELED, allowed=Order.UNPAID)
    availability.release(order.number)


@transaction.atomic
def cancel(order: Order, *, by: User, reason: str = "") -> None:
    """The renter, or staff for them, end the order; its nights are free again.

    What comes back of the money is for payments/cancelling.py to record in the same transaction. That was
    decided by the status that `order` has here, so only from that one: money may come at the same moment.
    A review of the stay that never was counts no more.
    """
    live = {*Order.UNPAID, *Order.PAID} & {order.status}
    _move(order, Kind.CANCELED, to=Status.CANCELED, allowed=list(live), by=by, closing_reason=reason)
    if written := Review.objects.filter(order=order).first():
        _count(written, -1)
    availability.release(order.number)  # after the house, as booking.py locks them


def mark_paid(order: Order, *, trade_no: str, amount_fen: int) -> None:
    """The rent has arrived; the renter may now review the stay.

    For payments/settlement.py alone. Raises IllegalTransition unless the order waits for payment.
    """
    _move(
        order,
        Kind.PAID,
        to=Status.WAIT_COMMENT,
        allowed=[Status.WAIT_PAYMENT],
        amount_fen=amount_fen,
        trade_no=trade_no,
    )


@transaction.atomic
def review(order: Order, *, by: User, rating: int, text: str) -> Review:
    """The renter says how it was, once."""
    _move(order, Kind.REVIEWED, to=Status.COMPLETE, allowed=[Status.WAIT_COMMENT], by=by)
    written = Review(order=order, house_id=order.house_id, renter=by, rating=rating, text=text)
    _count(written, +1)  # first: saving takes a shared lock on the house, which two at once can't both raise
    written.save()
    return written


def _count(review: Review, times: int) -> None:
    """Into the average of the house, or out of it again."""
    House.objects.filter(pk=review.house_id).update(
        review_count=F("review_count") + times, rating_sum=F("rating_sum") + times * review.rating
    )


def note(
    order: Order, kind: str, *, actor: User | None = None, reason: str = "", amount_fen: int | None = None
) -> None:
    """Add a line to the timeline that changes no status."""
    OrderEvent.objects.create(order=order, kind=kind, actor=actor, reason=reason, amount_fen=amount_fen)


@transaction.atomic
def _move(
    order: Order,
    kind: str,
    *,
    to: str,
    allowed: Sequence[str],
    by: User | None = None,
    amount_fen: int | None = None,
    **columns: object,
) -> None:
    """Set the status and `columns`, if the row still has a status in `allowed`; tell of it."""
    rows = Order.objects.filter(pk=order.pk)
    from_status = next((s for s in allowed if rows.filter(status=s).update(status=to, **columns)), None)
    if from_status is None:
        raise IllegalTransition(order, kind)
    order.status = to
    for name, value in columns.items():
        setattr(order, name, value)
    OrderEvent.objects.create(
        order=order,
        kind=kind,
        from_status=from_status,
        to_status=to,
        actor=by,
        reason=str(columns.get("closing_reason", "")),
        amount_fen=amount_fen,
    )


def _last_moment(check_in: date) -> datetime:
    """When the day of check-in begins, in Beijing; when it ends, where that is now, or too soon to pay."""
    begins_now = check_in <= timezone.localdate(timezone.now() + SHORTEST_TIME_TO_PAY)
    day = check_in + timedelta(days=1) if begins_now else check_in
    return timezone.make_aware(datetime.combine(day, datetime.min.time()))
