"""Records money that came in: the only writer of an attempt's status and of what it received.

Returns, notices and queries all end in settle(), and staff who took money outside Alipay in record_outside():
both are one function, _settle(). `next_try_at` (poll schedule) and `billed_on` (daily bill) are written
elsewhere, too.
"""

import enum
import logging
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from accounts.models import User
from core import metrics
from core.prepared import Select, Update
from core.transactions import durable_transaction
from orders import changes, transitions, waiting_changes
from orders.models import Order, OrderEvent, StayChange
from orders.transitions import IllegalTransition
from payments.books import message_log, refunds, rows
from payments.models import GatewayMessage, Payment, Refund
from payments.poll_schedule import FIRST_POLL_AFTER

log = logging.getLogger(__name__)

Status = Payment.Status
Evidence = Payment.Evidence

_FROM_MESSAGE = ("trade_no", "received_fen", "paid_at", "evidence", "next_try_at")
_RECORD = Update(
    lambda value: (
        Payment.objects.filter(pk=value(Payment, "pk", "key"), status__in=[Status.OPEN, Status.CLOSED]),
        {"status": Status.PAID, "live_for": None, "contradicted_at": None}
        | {name: value(Payment, name) for name in _FROM_MESSAGE},
    )
)


@dataclass(frozen=True, slots=True)
class Received:
    """Money that came for an attempt. `evidence`: who says so (Payment.Evidence).

    `by`, `outside`: staff who took money outside Alipay, and how it came (Order.Outside).
    """

    trade_no: str
    amount_fen: int
    paid_at: datetime | None
    evidence: str
    by: User | None = None
    outside: str = ""


class Outcome(enum.Enum):
    """The result of settle(); the value is the detail in the message log."""

    APPLIED = "applied to the order"
    SURPLUS = "surplus: refunded automatically"
    DUPLICATE = "recorded before"


@dataclass(frozen=True, slots=True)
class Settlement:
    outcome: Outcome
    superseded: Payment | None = None
    """Another attempt of the order that was still live, and must be closed at Alipay."""


@durable_transaction
def settle(payment: Payment, received: Received, *, message: GatewayMessage | None = None) -> Settlement:
    """Record money for an attempt, exactly once, whoever reports it. Committed when it returns.

    The caller has checked signature, addressee and amount. The verdict on `message`, which reported the
    money, is written in the same transaction.
    """
    order, live_key = rows.lock_order_and_live(payment)
    return _settle(order, live_key, payment, received, message)


@durable_transaction
def record_outside(
    order: Order, *, status: str, number: str, channel: str, amount_fen: int, reference: str, by: User
) -> Settlement | None:
    """Record money that came outside Alipay, as a payment of its own. Committed when it returns.

    `status` of the order and `number` are those that staff saw: None, and nothing is written, if either has
    changed. So a form that is sent twice, or by two of staff, records once.
    """
    order = Order.objects.select_for_update().get(pk=order.pk)
    if order.status != status or number != next_number(order):
        return None
    change = waiting_changes.waiting_change_of(order)
    payment = Payment.objects.create(
        order=order,
        stay_change=change if change and change.difference_fen == amount_fen else None,
        out_trade_no=number,
        channel=channel,
        reference=reference,
        recorded_by=by,
        amount_fen=amount_fen,
        expires_at=timezone.now(),
        next_try_at=timezone.now(),
    )
    received = Received("", amount_fen, timezone.now(), Evidence.STAFF, by, channel)
    live = rows.live_of(order)
    return _settle(order, live.pk if live else None, payment, received, None)


_NUMBERS = Select(
    lambda value: Payment.objects.filter(order=value(Payment, "order")).order_by().values_list("out_trade_no")
)


def numbers_of(order: Order) -> list[int]:
    """The parts after `_` of the order's `out_trade_no`s."""
    return [int(number.partition("_")[2]) for (number,) in _NUMBERS.all(order=order.pk)]


