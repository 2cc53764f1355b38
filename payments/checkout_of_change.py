"""Checkout of the difference of a dearer change: as for an order, one live attempt, and its URL at Alipay."""

from django.db import IntegrityError
from django.utils import timezone
from django.utils.translation import gettext as _

from core import metrics
from core.transactions import durable_transaction
from orders.models import Order, StayChange
from orders.waiting_changes import waiting_change_of
from payments import checkout
from payments.books import attempts, rows
from payments.checkout import CannotPay
from payments.models import Payment, subject_of
from payments.poll_schedule import FIRST_POLL_AFTER


def press_pay(order: Order, product: str, *, another: bool = False) -> str:
    """Return the URL at Alipay to redirect the browser to. Raises CannotPay."""
    change = _payable(order)
    live = rows.live_of(order)
    if live is not None and (another or live.product != product or _is_outdated(live, change)):
        checkout.make_room(live)
        live = None
    return checkout.address(live or _live_or_new_attempt(order, product), order)


def _payable(order: Order) -> StayChange:
    change = waiting_change_of(order)
    if change is None or not change.is_payable:
        raise CannotPay(_("This change can no longer be paid. Your stay is as it was."))
    return change


def _is_outdated(live: Payment, change: StayChange) -> bool:
    return live.stay_change_id != change.pk or checkout.is_nearly_over(live)


def _live_or_new_attempt(order: Order, product: str) -> Payment:
    try:
        return _lock_and_make(order, product)
    except IntegrityError:  # a concurrent writer without a lock on the order made one
        return _lock_and_make(order, product)


@durable_transaction
def _lock_and_make(order: Order, product: str) -> Payment:
    """Return the live attempt, or a new one, with order and change read under the lock. Raises CannotPay."""
    order = Order.objects.select_for_update().get(pk=order.pk)
    change = _payable(order)
    live = rows.live_of(order)
    if live is not None:
        return live
    if change.payments.count() >= checkout.MOST_ATTEMPTS:
        raise CannotPay(_("Too many payment attempts for this order. Please contact us for help."))
    metrics.counter(metrics.ATTEMPTS, product).inc()
    return Payment.objects.create(
        order=order,
        live_for=order,
        stay_change=change,
        out_trade_no=attempts.next_number(order),
        product=product,
        subject=subject_of(order),
        amount_fen=change.difference_fen,
        expires_at=change.pay_by.replace(microsecond=0),
        next_try_at=timezone.now() + FIRST_POLL_AFTER,
    )
