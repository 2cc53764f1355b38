"""State of payments and refunds, read through relations. The only file of `orders` with payment statuses.

`orders` does not import `payments`; tests/test_imports.py compares these strings with its enums.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case, Exists, F, OuterRef, Q, Subquery, Sum, When
from django.utils import timezone
from django.utils.translation import gettext as _

from core.prepared import Select
from orders.models import Order, OrderEvent, OrderQuerySet, StayChange

BY_TRADE = "payments__trade_no"
BY_REFUND = "payments__refunds__out_request_no"
"""Lookups of orders by Alipay's number of a payment, or by the number of a refund. Both have an index."""
BY_REFERENCE = ("payments__reference", "payments__refunds__reference")
"""Lookups of orders by what staff noted of money outside Alipay. Both have an index."""

PAYMENT_OPEN = "OPEN"
CHANNEL_RETURN, VERDICT_ASKED = "RETURN", "ASKED"
CHANNEL_ANSWER = "ANSWER"
NOT_PAID = ("Waiting", "NotExisting")
"""Answers to a query, as the message log names them."""
REFUND_DONE = "DONE"
REFUND_ON_ITS_WAY = ("DUE", "SENT")
REFUND_REFUSED = "REFUSED"
REFUND_LATE_AFTER = timedelta(days=1)
"""Refused or late: for renters it is delayed. They don't see what awaits approval or was given up."""

_REFUND = "payments__refunds__"
_CONFIRMING = Q(
    payments__status=PAYMENT_OPEN,
    payments__messages__channel=CHANNEL_RETURN,
    payments__messages__verdict=VERDICT_ASKED,
)
"""A genuine return came, but Alipay has not confirmed the payment yet."""
_NOT_PAID = Q(
    *(Q(live_payment__messages__detail__startswith=f"query: {answer}") for answer in NOT_PAID),
    _connector=Q.OR,
)
_TOLD_NOT_PAID = Q(
    _NOT_PAID,
    live_payment__messages__channel=CHANNEL_ANSWER,
    live_payment__messages__signature_ok=True,
    live_payment__messages__received_at__gte=F("live_payment__asked_at"),
)
"""Alipay's answer to the last query about the live attempt came, and says that it is not paid."""


def numbered_at_alipay(number: str) -> Q:
    """Match the number of a trade, or of a refund that was made in Alipay's console.

    Subqueries, because a join would show an order once for each of its payments.
    """
    trades, refunds = _by_trade_and_by_refund(number)
    return Q(pk__in=trades.values("pk")) | Q(pk__in=refunds.values("pk"))


def orders_numbered_at_alipay(number: str) -> list[str]:
    """Return the numbers of the orders of a trade or refund. A union: MariaDB uses no index for an OR."""
    trades, refunds = _by_trade_and_by_refund(number)
    return list(trades.values_list("number", flat=True).union(refunds.values_list("number", flat=True)))


def _by_trade_and_by_refund(number: str) -> list[OrderQuerySet]:
    return [Order.objects.filter((lookup, number)).order_by() for lookup in (BY_TRADE, BY_REFUND)]


def keys_by_reference(text: str, at_most: int) -> list[int]:
    """Return the keys of orders with money outside Alipay whose reference begins with a text."""
    found = [Order.objects.filter((f"{lookup}__istartswith", text)).order_by() for lookup in BY_REFERENCE]
    return [key for orders in found for key in orders.values_list("pk", flat=True)[:at_most]]


def with_refund_sums(orders: OrderQuerySet, long_ago: object) -> OrderQuerySet:
    """Annotate cancelled orders with the sums of their refunds, as `money_of` has them; others with None.

    Subqueries, not a join: on a page of a list that an index sorts, they run only for its rows.
    """
    own = Order.objects.filter(pk=OuterRef("pk")).order_by().values("pk")
    sums = {
        name: Subquery(own.annotate(fen=_refund_sum(which)).values("fen"))
        for name, which in _refunds(long_ago).items()
    }
    cancelled = {name: Case(When(status=Order.Status.CANCELED, then=fen)) for name, fen in sums.items()}
    return orders.annotate(**cancelled)


def money_of(order: Order, events: Sequence[OrderEvent]) -> dict[str, int]:
    """Return `on_its_way_fen`, `delayed_fen`, `refunded_fen` and `surplus_fen` (not needed). One query."""
    ((_key, *sums),) = _REFUND_SUMS.all(key=order.pk, long_ago=long_ago())
    surplus = [event.amount_fen or 0 for event in events if event.kind == OrderEvent.Kind.SURPLUS]
    return {**dict(zip(REFUND_SUMS, map(int, sums), strict=True)), "surplus_fen": sum(surplus)}


def came_outside(order: Order, events: Iterable[OrderEvent]) -> bool:
    """Return True if any money came outside Alipay, for the order or as surplus: only staff note that."""
    surplus = (event for event in events if event.kind == OrderEvent.Kind.SURPLUS)
    return bool(order.paid_outside) or any(event.actor_id for event in surplus)


