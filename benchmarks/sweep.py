"""Background work beside a million orders: a round of the sweep with nothing due, and check_money."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.utils import timezone

from benchmarks import my_orders, rows
from benchmarks.measure import Act, Ratio, Side, alternate
from houses.models import House
from jobs.sweep import sweep_once
from orders.models import Order, OrderEvent
from payments.books.invariants import questions
from payments.models import Payment

ROUND_REACH_MS, CHECK_REACH_S = 50, 8
LONGEST_REACH_S = 1


def sweep(orders: int, rounds: int) -> list[Ratio]:
    """Measure both. Fills the tables unless "my orders" and "staff" did."""
    if not House.objects.filter(title__startswith=rows.TITLE).exists():
        my_orders.fill(orders, min(1000, orders // 20))
    rows.use(rows.BIG)
    rows.make_payments()
    rows.make_timelines()
    _put_off()
    sweep_once()  # what is due once an hour or a day
    (found,) = alternate("The sweep: a round with nothing due", [Side("ihome", _round)], rounds)
    seconds, longest = _check_money()
    return [
        Ratio(
            "a round of the sweep with nothing due: ms", found.seconds * 1000, ROUND_REACH_MS, at_most=True
        ),
        Ratio(f"check_money with {orders:,} orders: s", seconds, CHECK_REACH_S, at_most=True),
        Ratio("check_money, longest of its statements: s", longest, LONGEST_REACH_S, at_most=True),
    ]


def _put_off() -> None:
    """Put off what other works left to do."""
    tomorrow = timezone.now() + timedelta(days=1)
    Payment.objects.filter(next_try_at__isnull=False).update(next_try_at=tomorrow)
    Order.objects.filter(pay_by__isnull=False).update(pay_by=tomorrow)
    Order.objects.filter(remind_at__isnull=False).update(remind_at=tomorrow)
    OrderEvent.objects.filter(mail_due_at__isnull=False).update(mail_due_at=tomorrow)


@contextmanager
def _round() -> Iterator[Act]:
    done = []
    yield lambda: done.append(sweep_once())
    assert not done[0], f"something was due: {done[0]}"


def _check_money() -> tuple[float, float]:
    """Return the seconds that check_money's questions take in all, and those of the longest statement."""
    print("\ncheck_money, by its questions")
    start, longest = time.monotonic(), 0.0
    for rule, question in questions():
        began, found = time.monotonic(), 0
        for piece in question.pieces():
            asked = time.monotonic()
            found += len(list(question.names(piece)))
            longest = max(longest, time.monotonic() - asked)
        took = time.monotonic() - began
        print(f"  {rule:<4}{question.violation:<90}{took:>8.2f} s{found:>6} found", flush=True)
    return time.monotonic() - start, longest
