"""State transitions of orders. The only module that writes Order.status.

Each transition names the statuses it may start from and is a compare-and-set `update()`, so that one of two
concurrent ones wins on every database. Its event is written in the same transaction.
A caller that also moves money locks the order row first; see docs/payments.md.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import User
from core.prepared import Insert, Update
from houses import availability
from houses.models import House
from orders import review_sums
from orders.models import Order, OrderEvent, Review

Kind = OrderEvent.Kind
Status = Order.Status

ACCEPT_WITHIN = timedelta(hours=24)
PAY_WITHIN_AFTER_INSTANT_BOOKING = timedelta(minutes=30)
PAY_WITHIN_AFTER_ACCEPTANCE = timedelta(hours=24)
MIN_TIME_TO_PAY = timedelta(minutes=5)
MAX_REMINDER_LEAD = timedelta(hours=2)
"""A reminder comes when a third of the time to pay is left, 10 minutes of 30, but at most this much."""


_MOVE_TO_PAID = Update(
    lambda value: (
        Order.objects.filter(pk=value(Order, "pk", "key"), status=Status.WAIT_PAYMENT),
        {"status": Status.WAIT_COMMENT} | {name: value(Order, name) for name in ("trade_no", "paid_outside")},
    )
)
_ADD_EVENT = Insert(OrderEvent)


def _counting(times: int) -> Update:
    return Update(
        lambda value: (
            House.objects.filter(pk=value(House, "pk", "key")),
            {"order_count": F("order_count") + times},
        )
    )


_COUNT_STAY = {times: _counting(times) for times in (+1, -1)}


class IllegalTransition(Exception):
    """The transition is not allowed from the order's status, or too late. Nothing was written."""

    def __init__(self, order: Order, kind: str) -> None:
        super().__init__(f"order {order.number}: {kind} is not possible now")


def accept_by(check_in: date) -> datetime:
    """Return the deadline for staff to accept a booking made now; leaves time to pay before check-in."""
    return min(timezone.now() + ACCEPT_WITHIN, last_moment(check_in))


def booked(order: Order, *, by: User | None = None) -> None:
    """Write the first event of a new order. With instant booking, or booked `by` staff, accept it at once.

    Raises IllegalTransition if the stay began before today: nobody could accept it any more.
    """
    if _is_too_late(order):
        raise IllegalTransition(order, Kind.BOOKED)
    note(order, Kind.BOOKED, actor=by or order.renter)
    if by is not None:
        accept(order, by=None)
    elif order.house.instant_book:
        accept(order, by=None, pay_within=PAY_WITHIN_AFTER_INSTANT_BOOKING)


def accept(order: Order, *, by: User | None, pay_within: timedelta = PAY_WITHIN_AFTER_ACCEPTANCE) -> None:
    """Accept the booking, by staff or (`by=None`) by instant booking; the renter may pay until `pay_by`.

    Raises IllegalTransition also if `accept_by` or the day of check-in has passed.
    """
    if _is_too_late(order):
        raise IllegalTransition(order, Kind.ACCEPTED)
    now = timezone.now()
    pay_by = min(now + pay_within, last_moment(order.check_in))
    _move(
        order,
        Kind.ACCEPTED,
        to=Status.WAIT_PAYMENT,
        allowed=[Status.WAIT_ACCEPT],
        by=by,
        pay_by=pay_by,
        remind_at=remind_at(pay_by),
    )


def remind_at(pay_by: datetime) -> datetime:
    """Return when to remind of a deadline that was set now."""
    return pay_by - min((pay_by - timezone.now()) / 3, MAX_REMINDER_LEAD)


@transaction.atomic
def reject(order: Order, *, by: User, reason: str) -> None:
    """Reject the booking, by staff, and release its nights. Raises ValueError without a reason."""
    if not reason.strip():
        raise ValueError("a rejection needs a reason")
    _move(
        order, Kind.REJECTED, to=Status.REJECTED, allowed=[Status.WAIT_ACCEPT], by=by, closing_reason=reason
    )
    availability.release(order.number)


@transaction.atomic
def expire(order: Order) -> None:
    """Cancel an order that was not accepted or not paid in time, and release its nights.

    While an order waits for payment, only payments/books may call this, after asking Alipay for money.
    """
    _move(order, Kind.EXPIRED, to=Status.CANCELED, allowed=Order.UNPAID)
    availability.release(order.number)


