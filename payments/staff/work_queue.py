"""What does not end by itself and waits for people: the admin lists it, the log tells of it every day."""

from collections.abc import Callable, Sequence

from django.db.models import Model, Q, QuerySet
from django.utils import timezone

from payments.models import LATE_AFTER, BillLine, GatewayMessage, Payment, Refund


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


LISTS: dict[str, Callable[[], Sequence[object]]] = {
    "payments": _of(Payment, payments),
    "refunds": _of(Refund, refunds),
    "messages": _of(GatewayMessage, messages),
    "bill lines": _of(BillLine, bill_lines),
}
