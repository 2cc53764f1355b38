"""What Alipay says by itself: the return (the browser comes back) and the notify (its server calls ours).

First the signature, which is arithmetic; then the message is on disk; then it is judged.
"""

import enum
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from core.money import parse_yuan, yuan_text
from orders.endings import ON_ITS_WAY
from orders.models import Order
from payments import asking, journal, refunding, settlement
from payments.alipay import messages
from payments.alipay.answers import Refused, Unknown, beijing_time, is_trade_no
from payments.alipay.messages import Params, Rejected
from payments.gateway import client
from payments.journal import Channel, Verdict
from payments.models import GatewayMessage, Payment, Refund
from payments.settlement import Evidence, Receipt


class NotForUs(Exception):
    """Alipay signed it, but it can't settle an attempt of ours. Carries what the journal is to say of it."""

    def __init__(
        self, verdict: str, words: str, payment: Payment | None = None, told_fen: int | None = None
    ) -> None:
        super().__init__(words)
        self.verdict, self.payment, self.told_fen = verdict, payment, told_fen

    def judge(self, message: GatewayMessage) -> None:
        journal.judge(message, self.verdict, payment=self.payment, detail=str(self), told_fen=self.told_fen)


class Face(enum.StrEnum):
    """What a returning browser is shown."""

    PAID = "paid"
    CONFIRMING = "confirming"
    GOING_BACK = "going-back"
    REFUNDED = "refunded"
    NEUTRAL = "neutral"


@dataclass(frozen=True, slots=True)
class Standing:
    """What is true of an attempt, with the rows that it was decided by: the page reads none anew."""

    face: Face
    payment: Payment | None = None
    refunds: Sequence[Refund] = ()
    """Those that the face tells of, the oldest first."""

    @property
    def back_fen(self) -> int:
        return sum(refund.amount_fen for refund in self.refunds)


def receive_return(raw_query: bytes) -> Standing:
    """Verify what a browser brought back, ask Alipay, settle; say what is true.

    Raises DatabaseError, and KeyProblem where we are not set up.
    """
    if not raw_query:
        return Standing(Face.NEUTRAL)
    try:
        params = messages.verified(raw_query, client().public_keys)
    except Rejected as rejected:
        journal.record_bad(Channel.RETURN, raw_query, str(rejected))
        return Standing(Face.NEUTRAL)
    message = journal.record_signed(Channel.RETURN, raw_query, params)
    try:
        _check_is_return(params)
        payment, receipt = _attempt_and_receipt(params, Evidence.RETURN)
    except NotForUs as other:
        other.judge(message)
        return Standing(Face.NEUTRAL)
    if payment.is_settled:
        journal.judge(message, Verdict.KNOWN, payment=payment)
        return standing_of(payment)
    return _confirm_return(payment, receipt, message)


def receive_notify(raw_body: bytes) -> bool:
    """Record a notice and act on it. True, after the commit, means that Alipay need not repeat it.

    Raises DatabaseError, and KeyProblem where we are not set up: then it must be repeated, too.
    """
    try:
        params = messages.verified(raw_body, client().public_keys)
    except Rejected as rejected:
        journal.record_bad(Channel.NOTIFY, raw_body, str(rejected))
        return False
    message = journal.record_signed(Channel.NOTIFY, raw_body, params)
    try:
        _check_is_notice(params)
        payment, receipt = _attempt_and_receipt(params, Evidence.NOTIFY)
    except NotForUs as other:
        other.judge(message)
        return False
    if _is_news_of_a_payment(params):
        asking.book_receipt(payment, receipt, message)
    elif _tells_of_refund(params):
        _hear_of_refund(payment, params, message)
    else:
        journal.judge(message, _verdict_on_other_notice(params), payment=payment, detail=_summary(params))
    return True


