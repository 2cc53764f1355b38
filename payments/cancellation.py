"""Cancellation of an order: the refund by the policy frozen on it, and the cancellation itself."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from core.money import yuan_text
from core.refusal import Refusal, no_longer_possible
from core.transactions import durable_transaction
from houses.refund_policy import share_of
from orders import price_lines, transitions, waiting_changes
from orders.models import Order, StayChange
from orders.transitions import IllegalTransition
from payments import queries
from payments.books import attempts, refunds
from payments.models import Payment, Refund


class CannotCancel(Refusal):
    """A sentence for the renter or staff. Nothing was written."""


@dataclass(frozen=True, slots=True)
class Preview:
    """Amounts in fen: received, refunded before (or on its way), and what cancelling would refund now.

    `awaiting_approval_fen`: if staff cancel, these proposals are given up, since staff decide again. If the
    renter cancels, they are kept as long as enough is refundable for both.
    """

    received_fen: int
    refunded_fen: int
    refund_fen: int
    awaiting_approval_fen: int
    for_stay_fen: int
    """Of what is left, as much as the stay costs: the policy is about this."""
    cleaning_fen: int = 0
    """Of the refund: the cleaning fee, which is given back whole."""

    @property
    def nights_fen(self) -> int:
        """Of the refund: the rest, by the policy."""
        return self.refund_fen - self.cleaning_fen

    @property
    def refundable_fen(self) -> int:
        return self.received_fen - self.refunded_fen

    @property
    def kept_fen(self) -> int:
        return self.for_stay_fen - self.refund_fen


def preview(order: Order) -> Preview | None:
    """The amounts if the renter cancelled today. None if the renter can't cancel (any more)."""
    return _by_policy(order) if order.is_cancellable else None


def preview_for_staff(order: Order) -> Preview:
    """The amounts by policy; staff may decide otherwise. Raises CannotCancel if the order is over."""
    if order.is_over:
        raise CannotCancel(no_longer_possible(order.number, order.get_status_display()))
    return _by_policy(order)


def _by_policy(order: Order) -> Preview:
    """Apply the policy frozen on the order to what has not been refunded yet."""
    payments = refunds.paid_for(order)
    received = sum(payment.received_fen for payment in payments)
    awaiting = sum(payment.awaiting_approval_fen for payment in payments)
    left = sum(payment.refundable_fen for payment in payments) + awaiting
    return Preview(
        received,
        received - left,
        _share(order, left),
        awaiting,
        min(left, order.amount_fen),
        _cleaning(order, left),
    )


def _share(order: Order, left_fen: int) -> int:
    """Return the part of what is left of the payment that the policy gives back today.

    Before check-in, the cleaning fee is given back whole, since nobody came. After it, it is kept. After a
    change to a cheaper stay more may be left than it costs, while a refund of the rest awaits approval: the
    policy is about the stay, and that refund is kept.
    """
    today = timezone.localdate()
    of_stay_fen = min(left_fen, order.amount_fen)
    fee_fen = min(price_lines.cleaning_fen(order), of_stay_fen)
    share = share_of(order.refund_policy, of_stay_fen - fee_fen, order.check_in, today)
    return share + _cleaning(order, left_fen)


def _cleaning(order: Order, left_fen: int) -> int:
    """Return the cleaning fee, if it is given back today, as far as it is left."""
    is_ahead = timezone.localdate() < order.check_in
    return min(price_lines.cleaning_fen(order), left_fen, order.amount_fen) if is_ahead else 0


def share_of_payment(payment: Payment) -> int:
    """The part of what is left of a payment that the policy gives today: all of what the order did not need.

    Of several payments of an order, the newest gives first. Nothing more of an order that is over: its policy
    was applied when it ended.
    """
    if payment.status == Payment.Status.SURPLUS:
        return payment.refundable_fen
    order = payment.order
    if order.is_over:
        return 0
    payments = refunds.paid_for(order)
    share = _share(order, sum(paid.refundable_fen for paid in payments))
    return dict(refunds.spread(payments, share)).get(payment, 0)


def cancel(order: Order, *, by: User, agreed: Mapping[str, str]) -> None:
    """Cancel the order for its renter. The refund is due at once. Raises CannotCancel.

    `agreed`: the amounts in fen that the renter saw, by their names in Preview, as the form sends them. Empty
    if none were shown.
    """
    close_open_attempts(order)
    _cancel(order, by, agreed)


def cancel_by_staff(order: Order, *, by: User, reason: str, refundable_fen: int, refund_fen: int) -> None:
    """Cancel the order for staff, regardless of policy and date. Raises CannotCancel, CannotRefund.

    `refundable_fen`: the maximum refund that they saw. Above the limit for one person, the order is cancelled
    at once and the refund awaits approval.
    """
    close_open_attempts(order)
    _cancel_by_staff(order, by, reason, refundable_fen, refund_fen)


def close_open_attempts(order: Order) -> None:
    """Query and close open attempts before the order ends, so that a payment on its way still counts.

    If Alipay does not answer, the order ends (or is paid) anyway, and money that still comes is refunded.
    """
    still_open = order.payments.filter(status=Payment.Status.OPEN).order_by("-created_at", "-id")
    for payment, seconds in queries.within_interactive_timeout(still_open):
        queries.query_and_close(payment, deadline=seconds)


@durable_transaction
def _cancel(order: Order, by: User, agreed: Mapping[str, str]) -> None:
    order = Order.objects.select_for_update().get(pk=order.pk)
    now = preview(order)
    if now is None:
        raise CannotCancel(_("This order can't be cancelled now."))
    if any(str(getattr(now, name)) != fen for name, fen in agreed.items()):
        refusal = _(
            "The refund has changed: you would now get ￥%(amount)s back. Please check and confirm again."
        )
        raise CannotCancel(refusal % {"amount": yuan_text(now.refund_fen)})
    _end(order, by=by)
    _refund(order, now.refund_fen)


@durable_transaction
def _cancel_by_staff(order: Order, by: User, reason: str, refundable_fen: int, refund_fen: int) -> None:
    order = Order.objects.select_for_update().get(pk=order.pk)
    refundable_now = preview_for_staff(order).refundable_fen
    if refundable_now != refundable_fen or refund_fen > refundable_now:
        refusal = _(
            "The order has changed: at most ￥%(amount)s can be refunded now. Please check and confirm again."
        )
        raise CannotCancel(refusal % {"amount": yuan_text(refundable_now)})
    _end(order, by=by, reason=reason)
    _refund(order, refund_fen, asked_by=by)


def _end(order: Order, *, by: User, reason: str = "") -> None:
    try:
        transitions.cancel(order, by=by, reason=reason)
    except IllegalTransition as error:
        raise CannotCancel(_("The order has just changed. Please check it again.")) from error
    waiting_changes.end(order, status=StayChange.Status.DROPPED)
    attempts.release_open(order)


def _refund(order: Order, amount_fen: int, *, asked_by: User | None = None) -> None:
    needed_fen = amount_fen if asked_by is None else _by_policy(order).refundable_fen
    refunds.withdraw_proposals(order, until_refundable_fen=needed_fen)
    if amount_fen:
        refunds.create_of_order(order, amount_fen, reason=Refund.Reason.CANCELED, asked_by=asked_by)
