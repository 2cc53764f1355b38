"""Dearer changes of paid stays: agreed on, then made once the difference is paid, or ended without.

payments/ calls these in its transactions, with the order locked. Decision 27 has the reasons.
"""

from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from houses import availability
from houses.availability import NightsTaken
from houses.models import House
from houses.quotes import Quote
from orders import changes, price_lines, transitions
from orders.changes import Stay
from orders.models import Order, OrderEvent, StayChange
from orders.stay_change import waiting_change_of as waiting_change_of

Kind = OrderEvent.Kind
Status = StayChange.Status

RENTER_PAYS_WITHIN = timedelta(minutes=15)
PAY_WITHIN = transitions.PAY_WITHIN_AFTER_ACCEPTANCE


def agree(order: Order, stay: Stay, *, price: Quote, by: User, reason: str = "") -> StayChange:
    """Agree on a dearer stay, and hold its nights until it is paid or over.

    Call it in a transaction with the order locked, then the house. Raises NightsTaken.
    """
    availability.hold_more(order.house, stay.check_in, stay.check_out, order_number=order.number)
    lines = price_lines.columns_of(price)
    change = StayChange.objects.create(
        order=order,
        waiting_for=order,
        check_in=stay.check_in,
        check_out=stay.check_out,
        guests=stay.guests,
        old_amount_fen=order.amount_fen,
        amount_fen=lines["amount_fen"],
        price_lines=lines["price_lines"],
        pay_by=pay_by(order, stay, by),
        asked_by=by,
        reason=reason,
    )
    _note(order, change, Kind.CHANGE_WAITS, by=by, fen=change.difference_fen)
    return change


def pay_by(order: Order, stay: Stay, by: User) -> datetime:
    """Return the deadline of a change that is agreed now: never later than the day the stay begins.

    Of a stay that has begun, it is at most the end of today. There is always time to press Pay.
    """
    within = RENTER_PAYS_WITHIN if by.pk == order.renter_id else PAY_WITHIN
    soonest = timezone.now() + transitions.MIN_TIME_TO_PAY
    return min(timezone.now() + within, max(soonest, last_moment(order, stay.check_in)))


def last_moment(order: Order, check_in: date) -> datetime:
    """Return the latest deadline of a change to a stay from `check_in` on."""
    return transitions.last_moment(max(timezone.localdate(), min(order.check_in, check_in)))


def set_deadline(change: StayChange, until: datetime) -> bool:
    """Compare-and-set: the change still waits, with the deadline that `change` has."""
    waiting = StayChange.objects.filter(pk=change.pk, status=Status.WAITING, pay_by=change.pay_by)
    return bool(waiting.update(pay_by=until))


def orders_that_wait() -> Q:
    """Match the orders with a change that waits for its difference."""
    return Q(pk__in=StayChange.objects.filter(status=Status.WAITING).order_by().values("order"))


def stay_after(change: StayChange) -> Stay:
    return Stay(change.check_in, change.check_out, change.guests)


def complete(
    order: Order, change_key: int, *, trade_no: str = "", by: User | None = None, outside: str = ""
) -> bool:
    """Make a change whose difference has just been paid, for payments/books alone.

    `by`, `outside` (Order.Outside): staff who took the money outside Alipay, and how it came. False, with
    nothing written, if the change does not wait any more or the order is another than it was.
    """
    order = _locked_with_house(order)
    change = StayChange.objects.select_related("asked_by").get(pk=change_key)
    if not order.is_paid or order.amount_fen != change.old_amount_fen:
        return False
    try:
        with transaction.atomic():
            if not _end(change, Status.MADE):
                return False
            _note_way(order, trade_no, outside)
            transitions.note(order, Kind.PAID_MORE, actor=by, amount_fen=change.difference_fen)
            changes.change_stay(
                order, stay_after(change), price=change.price, by=change.asked_by, reason=change.reason
            )
    except NightsTaken:  # none, as long as the order holds them
        return False
    return True


def _note_way(order: Order, trade_no: str, outside: str) -> None:
    """Note on the order how the difference was paid, beside how the price was."""
    ways = {"trade_no": order.trade_no or trade_no, "paid_outside": outside or order.paid_outside}
    Order.objects.filter(pk=order.pk).update(**ways)


def end(order: Order, *, status: str, by: User | None = None) -> bool:
    """End the change that waits, as LAPSED or DROPPED, and free the nights that only it needed.

    An order that is over has freed all its nights before, and its timeline says so. False if none waits.
    """
    change = waiting_change_of(order)
    if change is None:
        return False
    order = _locked_with_house(order)
    if not _end(change, status):
        return False
    if not order.is_over:
        availability.swap(order.house, order.check_in, order.check_out, order_number=order.number)
        _note(order, change, Kind.CHANGE_OFF, by=by)
    return True


def _locked_with_house(order: Order) -> Order:
    order = Order.objects.select_for_update().get(pk=order.pk)
    order.house = House.objects.select_for_update().get(pk=order.house_id)
    return order


def _end(change: StayChange, status: str) -> bool:
    waiting = StayChange.objects.filter(pk=change.pk, status=Status.WAITING)
    return bool(waiting.update(status=status, waiting_for=None, ended_at=timezone.now()))


def _note(order: Order, change: StayChange, kind: str, *, by: User | None, fen: int | None = None) -> None:
    told = changes.told_in(order.language, changes.stay_of(order), stay_after(change))
    text = f"{told} · {change.reason}" if change.reason else told
    transitions.note(order, kind, actor=by, reason=text[:200], amount_fen=fen)
