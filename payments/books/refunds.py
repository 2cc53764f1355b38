"""Records refunds: reserves money for them and writes their status. refunding.py decides and calls Alipay.

A refund's number and amount are fixed from the start. `refund_reserved_fen` of its payment grows by
compare-and-set in the same transaction, so that all refunds together never exceed what was received; only
giving one up releases it.
"""

import logging
import re
from datetime import timedelta
from itertools import count

from django.conf import settings
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from core.money import yuan_text
from core.refusal import Refusal
from core.transactions import durable_transaction
from orders import transitions
from orders.models import Order, OrderEvent
from payments.books import rows
from payments.models import LATE_AFTER, Payment, Refund

log = logging.getLogger(__name__)

Status = Refund.Status

PAUSE_BETWEEN_REFUNDS = timedelta(seconds=3)
"""The pause that Alipay requires between two refunds of one trade."""

_EXTERNAL_NUMBER = re.compile(r"[!-~]{1,64}")


class CannotRefund(Refusal):
    """A sentence for staff. Nothing was written."""


def is_late(refund: Refund) -> bool:
    """Apply Refund.late() to a row that was read."""
    return (refund.due_at or refund.created_at) <= timezone.now() - LATE_AFTER


def create(
    payment: Payment,
    amount_fen: int,
    *,
    reason: str,
    asked_by: User | None = None,
    explanation: str = "",
    is_told: bool = True,
) -> Refund:
    """Reserve `amount_fen` of a payment and make a refund of it, inside the caller's transaction and lock.

    `asked_by`: the member of staff who wants it; above STAFF_REFUND_LIMIT_FEN it awaits approval.
    `explanation` is for the renter. `is_told`: the timeline has an event of it, unless it awaits approval.
    Raises CannotRefund if the amount is not positive, or more than is refundable.
    """
    if amount_fen <= 0:
        raise CannotRefund(_("The minimum refund is ￥0.01."))
    if not reserve(payment, amount_fen):
        raise _too_little(payment, amount_fen)
    may_go = asked_by is None or _unapproved_fen(payment) + amount_fen <= settings.STAFF_REFUND_LIMIT_FEN
    refund = Refund.objects.create(
        payment=payment,
        out_request_no=next_number(payment),
        amount_fen=amount_fen,
        status=Status.DUE if may_go else Status.PROPOSED,
        reason=reason,
        explanation=explanation,
        asked_by=asked_by,
        due_at=timezone.now() if may_go else None,
        next_try_at=timezone.now() if may_go and not payment.is_outside else None,
    )
    if may_go and is_told:
        note_due(payment.order, refund, by=asked_by)
    return refund


def create_of_order(
    order: Order, amount_fen: int, *, reason: str, asked_by: User | None = None, explanation: str = ""
) -> list[Refund]:
    """Reserve `amount_fen` of what was paid for an order, as `create` does: one refund for each payment.

    The newest payment gives first. The timeline has one event, of all that is due.
    """
    made = [
        create(payment, fen, reason=reason, asked_by=asked_by, explanation=explanation, is_told=False)
        for payment, fen in spread(paid_for(order), amount_fen)
    ]
    if due_fen := sum(refund.amount_fen for refund in made if refund.status == Status.DUE):
        kind = OrderEvent.Kind.REFUND_DUE
        transitions.note(order, kind, actor=asked_by, reason=explanation, amount_fen=due_fen)
    return made


def paid_for(order: Order) -> list[Payment]:
    """The payments applied to the order, the newest first: of its price, and of differences of changes."""
    return list(order.payments.filter(status=Payment.Status.PAID).order_by("-created_at", "-id"))


def refundable_fen(order: Order) -> int:
    """The sum received for the order and not reserved for any refund."""
    return sum(payment.refundable_fen for payment in paid_for(order))


