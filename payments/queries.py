"""Queries Alipay about attempts and closes them there. No call is made inside a transaction."""

import logging
import time
from collections.abc import Iterable, Iterator
from datetime import timedelta
from functools import cache
from typing import Any

from django.db.models import Case, Q, QuerySet, When
from django.utils import timezone

from core.money import yuan_text
from core.prepared import MakeValue, Update
from orders.models import Order
from payments.alipay.answers import Closed, CloseResult, NotExisting, Paid, QueryResult, Refused, Waiting
from payments.alipay.client import Reply
from payments.alipay.configured import alipay_client
from payments.books import attempts, message_log, rows
from payments.books.attempts import Evidence, Received
from payments.models import UNSURE, GatewayMessage, Payment
from payments.poll_schedule import LAST_WORD_AFTER, next_poll

log = logging.getLogger(__name__)

INTERACTIVE_TIMEOUT = 3.0
"""Seconds that one request of a user may wait for Alipay, for all its calls together."""
BACKGROUND_TIMEOUT = 8.0
MIN_TIMEOUT = 1.0
"""Minimum timeout of a call, even when earlier calls used up the budget."""

MIN_QUERY_INTERVAL = timedelta(seconds=3)


def due() -> list[int]:
    """Keys of the attempts to query now, the longest overdue first."""
    found = Payment.objects.unsure().filter(next_try_at__lte=timezone.now())
    return list(found.order_by("next_try_at").values_list("pk", flat=True))


def poll(key: int) -> bool:
    """Query an attempt that is due; close it at Alipay if its order can no longer be paid.

    False if another process has queried it meanwhile.
    """
    payment = Payment.objects.unsure().filter(pk=key).select_related("order").order_by().first()
    if payment is None:
        return False
    answer = _claim_and_query(payment, BACKGROUND_TIMEOUT, only_if_due=True)
    if answer is not None and _is_unwanted(payment):
        _close_if_waiting(payment, answer, BACKGROUND_TIMEOUT)
    return answer is not None


def query_trade(payment: Payment, *, deadline: float = INTERACTIVE_TIMEOUT) -> QueryResult | None:
    """Query Alipay and act on the answer. Refreshes `payment`. None: asked within MIN_QUERY_INTERVAL."""
    return _claim_and_query(payment, deadline)


def close(payment: Payment, *, deadline: float = INTERACTIVE_TIMEOUT) -> CloseResult:
    """Close the attempt at Alipay, so that it can't be paid any more. Refreshes `payment`."""
    until = time.monotonic() + deadline
    reply = alipay_client().close(payment.out_trade_no, deadline=deadline)
    record_answer(payment, reply, "close")
    if _is_last_word(payment, reply.result):
        attempts.mark_closed(payment)
    if isinstance(reply.result, Refused):
        _query(payment, _left(until))  # it may just have been paid
    rows.refresh(payment)
    return reply.result


def query_and_close(
    payment: Payment, *, deadline: float = INTERACTIVE_TIMEOUT
) -> QueryResult | CloseResult | None:
    """Query an open attempt, and close it at Alipay if it waits for its buyer.

    Closes without a query if there was one within MIN_QUERY_INTERVAL: if it has been paid since, Alipay
    refuses. Returns the last answer; None if the attempt was over already. Refreshes `payment`.
    """
    until = time.monotonic() + deadline
    answer = query_trade(payment, deadline=deadline)
    return _close_if_waiting(payment, answer, _left(until))


def close_superseded(payment: Payment | None) -> None:
    """Close a live attempt at once when another one paid its order, so that the renter can't pay twice.

    If no answer comes, the sweep closes it later, and money that still comes is refunded.
    """
    if payment is not None:
        close(payment, deadline=MIN_TIMEOUT)


def within_interactive_timeout(payments: Iterable[Payment]) -> Iterator[tuple[Payment, float]]:
    """As many of `payments` as fit into INTERACTIVE_TIMEOUT, at least one, each with its timeout in seconds.

    The sweep queries the rest.
    """
    until = time.monotonic() + INTERACTIVE_TIMEOUT
    for payment in payments:
        yield payment, _left(until)
        if time.monotonic() > until:
            return


def record_answer(payment: Payment, reply: Reply, method: str) -> None:
    """Record an answer that settles nothing in the message log. Does nothing if no bytes came."""
    if reply.raw:
        message = message_log.record_answer(reply.raw, signed=reply.signed, payment=payment)
        _judge_answer(message, payment, reply, method)


def _claim_and_query(payment: Payment, deadline: float, *, only_if_due: bool = False) -> QueryResult | None:
    result = _query(payment, deadline) if _claim(payment, only_if_due) else None
    rows.refresh(payment)
    return result