def next_number(order: Order, used: list[int] | None = None) -> str:
    """The `out_trade_no` of the order's next attempt; no number is used twice.

    `used`: numbers_of(order), if they were read before.
    """
    return f"{order.number}_{max(numbers_of(order) if used is None else used, default=0) + 1}"


def _settle(
    order: Order,
    live_key: int | None,
    payment: Payment,
    received: Received,
    message: GatewayMessage | None,
) -> Settlement:
    outcome, superseded = Outcome.DUPLICATE, None
    if _record(payment, received):
        outcome = _apply(order, payment, received)
        is_over = order.status != Order.Status.WAIT_PAYMENT
        if is_over and live_key is not None and live_key != payment.pk and not _is_for_waiting(live_key):
            superseded = _released(live_key)
    elif received.evidence != Evidence.RETURN:
        rows.confirm_evidence(payment, received.evidence)
    if message is not None:
        verdict = message_log.Verdict.KNOWN if outcome is Outcome.DUPLICATE else message_log.Verdict.SETTLED
        message_log.judge(message, verdict, payment=payment, detail=outcome.value)
    if outcome is not Outcome.DUPLICATE and received.paid_at is not None:
        delay = (timezone.now() - received.paid_at).total_seconds()
        metrics.histogram(metrics.SETTLEMENT_DELAY, received.evidence).observe(delay)
    log.info("attempt %s by %s: %s", payment.out_trade_no, received.evidence, outcome.value)
    return Settlement(outcome, superseded)


@durable_transaction
def mark_closed(payment: Payment) -> None:
    """Close an attempt that can no longer be paid, by Alipay's final answer. A paid one stays paid."""
    rows.lock_order(payment)
    Payment.objects.filter(pk=payment.pk, status=Status.OPEN).update(
        status=Status.CLOSED, live_for=None, next_try_at=None
    )


@durable_transaction
def release_live(payment: Payment) -> None:
    """Make room for a new attempt. This one stays OPEN and is polled until Alipay's final answer."""
    rows.lock_order(payment)
    Payment.objects.filter(pk=payment.pk).update(live_for=None)


@durable_transaction
def expire_unpaid(order: Order) -> bool:
    """Expire an order that was not paid in time. False while an attempt is OPEN, or if it was paid."""
    order = Order.objects.select_for_update().get(pk=order.pk)
    is_late = order.status == Order.Status.WAIT_PAYMENT and order.pay_by and order.pay_by <= timezone.now()
    if not is_late or order.payments.filter(status=Status.OPEN).exists():
        return False
    transitions.expire(order)
    return True


@durable_transaction
def lapse_change(change: StayChange) -> bool:
    """End a change that was not paid in time. False while an attempt of it is OPEN, or if it is over."""
    order = Order.objects.select_for_update().get(pk=change.order_id)
    now = waiting_changes.waiting_change_of(order)
    is_late = now is not None and now.pk == change.pk and now.pay_by <= timezone.now()
    if not is_late or change.payments.filter(status=Status.OPEN).exists():
        return False
    return waiting_changes.end(order, status=StayChange.Status.LAPSED)


@durable_transaction
def drop_change(change: StayChange, *, by: User) -> bool:
    """End a change that nobody wants to pay any more. False if it is over.

    Attempts that are still open are released: money that comes for them is surplus.
    """
    order = Order.objects.select_for_update().get(pk=change.order_id)
    now = waiting_changes.waiting_change_of(order)
    if now is None or now.pk != change.pk:
        return False
    release_open(order)
    return waiting_changes.end(order, status=StayChange.Status.DROPPED, by=by)


def release_open(order: Order) -> None:
    """Release all open attempts, inside the caller's transaction and lock: the sweep closes them."""
    order.payments.filter(status=Status.OPEN).update(live_for=None, next_try_at=timezone.now())


