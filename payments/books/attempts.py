"""The one door through which money is recorded: only this writes status and money of attempts and refunds.

Return, notify, query and staff all end in settle(). The locks (Order, then Payment, then Refund) keep people
from waiting in the wrong order; the compare-and-set decides who was first, also where locks don't reach.
When one is tried again (`next_try_at`) and which bill had it (`billed_on`) is written elsewhere, too.
"""

import enum
import logging
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count

from django.conf import settings
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from core.money import yuan_text
from core.transactions import durable_transaction
from orders import transitions
from orders.models import Order, OrderEvent
from orders.transitions import IllegalTransition
from payments import journal
from payments.models import GatewayMessage, Payment, Refund

log = logging.getLogger(__name__)

Status = Payment.Status
Evidence = Payment.Evidence

PAUSE_BETWEEN_REFUNDS = timedelta(seconds=3)
"""What Alipay wants between two refunds of one trade."""
NO_CALL_LASTS = timedelta(minutes=1)
"""Whatever was sent to Alipay so long ago is not on the wire any more."""

PROPOSED = Q(status=Refund.Status.PROPOSED)

_EXTERNAL_NUMBER = re.compile(r"[!-~]{1,64}")


class CannotRefund(Exception):
    """Words for staff. Nothing was written."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """Money that Alipay says has come in for an attempt, and which channel said so (Payment.Evidence)."""

    trade_no: str
    amount_fen: int
    paid_at: datetime | None
    evidence: str


class Outcome(enum.Enum):
    APPLIED = "the order is paid"
    SURPLUS = "the order did not need it; it goes back"
    ALREADY = "somebody was first"


@dataclass(frozen=True, slots=True)
class Settlement:
    outcome: Outcome
    spare: Payment | None = None
    """Another attempt of the order that was still alive, and that nobody must pay any more."""


@durable_transaction
def settle(payment: Payment, receipt: Receipt, *, message: GatewayMessage | None = None) -> Settlement:
    """Record that money came in; once, whoever says so and however often. Durable when it returns.

    `message` is what brought the news; its verdict is written in the same transaction.
    What must hold before (signature, addressee, amount) is the channel's to check.
    """
    order = _locked_order(payment)
    outcome, spare = Outcome.ALREADY, None
    if _claim(payment, receipt):
        outcome = _apply(order, payment, receipt)
        if order.status != Order.Status.WAIT_PAYMENT:
            spare = _let_go_of_live_attempt(order)
    else:
        _strengthen(payment, receipt)
    if message is not None:
        verdict = journal.Verdict.KNOWN if outcome is Outcome.ALREADY else journal.Verdict.SETTLED
        journal.judge(message, verdict, payment=payment, detail=outcome.value)
    log.info("attempt %s by %s: %s", payment.out_trade_no, receipt.evidence, outcome.value)
    return Settlement(outcome, spare)


@durable_transaction
def mark_closed(payment: Payment) -> None:
    """Alipay's last word on an attempt is that nobody can pay it. Paid stays paid."""
    _locked_order(payment)
    Payment.objects.filter(pk=payment.pk, status=Status.OPEN).update(
        status=Status.CLOSED, live_for=None, next_try_at=None
    )


@durable_transaction
def let_go(payment: Payment) -> None:
    """Make room for a new attempt. This one stays OPEN, and is asked about, until Alipay's last word."""
    _locked_order(payment)
    Payment.objects.filter(pk=payment.pk).update(live_for=None)


@durable_transaction
def expire_unpaid(order: Order) -> bool:
    """End an order that was not paid in time. False while an attempt is OPEN, or it was paid after all."""
    order = Order.objects.select_for_update().get(pk=order.pk)
    is_late = order.status == Order.Status.WAIT_PAYMENT and order.pay_by and order.pay_by <= timezone.now()
    if not is_late or order.payments.filter(status=Status.OPEN).exists():
        return False
    transitions.expire(order)
    return True


def mark_contradicted(payment: Payment, *, vouched_for_by: str) -> None:
    """A signed answer says otherwise than a signed return: staff decide, nothing is refunded by itself.

    `vouched_for_by`: the attempt's evidence so far, RETURN, or "" where the return has not settled it.
    """
    rows = Payment.objects.filter(pk=payment.pk, evidence=vouched_for_by, contradicted_at=None)
    if rows.update(contradicted_at=timezone.now(), next_try_at=timezone.now()):
        log.error("attempt %s: Alipay's answer contradicts its own return", payment.out_trade_no)