def spread(payments: list[Payment], amount_fen: int) -> list[tuple[Payment, int]]:
    """Divide a refund over payments, each up to what is refundable. Raises CannotRefund if that is less."""
    shares, left_fen = [], amount_fen
    for payment in payments:
        if share := min(left_fen, payment.refundable_fen):
            shares.append((payment, share))
            left_fen -= share
    if left_fen:
        raise _too_little(payments[-1], amount_fen)
    return shares


def _too_little(payment: Payment, amount_fen: int) -> CannotRefund:
    refusal = _("%(number)s: less than ￥%(amount)s is left to refund.")
    return CannotRefund(refusal % {"number": payment.out_trade_no, "amount": yuan_text(amount_fen)})


def next_number(payment: Payment) -> str:
    """The `out_request_no` of the payment's next refund; no number is used twice."""
    taken = {number.casefold() for number in payment.refunds.values_list("out_request_no", flat=True)}
    numbers = (f"{payment.out_trade_no}_R{n}" for n in count(1))
    return next(number for number in numbers if number.casefold() not in taken)


@durable_transaction
def mark_handed_over(refund: Refund, *, by: User, reference: str) -> bool:
    """Record that staff gave money back outside Alipay: DUE → DONE. False if it is not due any more."""
    order = rows.lock_order(refund.payment)
    is_due = Q(status=Status.DUE, payment__channel__in=Payment.OUTSIDE)
    done = {"status": Status.DONE, "done_at": timezone.now(), "reference": reference, "handed_by": by}
    if not move(refund, is_due, **done):
        return False
    transitions.note(order, OrderEvent.Kind.REFUNDED, actor=by, amount_fen=refund.amount_fen)
    return True


def find(payment: Payment, out_request_no: str) -> Refund | None:
    """The payment's refund of that number, ignoring case, as some databases do in unique columns."""
    refunds = payment.refunds.order_by("id")
    return next((r for r in refunds if r.out_request_no.casefold() == out_request_no.casefold()), None)


def move(refund: Refund, where: Q, **columns: object) -> bool:
    """Change a refund if it still matches `where`; the order is locked. False if another writer was first."""
    return bool(Refund.objects.filter(where, pk=refund.pk).update(**columns))


def release(refund: Refund, where: Q) -> bool:
    """Give up a refund if it still matches `where`: what was reserved for it is refundable again."""
    if not move(refund, where, status=Status.GIVEN_UP, next_try_at=None):
        return False
    Payment.objects.filter(pk=refund.payment_id).update(
        refund_reserved_fen=F("refund_reserved_fen") - refund.amount_fen
    )
    return True


def withdraw_proposals(order: Order, *, until_refundable_fen: int) -> None:
    """Give up proposals, the newest first, until so much of what was paid for the order is refundable.

    The renter was never told of them. Runs inside the caller's transaction, with the order locked.
    """
    is_proposed = Q(status=Status.PROPOSED)
    of_order = Refund.objects.filter(is_proposed, payment__order=order, payment__status=Payment.Status.PAID)
    for refund in of_order.order_by("-created_at", "-id"):
        if refundable_fen(order) >= until_refundable_fen:
            return
        if release(refund, is_proposed):
            log.error("refund %s withdrawn before its approval: order cancelled", refund)


@durable_transaction
def mark_sent(refund: Refund) -> bool:
    """Commit that a refund is about to be sent: after a crash it is queried before it is sent again.

    False if it changed since it was read (given up), or if another refund of the trade was sent within
    PAUSE_BETWEEN_REFUNDS: then it is due again after that.
    """
    rows.lock_order(refund.payment)
    now = timezone.now()
    as_read = Q(status=refund.status)
    around_now = (now - PAUSE_BETWEEN_REFUNDS, now + PAUSE_BETWEEN_REFUNDS)
    if Refund.objects.filter(payment=refund.payment_id, tried_at__range=around_now).exists():
        move(refund, as_read, next_try_at=now + PAUSE_BETWEEN_REFUNDS)
        return False
    return move(refund, as_read, status=Status.SENT, tried_at=now)


