"""Receives returns (the browser comes back from Alipay) and notices (Alipay's server posts).

Steps for each: verify the signature, without any query; commit the raw message; read it into a type; find its
attempt; act; write the verdict. A notice of a payment queries nothing before it is recorded; a superseded
attempt is closed at Alipay after that.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from core.money import yuan_text
from core.refusal import Refusal
from payments import page_state, queries, refunding
from payments.alipay import messages, notices
from payments.alipay.answers import Refused, Unknown
from payments.alipay.configured import alipay_client
from payments.alipay.messages import Rejected
from payments.alipay.notices import (
    OtherNotice,
    PaymentNotice,
    RefundNotice,
    SignedMessage,
    WrongKind,
)
from payments.books import attempts, message_log, rows
from payments.books.attempts import Evidence, Received
from payments.books.message_log import Channel, Verdict
from payments.models import GatewayMessage, Payment, Refund
from payments.page_state import PaymentPage, PaymentPageState, page_of

MAY_CHANGE = (
    Verdict.UNJUDGED,
    Verdict.OTHER_APP,
    Verdict.UNKNOWN_NUMBER,
    Verdict.WRONG_AMOUNT,
    Verdict.UNEXPECTED,
)
"""Verdicts that depend on our settings and rows or on Alipay's answers, as does ASKED until it is paid."""


class CannotReplay(Refusal):
    """A sentence for staff. Nothing was written."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on a message. `detail` is for staff; `told_fen` is an amount other than the attempt's."""

    verdict: str
    detail: str = ""
    payment: Payment | None = None
    told_fen: int | None = None


class NotForUs(Exception):
    """A message that Alipay signed, but that can't settle an attempt of ours. Carries the verdict on it."""

    def __init__(
        self, verdict: str, detail: str, payment: Payment | None = None, told_fen: int | None = None
    ):
        super().__init__(detail)
        self.judgement = Judgement(verdict, detail, payment, told_fen)


def receive_return(raw_query: bytes) -> PaymentPage:
    """Verify a return, query Alipay, settle. Returns the state of the page for the renter.

    Raises DatabaseError, and KeyProblem if Alipay is not set up.
    """
    if not raw_query:
        return page_state.NEUTRAL
    try:
        params = messages.verified_return(raw_query, alipay_client().public_keys)
    except Rejected as rejected:
        message_log.record_bad(Channel.RETURN, raw_query, rejected)
        return page_state.NEUTRAL
    message = message_log.record_signed(Channel.RETURN, raw_query, params)
    page, judgement = _act_on_return(params, message)
    _judge(message, judgement)
    return page


def receive_notify(raw_body: bytes) -> bool:
    """Record a notice and act on it. True, after the commit: Alipay need not send it again.

    Raises DatabaseError, and KeyProblem if Alipay is not set up: then Alipay must send it again, too.
    """
    try:
        params = messages.verified_notice(raw_body, alipay_client().public_keys)
    except Rejected as rejected:
        message_log.record_bad(Channel.NOTIFY, raw_body, rejected)
        return False
    message = message_log.record_signed(Channel.NOTIFY, raw_body, params)
    try:
        _judge(message, _act_on_notice(params, message))
    except NotForUs as other:
        _judge(message, other.judgement)
        return False
    return True


def unjudged() -> list[int]:
    """Keys of messages recorded a while ago and never judged: their process was killed in between."""
    now = timezone.now()
    late = GatewayMessage.objects.filter(
        verdict=Verdict.UNJUDGED, received_at__range=(now - timedelta(days=1), now - timedelta(minutes=1))
    )
    return list(late.order_by("received_at", "id").values_list("pk", flat=True))