def _claim(payment: Payment, only_if_due: bool) -> bool:
    """True for one caller in MIN_QUERY_INTERVAL; the same update schedules the next poll."""
    now = timezone.now()
    claimed = _claim_statement(only_if_due)(
        key=payment.pk,
        now=now,
        just_now=now - MIN_QUERY_INTERVAL,
        soon=now + MIN_QUERY_INTERVAL,
        next_try_at=next_poll(payment.created_at, payment.expires_at, now),
    )
    return claimed == 1


@cache
def _claim_statement(only_if_due: bool) -> Update:
    def described(value: MakeValue) -> tuple[QuerySet[Payment], dict[str, Any]]:
        now = value(Payment, "asked_at", "now")
        # Other machines' clocks may be ahead.
        just_now = (value(Payment, "asked_at", "just_now"), value(Payment, "asked_at", "soon"))
        a_while_ago = Q(asked_at=None) | ~Q(asked_at__range=just_now)
        found = Payment.objects.filter(a_while_ago, pk=value(Payment, "pk", "key"))
        if only_if_due:
            found = found.filter(next_try_at__lte=now)
        next_try_at = Case(When(UNSURE, then=value(Payment, "next_try_at")), default=None)
        return found, {"asked_at": now, "next_try_at": next_try_at}

    return Update(described)


def _close_if_waiting(
    payment: Payment, answer: QueryResult | None, deadline: float
) -> QueryResult | CloseResult | None:
    """The closing rule: close an open attempt that is Waiting or was not queried. Returns the last answer."""
    if payment.status == Payment.Status.OPEN and (answer is None or isinstance(answer, Waiting)):
        return close(payment, deadline=deadline)
    return answer


def _is_unwanted(payment: Payment) -> bool:
    """True if the order, or the change whose difference the attempt pays, can no longer be paid."""
    if payment.stay_change is not None:
        return not payment.stay_change.is_wanted
    return payment.order.status != Order.Status.WAIT_PAYMENT or payment.order.is_overdue


def _left(until: float) -> float:
    return max(MIN_TIMEOUT, until - time.monotonic())


def _query(payment: Payment, deadline: float) -> QueryResult:
    reply = alipay_client().query(payment.out_trade_no, deadline=deadline)
    if not reply.raw:
        return reply.result
    message = message_log.record_answer(reply.raw, signed=reply.signed, payment=payment)
    if isinstance(reply.result, Paid):
        _settle_if_amount_is_right(payment, reply.result, message)
        return reply.result
    if _is_last_word(payment, reply.result):
        attempts.mark_closed(payment)
    if isinstance(reply.result, (Waiting, Closed, NotExisting)):
        attempts.mark_contradicted(payment, vouched_for_by=Evidence.RETURN)
    _judge_answer(message, payment, reply, "query")
    return reply.result


def _is_last_word(payment: Payment, result: object) -> bool:
    """True if the attempt can't be paid any more: closed, or not existing well after its end."""
    is_gone = isinstance(result, NotExisting) and timezone.now() > payment.expires_at + LAST_WORD_AFTER
    return is_gone or isinstance(result, Closed)


def _settle_if_amount_is_right(payment: Payment, paid: Paid, message: GatewayMessage) -> None:
    if paid.total_fen == payment.amount_fen or paid.total_fen in _notified_amounts(payment):
        received = Received(paid.trade_no, paid.total_fen, paid.paid_at, Evidence.QUERY)
        close_superseded(attempts.settle(payment, received, message=message).superseded)
        return
    detail = f"query: paid {yuan_text(paid.total_fen)}, {yuan_text(payment.amount_fen)} was asked for"
    message_log.judge(message, message_log.Verdict.WRONG_AMOUNT, payment=payment, detail=detail)
    if not message_log.drop_repeat(message):
        log.error("attempt %s: %s", payment, detail)


def _notified_amounts(payment: Payment) -> set[int]:
    """Wrong amounts that genuine notices reported. A query that confirms one of them is believed."""
    wrong = payment.messages.filter(
        channel=message_log.Channel.NOTIFY, verdict=message_log.Verdict.WRONG_AMOUNT
    )
    return {told for told in wrong.values_list("told_fen", flat=True) if told is not None}


def _judge_answer(message: GatewayMessage, payment: Payment, reply: Reply, method: str) -> None:
    verdict = message_log.Verdict.KNOWN if reply.signed else message_log.Verdict.BAD
    message_log.judge(message, verdict, payment=payment, detail=f"{method}: {reply.result}")
    if reply.signed:
        message_log.drop_repeat(message)
