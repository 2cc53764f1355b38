"""Extending a deadline: that of staff to accept a booking, or of the renter to pay it or a change of it.

An attempt at Alipay keeps the deadline it was made with, which is part of what was signed. Once it nears its
end or has ended, Pay makes a new attempt with the order's new deadline (payments/checkout.py).
"""

from datetime import UTC, datetime, timedelta

from django.utils import timezone, translation
from django.utils.translation import gettext as _

from accounts.models import User
from core.refusal import Refusal, no_longer_possible
from core.templatetags.ihome import moment
from core.transactions import durable_transaction
from orders import transitions, waiting_changes
from orders.models import Order, OrderEvent, StayChange
from orders.stages import staff_label

MOST_AHEAD = timedelta(days=7)
"""The nights are held meanwhile: a new deadline is at most so far from now, and never past check-in."""
LEAST = timedelta(minutes=1)

_COLUMNS = {Order.Status.WAIT_ACCEPT: "accept_by", Order.Status.WAIT_PAYMENT: "pay_by"}


class CannotExtend(Refusal):
    """A sentence for staff. Nothing was written."""


def deadline_of(order: Order) -> datetime | None:
    """Return the deadline that the order waits for now; None if there is none.

    A paid order may have a change that waits for its difference.
    """
    if column := _COLUMNS.get(Order.Status(order.status)):
        return getattr(order, column)
    change = _change_of(order)
    return change.pay_by if change else None


def _change_of(order: Order) -> StayChange | None:
    return order.waiting_change_or_none if order.is_paid else None


def stamp_of(order: Order) -> str:
    """Return the deadline as a form carries it; empty if there is none."""
    deadline = deadline_of(order)
    return deadline.astimezone(UTC).isoformat() if deadline else ""


def latest(order: Order) -> datetime:
    change = _change_of(order)
    if change:
        last_moment = waiting_changes.last_moment(order, change.check_in)
    else:
        last_moment = transitions.last_moment(order.check_in)
    return min(timezone.now() + MOST_AHEAD, last_moment)


def can_be_extended(order: Order) -> bool:
    deadline = deadline_of(order)
    return deadline is not None and max(deadline, timezone.now()) + LEAST <= latest(order)


@durable_transaction
def extend(order: Order, until: datetime, *, seen: str, by: User, reason: str) -> None:
    """Set the new deadline, with an event that the renter reads. Raises CannotExtend.

    `seen`: the stamp of the deadline that staff saw. A new time to pay brings a new reminder.
    """
    order = Order.objects.select_for_update().get(pk=order.pk)
    deadline = deadline_of(order)
    if deadline is None:
        raise CannotExtend(no_longer_possible(order.number, staff_label(order)))
    if stamp_of(order) != seen:
        refusal = _("The deadline has changed meanwhile: it is now %(time)s. Please check and confirm again.")
        raise CannotExtend(refusal % {"time": shown(deadline)})
    _require_in_bounds(order, deadline, until)
    if not _write(order, deadline, until):
        raise CannotExtend(_("The order has just changed. Please check it again."))
    transitions.note(order, OrderEvent.Kind.EXTENDED, actor=by, reason=_reason(order, until, reason))


def _require_in_bounds(order: Order, deadline: datetime, until: datetime) -> None:
    if until <= max(deadline, timezone.now()):
        raise CannotExtend(_("The new deadline must be later than %(time)s.") % {"time": shown(deadline)})
    if until > latest(order):
        refusal = _(
            "%(time)s at the latest: at most a week ahead, and not past check-in or, once the stay has "
            "begun, today."
        )
        raise CannotExtend(refusal % {"time": shown(latest(order))})


def _write(order: Order, deadline: datetime, until: datetime) -> bool:
    """Compare-and-set on status and deadline: the sweep may end order or change at the same moment."""
    if change := _change_of(order):
        return waiting_changes.set_deadline(change, until)
    column = _COLUMNS[Order.Status(order.status)]
    columns: dict[str, datetime] = {column: until}
    if column == "pay_by":
        columns["remind_at"] = transitions.remind_at(until)
    rows = Order.objects.filter((column, deadline), pk=order.pk, status=order.status)
    return bool(rows.update(**columns))


def _reason(order: Order, until: datetime, reason: str) -> str:
    with translation.override(order.language):
        told = _("New deadline: %(time)s.") % {"time": shown(until)}
    return f"{told} {reason}".strip()


def shown(at: datetime) -> str:
    """Return a deadline as people read it."""
    return moment(timezone.localtime(at))