def set_contradiction_aside(payment: Payment) -> bool:
    """Staff found that a closed attempt brought no money, whatever a return said. False where it is none.

    It is not asked about any more. Should Alipay tell of money after all, that counts as ever.
    """
    rows = Payment.objects.filter(pk=payment.pk, status=Status.CLOSED, contradicted_at__isnull=False)
    return bool(rows.update(contradicted_at=None, next_try_at=None))


def _locked_order(payment: Payment) -> Order:
    columns = ("number", "status", "amount_fen")  # what the steps below look at; a whole row costs more
    return Order.objects.select_for_update().only(*columns).get(pk=payment.order_id)


def _claim(payment: Payment, receipt: Receipt) -> bool:
    """OPEN or CLOSED becomes PAID for exactly one caller."""
    only_return = receipt.evidence == Evidence.RETURN
    won = Payment.objects.filter(pk=payment.pk, status__in=[Status.OPEN, Status.CLOSED]).update(
        status=Status.PAID,
        live_for=None,
        trade_no=receipt.trade_no,
        received_fen=receipt.amount_fen,
        paid_at=receipt.paid_at or timezone.now(),
        evidence=receipt.evidence,
        contradicted_at=None,
        next_try_at=timezone.now() + timedelta(seconds=15) if only_return else None,
    )
    return won == 1


def _apply(order: Order, payment: Payment, receipt: Receipt) -> Outcome:
    if _is_what_was_asked(order, payment, receipt):
        try:
            transitions.mark_paid(order, trade_no=receipt.trade_no, amount_fen=receipt.amount_fen)
            return Outcome.APPLIED
        except IllegalTransition:
            pass
    Payment.objects.filter(pk=payment.pk).update(status=Status.SURPLUS)
    transitions.note(order, OrderEvent.Kind.SURPLUS, amount_fen=receipt.amount_fen)
    make_refund(payment, receipt.amount_fen, reason=Refund.Reason.SURPLUS)
    return Outcome.SURPLUS


def _is_what_was_asked(order: Order, payment: Payment, receipt: Receipt) -> bool:
    """To the fen; and the order still costs what the attempt asked for."""
    return receipt.amount_fen == payment.amount_fen == order.amount_fen


def make_refund(
    payment: Payment, amount_fen: int, *, reason: str, asked_by: User | None = None, words: str = ""
) -> Refund:
    """Owe `amount_fen` of what came in with `payment`; inside the caller's transaction, the order locked.

    `asked_by`: who of staff wants it; above STAFF_REFUND_LIMIT_FEN it then waits for a second person.
    `words` are for the renter. Raises CannotRefund where it is not positive, or more than is left.
    """
    if amount_fen <= 0:
        raise CannotRefund(_("A refund gives back at least ￥0.01."))
    if not _reserve(payment, amount_fen):
        refusal = _("%(number)s: less than ￥%(amount)s of what came in is left to give back.")
        raise CannotRefund(refusal % {"number": payment.out_trade_no, "amount": yuan_text(amount_fen)})
    may_go = asked_by is None or _given_alone(payment) + amount_fen <= settings.STAFF_REFUND_LIMIT_FEN
    refund = Refund.objects.create(
        payment=payment,
        out_request_no=next_refund_number(payment),
        amount_fen=amount_fen,
        status=Refund.Status.DUE if may_go else Refund.Status.PROPOSED,
        reason=reason,
        words=words,
        asked_by=asked_by,
        due_at=timezone.now() if may_go else None,
        next_try_at=timezone.now() if may_go else None,
    )
    if may_go:
        _tell_due(payment.order, refund, by=asked_by)
    return refund


def next_refund_number(payment: Payment) -> str:
    """What the next refund of the payment will be called; no number is used twice."""
    taken = {number.casefold() for number in payment.refunds.values_list("out_request_no", flat=True)}
    numbers = (f"{payment.out_trade_no}_R{n}" for n in count(1))
    return next(number for number in numbers if number.casefold() not in taken)


@durable_transaction
def refund_by_staff(payment: Payment, amount_fen: int, *, number: str, by: User, words: str) -> Refund:
    """Staff give money back. `number`: next_refund_number() as they saw it. Raises CannotRefund.

    However often one form is sent, and by however many at once, its number makes one refund.
    """
    _locked_order(payment)
    if number != next_refund_number(payment):
        raise CannotRefund(_("Another refund of this payment has been made meanwhile. Look at it first."))
    return make_refund(payment, amount_fen, reason=Refund.Reason.STAFF, asked_by=by, words=words)


