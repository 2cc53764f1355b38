"""Recovery after a day of downtime: time until the sweep has closed or settled every open attempt."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db.models import F
from django.utils import timezone

from benchmarks.measure import Ratio
from benchmarks.paying import Scenario
from core.links import absolute_url
from jobs.sweep import CALLS_AT_ONCE, sweep_once
from orders.models import Order
from payments.alipay import http
from payments.alipay.client import PayRequest
from payments.alipay.configured import alipay_client
from payments.books.invariants import broken_rules
from payments.models import Payment
from tests import make

LATENCY_SECONDS = 0.1  # added to each call: the stand-in is local, the real Alipay is about this far away
OUTAGE = timedelta(hours=24)
REACH_SECONDS = 600


def after_a_day(scenario: Scenario, attempts: int) -> list[Ratio]:
    """Measure with `attempts` open ones: a third paid, a third at the cashier, a third never opened."""
    began = time.monotonic()
    for number in range(attempts):
        _open_attempt(scenario, number)
    _a_day_passes(scenario)
    print(f"\nAfter a day's outage  ({attempts:,} open attempts, made in {time.monotonic() - began:.0f} s)")
    done: Counter[str] = Counter()
    began = time.monotonic()
    with _added_latency():
        while (rest := _unfinished()) and time.monotonic() - began < 3 * REACH_SECONDS:
            done += (this_round := sweep_once(workers=CALLS_AT_ONCE))
            if not this_round.total():
                time.sleep(1)
    seconds = time.monotonic() - began
    ours = set(Order.objects.filter(language=_MARK).values_list("number", flat=True))
    # The article's views have marked other orders as paid without recording a payment.
    problems = [str(problem) for problem in broken_rules() if problem.about in ours]
    assert not rest, f"{rest} orders or attempts are unfinished"
    assert not problems, problems[:3]
    paid = Order.objects.filter(status=Order.Status.WAIT_COMMENT, language=_MARK).count()
    assert paid == (attempts + 2) // 3, paid
    print("  " + ", ".join(f"{count:,} {name}" for name, count in done.items() if count))
    print(f"  {seconds:.0f} s, {done['polled'] / seconds:,.0f} answers a second by {CALLS_AT_ONCE} at once")
    per_10_000 = seconds * 10_000 / attempts
    return [Ratio("10,000 attempts settled: 10 minutes beside the time taken", REACH_SECONDS / per_10_000, 1)]


_MARK = "en"  # marks the orders of this benchmark: no others are in English


def _open_attempt(scenario: Scenario, number: int) -> None:
    day = timezone.localdate() + timedelta(days=1000 + 2 * number)  # each order has its own nights
    stay = {"check_in": day, "check_out": day + timedelta(days=2)}
    order = make.order(scenario.renter, house=scenario.house, language=_MARK, **stay)
    payment = make.attempt(order, next_try_at=timezone.now(), expires_at=order.pay_by.replace(microsecond=0))
    scenario.alipay.open_pay_link(alipay_client().page_pay_url(_request(payment)))
    if number % 3 == 0:
        scenario.alipay.pay(payment.out_trade_no)
    elif number % 3 == 1:
        scenario.alipay.sign_in(payment.out_trade_no)


def _request(payment: Payment) -> PayRequest:
    return PayRequest(
        out_trade_no=payment.out_trade_no,
        amount_fen=payment.amount_fen,
        subject=payment.subject,
        expires_at=payment.expires_at,
        return_url=absolute_url("payments:paycomplete"),
        notify_url=absolute_url("payments:notify"),
        quit_url=absolute_url("orders:detail", payment.order.number),
    )


def _a_day_passes(scenario: Scenario) -> None:
    """Age our rows by a day and advance Alipay's clock by a day."""
    Order.objects.filter(language=_MARK).update(
        pay_by=F("pay_by") - OUTAGE, created_at=F("created_at") - OUTAGE
    )
    Payment.objects.filter(order__language=_MARK).update(
        expires_at=F("expires_at") - OUTAGE,
        created_at=F("created_at") - OUTAGE,
        next_try_at=F("next_try_at") - OUTAGE,
    )
    scenario.alipay.clock(int(OUTAGE.total_seconds()))


def _unfinished() -> int:
    waiting = Order.objects.filter(language=_MARK, status=Order.Status.WAIT_PAYMENT)
    return waiting.count() + Payment.objects.filter(order__language=_MARK, status=Payment.Status.OPEN).count()


@contextmanager
def _added_latency() -> Iterator[None]:
    original: Callable[..., bytes] = http.post

    def post(url: str, form: str, *, deadline: float) -> bytes:
        time.sleep(LATENCY_SECONDS)
        return original(url, form, deadline=deadline)

    http.post = post
    try:
        yield
    finally:
        http.post = original
