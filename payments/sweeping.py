"""What nobody waits for: asking about open attempts, closing and expiring what is late, sending refunds.

Any number of sweeps may run at once, on any number of machines. Each item is claimed by a compare-and-set on
its `next_try_at`, so one does it; one that was killed leaves it due again a little later.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterator

from django.utils import timezone

from core.transactions import durable_transaction
from orders import transitions
from orders.models import Order
from orders.transitions import IllegalTransition
from payments import asking, refunding, settlement
from payments.alipay.answers import Waiting
from payments.models import Payment

log = logging.getLogger(__name__)

ITEMS_AT_A_TIME = 100


def sweep_once(stop: Callable[[], bool] = lambda: False) -> Counter[str]:
    """One round over everything that is due; how many items of each kind were done.

    Ends early, after the item in hand, when `stop()` says so. Whatever breaks over one item is logged with it
    and leaves the others alone: it is due again later. Raises DatabaseError where what is due can't be read.
    """
    done: Counter[str] = Counter()
    for name, due, act in TASKS:
        for item in due():
            if stop():
                return done
            try:
                done[name] += act(item)
            except Exception:
                log.exception("%s: %s", name, item)
                done["failed"] += 1
    return done


def _attempts_to_ask_about() -> Iterator[Payment]:
    due = Payment.objects.unsure().filter(next_try_at__lte=timezone.now()).select_related("order")
    return iter(due.order_by("next_try_at")[:ITEMS_AT_A_TIME])


def _ask(payment: Payment) -> bool:
    now = timezone.now()
    mine = Payment.objects.filter(pk=payment.pk, next_try_at=payment.next_try_at).update(
        next_try_at=asking.when_to_ask_again(payment, now)
    )
    if not mine:
        return False
    answer = asking.ask(payment, deadline=asking.IN_THE_BACKGROUND)
    if isinstance(answer, Waiting) and not payment.order.can_be_paid_at(now):
        asking.close(payment, deadline=asking.IN_THE_BACKGROUND)
    return answer is not None


def _orders_not_accepted() -> Iterator[Order]:
    late = Order.objects.filter(status=Order.Status.WAIT_ACCEPT, accept_by__lte=timezone.now())
    return iter(late.order_by("accept_by")[:ITEMS_AT_A_TIME])


@durable_transaction
def _expire_unaccepted(order: Order) -> bool:
    try:
        transitions.expire(
            Order.objects.select_for_update().get(pk=order.pk, status=Order.Status.WAIT_ACCEPT)
        )
    except (Order.DoesNotExist, IllegalTransition):
        return False  # staff, or another sweep, were first
    return True


def _orders_not_paid() -> Iterator[Order]:
    """Late ones of which no attempt is open any more: Alipay has spoken its last word on each."""
    late = Order.objects.filter(status=Order.Status.WAIT_PAYMENT, pay_by__lte=timezone.now())
    over = late.exclude(payments__status=Payment.Status.OPEN)
    return iter(over.order_by("pay_by")[:ITEMS_AT_A_TIME])


TASKS: list[tuple[str, Callable[[], Iterator], Callable[..., bool]]] = [
    ("asked", _attempts_to_ask_about, _ask),
    ("not accepted", _orders_not_accepted, _expire_unaccepted),
    ("not paid", _orders_not_paid, settlement.expire_unpaid),
    ("refunds", refunding.due, refunding.send),
]
