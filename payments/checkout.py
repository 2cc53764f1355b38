"""Checkout: one live attempt for each order, and the signed URL to pay it at Alipay."""

from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import IntegrityError
from django.utils import timezone
from django.utils.translation import gettext as _

from core import metrics
from core.links import absolute_url
from core.prepared import Insert, Select
from core.refusal import Refusal
from core.transactions import durable_transaction
from orders.models import SECONDS_TO_PAY, Order, StayChange
from orders.transitions import PAY_WITHIN_AFTER_ACCEPTANCE
from payments import queries
from payments.alipay.answers import Closed, NotExisting
from payments.alipay.client import PayRequest
from payments.alipay.configured import alipay_client
from payments.books import attempts, rows
from payments.models import Payment, subject_of
from payments.poll_schedule import FIRST_POLL_AFTER

Product = Payment.Product

_LOCK = Select(
    lambda value: Order.objects.select_for_update().filter(pk=value(Order, "pk", "key")).order_by()
)
_MAKE = Insert(Payment)

MOST_ATTEMPTS = 20
"""Maximum for one order, since each is polled until it ends."""


class CannotPay(Refusal):
    """A sentence for the renter, shown on the order page."""


def press_pay(order: Order, product: str, *, another: bool = False) -> str:
    """Return the URL at Alipay to redirect the browser to. Raises CannotPay.

    A live attempt is used again, without a query. If it can't be (another product, about to expire, or the
    renter wants `another` account), Alipay must first confirm that it is closed or that nobody has opened it.
    """
    if not order.is_payable:
        raise _too_late(order)
    live = rows.live_of(order)
    if live is not None and (another or live.product != product or is_nearly_over(live)):
        make_room(live)
        live = None
    return address(live or live_or_new(lambda: _lock_and_make(order, product)), order)


def _too_late(order: Order) -> CannotPay:
    if order.turns_at is None:
        return CannotPay(_("This order can no longer be paid."))
    return CannotPay(
        _(
            "Less than a minute left: it's too late to start a payment. If you're already paying in "
            "Alipay, finish there."
        )
    )


def is_nearly_over(payment: Payment) -> bool:
    return payment.expires_at - timezone.now() < timedelta(seconds=SECONDS_TO_PAY)


def make_room(live: Payment) -> None:
    """Query, close and release a live attempt. Raises CannotPay if it was paid, or if no answer came."""
    answer = queries.query_and_close(live)
    if live.is_settled:
        raise CannotPay(_("This order has already been paid."))
    if live.status == Payment.Status.OPEN and not isinstance(answer, (Closed, NotExisting)):
        raise CannotPay(
            _("Alipay isn't responding right now. We're keeping your order; please try again in a moment.")
        )
    attempts.release_live(live)


def live_or_new(lock_and_make: Callable[[], Payment]) -> Payment:
    """Return the attempt that `lock_and_make` returns, by a second try if the first one met a new row."""
    try:
        return lock_and_make()
    except IntegrityError:
        # A concurrent writer without a lock on the order made one.
        return lock_and_make()


@durable_transaction
def _lock_and_make(order: Order, product: str) -> Payment:
    """Return the live attempt, or a new one, with the order read again under its lock. Raises CannotPay."""
    locked = _LOCK.first(key=order.pk)
    if locked is None:
        raise Order.DoesNotExist
    order, now = locked, timezone.now()
    if not order.can_be_paid_at(now):
        raise _too_late(order)
    live = rows.live_of(order)
    if live is not None:
        return live
    used = attempts.numbers_of(order)
    check_attempts(len(used))
    pay_by = order.pay_by or now + PAY_WITHIN_AFTER_ACCEPTANCE
    return make_attempt(order, product, used, amount_fen=order.amount_fen, pay_by=pay_by)


def check_attempts(made: int) -> None:
    """Raise CannotPay if one more attempt would be too many."""
    if made >= MOST_ATTEMPTS:
        raise CannotPay(_("Too many payment attempts for this order. Please contact us for help."))


def make_attempt(
    order: Order,
    product: str,
    used: list[int],
    *,
    amount_fen: int,
    pay_by: datetime,
    change: StayChange | None = None,
) -> Payment:
    """Make the live attempt, inside the caller's transaction and lock. `used`: attempts.numbers_of(order)."""
    metrics.counter(metrics.ATTEMPTS, product).inc()
    return _MAKE(
        Payment(
            order=order,
            live_for=order,
            stay_change=change,
            out_trade_no=attempts.next_number(order, used),
            product=product,
            subject=subject_of(order),
            amount_fen=amount_fen,
            expires_at=pay_by.replace(microsecond=0),
            next_try_at=timezone.now() + FIRST_POLL_AFTER,
        )
    )


def address(payment: Payment, order: Order) -> str:
    """Return the signed URL at Alipay to pay this attempt."""
    request = PayRequest(
        out_trade_no=payment.out_trade_no,
        amount_fen=payment.amount_fen,
        subject=payment.subject,
        expires_at=payment.expires_at,
        return_url=absolute_url("payments:paycomplete"),
        notify_url=absolute_url("payments:notify"),
        quit_url=absolute_url("orders:detail", order.number),
    )
    alipay = alipay_client()
    return alipay.wap_pay_url(request) if payment.product == Product.WAP else alipay.page_pay_url(request)
