"""Cancelling an order: what comes back by the policy frozen on it, and the cancelling itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from core.money import yuan_text
from core.refusal import Refusal
from core.transactions import durable_transaction
from houses.models import RefundPolicy
from orders import transitions
from orders.models import Order
from orders.transitions import IllegalTransition
from payments import queries
from payments.books import refunds
from payments.models import Payment, Refund


class CannotCancel(Refusal):
    """Words for whoever wants to cancel. Nothing was written."""


@dataclass(frozen=True, slots=True)
class Preview:
    """In fen: what was received, what of it has been refunded before, and what cancelling would refund now.

    `awaiting_approval_fen` ends if staff cancel, who decide anew; if the renter does, it stays as far as
    enough is left for both.
    """

    received_fen: int
    refunded_fen: int
    refund_fen: int
    awaiting_approval_fen: int

    @property
    def refundable_fen(self) -> int:
        return self.received_fen - self.refunded_fen

    @property
    def kept_fen(self) -> int:
        return self.refundable_fen - self.refund_fen


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
    refunded = payment.refunded_fen
    left = payment.received_fen - refunded
    share = share_of(order.refund_policy, left, order.check_in, timezone.localdate())
    return Preview(payment.received_fen, refunded, share, payment.awaiting_approval_fen)


def share_of(policy: str, received_fen: int, check_in: date, today: date) -> int:
    """The fen of `received_fen` that `policy` gives back on `today`; half a fen stays with the house."""
    days = (check_in - today).days
    match RefundPolicy(policy):
        case RefundPolicy.FLEXIBLE:
            return received_fen if days >= 1 else 0
        case RefundPolicy.MODERATE:
            return received_fen if days >= 5 else received_fen // 2
        case RefundPolicy.STRICT:
            return received_fen // 2 if days >= 7 else 0


def cancel(order: Order, *, by: User, agreed: Mapping[str, str]) -> None:
    """The renter ends the order; what comes back is due at once. Raises CannotCancel.

    `agreed`: fen that the renter saw and agreed to, by their names in Preview, as the form sends them; empty
    where nothing was shown.
    """
    _close_open_attempts(order)
    _cancel(order, by, agreed)


def cancel_by_staff(order: Order, *, by: User, reason: str, refundable_fen: int, refund_fen: int) -> None:
    """Staff end the order, whatever its policy and however late. Raises CannotCancel, CannotRefund.

    `refundable_fen`: what they saw that could come back at most. Above the limit for one person the order is
    cancelled at once, and the refund waits for a second one.
    """
    _close_open_attempts(order)
    _cancel_by_staff(order, by, reason, refundable_fen, refund_fen)


def _close_open_attempts(order: Order) -> None:
    """Before an order ends, so that a payment on its way settles and counts.

    Where Alipay is silent the order is cancelled all the same, and money that still comes goes back.
    """
    still_open = order.payments.filter(status=Payment.Status.OPEN).order_by("-id")
    for payment, seconds in queries.while_somebody_waits(still_open):
        queries.ask_and_close(payment, deadline=seconds)


@durable_transaction
def _cancel(order: Order, by: User, agreed: Mapping[str, str]) -> None:
    order = Order.objects.select_for_update().get(pk=order.pk)
    now = preview(order)
    if now is None:
        raise CannotCancel(_("This order can't be cancelled now."))
    if any(str(getattr(now, name)) != fen for name, fen in agreed.items()):
        words = _("Things have changed meanwhile: ￥%(amount)s would come back. Please look again.")
        raise CannotCancel(words % {"amount": yuan_text(now.refund_fen)})
    _end(order, by=by)
    _owe(order, now.refund_fen)


@durable_transaction
def _cancel_by_staff(order: Order, by: User, reason: str, refundable_fen: int, refund_fen: int) -> None:
    order = Order.objects.select_for_update().get(pk=order.pk)
    refundable_now = preview_for_staff(order).refundable_fen
    if refundable_now != refundable_fen or refund_fen > refundable_now:
        words = _("Things have changed meanwhile: at most ￥%(amount)s can come back. Please look again.")
        raise CannotCancel(words % {"amount": yuan_text(refundable_now)})
    _end(order, by=by, reason=reason)
    _owe(order, refund_fen, asked_by=by)


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
    everything = payment.received_fen - payment.refunded_fen
    refunds.withdraw_proposals(payment, until_refundable_fen=fen if asked_by is None else everything)
    if fen:
        refunds.create(payment, fen, reason=Refund.Reason.CANCELED, asked_by=asked_by)


def _paid(order: Order) -> Payment | None:
    return order.payments.filter(status=Payment.Status.PAID).first()