@transaction.atomic
def cancel(order: Order, *, by: User, reason: str = "") -> None:
    """Cancel the order, by the renter or by staff for them, and release its nights.

    `payments` records the refund in the same transaction. Its amount depends on `order.status` as passed in,
    so the transition is only allowed from that status: money may arrive at the same moment. A paid stay
    and its review are taken out of the house's counters.
    """
    live, was_paid = {*Order.UNPAID, *Order.PAID} & {order.status}, order.is_paid
    _move(order, Kind.CANCELED, to=Status.CANCELED, allowed=list(live), by=by, closing_reason=reason)
    if was_paid:
        _count_stay(order, -1)
    if (review_key := Review.objects.filter(order=order).values_list("pk", flat=True).first()) is not None:
        review_sums.uncount(review_key)
        Review.objects.filter(pk=review_key).update(count_due=None)
    availability.release(order.number)  # after the house, as booking.py locks them


def mark_paid(
    order: Order, *, trade_no: str, amount_fen: int, by: User | None = None, outside: str = ""
) -> None:
    """Mark the order as paid, for payments/books alone, in its transaction. The renter may review now.

    `by` and `outside` (Order.Outside): staff who took the money outside Alipay, and how it came.
    Raises IllegalTransition unless the order waits for payment.
    """
    if not _MOVE_TO_PAID(key=order.pk, trade_no=trade_no, paid_outside=outside):
        raise IllegalTransition(order, Kind.PAID)
    order.status, order.trade_no, order.paid_outside = Status.WAIT_COMMENT, trade_no, outside
    _ADD_EVENT(
        OrderEvent(
            order=order,
            kind=Kind.PAID,
            from_status=Status.WAIT_PAYMENT,
            to_status=Status.WAIT_COMMENT,
            actor=by,
            amount_fen=amount_fen,
        )
    )
    _count_stay(order, +1)


@transaction.atomic
def review(order: Order, *, by: User, rating: int, text: str, **marks: int | None) -> Review:
    """Save the renter's review and complete the order. `marks`: stars by the names of reviews.MARKS.

    It is shown and counted from the day of check-out on; before that, the sweep does it when the day comes.
    """
    _move(order, Kind.REVIEWED, to=Status.COMPLETE, allowed=[Status.WAIT_COMMENT], by=by)
    order.refresh_from_db(fields=["check_out"])  # staff may have changed the stay since it was read
    written = Review(order=order, house_id=order.house_id, renter=by, rating=rating, text=text, **marks)
    written.is_counted = order.has_ended
    if written.is_counted:
        # Before save(), whose foreign key takes a shared lock on the house: deadlock.
        review_sums.add(written, +1)
    else:
        written.count_due = order.check_out
    written.save()
    return written


def _count_stay(order: Order, times: int) -> None:
    """Add the stay to the paid stays of the house (`times=+1`) or subtract it (-1)."""
    _COUNT_STAY[times](key=order.house_id)


def note(
    order: Order, kind: str, *, actor: User | None = None, reason: str = "", amount_fen: int | None = None
) -> None:
    """Add an event to the timeline without a change of status."""
    _ADD_EVENT(OrderEvent(order=order, kind=kind, actor=actor, reason=reason, amount_fen=amount_fen))


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
    """Set the status and `columns` if the row's status is in `allowed`, and write the event."""
    rows = Order.objects.filter(pk=order.pk)
    from_status = next((s for s in allowed if rows.filter(status=s).update(status=to, **columns)), None)
    if from_status is None:
        raise IllegalTransition(order, kind)
    order.status = to
    for name, value in columns.items():
        setattr(order, name, value)
    _ADD_EVENT(
        OrderEvent(
            order=order,
            kind=kind,
            from_status=from_status,
            to_status=to,
            actor=by,
            reason=str(columns.get("closing_reason", "")),
            amount_fen=amount_fen,
        )
    )


def _is_too_late(order: Order) -> bool:
    """Return True if the day of check-in, or the deadline for staff to accept, has passed."""
    is_past_deadline = order.accept_by is not None and order.accept_by <= timezone.now()
    return order.check_in < timezone.localdate() or is_past_deadline


def last_moment(check_in: date) -> datetime:
    """Return the latest deadline to pay: check-in day's start in Beijing, or its end if that is too soon."""
    begins_now = check_in <= timezone.localdate(timezone.now() + MIN_TIME_TO_PAY)
    day = check_in + timedelta(days=1) if begins_now else check_in
    return timezone.make_aware(datetime.combine(day, datetime.min.time()))
