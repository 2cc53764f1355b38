"""Money that came outside Alipay: staff confirm it, and the one function that records money records it.

Its refunds are never sent: staff give the money back and confirm that (refunding.py: hand_over).
"""

from dataclasses import dataclass

from django.db import IntegrityError
from django.utils.translation import gettext as _

from accounts.models import User
from core.money import yuan_text
from core.refusal import Refusal
from orders.models import Order
from orders.stages import staff_label
from orders.waiting_changes import waiting_change_of
from payments import cancellation, queries
from payments.books import attempts
from payments.books.attempts import Outcome

MAY_RECEIVE = (Order.Status.WAIT_PAYMENT, *Order.PAID, Order.Status.CANCELED)
"""Statuses of orders for which money may have come. WAIT_PAYMENT and a change that waits need it."""


class CannotConfirm(Refusal):
    """A sentence for staff. Nothing was written."""


@dataclass(frozen=True, slots=True)
class Money:
    """Money that staff took. `channel`: Order.Outside. `reference`: number of the receipt or transfer."""

    channel: str
    amount_fen: int
    reference: str


def may_have_come(order: Order) -> bool:
    return order.status in MAY_RECEIVE


def confirm(order: Order, money: Money, *, status: str, number: str, by: User) -> Outcome:
    """Record money outside Alipay: the order is paid, or it is surplus and to be given back.

    `status` of the order and `number` of the payment are those that staff saw. Open attempts are closed at
    Alipay first, so that nobody pays twice. Raises CannotConfirm.
    """
    if not may_have_come(order):
        raise _changed(order)
    if order.status == Order.Status.WAIT_PAYMENT:
        _require_exact(order, money)
        cancellation.close_open_attempts(order)
    elif _is_difference(order, money):
        cancellation.close_open_attempts(order)
    settlement = _record(order, money, status=status, number=number, by=by)
    if settlement is None:
        order.refresh_from_db()
        raise _changed(order)
    queries.close_superseded(settlement.superseded)
    return settlement.outcome


def _is_difference(order: Order, money: Money) -> bool:
    """True if it pays a change that waits."""
    change = waiting_change_of(order)
    return change is not None and change.difference_fen == money.amount_fen


def _record(order: Order, money: Money, *, status: str, number: str, by: User) -> attempts.Settlement | None:
    try:
        return attempts.record_outside(
            order,
            status=status,
            number=number,
            channel=money.channel,
            amount_fen=money.amount_fen,
            reference=money.reference,
            by=by,
        )
    except IntegrityError:  # a concurrent writer without a lock on the order took the number
        return None


def _require_exact(order: Order, money: Money) -> None:
    if money.amount_fen != order.amount_fen:
        refusal = _("The order costs ￥%(amount)s: it is paid by exactly that.")
        raise CannotConfirm(refusal % {"amount": yuan_text(order.amount_fen)})


def _changed(order: Order) -> CannotConfirm:
    refusal = _(
        "%(number)s has just changed: its status is “%(status)s”, and nothing was recorded now. Check its "
        "payments, then confirm again if this money is another."
    )
    return CannotConfirm(refusal % {"number": order.number, "status": staff_label(order)})
