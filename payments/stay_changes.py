"""Change of a stay with its money: open attempts are closed; a difference is paid first, or refunded."""

from dataclasses import dataclass

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from core.money import MAX_FEN
from core.refusal import no_longer_possible
from core.transactions import durable_transaction
from houses.availability import NightsTaken
from houses.models import House
from houses.quotes import Quote
from orders import changes, guest_details, limits, recovery, waiting_changes
from orders.changes import CannotChange, Stay
from orders.models import Order
from payments import cancellation, queries
from payments.alipay.answers import Closed, NotExisting
from payments.books import attempts, refunds
from payments.models import Payment, Refund


@dataclass(frozen=True)
class Wish:
    """A change that somebody agreed to. `agreed`: the preview that they saw."""

    stay: Stay
    by: User
    agreed: str
    is_of_staff: bool = False
    """Made in the admin, also by staff who are the renter: their refunds may need approval."""
    reason: str = ""
    guest_names: str | None = None
    """None: as they are."""


@dataclass(frozen=True)
class Preview:
    """Amounts in fen: of the order until now, and after the change to `stay`."""

    stay: Stay
    is_paid: bool
    old_fen: int
    price: Quote
    """Of the stay after the change."""

    @property
    def new_fen(self) -> int:
        return self.price.total_fen

    @property
    def refund_fen(self) -> int:
        return max(self.old_fen - self.new_fen, 0) if self.is_paid else 0

    @property
    def difference_fen(self) -> int:
        """To be paid before a paid stay changes to a dearer one."""
        return max(self.new_fen - self.old_fen, 0) if self.is_paid else 0

    @property
    def agreed(self) -> str:
        """Return what a form sends back, to show that it was seen.

        With the stay: other dates may cost the same, and be refunded otherwise.
        """
        stay = f"{self.stay.check_in:%Y%m%d}-{self.stay.check_out:%Y%m%d}-{self.stay.guests}"
        return f"{self.is_paid:d}-{self.old_fen}-{self.new_fen}-{stay}"


def preview(order: Order, stay: Stay) -> Preview:
    """Return what the change would cost now. Raises CannotChange."""
    if not changes.is_changeable(order):
        raise CannotChange(no_longer_possible(order.number, order.get_status_display()))
    if stay == changes.stay_of(order):
        raise CannotChange(_("This is the stay as it is now."))
    if order.is_paid and waiting_changes.waiting_change_of(order):
        raise CannotChange(_("A change of this stay is waiting to be paid. Pay for it or drop it first."))
    price = changes.requote(order, stay)
    if price.total_fen > MAX_FEN:
        raise CannotChange(_("The total is more than a single payment allows. Please choose fewer nights."))
    return Preview(stay, order.is_paid, order.amount_fen, price)


def preview_for_renter(order: Order, stay: Stay) -> Preview:
    """Return what the renter's own change would cost now. Raises CannotChange."""
    changes.check_for_renter(order, stay)
    found = preview(order, stay)
    changes.check_policy(order, stay, is_cheaper=found.refund_fen > 0)
    if found.refund_fen and found.refund_fen > refunds.refundable_fen(order):
        raise CannotChange(
            _("Part of what you paid has been refunded, so we arrange this with you. Please contact us.")
        )
    return found


def change(
    order: Order, stay: Stay, *, by: User, agreed: str, reason: str = "", guest_names: str | None = None
) -> Preview:
    """Change dates and guests of an order, paid or not. Raises CannotChange, CannotRefund.

    A dearer stay of a paid order is agreed on, and changes once the difference is paid (waiting_changes.py).
    `agreed`: the preview that was seen. Attempts with another amount are closed at Alipay first, so that the
    renter doesn't pay the old one meanwhile; an old one that is paid nevertheless is refunded as surplus.
    """
    closed = _close_outdated_attempts(order, preview(order, stay))
    try:
        return _change(order, Wish(stay, by, agreed, True, reason, guest_names), closed)
    except NightsTaken as error:
        raise _taken() from error


def change_for_renter(order: Order, stay: Stay, *, agreed: str, guest_names: str | None = None) -> Preview:
    """Change dates and guests for the renter. Raises CannotChange, CannotRefund, limits.TooManyUnpaid.

    As for staff, attempts to pay another amount are closed first, and a dearer paid stay waits.
    """
    closed = _close_outdated_attempts(order, preview_for_renter(order, stay))
    try:
        return _change_for_renter(order, Wish(stay, order.renter, agreed, guest_names=guest_names), closed)
    except NightsTaken as error:
        raise _taken() from error


def _taken() -> CannotChange:
    return CannotChange(_("Some of these nights are unavailable. Please choose other dates."))