@durable_transaction
def approve_refund(refund: Refund, *, by: User) -> None:
    """A second person lets a proposed refund go. Raises CannotRefund."""
    order = _locked_order(refund.payment)
    proposed = Refund.objects.filter(pk=refund.pk, status=Refund.Status.PROPOSED)
    if proposed.filter(asked_by=by).exists():
        words = _("%(number)s: you asked for it yourself; somebody else has to approve it.")
        raise CannotRefund(words % {"number": refund.out_request_no})
    now = timezone.now()
    if not proposed.update(status=Refund.Status.DUE, approved_by=by, due_at=now, next_try_at=now):
        raise _not_possible_any_more(refund)
    _tell_due(order, refund, by=by)


@durable_transaction
def give_up_refund(refund: Refund, *, by: User, words: str) -> None:
    """End a refund that Alipay has not made; what was reserved is free again. Raises CannotRefund.

    One that was sent may yet be made: only where that has not happened within a day, and whoever calls has
    asked Alipay just now. `words` are for the renter, if they were told of it.
    """
    order = _locked_order(refund.payment)
    over = [Refund.Status.DONE, Refund.Status.GIVEN_UP]
    as_it_was_read = Q(status=refund.status) & ~Q(status__in=over)
    if refund.status == Refund.Status.SENT:
        as_it_was_read &= Refund.late() & Q(tried_at__lte=timezone.now() - NO_CALL_LASTS)
    if not _give_up(refund, as_it_was_read):
        raise _not_possible_any_more(refund)
    if refund.status == Refund.Status.PROPOSED:
        return
    kind = OrderEvent.Kind.REFUND_OFF
    transitions.note(order, kind, actor=by, reason=words, amount_fen=refund.amount_fen)


def withdraw_proposals(payment: Payment, *, until_left_fen: int) -> None:
    """End what waits for a second person, the newest first, as far as its money is needed for something else.

    Inside the caller's transaction, the order locked. The renter was never told of it.
    """
    for refund in payment.refunds.filter(PROPOSED).order_by("-id"):
        payment.refresh_from_db(fields=["refund_reserved_fen"])
        if payment.left_fen >= until_left_fen:
            return
        if _give_up(refund, PROPOSED):
            log.error("refund %s: proposed by staff; ended with its order, and its money goes back", refund)


@durable_transaction
def mark_refund_sent(refund: Refund) -> bool:
    """On disk before Alipay is called: after a kill in between it is asked about before it is sent again.

    False where it is no longer what it was when it was read (given up), or where a refund of the same trade
    was sent a moment ago, because Alipay wants a pause: then it is due again after that.
    """
    _locked_order(refund.payment)
    now = timezone.now()
    mine = Refund.objects.filter(pk=refund.pk, status=refund.status)
    around_now = (now - PAUSE_BETWEEN_REFUNDS, now + PAUSE_BETWEEN_REFUNDS)
    if Refund.objects.filter(payment=refund.payment_id, tried_at__range=around_now).exists():
        mine.update(next_try_at=now + PAUSE_BETWEEN_REFUNDS)
        return False
    return bool(mine.update(status=Refund.Status.SENT, tried_at=now))


@durable_transaction
def mark_refunded(refund: Refund) -> None:
    """Alipay's word that the money has gone back. The renter's timeline tells of it once."""
    if not _mark_done(_locked_order(refund.payment), refund):
        log.error("refund %s: Alipay has made it, though it was given up and its money is spoken for", refund)


@durable_transaction
def record_external_refund(payment: Payment, out_request_no: str, amount_fen: int) -> bool:
    """Book a refund of which Alipay says that it made it: by hand in its console, or one of ours.

    Once for a number, however often. False where it can't be: more than is left, or another amount than ours.
    """
    order = _locked_order(payment)
    known = refund_named(payment, out_request_no)
    if known is not None:
        same = (known.out_request_no, known.amount_fen) == (out_request_no, amount_fen)
        return same and _mark_done(order, known)
    is_sound = amount_fen > 0 and _EXTERNAL_NUMBER.fullmatch(out_request_no)
    if not is_sound or not _reserve(payment, amount_fen):
        return False
    Refund.objects.create(
        payment=payment,
        out_request_no=out_request_no,
        amount_fen=amount_fen,
        status=Refund.Status.DONE,
        reason=Refund.Reason.EXTERNAL,
        done_at=timezone.now(),
    )
    _know_from_alipay(payment, Evidence.QUERY)
    transitions.note(order, OrderEvent.Kind.REFUNDED, amount_fen=amount_fen)
    return True