def left_unjudged() -> list[int]:
    """Keys of what was recorded a while ago and never judged: its process was killed in between."""
    now = timezone.now()
    late = GatewayMessage.objects.filter(
        verdict=Verdict.UNJUDGED, received_at__range=(now - timedelta(days=1), now - timedelta(minutes=1))
    )
    return list(late.order_by("id").values_list("pk", flat=True))


def judge_late(key: int) -> bool:
    """Go on with a message from where its process was killed. An answer has lost its question: asked anew."""
    message = GatewayMessage.objects.filter(pk=key, verdict=Verdict.UNJUDGED).first()
    if message is None:
        return False
    match message.channel:
        case Channel.RETURN:
            receive_return(bytes(message.raw))
        case Channel.NOTIFY:
            receive_notify(bytes(message.raw))
        case _:
            words = "its process ended before it was judged; Alipay is asked again"
            journal.judge(message, Verdict.KNOWN, payment=message.payment, detail=words)
    # Under a key that has been replaced since it is another message: this row is for staff.
    GatewayMessage.objects.filter(pk=key, verdict=Verdict.UNJUDGED).update(verdict=Verdict.UNEXPECTED)
    return True


def look_again(message: GatewayMessage) -> bool:
    """Take a refund notice up once more that could not be booked when it came. False where it still can't be.

    Raises KeyProblem where we are not set up.
    """
    if message.verdict != Verdict.REFUND_NOTICE or message.payment is None:
        return False
    try:
        params = messages.verified(bytes(message.raw), client().public_keys)
    except Rejected:  # signed with a key that Alipay has replaced since
        return False
    return _hear_of_refund(message.payment, params, message)


def standing_of(payment: Payment) -> Standing:
    """What its renter may be told. Refunds are read last: none is missing of an order seen as cancelled."""
    if not payment.is_settled:
        return Standing(Face.CONFIRMING, payment)
    if payment.status == Payment.Status.PAID and payment.refund_reserved_fen == 0:
        return Standing(Face.PAID, payment)  # as most are: nothing more need be read
    counts = payment.status == Payment.Status.PAID and payment.order.status != Order.Status.CANCELED
    refunds = list(payment.refunds.filter(status__in=[*ON_ITS_WAY, Refund.Status.DONE]).order_by("id"))
    if counts and sum(refund.amount_fen for refund in refunds) < payment.received_fen:
        return Standing(Face.PAID, payment)
    if going_back := [refund for refund in refunds if refund.status != Refund.Status.DONE]:
        return Standing(Face.GOING_BACK, payment, going_back)
    return Standing(Face.REFUNDED if refunds else Face.NEUTRAL, payment, refunds)


def _confirm_return(payment: Payment, receipt: Receipt, message: GatewayMessage) -> Standing:
    """A return is good evidence of whom to ask about. Alone it settles only where Alipay can't be asked."""
    answer = asking.ask(payment)
    if payment.is_settled:
        journal.judge(message, Verdict.KNOWN, payment=payment, detail="Alipay was asked and confirmed it")
        return standing_of(payment)
    is_open = payment.status == Payment.Status.OPEN  # CLOSED: Alipay's last word was another
    if isinstance(answer, (Refused, Unknown)) and is_open and payment.contradicted_at is None:
        asking.book_receipt(payment, receipt, message)
        payment.refresh_from_db()
        return standing_of(payment)
    is_otherwise = not is_open or (answer is not None and not isinstance(answer, (Refused, Unknown)))
    if is_otherwise and message.done_at is None:  # not where staff have dealt with this very return
        settlement.mark_contradicted(payment, vouched_for_by="")
    journal.judge(
        message, Verdict.ASKED, payment=payment, detail=f"Alipay was asked: {answer or 'a moment ago'}"
    )
    return Standing(Face.REFUNDED if payment.status == Payment.Status.CLOSED else Face.CONFIRMING, payment)


