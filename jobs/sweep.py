"""What nobody waits for: asking about open attempts, closing and expiring what is late, refunds, mails.

Any number of sweeps may run at once, on any number of machines. Each item is claimed by a compare-and-set on
the time at which it is due, so one does it; one that was killed leaves it due again a little later.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.utils import timezone

from core.transactions import durable_transaction
from jobs import alerts, cleanup, heartbeat
from orders import mailing, reminders, transitions
from orders.models import Order
from orders.transitions import IllegalTransition
from payments import callbacks, queries, refunding
from payments.books import attempts
from payments.models import Payment

log = logging.getLogger(__name__)

CALLS_AT_ONCE = 8
"""Alipay answers in a tenth of a second or so, and after an outage thousands of attempts are due."""


@dataclass(frozen=True, slots=True)
class Task:
    name: str
    due: Callable[[], Sequence[Any]]
    act: Callable[[Any], int]
    """Does one item; 0 where nothing was left to do. It reads anew what it decides by."""
    waits: bool = False
    """Its time goes into waiting for Alipay or a mail server: several items at once pay."""


Watch = Callable[[str, int, int], None]
"""Is told a task's name, which item is begun, and of how many; from several threads."""


def sweep_once(
    stop: Callable[[], bool] = lambda: False,
    *,
    workers: int = 1,
    watch: Watch = lambda name, number, total: None,
) -> Counter[str]:
    """One round over everything that is due; how many items of each kind were done.

    With several `workers` the items of a task that waits are shared by so many threads. Ends early, after
    the items in hand, when `stop()` says so. Whatever breaks over one item is logged with it and leaves the
    others alone: it is due again later. Raises DatabaseError where what is due can't be read.
    """
    done: Counter[str] = Counter()
    for task in TASKS:
        heartbeat.beat(heartbeat.SWEEP)
        items = [] if stop() else task.due()
        numbered = iter(list(enumerate(items, 1)))  # shared: each item goes to one worker

        def work(task: Task = task, numbered: Iterator = numbered, total: int = len(items)) -> Counter[str]:
            done: Counter[str] = Counter()
            for number, item in numbered:
                if stop():
                    break
                watch(task.name, number, total)
                done += _do(task, item)
            return done

        done += _by_several(work, min(workers if task.waits else 1, len(items)))
    return done


def _do(task: Task, item: object) -> Counter[str]:
    try:
        heartbeat.beat(heartbeat.SWEEP)
        return Counter({task.name: task.act(item)})
    except Exception:
        log.exception("%s: %s", task.name, item)
        _drop_lost_connection()
        return Counter(failed=1)


def _drop_lost_connection() -> None:
    """Django opens a new one; with the lost one all other items would break, too."""
    if connection.connection is not None and not connection.is_usable():
        connection.close()


def _by_several(work: Callable[[], Counter[str]], workers: int) -> Counter[str]:
    def work_and_hang_up() -> Counter[str]:
        try:
            return work()
        finally:
            connection.close()

    if workers <= 1:
        return work()
    with ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(work_and_hang_up) for _ in range(workers)]
    return sum((future.result() for future in futures), Counter())


def _orders_not_accepted() -> list[int]:
    late = Order.objects.filter(status=Order.Status.WAIT_ACCEPT, accept_by__lte=timezone.now())
    return list(late.order_by("accept_by").values_list("pk", flat=True))


@durable_transaction
def _expire_unaccepted(key: int) -> bool:
    try:
        transitions.expire(Order.objects.select_for_update().get(pk=key, status=Order.Status.WAIT_ACCEPT))
    except (Order.DoesNotExist, IllegalTransition):
        return False  # staff, or another sweep, were first
    return True


def _orders_not_paid() -> Sequence[Order]:
    """Late ones of which no attempt is open any more: Alipay has spoken its last word on each."""
    late = Order.objects.filter(status=Order.Status.WAIT_PAYMENT, pay_by__lte=timezone.now())
    return list(late.exclude(payments__status=Payment.Status.OPEN).order_by("pay_by"))


TASKS = [
    Task("judged", callbacks.unjudged, callbacks.judge_late),
    Task("asked", queries.due, queries.poll, waits=True),
    Task("reminded", reminders.due, reminders.remind),
    Task("not accepted", _orders_not_accepted, _expire_unaccepted),
    Task("not paid", _orders_not_paid, attempts.expire_unpaid),
    Task("refunds", refunding.due, refunding.send, waits=True),
    Task("mails", mailing.due, mailing.send, waits=True),
    Task("pruned", cleanup.due, cleanup.prune),
    Task("for staff", alerts.due, alerts.tell),
]
