"""Checkout of the difference of a dearer change: as for an order, one live attempt, and its URL at Alipay."""

from django.utils.translation import gettext as _

from core.transactions import durable_transaction
from orders.models import Order, StayChange
from orders.waiting_changes import waiting_change_of
from payments import checkout
from payments.books import attempts, rows
from payments.checkout import CannotPay
from payments.models import Payment


def press_pay(order: Order, product: str, *, another: bool = False) -> str:
    """Return the URL at Alipay to redirect the browser to. Raises CannotPay."""
    change = _payable(order)
    live = rows.live_of(order)
    if live is not None and (another or live.product != product or _is_outdated(live, change)):
        checkout.make_room(live)
        live = None
    return checkout.address(live or checkout.live_or_new(lambda: _lock_and_make(order, product)), order)


def _payable(order: Order) -> StayChange:
    change = waiting_change_of(order)
    if change is None or not change.is_payable:
        raise CannotPay(_("This change can no longer be paid. Your stay is as it was."))
    return change


def _is_outdated(live: Payment, change: StayChange) -> bool:
    return live.stay_change_id != change.pk or checkout.is_nearly_over(live)


@durable_transaction
def _lock_and_make(order: Order, product: str) -> Payment:
    """Return the live attempt, or a new one, with order and change read under the lock. Raises CannotPay."""
    order = Order.objects.select_for_update().get(pk=order.pk)
    change = _payable(order)
    live = rows.live_of(order)
    if live is not None:
        return live
    checkout.check_attempts(change.payments.count())
    used = attempts.numbers_of(order)
    fen = change.difference_fen
    return checkout.make_attempt(order, product, used, amount_fen=fen, pay_by=change.pay_by, change=change)
