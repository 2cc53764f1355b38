"""The page of an order in the admin: who, what, the money, what happened, and what can be done now."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.admin import AdminSite
from django.db.models import Model
from django.http import HttpRequest

from core.admin import ReadOnlyAdmin
from orders.models import Order
from payments.models import Payment, Refund
from payments.staff.alipay_codes import explained
from payments.staff.refund_steps import next_step

ORDERS_SHOWN = 5
LIKELY = {
    Order.Status.WAIT_ACCEPT: "accept_bookings",
    Payment.Status.SURPLUS: "give_back",
    Refund.Status.PROPOSED: "approve",
    Refund.Status.REFUSED: "try_again",
    Refund.Status.DUE: "hand_over",
}
"""The action that is most probably wanted, by the status of the row."""


@dataclass(frozen=True)
class Step:
    """A button: an action of the admin on one row."""

    row: Model
    action: str
    label: str
    is_likely: bool


@dataclass(frozen=True)
class Money:
    """Sums over all attempts, in fen. `left`: received, and neither refunded nor reserved."""

    received: int
    refunded: int
    on_its_way: int
    refused: int
    awaiting_approval: int
    left: int
    outside: int = 0
    """Received outside Alipay; part of `received`."""


@dataclass(frozen=True)
class RefundLine:
    refund: Refund
    why_it_waits: str
    steps: Sequence[Step]


@dataclass(frozen=True)
class Attempt:
    payment: Payment
    refunds: Sequence[RefundLine]
    steps: Sequence[Step]


def context_for(order: Order, request: HttpRequest, site: AdminSite) -> dict[str, object]:
    """Return the context of the page. A constant number of queries, apart from permissions."""

    def steps(row: Model) -> list[Step]:
        admin = site.get_model_admin(type(row))
        may_see = admin.has_view_permission(request, row)
        assert isinstance(admin, ReadOnlyAdmin)
        return _likely_first(row, admin.steps(request, row)) if may_see else []

    payments = list(
        order.payments.order_by("created_at", "id").prefetch_related("recorded_by", "refunds__handed_by")
    )
    return {
        "steps": steps(order),
        "money": money_of(payments),
        "waiting_change": order.waiting_change_or_none,
        "attempts": [
            Attempt(payment, [_line(refund, steps(refund)) for refund in _refunds(payment)], steps(payment))
            for payment in payments
        ],
        "events": order.events.select_related("actor").order_by("-created_at", "-id"),
        "other_orders": _other_orders(order),
        "next_to_accept": _next_to_accept(order),
    }


def money_of(payments: Iterable[Payment]) -> Money:
    rows = list(payments)
    by_status = dict.fromkeys(Refund.Status.values, 0)
    for refund in (refund for payment in rows for refund in payment.refunds.all()):
        by_status[refund.status] += refund.amount_fen
    return Money(
        received=sum(payment.received_fen for payment in rows),
        refunded=by_status[Refund.Status.DONE],
        on_its_way=sum(by_status[status] for status in Refund.ON_ITS_WAY),
        refused=by_status[Refund.Status.REFUSED],
        awaiting_approval=by_status[Refund.Status.PROPOSED],
        left=sum(payment.refundable_fen for payment in rows),
        outside=sum(payment.received_fen for payment in rows if payment.is_outside),
    )


def _refunds(payment: Payment) -> list[Refund]:
    return sorted(payment.refunds.all(), key=lambda refund: refund.pk)


def _line(refund: Refund, steps: Sequence[Step]) -> RefundLine:
    return RefundLine(refund, " · ".join(filter(None, [explained(refund.refusal), next_step(refund)])), steps)


def _likely_first(row: Any, offered: Iterable[tuple[str, str]]) -> list[Step]:
    likely = LIKELY.get(row.status)
    found = [Step(row, name, label, name == likely) for name, label in offered]
    return sorted(found, key=lambda step: not step.is_likely)


def _other_orders(order: Order) -> Iterable[Order]:
    rows = Order.objects.filter(renter=order.renter_id).exclude(pk=order.pk)
    return rows.order_by("-created_at", "-id")[:ORDERS_SHOWN]


def _next_to_accept(order: Order) -> Order | None:
    """Return the booking whose answer is due next, other than this one."""
    waiting = Order.objects.filter(status=Order.Status.WAIT_ACCEPT).exclude(pk=order.pk)
    return waiting.order_by("accept_by", "id").prefetch_related("renter").first()
