"""What does not end by itself and waits for people: the admin lists it, the log tells of it every day."""

import logging
from collections.abc import Callable, Sequence
from datetime import timedelta

from django.db.models import Model, Q, QuerySet
from django.utils import timezone

from payments import heartbeat, reconciling
from payments.models import BillLine, GatewayMessage, Payment, Refund

log = logging.getLogger(__name__)

TOLD_EVERY = timedelta(days=1)
LATE_AFTER = timedelta(days=1)
"""Alipay knows of a payment within seconds: what is not certain so long after its end needs help."""
NAMED = 5


def payments() -> Q:
    """Contradicted; or a day later Alipay still gives no answer that decides."""
    late = timezone.now() - LATE_AFTER
    open_still = Q(status=Payment.Status.OPEN, expires_at__lte=late)
    return Q(contradicted_at__isnull=False) | open_still | Q(evidence="RETURN", paid_at__lte=late)


def refunds() -> Q:
    """Refused, waiting for a second person, or not made a day after it was asked for."""
    on_its_way = Q(status__in=[Refund.Status.DUE, Refund.Status.SENT])
    waiting = Q(status__in=[Refund.Status.PROPOSED, Refund.Status.REFUSED])
    return waiting | on_its_way & Q(created_at__lte=timezone.now() - Refund.LATE_AFTER)


def messages() -> Q:
    """What settled nothing. A return that was not believed counts until its attempt is settled."""
    waiting = [Payment.Status.OPEN, Payment.Status.CLOSED]
    unbelieved = Q(verdict=GatewayMessage.Verdict.ASKED, payment__status__in=waiting)
    return Q(done_at=None) & (Q(verdict__in=GatewayMessage.NEEDS_STAFF) | unbelieved)


def bill_lines() -> Q:
    return Q(done_at=None)


def _of(model: type[Model], waiting: Callable[[], Q]) -> Callable[[], list[object]]:
    rows: QuerySet = model._default_manager.order_by("pk")
    return lambda: list(rows.filter(waiting()).only("pk"))


_LISTS: dict[str, Callable[[], Sequence[object]]] = {
    "payments": _of(Payment, payments),
    "refunds": _of(Refund, refunds),
    "gateway messages": _of(GatewayMessage, messages),
    "bill lines": _of(BillLine, bill_lines),
    "days whose bill was not compared": reconciling.missed_days,
}


def due() -> list[str]:
    """The lists to be told of now; none while a sweep has told of them within the day."""
    return list(_LISTS) if heartbeat.claim("for staff", every=TOLD_EVERY) else []


def tell(name: str) -> int:
    """Say in the log how many of a list wait for staff, and which came first; how many."""
    if waiting := _LISTS[name]():
        first = ", ".join(map(str, waiting[:NAMED]))
        log.error("for staff, see the admin: %d %s (%s)", len(waiting), name, first)
    return len(waiting)