@durable_transaction
def mark_done(refund: Refund) -> None:
    """Record that Alipay has made the refund. Adds one event to the timeline."""
    if not _finish(rows.lock_order(refund.payment), refund):
        log.error(
            "refund %s: given up here, but Alipay made it, beyond what is refundable; check it there", refund
        )


@durable_transaction
def mark_refused(refund: Refund, refusal: str) -> None:
    """Record Alipay's refusal. The money stays reserved: staff retry the refund or give it up."""
    rows.lock_order(refund.payment)
    move(refund, Q(status=Status.SENT), status=Status.REFUSED, next_try_at=None, refusal=refusal[:120])


@durable_transaction
def record_external(payment: Payment, out_request_no: str, amount_fen: int) -> bool:
    """Record a refund that Alipay reports as made: by hand in its console, or one of ours. Once per number.

    False if it does not fit: more than is refundable, a different amount from ours, or a bad number.
    """
    order = rows.lock_order(payment)
    known = find(payment, out_request_no)
    if known is not None:
        same = (known.out_request_no, known.amount_fen) == (out_request_no, amount_fen)
        return same and _finish(order, known)
    is_sound = amount_fen > 0 and _EXTERNAL_NUMBER.fullmatch(out_request_no)
    if not is_sound or not reserve(payment, amount_fen):
        return False
    Refund.objects.create(
        payment=payment,
        out_request_no=out_request_no,
        amount_fen=amount_fen,
        status=Status.DONE,
        reason=Refund.Reason.EXTERNAL,
        done_at=timezone.now(),
    )
    rows.confirm_evidence(payment, Payment.Evidence.QUERY)
    transitions.note(order, OrderEvent.Kind.REFUNDED, amount_fen=amount_fen)
    return True


def reserve(payment: Payment, amount_fen: int) -> bool:
    """Reserve so much of a payment for one refund. False if less is refundable."""
    enough = Payment.objects.filter(pk=payment.pk, received_fen__gte=F("refund_reserved_fen") + amount_fen)
    return bool(enough.update(refund_reserved_fen=F("refund_reserved_fen") + amount_fen))


def note_due(order: Order, refund: Refund, *, by: User | None) -> None:
    """Add to the timeline that a refund is on its way."""
    kind = OrderEvent.Kind.REFUND_DUE
    transitions.note(order, kind, actor=by, reason=refund.explanation, amount_fen=refund.amount_fen)


def _unapproved_fen(payment: Payment) -> int:
    """The sum that staff refunded without approval: small parts count together.

    So do parts of all payments that were applied to one order: a dearer change must not double the limit.
    """
    going = [Status.DUE, Status.SENT, Status.DONE, Status.REFUSED]
    together = Q(payment=payment)
    if payment.status == Payment.Status.PAID:
        together = Q(payment__order=payment.order_id, payment__status=Payment.Status.PAID)
    alone = Refund.objects.filter(together, asked_by__isnull=False, approved_by=None, status__in=going)
    return sum(alone.order_by().values_list("amount_fen", flat=True))


def _finish(order: Order, refund: Refund) -> bool:
    """Move a refund to DONE. One that was given up is reserved again; False if too little is refundable."""
    done = {"status": Status.DONE, "done_at": timezone.now(), "next_try_at": None, "refusal": ""}
    is_news = move(refund, ~Q(status__in=[Status.DONE, Status.GIVEN_UP]), **done)
    if not is_news and move(refund, Q(status=Status.GIVEN_UP), **done):
        is_news = reserve(refund.payment, refund.amount_fen)
        if not is_news:
            move(refund, Q(), status=Status.GIVEN_UP, done_at=None)
            return False
    rows.confirm_evidence(refund.payment, Payment.Evidence.QUERY)
    if is_news:
        transitions.note(order, OrderEvent.Kind.REFUNDED, amount_fen=refund.amount_fen)
    return True
