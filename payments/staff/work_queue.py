"""Work queue: rows that need a human, listed in the admin and logged once a day."""

from collections.abc import Callable, Sequence

from django.db.models import Model, Q, QuerySet
from django.utils import timezone

from houses.models import DoubleSale
from payments.models import LATE_AFTER, BillLine, GatewayMessage, Payment, Refund


def payments() -> Q:
    """Contradicted, or without a final answer for longer than LATE_AFTER."""
    late = timezone.now() - LATE_AFTER
    open_still = Q(status=Payment.Status.OPEN, expires_at__lte=late)
    return Q(contradicted_at__isnull=False) | open_still | Q(evidence="RETURN", paid_at__lte=late)


def refunds() -> Q:
    """Refused, awaiting approval, to be given back by hand, or not made within LATE_AFTER."""
    on_its_way = Q(status__in=[Refund.Status.DUE, Refund.Status.SENT])
    waiting = Q(status__in=[Refund.Status.PROPOSED, Refund.Status.REFUSED])
    by_hand = Q(status=Refund.Status.DUE, next_try_at=None)  # money outside Alipay
    return waiting | by_hand | on_its_way & Refund.late()


def messages() -> Q:
    """Unresolved, with a verdict for staff. ASKED is one of these until its attempt is settled."""
    unsettled = [Payment.Status.OPEN, Payment.Status.CLOSED]
    unconfirmed = Q(verdict=GatewayMessage.Verdict.ASKED, payment__status__in=unsettled)
    return Q(done_at=None) & (Q(verdict__in=GatewayMessage.NEEDS_STAFF) | unconfirmed)


def bill_lines() -> Q:
    return Q(done_at=None)


def double_sales() -> Q:
    return Q(done_at=None)


def recoveries() -> Q:
    return Q(done_at=None)


def _of(model: type[Model], waiting: Callable[[], Q]) -> Callable[[], list[object]]:
    rows: QuerySet = model._default_manager.order_by("pk")
    return lambda: list(rows.filter(waiting()).only("pk"))


LISTS: dict[str, Callable[[], Sequence[object]]] = {
    "payments": _of(Payment, payments),
    "refunds": _of(Refund, refunds),
    "messages": _of(GatewayMessage, messages),
    "bill lines": _of(BillLine, bill_lines),
    "double sales": _of(DoubleSale, double_sales),
}
