"""Pressing Pay: one live attempt for an order, and the signed address that leads to it."""

from datetime import timedelta

from django.db import IntegrityError
from django.utils import timezone
from django.utils.translation import gettext as _

from core.links import absolute_url
from core.transactions import durable_transaction
from orders.models import SECONDS_TO_PAY, Order
from orders.transitions import PAY_WITHIN_AFTER_ACCEPTANCE
from payments import queries
from payments.alipay.answers import Closed, NotExisting
from payments.alipay.client import PayRequest
from payments.alipay.configured import alipay_client
from payments.books import attempts
from payments.models import Payment, subject_of

Product = Payment.Product


MOST_ATTEMPTS = 20
"""For one order: each is asked about until it ends."""


class CannotPay(Exception):
    """Words for the renter, to be shown on the order page."""


def press_pay(order: Order, product: str, *, another: bool = False) -> str:
    """The address at Alipay to send the browser to. Raises CannotPay.

    A live attempt is used again, without asking Alipay. Where it can't be (another product, nearly over, or
    the renter wants `another` account), Alipay must first say that nobody can pay it, or has begun to.
    """
    if not order.is_payable:
        raise _too_late(order)
    live = Payment.objects.filter(live_for=order).first()
    if live is not None and (another or live.product != product or _is_nearly_over(live)):
        _make_room(live)
        live = None
    return _address(live or _live_or_new_attempt(order, product), order)


def _too_late(order: Order) -> CannotPay:
    if order.turns_at is None:
        return CannotPay(_("This order can't be paid any more."))
    return CannotPay(
        _(
            "Less than a minute is left: it is too late to begin. "
            "If you are paying at Alipay now, finish it there."
        )
    )


def _is_nearly_over(payment: Payment) -> bool:
    return payment.expires_at - timezone.now() < timedelta(seconds=SECONDS_TO_PAY)


def _make_room(live: Payment) -> None:
    """Let go of a live attempt, after asking Alipay. Raises CannotPay: it was paid, or no answer came."""
    answer = queries.ask_and_close(live)
    if live.is_settled:
        raise CannotPay(_("This order has been paid already."))
    if live.status == Payment.Status.OPEN and not isinstance(answer, (Closed, NotExisting)):
        raise CannotPay(
            _("Alipay does not answer just now. Your order is kept; please try again in a moment.")
        )
    attempts.release_live(live)


def _live_or_new_attempt(order: Order, product: str) -> Payment:
    try:
        return _lock_and_make(order, product)
    except IntegrityError:
        # Another writer, whom our lock did not reach, made one at the same instant.
        return _lock_and_make(order, product)


@durable_transaction
def _lock_and_make(order: Order, product: str) -> Payment:
    """The live attempt that is there, or a new one. Raises CannotPay, having read the order anew."""
    order = Order.objects.select_for_update().get(pk=order.pk)
    now = timezone.now()
    if not order.can_be_paid_at(now):
        raise _too_late(order)
    live = Payment.objects.filter(live_for=order).first()
    if live is not None:
        return live
    if order.payments.count() >= MOST_ATTEMPTS:
        raise CannotPay(_("You have begun to pay this order very often. Please ask our staff for help."))
    expires_at = (order.pay_by or now + PAY_WITHIN_AFTER_ACCEPTANCE).replace(microsecond=0)
    return Payment.objects.create(
        order=order,
        live_for=order,
        out_trade_no=f"{order.number}_{_last_attempt_number(order) + 1}",
        product=product,
        subject=subject_of(order),
        amount_fen=order.amount_fen,
        expires_at=expires_at,
        next_try_at=now + timedelta(seconds=15),
    )


def _last_attempt_number(order: Order) -> int:
    numbers = order.payments.values_list("out_trade_no", flat=True)
    return max((int(number.partition("_")[2]) for number in numbers), default=0)


def _address(payment: Payment, order: Order) -> str:
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
