"""Sending refunds: one number and amount, however often it is tried, so that Alipay gives back once."""

import logging

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from payments import asking, settlement
from payments.alipay.answers import (
    NotExisting,
    NotRefunded,
    Refunded,
    RefundFound,
    RefundQueryResult,
    RefundResult,
    Refused,
)
from payments.gateway import client
from payments.models import Payment, Refund
from payments.settlement import CannotRefund, Evidence

log = logging.getLogger(__name__)

Status = Refund.Status

CODE_TOO_MANY_CALLS = "40005"


def due() -> list[Refund]:
    """What is to be sent or asked about.

    Nothing goes back by itself for a payment that only a return vouches for, or that an answer contradicted;
    what staff asked for does: if there is no such money, Alipay refuses.
    """
    rows = Refund.objects.filter(status__in=[Status.DUE, Status.SENT], next_try_at__lte=timezone.now())
    is_sure = Q(payment__contradicted_at=None) & ~Q(payment__evidence=Evidence.RETURN)
    to_send = rows.filter(is_sure | Q(asked_by__isnull=False))
    return list(to_send.select_related("payment__order").order_by("next_try_at"))


def send(refund: Refund) -> bool:
    """Bring a refund one step further. False where that is not for now, or another sweep has it in hand.

    One that may have been sent is asked about first, and sent again only if Alipay tells nothing of it.
    """
    now = timezone.now()
    wait = asking.wait_for_age(now - refund.created_at)
    if not Refund.objects.filter(pk=refund.pk, next_try_at=refund.next_try_at).update(next_try_at=now + wait):
        return False
    if refund.status == Status.SENT and not _may_be_sent_again(ask(refund)):
        return True
    if not settlement.mark_refund_sent(refund):
        return False
    _conclude(refund, _send(refund))
    return True


def ask(refund: Refund, *, deadline: float = asking.IN_THE_BACKGROUND) -> RefundQueryResult:
    """Ask Alipay about a refund of ours; if it has been made, it is done."""
    answer = _query(refund.payment, refund.out_request_no, deadline)
    if isinstance(answer, RefundFound):
        if answer.amount_fen == refund.amount_fen:
            settlement.mark_refunded(refund)
        else:
            log.error("refund %s: Alipay has made it with %d fen", refund, answer.amount_fen)
    return answer


def give_up(refund: Refund, *, by: User, words: str) -> None:
    """End a refund that Alipay has not made. Raises CannotRefund.

    Of one that it had in hand Alipay is asked once more: what it was late to make must not be given back
    another way.
    """
    if refund.status == Status.SENT and not Refund.objects.filter(Refund.late(), pk=refund.pk).exists():
        refusal = _("%(number)s: it may be on its way. It can be given up when a day has passed.")
        raise CannotRefund(refusal % {"number": refund.out_request_no})
    if refund.status in (Status.REFUSED, Status.SENT):
        answer = ask(refund, deadline=asking.WHILE_SOMEBODY_WAITS)
        if isinstance(answer, RefundFound) and answer.amount_fen != refund.amount_fen:
            refusal = _("%(number)s: Alipay has made it, with another amount. Look it up there first.")
            raise CannotRefund(refusal % {"number": refund.out_request_no})
        if not isinstance(answer, (NotRefunded, NotExisting, RefundFound)):
            refusal = _("%(number)s: Alipay gave no usable answer about it just now. Please try again later.")
            raise CannotRefund(refusal % {"number": refund.out_request_no})
    settlement.give_up_refund(refund, by=by, words=words)


def hear_of(payment: Payment, out_request_no: str) -> bool:
    """Alipay tells of a refund, ours or made in its console: ask, and book it. True once it is in the books.

    True also of ours while its outcome is open: the sweep asks about it to its end.
    """
    refund = settlement.refund_named(payment, out_request_no)
    status = refund.status if refund is not None and refund.out_request_no == out_request_no else None
    if status == Status.DONE:
        return True
    answer = _query(payment, out_request_no, asking.WHILE_SOMEBODY_WAITS)
    if isinstance(answer, RefundFound):
        return settlement.record_external_refund(payment, out_request_no, answer.amount_fen)
    return status == Status.SENT


def _may_be_sent_again(answer: RefundQueryResult) -> bool:
    """Alipay knows nothing of it, or does not tell: the same number and amount move money once."""
    is_refusal = isinstance(answer, Refused) and answer.code != CODE_TOO_MANY_CALLS
    return is_refusal or isinstance(answer, (NotRefunded, NotExisting))


def _query(payment: Payment, out_request_no: str, deadline: float) -> RefundQueryResult:
    reply = client().refund_query(payment.out_trade_no, out_request_no, deadline=deadline)
    asking.record_answer(payment, reply, f"refund query {out_request_no}")
    return reply.result


def _send(refund: Refund) -> RefundResult:
    payment, number = refund.payment, refund.out_request_no
    reply = client().refund(
        payment.out_trade_no, number, refund.amount_fen, deadline=asking.IN_THE_BACKGROUND
    )
    asking.record_answer(payment, reply, f"refund {number}")
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
