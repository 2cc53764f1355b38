"""What does not end by itself and waits for people: the admin lists it, the log tells of it every day."""

import logging
from collections.abc import Callable, Sequence
from datetime import timedelta

from django.db.models import Model, Q, QuerySet
from django.utils import timezone

from payments import heartbeat, reconciling
from payments.models import LATE_AFTER, BillLine, GatewayMessage, Payment, Refund

log = logging.getLogger(__name__)

TOLD_EVERY = timedelta(days=1)
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
    return waiting | on_its_way & Refund.late()


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
    "messages": _of(GatewayMessage, messages),
    "bill lines": _of(BillLine, bill_lines),
    "missing bills": reconciling.missed_days,
}


def due() -> list[str]:
    """The lists to be told of now; none of which a sweep has told within the day."""
    told = heartbeat.claimed(within=TOLD_EVERY)
    return [name for name in _LISTS if f"told {name}" not in told]


def tell(name: str) -> int:
    """Say in the log how many of a list wait for staff, and which came first; how many."""
    waiting = _LISTS[name]()
    if not heartbeat.claim(f"told {name}", every=TOLD_EVERY):
        return 0  # another sweep was first
    if waiting:
        first = ", ".join(map(str, waiting[:NAMED]))
        log.error("for staff, see the admin: %d %s (%s)", len(waiting), name, first)
    return len(waiting)