def mark_contradicted(payment: Payment, *, vouched_for_by: str) -> None:
    """Note that a signed answer contradicts a signed return: no automatic refunds, staff decide.

    `vouched_for_by`: the attempt's evidence so far, RETURN, or "" if the return has not settled it.
    """
    unmarked = Payment.objects.filter(pk=payment.pk, evidence=vouched_for_by, contradicted_at=None)
    if unmarked.update(contradicted_at=timezone.now(), next_try_at=timezone.now()):
        log.error("attempt %s: Alipay's answer contradicts its own return", payment.out_trade_no)


def dismiss_contradiction(payment: Payment) -> bool:
    """Accept that a closed attempt brought no money, whatever a return said. False if not contradicted.

    Ends its polling. Money that Alipay reports later is still recorded.
    """
    contradicted = Payment.objects.filter(pk=payment.pk, status=Status.CLOSED, contradicted_at__isnull=False)
    return bool(contradicted.update(contradicted_at=None, next_try_at=None))


def _record(payment: Payment, received: Received) -> bool:
    """Move OPEN or CLOSED to PAID, for exactly one caller."""
    by_return_alone = received.evidence == Evidence.RETURN
    won = _RECORD(
        key=payment.pk,
        trade_no=received.trade_no,
        received_fen=received.amount_fen,
        paid_at=received.paid_at or timezone.now(),
        evidence=received.evidence,
        next_try_at=timezone.now() + FIRST_POLL_AFTER if by_return_alone else None,
    )
    return won == 1


def _apply(order: Order, payment: Payment, received: Received) -> Outcome:
    """Mark the order as paid, or make its change; money that it does not need is SURPLUS and refunded."""
    if payment.stay_change_id is not None:
        if _pays_change(order, payment, received):
            return Outcome.APPLIED
    elif _is_what_was_asked(order, payment, received):
        try:
            transitions.mark_paid(
                order,
                trade_no=received.trade_no,
                amount_fen=received.amount_fen,
                by=received.by,
                outside=received.outside,
            )
            return Outcome.APPLIED
        except IllegalTransition:
            pass
    Payment.objects.filter(pk=payment.pk).update(status=Status.SURPLUS)
    _note_surplus(order, payment, received)
    refunds.create(payment, received.amount_fen, reason=Refund.Reason.SURPLUS)
    return Outcome.SURPLUS


def _note_surplus(order: Order, payment: Payment, received: Received) -> None:
    """Tell the renter, with the change that the money was for, if it was for one."""
    change, kind = payment.stay_change, OrderEvent.Kind.SURPLUS
    stay = changes.named_in(order.language, waiting_changes.stay_after(change)) if change else ""
    transitions.note(order, kind, actor=received.by, reason=stay, amount_fen=received.amount_fen)


def _is_what_was_asked(order: Order, payment: Payment, received: Received) -> bool:
    """True if the amount is exact and the order still costs what the attempt asked for."""
    return received.amount_fen == payment.amount_fen == order.amount_fen


def _pays_change(order: Order, payment: Payment, received: Received) -> bool:
    """Make the change whose difference the attempt asked for. False unless it waits for exactly that."""
    change_key = payment.stay_change_id
    if change_key is None or received.amount_fen != payment.amount_fen:
        return False
    trade_no, outside = received.trade_no, received.outside
    return waiting_changes.complete(order, change_key, trade_no=trade_no, by=received.by, outside=outside)


def _is_for_waiting(live_key: int) -> bool:
    """True if this live attempt pays a change that waits: money for another attempt leaves it alone."""
    return StayChange.objects.filter(waiting_for__isnull=False, payments=live_key).exists()


def _released(live_key: int) -> Payment:
    """Release and return a live attempt; due at once, in case the caller does not close it."""
    Payment.objects.filter(pk=live_key).update(live_for=None, next_try_at=timezone.now())
    return Payment.objects.get(pk=live_key)