def ending_of(order: Order, events: Sequence[OrderEvent]) -> tuple[str, str]:
    """Return why a cancelled order ended, and that nothing was charged (empty if money came).

    Both are texts for the renter. `events` has the newest event first.
    """
    end = next((event for event in events if event.to_status == Order.Status.CANCELED), None)
    has_surplus = any(event.kind == OrderEvent.Kind.SURPLUS for event in events)
    if end is None or end.from_status not in Order.UNPAID or has_surplus:
        cost = ""
    elif order.payments.filter(status=PAYMENT_OPEN).exists():
        cost = _("You were not charged. If a payment is still on its way, we'll refund it.")
    else:
        cost = _("You were not charged.")
    if end is None or end.kind != OrderEvent.Kind.EXPIRED:
        return _("This order was cancelled"), cost
    if end.from_status == Order.Status.WAIT_ACCEPT:
        return _("Sorry, we didn't reply in time"), cost
    return _("The payment deadline has passed"), cost


def being_refunded(orders: OrderQuerySet) -> OrderQuerySet:
    """Filter orders of which money is on its way back, or delayed."""
    which = _refunds(long_ago())
    refunding = which["on_its_way_fen"] | which["delayed_fen"]
    return orders.filter(pk__in=Order.objects.filter(refunding).order_by().values("pk"))


def has_delayed_refund(order: Order) -> bool:
    return Order.objects.filter(_refunds(long_ago())["delayed_fen"], pk=order.pk).exists()


def has_begun_to_pay(order: Order) -> bool:
    return order.payments.exists()


def has_begun_to_pay_change(change: StayChange) -> bool:
    return change.payments.exists()


def is_confirming(order: Order) -> bool:
    """Return True while a payment is being confirmed: the renter must not be asked to pay again."""
    return order.status == Order.Status.WAIT_PAYMENT and _confirming().filter(pk=order.pk).exists()


def is_result_unknown(order: Order) -> bool:
    """Return True if nobody knows whether the live attempt is paid: the last query has no usable answer.

    Also before the first query. The renter may have paid, and should not begin with paying again.
    """
    return _unknown().filter(pk=order.pk).exists()


def payment_facts(order: Order) -> dict[str, bool]:
    """Return `begun`, `live`, `confirming` and `result_unknown` of an order to pay. One query."""
    ((_key, *facts),) = _PAYMENT_FACTS.all(pk=order.pk)
    return dict(zip(PAYMENT_FACTS, map(bool, facts), strict=True))


def with_confirming(orders: OrderQuerySet) -> OrderQuerySet:
    """Annotate with `confirming` and `result_unknown`. Subqueries run only for rows that wait for payment."""
    return orders.annotate(**_states_of_unpaid())


def _states_of_unpaid() -> dict[str, Case]:
    states = {"confirming": _confirming(), "result_unknown": _unknown()}
    return {
        name: Case(
            When(status=Order.Status.WAIT_PAYMENT, then=Exists(rows.filter(pk=OuterRef("pk")))), default=False
        )
        for name, rows in states.items()
    }


def _confirming() -> OrderQuerySet:
    return Order.objects.filter(_CONFIRMING).order_by()


def _unknown() -> OrderQuerySet:
    told = Order.objects.filter(_TOLD_NOT_PAID, pk=OuterRef("pk")).order_by()
    return Order.objects.filter(~Exists(told), live_payment__isnull=False).order_by()


def long_ago() -> datetime:
    """Return since when a refund that is on its way is late."""
    return timezone.now() - REFUND_LATE_AFTER


def _refunds(long_ago: object) -> dict[str, Q]:
    """Return which refunds each of REFUND_SUMS adds up."""
    late = Q((f"{_REFUND}due_at__lte", long_ago))
    late |= Q((f"{_REFUND}due_at", None), (f"{_REFUND}created_at__lte", long_ago))
    on_its_way = Q((f"{_REFUND}status__in", REFUND_ON_ITS_WAY))
    return {
        "on_its_way_fen": on_its_way & ~late,
        "delayed_fen": Q((f"{_REFUND}status", REFUND_REFUSED)) | on_its_way & late,
        "refunded_fen": Q((f"{_REFUND}status", REFUND_DONE)),
    }


def _refund_sum(which: Q) -> Sum:
    return Sum(f"{_REFUND}amount_fen", filter=which, default=0)


REFUND_SUMS = ("on_its_way_fen", "delayed_fen", "refunded_fen")
_REFUND_SUMS: Select[tuple[int, ...]] = Select(
    lambda value: (
        Order.objects.filter(pk=value(Order, "pk", "key"))
        .order_by()
        .values_list("pk")
        .annotate(
            **{
                name: _refund_sum(which)
                for name, which in _refunds(value(Order, "created_at", "long_ago")).items()
            }
        )
    )
)


def _facts_of(orders: OrderQuerySet) -> Any:
    own = Order.objects.filter(pk=OuterRef("pk")).order_by()
    begun, live = own.filter(payments__isnull=False), own.filter(live_payment__isnull=False)
    return orders.values_list("pk", Exists(begun), Exists(live), *_states_of_unpaid().values())


PAYMENT_FACTS = ("begun", "live", "confirming", "result_unknown")
_PAYMENT_FACTS: Select[tuple[Any, ...]] = Select(
    lambda value: _facts_of(Order.objects.filter(pk=value(Order, "pk")).order_by())
)