def _hear_of_refund(payment: Payment, params: Params, message: GatewayMessage) -> bool:
    """Alipay tells of a refund: made here, or by hand in its console. It is asked, and the books follow.

    A whole refund that was given no number goes by the trade's own. A notice without a number may also be a
    late TRADE_FINISHED, which only repeats the sum.
    """
    if not payment.is_settled:
        asking.ask(payment)
    number = params.get("out_biz_no")
    booked = (not number and _sum_is_in_the_books(payment, params)) or refunding.hear_of(
        payment, number or payment.out_trade_no
    )
    verdict = Verdict.KNOWN if booked else Verdict.REFUND_NOTICE
    journal.judge(message, verdict, payment=payment, detail=_summary(params))
    return booked


def _sum_is_in_the_books(payment: Payment, params: Params) -> bool:
    done = payment.refunds.filter(status=Refund.Status.DONE).order_by().values_list("amount_fen", flat=True)
    try:
        return sum(done) >= parse_yuan(params.get("refund_fee", ""))
    except ValueError:
        return False


def _check_is_return(params: Params) -> None:
    """Both kinds are signed with one key; a notice of an unpaid trade must not pass for a return."""
    if (
        "trade_status" in params
        or "notify_type" in params
        or not params.get("method", "").endswith(".return")
    ):
        raise NotForUs(Verdict.UNEXPECTED, "not a return")


def _check_is_notice(params: Params) -> None:
    if "trade_status" not in params or "method" in params:
        raise NotForUs(Verdict.UNEXPECTED, "not a notice")


def _attempt_and_receipt(params: Params, evidence: str) -> tuple[Payment, Receipt]:
    """The attempt that a signed message is about and the money that it tells of. Raises NotForUs."""
    if params.get("app_id") != settings.ALIPAY_APP_ID:
        raise NotForUs(Verdict.OTHER_APP, "another app_id")
    if params.get("seller_id", settings.ALIPAY_SELLER_ID) != settings.ALIPAY_SELLER_ID:
        raise NotForUs(Verdict.OTHER_APP, "another seller_id")
    payment = Payment.objects.numbered(params.get("out_trade_no", ""))
    if payment is None:
        raise NotForUs(Verdict.UNKNOWN_NUMBER, f"out_trade_no {params.get('out_trade_no', '')[:64]!r}")
    total = params.get("total_amount", "")
    try:
        total_fen = parse_yuan(total)
    except ValueError:
        raise NotForUs(Verdict.UNEXPECTED, f"total_amount {total[:20]!r}", payment) from None
    if total_fen != payment.amount_fen:
        words = f"{total} instead of {yuan_text(payment.amount_fen)}"
        raise NotForUs(Verdict.WRONG_AMOUNT, words, payment, total_fen)
    trade_no = params.get("trade_no", "")
    if not is_trade_no(trade_no):
        raise NotForUs(Verdict.UNEXPECTED, "no trade_no", payment)
    return payment, Receipt(trade_no, total_fen, beijing_time(params.get("gmt_payment")), evidence)


def _is_news_of_a_payment(params: Mapping[str, str]) -> bool:
    """A success that also tells of a refund is a refund notice: it may come long after."""
    return params.get("trade_status") in ("TRADE_SUCCESS", "TRADE_FINISHED") and not _tells_of_refund(params)


def _tells_of_refund(params: Mapping[str, str]) -> bool:
    return bool(params.get("gmt_refund")) or re.search("[1-9]", params.get("refund_fee", "")) is not None


def _verdict_on_other_notice(params: Mapping[str, str]) -> str:
    if params.get("trade_status") in ("WAIT_BUYER_PAY", "TRADE_CLOSED"):
        return Verdict.KNOWN
    return Verdict.UNEXPECTED


def _summary(params: Mapping[str, str]) -> str:
    told = {name: params[name] for name in ("trade_status", "refund_fee", "out_biz_no") if params.get(name)}
    return " ".join(f"{name}={value[:64]}" for name, value in told.items())
