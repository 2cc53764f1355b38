"""Asking Alipay about an attempt, and asking it to close one. No call is made inside a transaction."""

import logging
import time
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from django.db.models import Case, Q, Value, When
from django.utils import timezone

from core.money import yuan_text
from payments import journal, settlement
from payments.alipay.answers import Closed, CloseResult, NotExisting, Paid, QueryResult, Refused, Waiting
from payments.alipay.client import Reply
from payments.gateway import client
from payments.models import UNSURE, GatewayMessage, Payment
from payments.settlement import Evidence, Receipt

log = logging.getLogger(__name__)

WHILE_SOMEBODY_WAITS = 3.0
"""Seconds that a page waits for Alipay, for all calls together."""
IN_THE_BACKGROUND = 8.0
LEAST_FOR_A_CALL = 1.0
"""What a call gets where others before it have used up the time: with less it could but fail."""

ASK_AT_MOST_EVERY = timedelta(seconds=3)
LAST_WORD_AFTER = timedelta(minutes=2)
"""So long after an attempt expired, "not existing" is Alipay's last word."""
WHILE_IT_CAN_BE_PAID = timedelta(seconds=80)


def ask(payment: Payment, *, deadline: float = WHILE_SOMEBODY_WAITS) -> QueryResult | None:
    """Ask Alipay and act on the answer; `payment` is fresh afterwards. None: somebody asked a moment ago."""
    now = timezone.now()
    just_now = (now - ASK_AT_MOST_EVERY, now + ASK_AT_MOST_EVERY)  # ahead: by another clock
    a_while_ago = Q(asked_at=None) | ~Q(asked_at__range=just_now)
    mine = Payment.objects.filter(a_while_ago, pk=payment.pk).update(
        asked_at=now,
        next_try_at=Case(When(UNSURE, then=Value(when_to_ask_again(payment, now))), default=None),
    )
    result = _query(payment, deadline) if mine else None
    payment.refresh_from_db()
    return result


def close(payment: Payment, *, deadline: float = WHILE_SOMEBODY_WAITS) -> CloseResult:
    """Ask Alipay to take no more money for the attempt; `payment` is fresh afterwards."""
    until = time.monotonic() + deadline
    reply = client().close(payment.out_trade_no, deadline=deadline)
    record_answer(payment, reply, "close")
    if isinstance(reply.result, Closed) or _is_last_word(payment, reply.result):
        settlement.mark_closed(payment)
    if isinstance(reply.result, Refused):
        _query(payment, _left(until))  # perhaps it has just been paid
    payment.refresh_from_db()
    return reply.result


def ask_and_close(
    payment: Payment, *, deadline: float = WHILE_SOMEBODY_WAITS
) -> QueryResult | CloseResult | None:
    """Ask about an open attempt; where the renter is there and has not paid, close it at Alipay.

    Closed without asking where somebody asked a moment ago: if it has been paid since, Alipay refuses. The
    last answer; None where it turned out to be over. `payment` is fresh afterwards.
    """
    until = time.monotonic() + deadline
    answer = ask(payment, deadline=deadline)
    if payment.status == Payment.Status.OPEN and (answer is None or isinstance(answer, Waiting)):
        return close(payment, deadline=_left(until))
    return answer


def while_somebody_waits(payments: Iterable[Payment]) -> Iterator[tuple[Payment, float]]:
    """As many of `payments` as a page may wait for, at least one, each with the seconds that it may take.

    The sweep asks about the others.
    """
    until = time.monotonic() + WHILE_SOMEBODY_WAITS
    for payment in payments:
        yield payment, _left(until)
        if time.monotonic() > until:
            return


def record_answer(payment: Payment, reply: Reply, method: str) -> None:
    """Keep an answer that brings no money in the journal; nothing is kept where nothing came."""
    if reply.raw:
        message = journal.record_answer(reply.raw, signed=reply.signed, payment=payment)
        _judge_answer(message, payment, reply, method)


