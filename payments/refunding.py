"""Sending refunds: one number and amount, however often it is tried, so that Alipay gives back once."""

import logging
from collections.abc import Iterator
from datetime import timedelta

from django.utils import timezone

from payments import asking, settlement
from payments.alipay.answers import NotExisting, NotRefunded, Refunded, RefundResult, Refused
from payments.alipay.client import Reply
from payments.gateway import client
from payments.models import Refund
from payments.settlement import Evidence

log = logging.getLogger(__name__)

Status = Refund.Status

REFUNDS_AT_A_TIME = 100
CODE_TOO_MANY_CALLS = "40005"


def due() -> Iterator[Refund]:
    """What is to be sent or asked about; not what only a return vouches for, or an answer contradicted."""
    rows = Refund.objects.filter(status__in=[Status.DUE, Status.SENT], next_try_at__lte=timezone.now())
    sure = rows.filter(payment__contradicted_at=None).exclude(payment__evidence=Evidence.RETURN)
    return iter(sure.select_related("payment__order").order_by("next_try_at")[:REFUNDS_AT_A_TIME])


def send(refund: Refund) -> bool:
    """Bring a refund one step further. False where another sweep has it in hand.

    One that may have been sent is asked about first; only if Alipay knows nothing of it is it sent again.
    """
    now = timezone.now()
    wait = max(timedelta(seconds=15), asking.wait_for_age(now - refund.created_at))
    if not Refund.objects.filter(pk=refund.pk, next_try_at=refund.next_try_at).update(next_try_at=now + wait):
        return False
    if not settlement.mark_refund_sent(refund):
        answer = _call(refund, again=True)
        if isinstance(answer, Refunded):
            settlement.mark_refunded(refund)
        if not isinstance(answer, NotRefunded):
            return True  # whatever else the query says, the refund itself was not refused
    _conclude(refund, _call(refund, again=False))
    return True


def _call(refund: Refund, *, again: bool) -> RefundResult:
    payment = refund.payment
    method = client().refund_query if again else client().refund
    reply: Reply[RefundResult] = method(
        payment.out_trade_no, refund.out_request_no, refund.amount_fen, deadline=asking.IN_THE_BACKGROUND
    )
    what = "refund query" if again else "refund"
    asking.record_answer(payment, reply, f"{what} {refund.out_request_no}")
    return reply.result


def _conclude(refund: Refund, answer: RefundResult) -> None:
    """Done and refused are final for the sweep; all else is asked about later."""
    match answer:
        case Refunded():
            settlement.mark_refunded(refund)
        case Refused(code=code, sub_code=sub_code) if code != CODE_TOO_MANY_CALLS:
            log.error("refund %s refused: %s %s", refund, code, sub_code)
            settlement.mark_refund_refused(refund, f"{code} {sub_code}")
        case NotExisting():
            log.error("refund %s refused: Alipay does not know the trade", refund)
            settlement.mark_refund_refused(refund, "ACQ.TRADE_NOT_EXIST")