def judge_late(key: int) -> bool:
    """Judge a message whose process was killed. An answer is not acted on: its attempt is queried again."""
    message = GatewayMessage.objects.filter(pk=key, verdict=Verdict.UNJUDGED).first()
    if message is None:
        return False
    match message.channel:
        case Channel.RETURN:
            receive_return(bytes(message.raw))
        case Channel.NOTIFY:
            receive_notify(bytes(message.raw))
        case _other:
            verdict = Verdict.KNOWN if message.signature_ok else Verdict.BAD
            detail = "its process ended before it was judged; Alipay is asked again"
            _judge(message, Judgement(verdict, detail, message.payment))
    message.refresh_from_db()
    if message.verdict == Verdict.UNJUDGED:  # it was recorded as a new message: staff must resolve this row
        _judge(message, Judgement(Verdict.UNEXPECTED, "verified by a key that is no longer configured"))
    return True


def can_be_replayed(message: GatewayMessage) -> bool:
    """True for a genuine return or notice that settled nothing, and that may be judged otherwise now."""
    if message.done_at is not None or message.channel == Channel.ANSWER or not message.signature_ok:
        return False
    if message.verdict == Verdict.ASKED:
        return message.payment is not None and not message.payment.is_settled
    return message.verdict in MAY_CHANGE


def replay(message: GatewayMessage) -> None:
    """Judge a recorded message again, through the door that it came by. Refreshes `message`.

    Alipay is queried about a wrong amount: a query that confirms it settles. Raises CannotReplay, and
    KeyProblem if Alipay is not set up.
    """
    raw, is_return = bytes(message.raw), message.channel == Channel.RETURN
    verify = messages.verified_return if is_return else messages.verified_notice
    try:
        verify(raw, alipay_client().public_keys)
    except Rejected as rejected:  # otherwise it would be recorded as another message, a bad one
        refusal = _("Message %(number)d was signed with a key of Alipay's that is no longer configured.")
        raise CannotReplay(refusal % {"number": message.pk}) from rejected
    if is_return:
        receive_return(raw)
    else:
        receive_notify(raw)
    message.refresh_from_db()
    if message.verdict == Verdict.WRONG_AMOUNT and message.payment is not None:
        queries.query_trade(message.payment)


def retry_refund_notice(message: GatewayMessage) -> bool:
    """Act again on a refund notice that could not be recorded when it came. False if it still can't be.

    Raises KeyProblem if Alipay is not set up.
    """
    if message.verdict != Verdict.REFUND_NOTICE or message.payment is None:
        return False
    try:
        params = messages.verified_notice(bytes(message.raw), alipay_client().public_keys)
    except Rejected:  # signed with a key that Alipay has replaced since
        return False
    match notices.read_notice(params):
        case RefundNotice() as notice:
            judgement = _act_on_refund_notice(message.payment, notice)
            _judge(message, judgement)
            return judgement.verdict == Verdict.KNOWN
    return False


def _judge(message: GatewayMessage, judgement: Judgement | None) -> None:
    """Write the verdict. None: attempts.settle() has written it, in the same transaction as the money."""
    if judgement is not None:
        message_log.judge(
            message,
            judgement.verdict,
            payment=judgement.payment,
            detail=judgement.detail,
            told_fen=judgement.told_fen,
        )


def _act_on_notice(params: Mapping[str, str], message: GatewayMessage) -> Judgement | None:
    """Raises NotForUs."""
    try:
        notice = notices.read_notice(params)
    except WrongKind as wrong:
        raise NotForUs(Verdict.UNEXPECTED, str(wrong)) from wrong
    payment, trade_no = _attempt_of(notice)
    match notice:
        case PaymentNotice(paid_at=paid_at):
            received = Received(trade_no, payment.amount_fen, paid_at, Evidence.NOTIFY)
            queries.close_superseded(attempts.settle(payment, received, message=message).superseded)
            return None
        case RefundNotice():
            return _act_on_refund_notice(payment, notice)
        case OtherNotice(is_unpaid=is_unpaid, summary=summary):
            return Judgement(Verdict.KNOWN if is_unpaid else Verdict.UNEXPECTED, summary, payment)