def book_receipt(payment: Payment, receipt: Receipt, message: GatewayMessage) -> None:
    """Settle; if another attempt of the order is still alive, close it at Alipay, so that nobody pays twice.

    Where it doesn't answer at once the sweep does that, and money that comes twice goes back.
    """
    spare = settlement.settle(payment, receipt, message=message).spare
    if spare is not None:
        close(spare, deadline=LEAST_FOR_A_CALL)


def when_to_ask_again(payment: Payment, now: datetime) -> datetime:
    """15 s after an attempt was made, 30 s, 1 m later, every 80 s while it can be paid; and when it ends.

    So money of which no message tells is found within 2 minutes, however late it comes. What is still not
    certain after that is asked about every 5 m, and after a week every hour.
    """
    soon = now + wait_for_age(now - payment.created_at)
    ends = (payment.expires_at, payment.expires_at + LAST_WORD_AFTER)
    if now < ends[-1]:
        soon = min(soon, now + WHILE_IT_CAN_BE_PAID)
    return min([soon, *(end + timedelta(seconds=1) for end in ends if end >= now)])


def wait_for_age(age: timedelta) -> timedelta:
    for limit, wait in ((15, 15), (45, 30), (105, 60), (225, 120), (7 * 24 * 3600, 300)):
        if age < timedelta(seconds=limit):
            return timedelta(seconds=wait)
    return timedelta(hours=1)


def _left(until: float) -> float:
    return max(LEAST_FOR_A_CALL, until - time.monotonic())


def _query(payment: Payment, deadline: float) -> QueryResult:
    reply = client().query(payment.out_trade_no, deadline=deadline)
    if not reply.raw:
        return reply.result
    message = journal.record_answer(reply.raw, signed=reply.signed, payment=payment)
    match reply.result:
        case Paid() as paid:
            _book_if_amount_is_right(payment, paid, message)
            return reply.result
        case Closed():
            settlement.mark_closed(payment)
        case NotExisting() as result if _is_last_word(payment, result):
            settlement.mark_closed(payment)
    if isinstance(reply.result, (Waiting, Closed, NotExisting)):
        settlement.mark_contradicted(payment, vouched_for_by=Evidence.RETURN)
    _judge_answer(message, payment, reply, "query")
    return reply.result


def _book_if_amount_is_right(payment: Payment, paid: Paid, message: GatewayMessage) -> None:
    if paid.total_fen == payment.amount_fen or paid.total_fen in _notified_amounts(payment):
        receipt = Receipt(paid.trade_no, paid.total_fen, paid.paid_at, Evidence.QUERY)
        book_receipt(payment, receipt, message)
        return
    detail = f"query: paid {yuan_text(paid.total_fen)}, {yuan_text(payment.amount_fen)} was asked for"
    journal.judge(message, journal.Verdict.WRONG_AMOUNT, payment=payment, detail=detail)
    if not journal.forget_repeat(message):
        log.error("attempt %s: %s", payment, detail)


def _notified_amounts(payment: Payment) -> set[int]:
    """Wrong amounts that genuine notifies told of this attempt. Together with a query they are believed."""
    wrong = payment.messages.filter(channel=journal.Channel.NOTIFY, verdict=journal.Verdict.WRONG_AMOUNT)
    return {told for told in wrong.values_list("told_fen", flat=True) if told is not None}


def _is_last_word(payment: Payment, result: object) -> bool:
    return isinstance(result, NotExisting) and timezone.now() > payment.expires_at + LAST_WORD_AFTER


def _judge_answer(message: GatewayMessage, payment: Payment, reply: Reply, method: str) -> None:
    verdict = journal.Verdict.KNOWN if reply.signed else journal.Verdict.BAD
    journal.judge(message, verdict, payment=payment, detail=f"{method}: {reply.result}")
    if reply.signed:
        journal.forget_repeat(message)
