"""The rules at the end of a soak: the books against the stand-in's ledger, and what renters were told."""

from collections.abc import Iterator

from django.db.models import Q
from django.utils import timezone

from benchmarks.renters import Notes
from benchmarks.standin import Alipay
from deploy.cluster.counting import differing, lost_orders
from jobs.sweep import CALLS_AT_ONCE, sweep_once
from orders.models import Order
from payments.books.invariants import broken_rules
from payments.models import Payment, Refund
from tests.crashes.world import holds_its_nights, money_here, refunds_here, time_passes

ROUNDS = 12


def settle() -> int:
    """Let the sweep find what was lost: everything is due at once, again and again. Returns its rounds."""
    for number in range(ROUNDS):
        time_passes()
        Order.objects.filter(status=Order.Status.WAIT_PAYMENT).update(pay_by=timezone.now())
        Payment.objects.filter(status=Payment.Status.OPEN).update(next_try_at=timezone.now())
        if not sweep_once(workers=CALLS_AT_ONCE).total() or not _open():
            return number + 1
    return ROUNDS


def _open() -> bool:
    unfinished = Refund.objects.exclude(status=Refund.Status.DONE)
    paid_by_return = Payment.objects.filter(
        Q(status=Payment.Status.OPEN) | Q(evidence=Payment.Evidence.RETURN)
    )
    return unfinished.exists() or paid_by_return.exists()


def broken(notes: Notes, alipay: Alipay) -> Iterator[str]:
    """Yield a sentence for each rule that does not hold."""
    yield from notes.wrong
    yield from map(str, broken_rules())
    trades = alipay.trades()
    received = {trade["out_trade_no"]: trade["received_fen"] for trade in trades if trade["received_fen"]}
    yield from differing("received", money_here(), received)
    refunded = {each["out_request_no"]: each["amount_fen"] for trade in trades for each in trade["refunds"]}
    yield from differing("refunded", refunds_here(), refunded)
    yield from (
        f"{trade} was answered success and is not in the books" for trade in notes.paid - money_here().keys()
    )
    yield from lost_orders(notes, dict(Order.objects.values_list("number", "status")))
    yield from (
        f"order {order.number} does not hold its nights"
        for order in Order.objects.prefetch_related("stay_changes")
        if not holds_its_nights(order)
    )
