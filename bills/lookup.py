"""Looks up the entries of a bill in our books, and queries Alipay if the books lack something."""

import hashlib
import logging
from dataclasses import dataclass
from datetime import date, timedelta

from django.utils import timezone

from bills.days import beginning
from core.money import MAX_FEN
from core.transactions import durable_transaction
from orders.lost_orders import is_of_unknown, make_again
from orders.models import Order
from orders.recovery import lost_days
from payments import queries, refunding
from payments.books import refunds, rows
from payments.models import BillLine, Payment, Refund, is_out_trade_no, subject_of
from payments.subjects import stay_told

log = logging.getLogger(__name__)

Kind = BillLine.Kind


@dataclass(frozen=True, slots=True)
class Entry:
    """All rows of a day's bill about one payment, refund or other entry; or a payment or refund of ours."""

    day: date
    is_refund: bool
    trade_no: str
    out_trade_no: str
    out_request_no: str
    amount_fen: int
    raw: str = ""
    business_type: str = ""
    """Alipay's word for what is neither payment nor refund, such as 转账."""

    @property
    def key(self) -> str:
        """Stable key: the same in every run for that day."""
        identity = (self.trade_no, self.out_trade_no, self.out_request_no) if self.trade_no else (self.raw,)
        if self.business_type:
            identity = (*identity, self.business_type)
        return hashlib.sha256("\n".join((str(self.day), str(self.is_refund), *identity)).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Finding:
    """Result for an entry; `kind` is empty if bill and books agree.

    `ours`: the payment or refund that the entry is (or seems to be) about. `our_fen`: None if our books lack
    that money.
    """

    kind: str
    ours: Payment | Refund | None = None
    our_fen: int | None = None


def look_up(entry: Entry) -> Finding:
    """Find an entry in our books. Queries Alipay if the books have less than the bill."""
    if entry.business_type:
        return Finding(Kind.NOT_OURS, rows.numbered(entry.out_trade_no))
    return _refund_of(entry) if entry.is_refund else _payment_of(entry)


def _payment_of(entry: Entry) -> Finding:
    if not is_out_trade_no(entry.out_trade_no):
        return Finding(Kind.NOT_OURS)  # another shop uses the same account
    payment = rows.numbered(entry.out_trade_no) or _rebuilt(entry)
    if payment is None:
        return Finding(Kind.NOT_OURS)
    if not payment.is_settled:
        queries.query_trade(payment, deadline=queries.BACKGROUND_TIMEOUT)
    if not payment.is_settled or payment.trade_no != entry.trade_no:
        return Finding(Kind.NOT_OURS, payment)
    is_same = payment.received_fen == entry.amount_fen
    return Finding("" if is_same else Kind.AMOUNT, payment, payment.received_fen)


def _refund_of(entry: Entry) -> Finding:
    payment = rows.numbered(entry.out_trade_no)
    if payment is None or payment.trade_no != entry.trade_no:
        return Finding(Kind.NOT_OURS, payment)
    refunding.confirm(payment, entry.out_request_no)
    refund = refunds.find(payment, entry.out_request_no)
    if refund is None or refund.out_request_no != entry.out_request_no or refund.status != Refund.Status.DONE:
        return Finding(Kind.NOT_OURS, payment)
    is_same = refund.amount_fen == entry.amount_fen
    return Finding("" if is_same else Kind.AMOUNT, refund, refund.amount_fen)


@durable_transaction
def _rebuilt(entry: Entry) -> Payment | None:
    """Make a row again for an attempt that a restored backup lost, and its order if that is lost, too.

    It is OPEN; only Alipay's signed answer settles it. None if the bill tells too little of the order.
    """
    number = entry.out_trade_no.partition("_")[0]
    if not 0 < entry.amount_fen <= MAX_FEN:
        return None
    order = Order.objects.select_for_update().filter(number=number).first() or _lost_order(entry, number)
    if order is None or (is_of_unknown(order) and order.payments.exists()):
        return None  # of a lost order's further payments, staff must tell which it needed
    payment, is_new = Payment.objects.get_or_create(
        out_trade_no=entry.out_trade_no,
        defaults={
            "order": order,
            "subject": subject_of(order),
            "amount_fen": entry.amount_fen,
            "expires_at": beginning(entry.day) + timedelta(days=1),
            "next_try_at": timezone.now(),
        },
    )
    if is_new:
        log.warning("attempt %s: missing in our books, rebuilt from the bill of %s", payment, entry.day)
    return payment


def _lost_order(entry: Entry, number: str) -> Order | None:
    """Make the order of an entry again. None unless its day is one that a restored backup lost."""
    told = stay_told(entry.raw, number) if entry.day in lost_days() else None
    if told is None:
        return None
    return make_again(
        number,
        house_key=told.house_key,
        check_in=told.check_in,
        check_out=told.check_out,
        amount_fen=entry.amount_fen,
        booked_at=beginning(entry.day),
    )
