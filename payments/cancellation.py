"""Cancelling an order: what comes back by the policy frozen on it, and the cancelling itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from core.money import yuan_text
from core.transactions import durable_transaction
from houses.models import RefundPolicy
from orders import transitions
from orders.models import Order
from orders.transitions import IllegalTransition
from payments import asking, settlement
from payments.models import Payment, Refund


class CannotCancel(Exception):
    """Words for whoever wants to cancel. Nothing was written."""


@dataclass(frozen=True, slots=True)
class Preview:
    """In fen: what was paid, what has gone back of it before, and what would come back of the rest.

    `proposed_fen`: what waits for a second person. It ends when staff cancel, who decide anew; when the
    renter does, it stays where enough is left for both.
    """

    paid_fen: int
    back_before_fen: int
    comes_back_fen: int
    proposed_fen: int

    @property
    def left_fen(self) -> int:
        return self.paid_fen - self.back_before_fen

    @property
    def stays_fen(self) -> int:
        return self.left_fen - self.comes_back_fen


def preview(order: Order) -> Preview | None:
    """What cancelling would bring back today; None where the renter can't cancel (any more)."""
    return _by_policy(order) if order.is_cancellable else None


def preview_for_staff(order: Order) -> Preview:
    """What the policy would bring back; staff may decide otherwise. Raises CannotCancel where it is over."""
    if order.is_over:
        words = _("%(number)s: not possible any more, it is %(status)s.")
        raise CannotCancel(words % {"number": order.number, "status": order.get_status_display()})
    return _by_policy(order)


def _by_policy(order: Order) -> Preview:
    """What the policy frozen on the order gives back today, of what has not gone back before."""
    payment = _paid(order)
    if payment is None:
        return Preview(0, 0, 0, 0)
    back_before = payment.going_back_fen
    left = payment.received_fen - back_before
    share = share_of(order.refund_policy, left, order.check_in, timezone.localdate())
    return Preview(payment.received_fen, back_before, share, payment.proposed_fen)


def share_of(policy: str, paid_fen: int, check_in: date, today: date) -> int:
    """The fen of `paid_fen` that `policy` gives back on `today`; half a fen stays with the house."""
    days = (check_in - today).days
    match RefundPolicy(policy):
        case RefundPolicy.FLEXIBLE:
            return paid_fen if days >= 1 else 0
        case RefundPolicy.MODERATE:
            return paid_fen if days >= 5 else paid_fen // 2
        case RefundPolicy.STRICT:
            return paid_fen // 2 if days >= 7 else 0


def cancel(order: Order, *, by: User, agreed: Mapping[str, str]) -> None:
    """The renter ends the order; what comes back is due at once. Raises CannotCancel.

    `agreed`: fen that the renter saw and agreed to, by their names in Preview, as the form sends them; empty
    where nothing was shown.
    """
    _close_open_attempts(order)
    _cancel(order, by, agreed)


def cancel_by_staff(order: Order, *, by: User, reason: str, left_fen: int, comes_back_fen: int) -> None:
    """Staff end the order, whatever its policy and however late. Raises CannotCancel, CannotRefund.

    `left_fen`: what they saw that could come back at most. Above the limit for one person the order is
    cancelled at once, and the refund waits for a second one.
    """
    _close_open_attempts(order)
    _cancel_by_staff(order, by, reason, left_fen, comes_back_fen)


def _close_open_attempts(order: Order) -> None:
    """Before an order ends, so that a payment on its way settles and counts.

    Where Alipay is silent the order is cancelled all the same, and money that still comes goes back.
    """
    still_open = order.payments.filter(status=Payment.Status.OPEN).order_by("-id")
    for payment, seconds in asking.while_somebody_waits(still_open):
        asking.ask_and_close(payment, deadline=seconds)


@durable_transaction
def _cancel(order: Order, by: User, agreed: Mapping[str, str]) -> None:
    order = Order.objects.select_for_update().get(pk=order.pk)
    now = preview(order)
    if now is None:
        raise CannotCancel(_("This order can't be cancelled now."))
    if any(str(getattr(now, name)) != fen for name, fen in agreed.items()):
        words = _("Things have changed meanwhile: ￥%(amount)s would come back. Please look again.")
        raise CannotCancel(words % {"amount": yuan_text(now.comes_back_fen)})
    _end(order, by=by)
    _owe(order, now.comes_back_fen)


@durable_transaction
def _cancel_by_staff(order: Order, by: User, reason: str, left_fen: int, comes_back_fen: int) -> None:
    order = Order.objects.select_for_update().get(pk=order.pk)
    left_now = preview_for_staff(order).left_fen
    if left_now != left_fen or comes_back_fen > left_now:
        words = _("Things have changed meanwhile: at most ￥%(amount)s can come back. Please look again.")
        raise CannotCancel(words % {"amount": yuan_text(left_now)})
    _end(order, by=by, reason=reason)
    _owe(order, comes_back_fen, asked_by=by)


def _end(order: Order, *, by: User, reason: str = "") -> None:
    try:
        transitions.cancel(order, by=by, reason=reason)
    except IllegalTransition as error:
        raise CannotCancel(_("Things have changed meanwhile. Please look again.")) from error
    order.payments.filter(status=Payment.Status.OPEN).update(live_for=None, next_try_at=timezone.now())


def _owe(order: Order, fen: int, *, asked_by: User | None = None) -> None:
    payment = _paid(order)
    if payment is None:
        return
    everything = payment.received_fen - payment.going_back_fen
    settlement.withdraw_proposals(payment, until_left_fen=fen if asked_by is None else everything)
    if fen:
        settlement.make_refund(payment, fen, reason=Refund.Reason.CANCELED, asked_by=asked_by)


def _paid(order: Order) -> Payment | None:
    return order.payments.filter(status=Payment.Status.PAID).first()
