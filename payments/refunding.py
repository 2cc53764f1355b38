"""Every refund verb of staff and of the sweep, in the order of the status table in docs/payments.md.

PROPOSED → DUE → SENT → DONE or REFUSED; GIVEN_UP. A refund is idempotent at Alipay: sent again with the same
number and amount, it moves money once.
"""

import logging
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import events
from accounts.models import AccountEvent, User
from core.money import yuan_text
from core.refusal import no_longer_possible
from core.transactions import durable_transaction
from orders import transitions
from orders.models import OrderEvent
from payments import poll_schedule, queries
from payments.alipay.answers import (
    NotExisting,
    NotRefunded,
    Refunded,
    RefundFound,
    RefundQueryResult,
    RefundResult,
    Refused,
)
from payments.alipay.configured import alipay_client
from payments.books import refunds, rows
from payments.books.refunds import CannotRefund
from payments.models import Payment, Refund

log = logging.getLogger(__name__)

Status = Refund.Status

CODE_TOO_MANY_CALLS = "40005"
LONGEST_CALL = timedelta(minutes=1)
"""A call that began longer ago has ended, whatever its result."""


class NotASecondPerson(CannotRefund):
    """One person may be behind the accounts that asked and that approves."""


@durable_transaction
def request_refund(payment: Payment, amount_fen: int, *, number: str, by: User, explanation: str) -> Refund:
    """Refund part or all of a payment for staff: DUE, or PROPOSED above the limit. Raises CannotRefund.

    `number` is refunds.next_number() when the form was made. It makes the form idempotent: sent repeatedly or
    concurrently, it makes one refund.
    """
    rows.lock_order(payment)
    if number != refunds.next_number(payment):
        raise CannotRefund(_("Another refund of this payment has just been made. Check it first."))
    return refunds.create(
        payment, amount_fen, reason=Refund.Reason.STAFF, asked_by=by, explanation=explanation
    )


def approve(refund: Refund, *, by: User) -> None:
    """Let a proposed refund go, as a second person. PROPOSED → DUE. Raises CannotRefund.

    Superusers are told of it, and of one that is refused because both accounts may be one person's.
    """
    try:
        _approve(refund, by)
    except NotASecondPerson:
        events.note(by, AccountEvent.Kind.REFUSED, by=by, detail=f"{refund.out_request_no}: approve")
        raise


@durable_transaction
def _approve(refund: Refund, by: User) -> None:
    order = rows.lock_order(refund.payment)
    is_proposed = Q(status=Status.PROPOSED)
    asker = refund.asked_by
    if asker and Refund.objects.filter(is_proposed, pk=refund.pk).exists():
        _require_second_person(refund, asker, by)
    now = timezone.now()
    released = {"status": Status.DUE, "approved_by": by, "due_at": now}
    if not refund.payment.is_outside:
        released["next_try_at"] = now
    if not refunds.move(refund, is_proposed, **released):
        raise _not_possible_any_more(refund)
    refunds.note_due(order, refund, by=by)
    detail = f"{refund.out_request_no} ￥{yuan_text(refund.amount_fen)}"
    events.note(asker or by, AccountEvent.Kind.APPROVED, by=by, detail=detail)


def _require_second_person(refund: Refund, asker: User, approver: User) -> None:
    number = {"number": refund.out_request_no}
    if asker == approver:
        refusal = _("%(number)s: you requested this refund yourself; someone else has to approve it.")
        raise CannotRefund(refusal % number)
    if events.is_one_human(asker, approver):
        refusal = _(
            "%(number)s: within 30 days, your account or that of %(who)s was made, reopened, given rights or "
            "a new password by the other, or both by the same colleague. Someone else has to approve it."
        )
        raise NotASecondPerson(refusal % {**number, "who": asker})


def must_be_handed_over(refund: Refund) -> bool:
    """True for a refund of money outside Alipay, which staff give back by hand."""
    return refund.status == Status.DUE and refund.payment.is_outside


def hand_over(refund: Refund, *, by: User, reference: str) -> None:
    """Confirm that staff gave money back outside Alipay: DUE → DONE. Raises CannotRefund.

    Also refuses one that was not due when it was read: staff were not asked for a reference then.
    """
    if not must_be_handed_over(refund) or not refunds.mark_handed_over(refund, by=by, reference=reference):
        raise _not_possible_any_more(refund)


def due() -> list[Refund]:
    """DUE and SENT refunds whose next try has come.

    Automatic refunds wait while the payment's only evidence is a return, or while an answer contradicts it.
    Refunds that staff asked for do not: if the money never came, Alipay refuses. Money outside Alipay has no
    next try.
    """
    waiting = Refund.objects.filter(status__in=[Status.DUE, Status.SENT], next_try_at__lte=timezone.now())
    is_certain = Q(payment__contradicted_at=None) & ~Q(payment__evidence=Payment.Evidence.RETURN)
    to_send = waiting.filter(is_certain | Q(asked_by__isnull=False))
    return list(to_send.select_related("payment__order").order_by("next_try_at"))


def send(refund: Refund) -> bool:
    """Send a refund: DUE → SENT → DONE or REFUSED. False if it is not due, or another sweep has claimed it.

    One that may have been sent is queried first, and sent again only if Alipay does not report it.
    """
    now = timezone.now()
    next_try_at = now + poll_schedule.wait_for_age(now - refund.created_at)
    if not refunds.move(refund, Q(next_try_at=refund.next_try_at), next_try_at=next_try_at):
        return False
    if refund.status == Status.SENT and not _may_be_sent_again(query_refund(refund)):
        return True
    if not refunds.mark_sent(refund):
        return False
    _conclude(refund, _send(refund))
    return True