def _close_outdated_attempts(order: Order, now: Preview) -> set[int]:
    return set() if now.is_paid or now.old_fen == now.new_fen else _close_open_attempts(order)


def _close_open_attempts(order: Order) -> set[int]:
    """Query and close open attempts. Returns their keys. Raises CannotChange if one was paid, or may be."""
    asked = set()
    still_open = order.payments.filter(status=Payment.Status.OPEN).order_by("-created_at", "-id")
    for payment, seconds in queries.within_interactive_timeout(still_open):
        answer = queries.query_and_close(payment, deadline=seconds)
        if payment.is_settled:
            raise _changed_meanwhile()
        if payment.status == Payment.Status.OPEN and not isinstance(answer, (Closed, NotExisting)):
            refusal = _(
                "Alipay isn't responding right now, and the renter may be paying. Try again in a moment."
            )
            raise CannotChange(refusal)
        asked.add(payment.pk)
    return asked


def _changed_meanwhile() -> CannotChange:
    return CannotChange(_("The order has just changed. Please check it again."))


@durable_transaction
def _change(order: Order, wish: Wish, closed: set[int]) -> Preview:
    return _write(order, wish, closed)


@durable_transaction
def _change_for_renter(order: Order, wish: Wish, closed: set[int]) -> Preview:
    """Lock the renter first, as a booking does: together they hold no more unpaid nights than one may."""
    User.objects.select_for_update().get(pk=order.renter_id)
    if not order.is_paid:
        limits.check_longer(order, wish.stay.nights)
    return _write(order, wish, closed)


def drop(order: Order, *, by: User) -> None:
    """Drop the change that waits, for the renter or staff. Raises CannotChange if none does any more.

    Open attempts are closed at Alipay first, so that a difference that is just being paid still counts.
    """
    change = waiting_changes.waiting_change_of(order)
    if change is not None:
        cancellation.close_open_attempts(order)
    if change is None or not attempts.drop_change(change, by=by):
        raise _changed_meanwhile()


def _write(order: Order, wish: Wish, closed: set[int]) -> Preview:
    order = Order.objects.select_for_update().get(pk=order.pk)
    order.house = House.objects.select_for_update().get(pk=order.house_id)
    now = (preview if wish.is_of_staff else preview_for_renter)(order, wish.stay)
    if not _is_as_agreed(now, wish.agreed) or _new_attempts(order, now, closed):
        raise _changed_meanwhile()
    _check_not_held(order, wish.stay)
    _write_names(order, wish)
    if now.difference_fen:
        _agree(order, wish, now)
    else:
        changes.change_stay(order, wish.stay, price=now.price, by=wish.by, reason=wish.reason)
        _settle_difference(order, wish, now)
    return now


def _check_not_held(order: Order, stay: Stay) -> None:
    if changes.further_nights(order, stay):
        try:
            recovery.refuse_while_held()
        except recovery.BookingsHeld as refusal:
            raise CannotChange(str(refusal)) from None


def _write_names(order: Order, wish: Wish) -> None:
    """Write the names of fewer guests at once: while the change waits, they fit both stays."""
    if wish.guest_names is not None:
        guest_details.write_names(order, wish.guest_names)
    elif wish.stay.guests < order.guests and not guest_details.do_fit(order, wish.stay.guests):
        raise _changed_meanwhile()  # more names were given


def _agree(order: Order, wish: Wish, now: Preview) -> None:
    if not wish.is_of_staff:
        limits.check_further(order, len(changes.further_nights(order, wish.stay)))
    waiting_changes.agree(order, wish.stay, price=now.price, by=wish.by, reason=wish.reason)


def _settle_difference(order: Order, wish: Wish, now: Preview) -> None:
    """Release attempts to pay another amount, and give back what a cheaper stay leaves over.

    A renter's own change needs no approval: the policy would give the same back today.
    """
    outdated = order.payments.filter(status=Payment.Status.OPEN).exclude(amount_fen=now.new_fen)
    outdated.update(live_for=None, next_try_at=timezone.now())
    if now.refund_fen and not wish.is_of_staff:
        refunds.create_of_order(order, now.refund_fen, reason=Refund.Reason.CHANGED)
    elif now.refund_fen:
        refunds.create_of_order(
            order, now.refund_fen, reason=Refund.Reason.STAFF, asked_by=wish.by, explanation=wish.reason
        )


def _is_as_agreed(now: Preview, agreed: str) -> bool:
    return now.agreed == agreed


def _new_attempts(order: Order, now: Preview, closed: set[int]) -> bool:
    """Return True if the renter began to pay the old amount after the attempts were closed."""
    if now.is_paid or now.old_fen == now.new_fen:
        return False
    return order.payments.filter(status=Payment.Status.OPEN).exclude(pk__in=closed).exists()
