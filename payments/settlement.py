"""The one door through which money is recorded. The only writer of Payment.status, money and Refund rows.

Return, notify, query and staff all end in settle(). The locks (Order, then Payment, then Refund) keep people
from waiting in the wrong order; the compare-and-set decides who was first, also where locks don't reach.
"""

import enum
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F
from django.utils import timezone

from core.money import yuan_text
from core.transactions import durable_transaction
from orders import transitions
from orders.models import Order, OrderEvent
from orders.transitions import IllegalTransition
from payments import journal
from payments.models import GatewayMessage, Payment, Refund

log = logging.getLogger(__name__)

Status = Payment.Status
Evidence = Payment.Evidence


@dataclass(frozen=True, slots=True)
class Receipt:
    """Money that Alipay says has come in for an attempt, and which channel said so (Payment.Evidence)."""

    trade_no: str
    amount_fen: int
    paid_at: datetime | None
    evidence: str


class Outcome(enum.Enum):
    APPLIED = "the order is paid"
    SURPLUS = "the order did not need it; it goes back"
    ALREADY = "somebody was first"


@dataclass(frozen=True, slots=True)
class Settlement:
    outcome: Outcome
    spare: Payment | None = None
    """Another attempt of the order that was still alive, and that nobody must pay any more."""


@durable_transaction
def settle(payment: Payment, receipt: Receipt, *, message: GatewayMessage | None = None) -> Settlement:
    """Record that money came in; once, whoever says so and however often. Durable when it returns.

    `message` is what brought the news; its verdict is written in the same transaction.
    What must hold before (signature, addressee, amount) is the channel's to check.
    """
    order = _locked_order(payment)
    outcome, spare = Outcome.ALREADY, None
    if _claim(payment, receipt):
        outcome = _apply(order, payment, receipt)
        if order.status != Order.Status.WAIT_PAYMENT:
            spare = _let_go_of_live_attempt(order)
    else:
        _strengthen(payment, receipt)
    if message is not None:
        verdict = journal.Verdict.KNOWN if outcome is Outcome.ALREADY else journal.Verdict.SETTLED
        journal.judge(message, verdict, payment=payment, detail=outcome.value)
    log.info("attempt %s by %s: %s", payment.out_trade_no, receipt.evidence, outcome.value)
    return Settlement(outcome, spare)


@durable_transaction
def mark_closed(payment: Payment) -> None:
    """Alipay's last word on an attempt is that nobody can pay it. Paid stays paid."""
    _locked_order(payment)
    Payment.objects.filter(pk=payment.pk, status=Status.OPEN).update(
        status=Status.CLOSED, live_for=None, next_try_at=None
    )


@durable_transaction
def let_go(payment: Payment) -> None:
    """Make room for a new attempt. This one stays OPEN, and is asked about, until Alipay's last word."""
    _locked_order(payment)
    Payment.objects.filter(pk=payment.pk).update(live_for=None)


@durable_transaction
def expire_unpaid(order: Order) -> bool:
    """End an order that was not paid in time. False while an attempt is OPEN, or it was paid after all."""
    order = Order.objects.select_for_update().get(pk=order.pk)
    is_late = order.status == Order.Status.WAIT_PAYMENT and order.pay_by and order.pay_by <= timezone.now()
    if not is_late or order.payments.filter(status=Status.OPEN).exists():
        return False
    transitions.expire(order)
    return True


def mark_contradicted(payment: Payment, *, vouched_for_by: str) -> None:
    """A signed answer says otherwise than a signed return: staff decide, nothing is refunded by itself.

    `vouched_for_by`: the attempt's evidence so far, RETURN, or "" where the return has not settled it.
    """
    rows = Payment.objects.filter(pk=payment.pk, evidence=vouched_for_by, contradicted_at=None)
    if rows.update(contradicted_at=timezone.now(), next_try_at=timezone.now()):
        log.error("attempt %s: Alipay's answer contradicts its own return", payment.out_trade_no)


def _locked_order(payment: Payment) -> Order:
    columns = ("number", "status", "amount_fen")  # what the steps below look at; a whole row costs more
    return Order.objects.select_for_update().only(*columns).get(pk=payment.order_id)