def query_refund(refund: Refund, *, deadline: float = queries.BACKGROUND_TIMEOUT) -> RefundQueryResult:
    """Query Alipay about a refund of ours. If it has been made: SENT → DONE."""
    answer = _query(refund.payment, refund.out_request_no, deadline)
    if isinstance(answer, RefundFound):
        if answer.amount_fen == refund.amount_fen:
            refunds.mark_done(refund)
        else:
            log.error(
                "refund %s of %d fen: Alipay made it with %d fen",
                refund,
                refund.amount_fen,
                answer.amount_fen,
            )
    return answer


@durable_transaction
def retry(refund: Refund) -> bool:
    """Send a refused refund again, under the same number: REFUSED → SENT. False if it is not refused."""
    rows.lock_order(refund.payment)
    now = timezone.now()
    return refunds.move(refund, Q(status=Status.REFUSED), status=Status.SENT, due_at=now, next_try_at=now)


def can_be_given_up(refund: Refund) -> bool:
    """Not made yet, and not just on its way."""
    waits = refund.status in (Status.PROPOSED, Status.DUE, Status.REFUSED)
    return waits or (refund.status == Status.SENT and refunds.is_late(refund))


def give_up(refund: Refund, *, by: User, explanation: str) -> None:
    """End a refund that Alipay has not made: → GIVEN_UP. Raises CannotRefund.

    One that was sent to Alipay is queried once more: if it was made late, it must not be refunded twice.
    `explanation` is for the renter, if the timeline shows the refund.
    """
    if refund.status == Status.SENT and not refunds.is_late(refund):
        refusal = _("%(number)s: it may be on its way. You can give it up after one day.")
        raise CannotRefund(refusal % {"number": refund.out_request_no})
    if refund.status in (Status.REFUSED, Status.SENT):
        answer = query_refund(refund, deadline=queries.INTERACTIVE_TIMEOUT)
        if isinstance(answer, RefundFound) and answer.amount_fen != refund.amount_fen:
            refusal = _("%(number)s: Alipay has refunded a different amount. Look it up there first.")
            raise CannotRefund(refusal % {"number": refund.out_request_no})
        if not isinstance(answer, (NotRefunded, NotExisting, RefundFound)):
            refusal = _("%(number)s: no usable answer from Alipay right now. Please try again later.")
            raise CannotRefund(refusal % {"number": refund.out_request_no})
    _give_up(refund, by=by, explanation=explanation)


@durable_transaction
def _give_up(refund: Refund, *, by: User, explanation: str) -> None:
    order = rows.lock_order(refund.payment)
    as_read = Q(status=refund.status) & ~Q(status__in=[Status.DONE, Status.GIVEN_UP])
    if refund.status == Status.SENT:  # it may have been sent again since Alipay was asked
        as_read &= Refund.late() & Q(tried_at__lte=timezone.now() - LONGEST_CALL)
    if not refunds.release(refund, as_read):
        raise _not_possible_any_more(refund)
    if refund.status != Status.PROPOSED:
        kind = OrderEvent.Kind.REFUND_OFF
        transitions.note(order, kind, actor=by, reason=explanation, amount_fen=refund.amount_fen)


def confirm(payment: Payment, out_request_no: str) -> bool:
    """Query Alipay about a refund that a notice or the bill reports, and record it if it was made.

    It may be ours or made in Alipay's console. True once it is in the books, or while it is ours and SENT:
    the sweep queries those until they end.
    """
    refund = refunds.find(payment, out_request_no)
    status = refund.status if refund is not None and refund.out_request_no == out_request_no else None
    if status == Status.DONE:
        return True
    answer = _query(payment, out_request_no, queries.INTERACTIVE_TIMEOUT)
    if isinstance(answer, RefundFound):
        return refunds.record_external(payment, out_request_no, answer.amount_fen)
    return status == Status.SENT


def _may_be_sent_again(answer: RefundQueryResult) -> bool:
    """True if Alipay does not know the refund or refuses to tell: the same number moves money once."""
    is_refusal = isinstance(answer, Refused) and answer.code != CODE_TOO_MANY_CALLS
    return is_refusal or isinstance(answer, (NotRefunded, NotExisting))


def _query(payment: Payment, out_request_no: str, deadline: float) -> RefundQueryResult:
    reply = alipay_client().refund_query(payment.out_trade_no, out_request_no, deadline=deadline)
    queries.record_answer(payment, reply, f"refund query {out_request_no}")
    return reply.result


def _send(refund: Refund) -> RefundResult:
    payment, number = refund.payment, refund.out_request_no
    reply = alipay_client().refund(
        payment.out_trade_no, number, refund.amount_fen, deadline=queries.BACKGROUND_TIMEOUT
    )
    queries.record_answer(payment, reply, f"refund {number}")
    return reply.result


def _conclude(refund: Refund, answer: RefundResult) -> None:
    """Record a final answer to a refund that was sent; any other is queried later."""
    match answer:
        case Refunded():
            refunds.mark_done(refund)
        case Refused(code=code, sub_code=sub_code) if code != CODE_TOO_MANY_CALLS:
            log.error("refund %s refused: %s %s", refund, code, sub_code)
            refunds.mark_refused(refund, f"{code} {sub_code}")
        case NotExisting():
            log.error("refund %s refused: Alipay does not know the trade", refund)
            refunds.mark_refused(refund, "ACQ.TRADE_NOT_EXIST")


def _not_possible_any_more(refund: Refund) -> CannotRefund:
    refund.refresh_from_db()
    return CannotRefund(no_longer_possible(refund.out_request_no, refund.get_status_display()))