def refund_named(payment: Payment, out_request_no: str) -> Refund | None:
    """The payment's refund of that number, be it in other letters: some databases take `a` for `A`."""
    rows = payment.refunds.order_by("id")
    return next((r for r in rows if r.out_request_no.casefold() == out_request_no.casefold()), None)


@durable_transaction
def mark_refund_refused(refund: Refund, refusal: str) -> None:
    """Alipay says no; staff see why. What was reserved stays so: the refund may be tried again."""
    _locked_order(refund.payment)
    Refund.objects.filter(pk=refund.pk, status=Refund.Status.SENT).update(
        status=Refund.Status.REFUSED, next_try_at=None, refusal=refusal[:120]
    )


@durable_transaction
def try_refund_again(refund: Refund) -> bool:
    """Staff send a refused refund once more: the same number, the same amount."""
    _locked_order(refund.payment)
    now = timezone.now()
    refused = Refund.objects.filter(pk=refund.pk, status=Refund.Status.REFUSED)
    return bool(refused.update(status=Refund.Status.SENT, due_at=now, next_try_at=now))


def _give_up(refund: Refund, where: Q) -> bool:
    ended = {"status": Refund.Status.GIVEN_UP, "next_try_at": None}
    if not Refund.objects.filter(where, pk=refund.pk).update(**ended):
        return False
    Payment.objects.filter(pk=refund.payment_id).update(
        refund_reserved_fen=F("refund_reserved_fen") - refund.amount_fen
    )
    return True


def _reserve(payment: Payment, amount_fen: int) -> bool:
    """Set `amount_fen` of what came in aside for one refund; False where so much is not left."""
    enough = Payment.objects.filter(pk=payment.pk, received_fen__gte=F("refund_reserved_fen") + amount_fen)
    return bool(enough.update(refund_reserved_fen=F("refund_reserved_fen") + amount_fen))


def _given_alone(payment: Payment) -> int:
    """What staff let go of the payment without a second person: a sum in small parts is that sum, too."""
    going = [Refund.Status.DUE, Refund.Status.SENT, Refund.Status.DONE, Refund.Status.REFUSED]
    alone = payment.refunds.filter(asked_by__isnull=False, approved_by=None, status__in=going)
    return sum(alone.order_by().values_list("amount_fen", flat=True))


def _tell_due(order: Order, refund: Refund, *, by: User | None) -> None:
    kind = OrderEvent.Kind.REFUND_DUE
    transitions.note(order, kind, actor=by, reason=refund.words, amount_fen=refund.amount_fen)


def _mark_done(order: Order, refund: Refund) -> bool:
    """True once the refund is done. One that was given up needs its money reserved again."""
    rows = Refund.objects.filter(pk=refund.pk)
    done = {"status": Refund.Status.DONE, "done_at": timezone.now(), "next_try_at": None, "refusal": ""}
    news = rows.exclude(status__in=[Refund.Status.DONE, Refund.Status.GIVEN_UP]).update(**done)
    if not news and rows.filter(status=Refund.Status.GIVEN_UP).update(**done):
        news = _reserve(refund.payment, refund.amount_fen)
        if not news:
            rows.update(status=Refund.Status.GIVEN_UP, done_at=None)
            return False
    _know_from_alipay(refund.payment, Evidence.QUERY)
    if news:
        transitions.note(order, OrderEvent.Kind.REFUNDED, amount_fen=refund.amount_fen)
    return True


def _not_possible_any_more(refund: Refund) -> CannotRefund:
    refund.refresh_from_db()
    words = _("%(number)s: not possible any more, it is %(status)s.")
    return CannotRefund(words % {"number": refund.out_request_no, "status": refund.get_status_display()})


def _let_go_of_live_attempt(order: Order) -> Payment | None:
    keys = Payment.objects.filter(live_for=order).order_by().values_list("pk", flat=True)
    key = next(iter(keys), None)
    if key is None:
        return None
    Payment.objects.filter(pk=key).update(live_for=None, next_try_at=timezone.now())
    return Payment.objects.get(pk=key)


def _strengthen(payment: Payment, receipt: Receipt) -> None:
    if receipt.evidence != Evidence.RETURN:
        _know_from_alipay(payment, receipt.evidence)


def _know_from_alipay(payment: Payment, evidence: str) -> None:
    """What only a return vouched for is certain: Alipay tells of the money, or gave of it back."""
    Payment.objects.filter(pk=payment.pk, evidence=Evidence.RETURN).update(
        evidence=evidence, next_try_at=None, contradicted_at=None
    )