def _claim(payment: Payment, receipt: Receipt) -> bool:
    """OPEN or CLOSED becomes PAID for exactly one caller."""
    only_return = receipt.evidence == Evidence.RETURN
    won = Payment.objects.filter(pk=payment.pk, status__in=[Status.OPEN, Status.CLOSED]).update(
        status=Status.PAID,
        live_for=None,
        trade_no=receipt.trade_no,
        received_fen=receipt.amount_fen,
        paid_at=receipt.paid_at or timezone.now(),
        evidence=receipt.evidence,
        contradicted_at=None,
        next_try_at=timezone.now() + timedelta(seconds=15) if only_return else None,
    )
    return won == 1


def _apply(order: Order, payment: Payment, receipt: Receipt) -> Outcome:
    if receipt.amount_fen == payment.amount_fen == order.amount_fen:
        try:
            transitions.mark_paid(order, trade_no=receipt.trade_no, amount_fen=receipt.amount_fen)
            return Outcome.APPLIED
        except IllegalTransition:
            pass
    Payment.objects.filter(pk=payment.pk).update(status=Status.SURPLUS)
    transitions.note(order, OrderEvent.Kind.SURPLUS, amount_fen=receipt.amount_fen)
    make_refund(payment, receipt.amount_fen, reason=Refund.Reason.SURPLUS)
    return Outcome.SURPLUS


def make_refund(payment: Payment, amount_fen: int, *, reason: str) -> Refund:
    """Owe `amount_fen` of what came in with `payment`; inside the caller's transaction, the order locked.

    Raises ValueError where it is not positive, or more than is left.
    """
    if amount_fen <= 0:
        raise ValueError("a refund gives back at least one fen")
    reserved = Payment.objects.filter(
        pk=payment.pk, received_fen__gte=F("refund_reserved_fen") + amount_fen
    ).update(refund_reserved_fen=F("refund_reserved_fen") + amount_fen)
    if not reserved:
        raise ValueError(f"{payment.out_trade_no}: less than {yuan_text(amount_fen)} is left to refund")
    refund = Refund.objects.create(
        payment=payment,
        out_request_no=f"{payment.out_trade_no}_R{payment.refunds.count() + 1}",
        amount_fen=amount_fen,
        reason=reason,
        next_try_at=timezone.now(),
    )
    transitions.note(payment.order, OrderEvent.Kind.REFUND_DUE, amount_fen=amount_fen)
    return refund


@durable_transaction
def mark_refund_sent(refund: Refund) -> bool:
    """On disk before Alipay is called: after a kill in between it is asked about before it is sent again."""
    _locked_order(refund.payment)
    return bool(
        Refund.objects.filter(pk=refund.pk, status=Refund.Status.DUE).update(status=Refund.Status.SENT)
    )


@durable_transaction
def mark_refunded(refund: Refund) -> None:
    """Alipay's word that the money has gone back. The renter's timeline tells of it once."""
    order = _locked_order(refund.payment)
    if Refund.objects.filter(pk=refund.pk, status=Refund.Status.SENT).update(
        status=Refund.Status.DONE, done_at=timezone.now(), next_try_at=None, refusal=""
    ):
        transitions.note(order, OrderEvent.Kind.REFUNDED, amount_fen=refund.amount_fen)


@durable_transaction
def mark_refund_refused(refund: Refund, refusal: str) -> None:
    """Alipay says no; staff see why. What was reserved stays so: the refund may be tried again."""
    _locked_order(refund.payment)
    Refund.objects.filter(pk=refund.pk, status=Refund.Status.SENT).update(
        status=Refund.Status.REFUSED, next_try_at=None, refusal=refusal[:120]
    )


@durable_transaction
def try_refund_again(refund: Refund) -> bool:
    """Staff send a refused refund once more: the same number, the same amount."""
    _locked_order(refund.payment)
    return bool(
        Refund.objects.filter(pk=refund.pk, status=Refund.Status.REFUSED).update(
            status=Refund.Status.SENT, next_try_at=timezone.now()
        )
    )


def _let_go_of_live_attempt(order: Order) -> Payment | None:
    keys = Payment.objects.filter(live_for=order).order_by().values_list("pk", flat=True)
    for key in keys:
        Payment.objects.filter(pk=key).update(live_for=None, next_try_at=timezone.now())
        return Payment.objects.get(pk=key)
    return None


def _strengthen(payment: Payment, receipt: Receipt) -> None:
    """What only a return vouched for is now known from Alipay itself."""
    if receipt.evidence != Evidence.RETURN:
        Payment.objects.filter(pk=payment.pk, evidence=Evidence.RETURN).update(
            evidence=receipt.evidence, next_try_at=None, contradicted_at=None
        )
