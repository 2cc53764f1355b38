"""The sweep: background tasks such as polling attempts, expiring orders, sending refunds and mails.

Any number of sweeps may run concurrently, on any number of machines. An item is claimed by a compare-and-set
on the time at which it is due. If its sweep is killed, it is due again a little later.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.utils import timezone

from accounts import telling
from core import log_context, metrics
from core.log_context import LogContext
from core.transactions import durable_transaction
from houses.channels import importing
from jobs import alerts, cleanup, heartbeat, staff_mail
from orders import mailing, reminders, review_sums, reviewing, transitions
from orders.models import Order, OrderQuerySet, StayChange
from orders.transitions import IllegalTransition
from payments import callbacks, queries, refunding
from payments.books import attempts
from payments.models import Payment

log = logging.getLogger(__name__)

CALLS_AT_ONCE = 8
"""Alipay answers in about 0.1 s, and after an outage thousands of attempts are due."""


@dataclass(frozen=True, slots=True)
class Task:
    name: str
    due: Callable[[], Sequence[Any]]
    act: Callable[[Any], int]
    """Does one item, and reads its rows again first. Returns 0 if nothing was left to do."""
    waits: bool = False
    """I/O-bound (Alipay or a mail server): its items are shared by several threads."""


Watch = Callable[[str, int, int], None]
"""Progress callback: name of the task, number of the item, total. Called from several threads."""


def sweep_once(
    stop: Callable[[], bool] = lambda: False,
    *,
    workers: int = 1,
    watch: Watch = lambda name, number, total: None,
) -> Counter[str]:
    """Do everything that is due, once. Returns how many items of each task were done.

    Items of an I/O-bound task are shared by `workers` threads. When `stop()` returns True, it finishes the
    items in progress and ends. An exception in one item is logged and counted as `failed`; the item is due
    again later. Raises DatabaseError if the due items can't be read.
    """
    with log_context.within(LogContext("round", log_context.new_id())) as a_round:
        return _sweep(a_round, stop, workers, watch)


def _sweep(a_round: LogContext, stop: Callable[[], bool], workers: int, watch: Watch) -> Counter[str]:
    done: Counter[str] = Counter()
    if silent_since := heartbeat.sweep_is_missed_since():
        staff_mail.note_silence(silent_since)
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
                done += _do(task, item, a_round)
            return done

        done += _by_several(work, min(workers if task.waits else 1, len(items)))
    metrics.ROUNDS.inc()
    for name, count in done.items():
        metrics.ITEMS.labels(name).inc(count)
    return done


def _do(task: Task, item: object, a_round: LogContext) -> Counter[str]:
    # A context for each item: threads share the round, not the order that they are at.
    with log_context.within(LogContext(a_round.kind, a_round.id)):
        try:
            heartbeat.beat(heartbeat.SWEEP)
            return Counter({task.name: task.act(item)})
        except Exception:
            log.exception("sweep task %s failed for %s", task.name, item)
            _drop_lost_connection()
            return Counter(failed=1)


def _drop_lost_connection() -> None:
    """Close a lost connection, so that Django opens a new one and the next items do not fail, too."""
    if connection.connection is not None and not connection.is_usable():
        connection.close()


def _by_several(work: Callable[[], Counter[str]], workers: int) -> Counter[str]:
    def work_and_disconnect() -> Counter[str]:
        try:
            return work()
        finally:
            connection.close()

    if workers <= 1:
        return work()
    with ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(work_and_disconnect) for _ in range(workers)]
    return sum((future.result() for future in futures), Counter())


def _orders_not_accepted() -> list[int]:
    return list(_not_accepted().order_by("accept_by").values_list("pk", flat=True))


def _not_accepted() -> OrderQuerySet:
    return Order.objects.filter(status=Order.Status.WAIT_ACCEPT, accept_by__lte=timezone.now())


@durable_transaction
def _expire_unaccepted(key: int) -> bool:
    try:
        transitions.expire(_not_accepted().select_for_update().get(pk=key))
    except (Order.DoesNotExist, IllegalTransition):
        return False  # staff, who may have extended its deadline, or another sweep was first
    return True


def _orders_not_paid() -> Sequence[Order]:
    """Overdue orders without an open attempt: Alipay has given its final answer on each."""
    late = Order.objects.filter(status=Order.Status.WAIT_PAYMENT, pay_by__lte=timezone.now())
    return list(late.exclude(payments__status=Payment.Status.OPEN).order_by("pay_by"))


def _changes_not_paid() -> Sequence[StayChange]:
    """Changes of paid stays that are past their deadline; attempts that are open hold them up, as above."""
    late = StayChange.objects.filter(status=StayChange.Status.WAITING, pay_by__lte=timezone.now())
    return list(late.exclude(payments__status=Payment.Status.OPEN).order_by("pay_by"))


TASKS = [
    Task("judged", callbacks.unjudged, callbacks.judge_late),
    Task("polled", queries.due, queries.poll, waits=True),
    Task("reminded", reminders.due, reminders.remind),
    Task("not accepted", _orders_not_accepted, _expire_unaccepted),
    Task("not paid", _orders_not_paid, attempts.expire_unpaid),
    Task("changes not paid", _changes_not_paid, attempts.lapse_change),
    Task("refunds", refunding.due, refunding.send, waits=True),
    Task("reviews", review_sums.due, reviewing.count_due),
    Task("channel calendars", importing.due, importing.refresh, waits=True),
    Task("mails", mailing.due, mailing.send, waits=True),
    Task("mails to superusers", telling.due, telling.send),
    Task("mails to staff", staff_mail.due, staff_mail.send, waits=True),
    Task("old rows deleted", cleanup.due, cleanup.prune),
    Task("alerts", alerts.due, alerts.tell),
]