def _act_on_refund_notice(payment: Payment, notice: RefundNotice) -> Judgement:
    """Query Alipay about a refund, made here or by hand in its console, and record it.

    Alipay numbers a full refund without out_request_no by the out_trade_no. A notice without a number may
    also be a late TRADE_FINISHED, which only repeats the sum.
    """
    if not payment.is_settled:
        queries.query_trade(payment)
    number = notice.out_request_no
    is_known = not number and _is_recorded(payment, notice.refunded_fen)
    is_known = is_known or refunding.confirm(payment, number or payment.out_trade_no)
    return Judgement(Verdict.KNOWN if is_known else Verdict.REFUND_NOTICE, notice.summary, payment)


def _is_recorded(payment: Payment, refunded_fen: int | None) -> bool:
    done = payment.refunds.filter(status=Refund.Status.DONE).order_by().values_list("amount_fen", flat=True)
    return refunded_fen is not None and sum(done) >= refunded_fen


def _act_on_return(
    params: Mapping[str, str], message: GatewayMessage
) -> tuple[PaymentPage, Judgement | None]:
    try:
        told = notices.read_return(params)
        payment, trade_no = _attempt_of(told)
    except WrongKind as wrong:
        return page_state.NEUTRAL, Judgement(Verdict.UNEXPECTED, str(wrong))
    except NotForUs as other:
        return page_state.NEUTRAL, other.judgement
    if payment.is_settled:
        return page_of(payment), Judgement(Verdict.KNOWN, payment=payment)
    return _confirm_return(payment, Received(trade_no, payment.amount_fen, None, Evidence.RETURN), message)


def _confirm_return(
    payment: Payment, received: Received, message: GatewayMessage
) -> tuple[PaymentPage, Judgement | None]:
    """Query Alipay about a return. The return itself settles only if no usable answer comes."""
    answer = queries.query_trade(payment)
    if payment.is_settled:
        return page_of(payment), Judgement(Verdict.KNOWN, "Alipay was asked and confirmed it", payment)
    is_open = payment.status == Payment.Status.OPEN  # CLOSED: Alipay's final answer was "not paid"
    has_no_answer = isinstance(answer, (Refused, Unknown))
    if has_no_answer and is_open and payment.contradicted_at is None:
        queries.close_superseded(attempts.settle(payment, received, message=message).superseded)
        payment.refresh_from_db()
        return page_of(payment), None
    is_contradicted = not is_open or (answer is not None and not has_no_answer)
    if is_contradicted and message.done_at is None:  # not if staff have resolved this return
        attempts.mark_contradicted(payment, vouched_for_by="")
    detail = f"Alipay was asked: {answer or 'a moment ago'}"
    state = PaymentPageState.CONFIRMING if is_open else PaymentPageState.REFUNDED
    return PaymentPage(state, payment), Judgement(Verdict.ASKED, detail, payment)


def _attempt_of(told: SignedMessage) -> tuple[Payment, str]:
    """The attempt and the trade number of a message. Raises NotForUs."""
    if told.app_id != settings.ALIPAY_APP_ID:
        raise NotForUs(Verdict.OTHER_APP, "another app_id")
    if told.seller_id not in (None, settings.ALIPAY_SELLER_ID):
        raise NotForUs(Verdict.OTHER_APP, "another seller_id")
    payment = rows.numbered(told.out_trade_no)
    if payment is None:
        raise NotForUs(Verdict.UNKNOWN_NUMBER, f"out_trade_no {told.out_trade_no[:64]!r}")
    if told.total_fen is None:
        raise NotForUs(Verdict.UNEXPECTED, "no total_amount", payment)
    if told.total_fen != payment.amount_fen:
        detail = f"{yuan_text(told.total_fen)} instead of {yuan_text(payment.amount_fen)}"
        raise NotForUs(Verdict.WRONG_AMOUNT, detail, payment, told.total_fen)
    if told.trade_no is None:
        raise NotForUs(Verdict.UNEXPECTED, "no trade_no", payment)
    return payment, told.trade_no
