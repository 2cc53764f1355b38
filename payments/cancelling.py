"""Cancelling an order: what comes back by the policy frozen on it, and the cancelling itself."""

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
from payments import asking, settlement
from payments.models import Payment, Refund


class CannotCancel(Exception):
    """Words for the renter. Nothing was written."""


@dataclass(frozen=True, slots=True)
class Preview:
    """In fen: what was paid, what would come back of it, and what would not."""

    paid_fen: int
    comes_back_fen: int

    @property
    def stays_fen(self) -> int:
        return self.paid_fen - self.comes_back_fen


def preview(order: Order) -> Preview | None:
    """What cancelling would bring back today; None where the renter can't cancel (any more)."""
    if not order.is_cancellable:
        return None
    payment = _paid(order)
    paid_fen = payment.received_fen if payment else 0
    return Preview(paid_fen, share_of(order.refund_policy, paid_fen, order.check_in, timezone.localdate()))


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


def cancel(order: Order, *, by: User, agreed_fen: int | None) -> None:
    """End the order; what comes back is due at once. Raises CannotCancel.

    Open attempts are first closed at Alipay, so that a payment on its way settles and counts; where Alipay is
    silent the order is cancelled all the same, and money that still comes goes back. `agreed_fen` is what the
    renter saw and agreed to get back; None where nothing was shown.
    """
    for payment in order.payments.filter(status=Payment.Status.OPEN):
        asking.ask_and_close(payment)
    _cancel(order, by, agreed_fen)


@durable_transaction
def _cancel(order: Order, by: User, agreed_fen: int | None) -> None:
    order = Order.objects.select_for_update().get(pk=order.pk)
    now = preview(order)
    if now is None:
        raise CannotCancel(_("This order can't be cancelled now."))
    if agreed_fen is not None and agreed_fen != now.comes_back_fen:
        words = _("Things have changed meanwhile: ￥%(amount)s would come back. Please look again.")
        raise CannotCancel(words % {"amount": yuan_text(now.comes_back_fen)})
    transitions.cancel(order, by=by)
    order.payments.filter(status=Payment.Status.OPEN).update(live_for=None, next_try_at=timezone.now())
    payment = _paid(order)
    if payment is not None and now.comes_back_fen:
        settlement.make_refund(payment, now.comes_back_fen, reason=Refund.Reason.CANCELED)


def _paid(order: Order) -> Payment | None:
    return order.payments.filter(status=Payment.Status.PAID).first()
