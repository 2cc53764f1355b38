"""How an order ended and what became of its money, for its page and for the list."""

import functools
from collections.abc import Sequence

from django.db.models import Case, OuterRef, Q, Subquery, Sum, When
from django.utils.translation import gettext as _

from orders.models import Order, OrderEvent, OrderQuerySet

_REFUND = "payments__refunds__"
ON_ITS_WAY = ("DUE", "SENT", "REFUSED")
"""Of a refund, as its renter is told; where Alipay refused, staff see to it.

Nothing is told of one that waits for a second person, or was given up."""
MONEY_BACK = {
    "on_its_way_fen": Q((f"{_REFUND}status__in", ON_ITS_WAY)),
    "went_back_fen": Q((f"{_REFUND}status", "DONE")),
}


def with_money_back(orders: OrderQuerySet) -> OrderQuerySet:
    """The cancelled ones with `on_its_way_fen` and `went_back_fen`, the others with None there.

    Looked up order by order: without a join, and where an index gives the order, for those of a page alone.
    """
    return orders.annotate(**_sums_of_cancelled())


@functools.cache  # they are the same for every page, and take longer to make than to ask
def _sums_of_cancelled() -> dict[str, Case]:
    own = Order.objects.filter(pk=OuterRef("pk")).order_by().values("pk")
    sums = {name: Subquery(own.annotate(fen=_sum(which)).values("fen")) for name, which in MONEY_BACK.items()}
    return {name: Case(When(status=Order.Status.CANCELED, then=fen)) for name, fen in sums.items()}


def money_of(order: Order, events: Sequence[OrderEvent]) -> dict[str, int]:
    """Beside what the stay costs, in fen: what is on its way back, what went back, what came too much."""
    back = Order.objects.filter(pk=order.pk).aggregate(**{k: _sum(which) for k, which in MONEY_BACK.items()})
    extra = [event.amount_fen or 0 for event in events if event.kind == OrderEvent.Kind.SURPLUS]
    return {**back, "extra_fen": sum(extra)}


def ending_of(order: Order, events: Sequence[OrderEvent]) -> tuple[str, str]:
    """What happened to a cancelled order, and that it cost nothing; the latter is empty where money came."""
    end = next((event for event in events if event.to_status == Order.Status.CANCELED), None)
    came = any(event.kind == OrderEvent.Kind.SURPLUS for event in events)
    if end is None or end.from_status not in Order.UNPAID or came:
        cost = ""
    elif order.payments.filter(status="OPEN").exists():
        cost = _("Nothing was charged. Money that may still be on its way goes back to you.")
    else:
        cost = _("Nothing was charged.")
    if end is None or end.kind != OrderEvent.Kind.EXPIRED:
        return _("This order was cancelled"), cost
    if end.from_status == Order.Status.WAIT_ACCEPT:
        return _("We are sorry, we did not answer in time"), cost
    return _("The time to pay has passed"), cost


def _sum(which: Q) -> Sum:
    return Sum(f"{_REFUND}amount_fen", filter=which, default=0)
