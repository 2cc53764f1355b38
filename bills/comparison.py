"""Alipay's daily bill against our books, both ways, to the fen. The only writer of BillLine and ComparedBill.

What staff close, dealt_with.py closes.

The bill is not signed and moves no money: it says whom to ask about, and what Alipay then answers, signed, is
booked through the one door. What remains becomes a BillLine for staff, and goes when its cause has gone.
"""

import hashlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from core.money import MAX_FEN
from core.transactions import durable_transaction
from orders.models import Order
from payments import queries, refunding
from payments.alipay import http
from payments.alipay.answers import BEIJING, BillAt, NoBill, Refused, Unknown
from payments.alipay.bill import Bill, BillProblem, parse
from payments.alipay.configured import alipay_client
from payments.books import refunds
from payments.models import BillLine, ComparedBill, Payment, Refund, is_out_trade_no, subject_of

log = logging.getLogger(__name__)

Kind = BillLine.Kind

DOWNLOAD_WITHIN = 120.0
"""Seconds for a bill of any size."""
NO_BILL_AFTER = timedelta(hours=36)
"""So long after a day began, Alipay's "no bill" means that nothing was bought or given back on it."""
NEAR_MIDNIGHT = timedelta(minutes=10)
"""What came so shortly before a day's end may be in the next day's bill."""
LOOK_BACK = timedelta(days=60)
"""A day that is longer ago is compared only when somebody names it."""
MISSED_AFTER = timedelta(hours=48)
"""So long after a day's end its bill is there, and should have been compared."""


class NoBillYet(Exception):
    """Why there is no bill to compare with, in words; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Entry:
    """All rows of a day's bill about one payment or one refund, or such a thing of ours."""

    day: date
    is_refund: bool
    trade_no: str
    out_trade_no: str
    out_request_no: str
    amount_fen: int
    raw: str = ""

    @property
    def key(self) -> str:
        """The same for every run over that day."""
        what = (self.trade_no, self.out_trade_no, self.out_request_no) if self.trade_no else (self.raw,)
        return hashlib.sha256("\n".join((str(self.day), str(self.is_refund), *what)).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Finding:
    """What our books have of an entry; `kind` is empty where they say the same.

    `ours` is what the entry is, or seems to be, about; `our_fen` is None where our books lack that money.
    """

    kind: str
    ours: Payment | Refund | None = None
    our_fen: int | None = None


@dataclass(slots=True)
class Sums:
    """Payments, and their fen; refunds, and theirs."""

    payments: int = 0
    received_fen: int = 0
    refunds: int = 0
    refunded_fen: int = 0

    def add(self, entry: Entry, amount_fen: int) -> None:
        if entry.is_refund:
            self.refunds += 1
            self.refunded_fen += amount_fen
        else:
            self.payments += 1
            self.received_fen += amount_fen


@dataclass(slots=True)
class Report:
    """What a run saw: the bill's sums; ours of the same things, and of what the bill lacks."""

    day: date
    theirs: Sums = field(default_factory=Sums)
    ours: Sums = field(default_factory=Sums)
    matched: int = 0
    for_staff: list[BillLine] = field(default_factory=list)


def not_compared() -> list[date]:
    """Days that are over whose bill was not compared to the end, from the first attempt to pay on."""
    first = Payment.objects.order_by("id").values_list("created_at", flat=True).first()
    if first is None:
        return []
    compared = set(ComparedBill.objects.values_list("day", flat=True))
    yesterday = day_of(timezone.now()) - timedelta(days=1)
    return [day for day in _days(day_of(first), yesterday) if day not in compared]


def days_to_compare() -> list[date]:
    """Those of not_compared() that are not too long ago."""
    since = day_of(timezone.now()) - LOOK_BACK
    return [day for day in not_compared() if day >= since]


def missed_days() -> list[date]:
    """Those of days_to_compare() that somebody must be told of."""
    late = timezone.now() - MISSED_AFTER - timedelta(days=1)
    return [day for day in days_to_compare() if _beginning(day) < late]


def day_of(moment: datetime) -> date:
    """The day, in Beijing, whose bill has what Alipay did at that moment."""
    return moment.astimezone(BEIJING).date()


def fetch(day: date) -> Bill:
    """The bill of a day from Alipay. Raises NoBillYet, BillProblem."""
    match alipay_client().bill(day, deadline=queries.IN_THE_BACKGROUND).result:
        case BillAt(url=url):
            try:
                return read(http.download(url, deadline=DOWNLOAD_WITHIN), day)
            except http.GatewayUnreachable as error:
                raise NoBillYet(f"Alipay's file could not be fetched ({error}). Try again.") from error
        case NoBill() if timezone.now() > _beginning(day) + _no_bill_after(day):
            return Bill(settings.ALIPAY_SELLER_ID, day, [], [])
        case NoBill():
            raise NoBillYet(
                f"Alipay has no bill of {day}. It is written by about 9:00 (in Beijing) of the next day."
            )
        case Refused(code=code, sub_code=sub_code):
            raise NoBillYet(
                f"Alipay refuses to give the bill ({code} {sub_code}). See its console for what the app may."
            )
        case Unknown(reason=reason):
            raise NoBillYet(f"Alipay does not answer ({reason}). Try again later.")


def _no_bill_after(day: date) -> timedelta:
    """Longer where our own books have something of that day: then there will be a bill, however late."""
    begin, end = _beginning(day), _beginning(day + timedelta(days=1)) - NEAR_MIDNIGHT
    received = Payment.objects.filter(received_fen__gt=0, paid_at__gte=begin, paid_at__lt=end)
    refunded = Refund.objects.filter(status=Refund.Status.DONE, done_at__gte=begin, done_at__lt=end)
    return timedelta(days=1) + MISSED_AFTER if received.exists() or refunded.exists() else NO_BILL_AFTER


def read(content: bytes, day: date) -> Bill:
    """The bill in a file, if it is ours and of that day. Raises BillProblem."""
    bill = parse(content)
    if not bill.account.startswith(settings.ALIPAY_SELLER_ID):
        raise BillProblem(f"The bill is of account {bill.account}, not of {settings.ALIPAY_SELLER_ID}.")
    if bill.day != day:
        raise BillProblem(f"The bill is of {bill.day}, not of {day}.")
    return bill


def reconcile(bill: Bill) -> Report:
    """Compare a bill with our books, and ask Alipay where they differ. Done again it changes nothing.

    Raises DatabaseError and KeyProblem; then the day stays among those to compare.
    """
    report = Report(bill.day)
    looked_up = [(entry, _look_up(entry)) for entry in _entries(bill)]
    for entry, finding in looked_up:
        report.theirs.add(entry, entry.amount_fen)
        report.matched += not finding.kind
        if finding.our_fen is not None:
            report.ours.add(entry, finding.our_fen)
    _mark_billed(bill.day, [finding for __, finding in looked_up])
    _look_again_at_open_lines(bill.day)
    differing = [(entry, finding) for entry, finding in looked_up if finding.kind]
    for line in bill.unreadable:
        differing.append((Entry(bill.day, False, "", "", "", 0, line), Finding(Kind.NOT_OURS)))
    for ours, day in _in_no_bill(bill.day):
        entry = _as_entry(ours, day)
        if day == bill.day:
            report.ours.add(entry, entry.amount_fen)
        differing.append((entry, Finding(Kind.NOT_IN_BILL, ours, entry.amount_fen)))
    report.for_staff = _keep(bill.day, differing)
    _remember(bill.day)
    return report


def next_step(line: BillLine) -> str:
    """What staff do about an open line."""
    payment = line.payment
    match line.kind, line.is_refund:
        case Kind.NOT_IN_BILL, False:
            return _(
                "Ask Alipay about the payment, and run the bills of the days before and after. If Alipay "
                "does not know it, no money came: tell whoever looks after the site before the guest comes."
            )
        case Kind.NOT_IN_BILL, True:
            return _(
                "Run the bills of the days before and after. If none has it, look the trade up at Alipay: "
                "the renter may still be owed this money."
            )
        case Kind.AMOUNT, False:
            return _(
                "Look the trade up at Alipay: what it shows there came in. Give back what is too much, "
                "or ask the renter for the rest."
            )
        case Kind.AMOUNT, True:
            return _(
                "Look the trade up at Alipay: what it shows there went back. Settle the difference with "
                "the renter."
            )
    if not line.trade_no:
        return _("This line of the bill can't be read for certain. Compare it with our payments by hand.")
    if payment is None:
        return _(
            "Look the trade up at Alipay. If it is for something else sold with this account, say so here. "
            "If a restored backup lost its order, find out who paid: book them in again, or give it back in "
            "Alipay's console."
        )
    if line.is_refund:
        return _(
            "Compare the payment's refunds with the trade at Alipay: this one was made there and does not "
            "fit ours, or was given up here. If Alipay could not be asked, the next run looks again."
        )
    if payment.is_settled:
        return _("Our payment of this number is another trade. Look both up at Alipay, and give one back.")
    return _(
        "Ask Alipay about the payment. Closed: the money came and has all gone back; tell the renter. "
        "Another amount: look the trade up at Alipay and give it back there. No answer: the next run "
        "looks again."
    )


def _entries(bill: Bill) -> Iterator[Entry]:
    """Payments first: what is rebuilt for them may have been given back the same day."""
    groups: dict[tuple[bool, str, str, str], list[tuple[int, str]]] = {}
    for row, raw in bill.rows:
        number = (row.out_request_no or row.out_trade_no) if row.is_refund else ""  # so Alipay calls it
        key = (row.is_refund, row.trade_no, row.out_trade_no, number)
        groups.setdefault(key, []).append((row.amount_fen, raw))
    for key in sorted(groups):
        amounts, lines = zip(*groups[key], strict=True)
        yield Entry(bill.day, *key, sum(amounts), "\n".join(lines))


def _look_up(entry: Entry) -> Finding:
    """What our books have of it, after Alipay was asked where that is less than the bill has."""
    return _refund_of(entry) if entry.is_refund else _payment_of(entry)


def _payment_of(entry: Entry) -> Finding:
    if not is_out_trade_no(entry.out_trade_no):
        return Finding(Kind.NOT_OURS)  # somebody else's sale with the same account
    payment = Payment.objects.numbered(entry.out_trade_no) or _rebuilt(entry)
    if payment is None:
        return Finding(Kind.NOT_OURS)
    if not payment.is_settled:
        queries.ask(payment, deadline=queries.IN_THE_BACKGROUND)
    if not payment.is_settled or payment.trade_no != entry.trade_no:
        return Finding(Kind.NOT_OURS, payment)
    is_same = payment.received_fen == entry.amount_fen
    return Finding("" if is_same else Kind.AMOUNT, payment, payment.received_fen)


def _refund_of(entry: Entry) -> Finding:
    payment = Payment.objects.numbered(entry.out_trade_no)
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
    """A new row for an attempt of an order of ours that a restored backup lost; None: no such order.

    It is open, and worth nothing until Alipay's own word settles it.
    """
    number = entry.out_trade_no.partition("_")[0]
    order = Order.objects.select_for_update().filter(number=number).first()
    if order is None or not 0 < entry.amount_fen <= MAX_FEN:
        return None
    payment, is_new = Payment.objects.get_or_create(
        out_trade_no=entry.out_trade_no,
        defaults={
            "order": order,
            "subject": subject_of(order),
            "amount_fen": entry.amount_fen,
            "expires_at": _beginning(entry.day) + timedelta(days=1),
            "next_try_at": timezone.now(),
        },
    )
    if is_new:
        log.warning("attempt %s: lost here, made anew from the bill of %s", payment, entry.day)
    return payment


def _mark_billed(day: date, findings: list[Finding]) -> None:
    """Many at a time: a commit for each would take most of the run."""
    found = [finding.ours for finding in findings if finding.our_fen is not None]
    for model in (Payment, Refund):
        keys = [ours.pk for ours in found if isinstance(ours, model) and ours.billed_on is None]
        for start in range(0, len(keys), 500):
            model._default_manager.filter(pk__in=keys[start : start + 500]).update(billed_on=day)


def _look_again_at_open_lines(day: date) -> None:
    """Lines of other days: Alipay may answer now, or another day's bill may have had what was missing."""
    lines = BillLine.objects.filter(done_at=None).exclude(bill_date=day).exclude(trade_no="")
    for line in lines.select_related("payment"):
        if line.kind == Kind.NOT_IN_BILL:
            if _is_billed(line):
                _close(line)
            continue
        entry = _entry_of(line)
        finding = _look_up(entry)
        _mark_billed(line.bill_date, [finding])
        if finding.kind:
            _write(entry, finding)
        else:
            _close(line)


def _is_billed(line: BillLine) -> bool:
    ours: Payment | Refund | None = line.payment
    if line.payment is not None and line.is_refund:
        ours = refunds.find(line.payment, line.out_request_no)
    return ours is not None and ours.billed_on is not None


def _in_no_bill(day: date) -> Iterator[tuple[Payment | Refund, date]]:
    """What is in no bill though each that may have it was compared, now that `day`'s was, too.

    With the last day whose bill may have it, whatever the order in which the days were compared. It may be
    long ago: what is booked late is missed, too.
    """
    compared = {day, *ComparedBill.objects.values_list("day", flat=True)}
    since = _beginning(min(compared))
    payments = Payment.objects.filter(received_fen__gt=0, billed_on=None, paid_at__gte=since)
    done = Refund.objects.filter(status=Refund.Status.DONE, billed_on=None, done_at__gte=since)
    not_billed: list[Payment | Refund] = [*payments, *done.select_related("payment")]
    for ours in not_billed:
        days = _days_of_bills(ours)
        if compared.issuperset(days):
            yield ours, days[-1]


def _days_of_bills(ours: Payment | Refund) -> list[date]:
    """The days whose bill may have it: between when it was made here and when we heard that it was done."""
    done_at = (ours.done_at if isinstance(ours, Refund) else ours.paid_at) or ours.created_at
    return _days(day_of(min(ours.created_at, done_at)), day_of(done_at + NEAR_MIDNIGHT))


def _as_entry(ours: Payment | Refund, day: date) -> Entry:
    if isinstance(ours, Refund):
        payment = ours.payment
        return Entry(day, True, payment.trade_no, payment.out_trade_no, ours.out_request_no, ours.amount_fen)
    return Entry(day, False, ours.trade_no, ours.out_trade_no, "", ours.received_fen)


def _entry_of(line: BillLine) -> Entry:
    return Entry(
        line.bill_date,
        line.is_refund,
        line.trade_no,
        line.out_trade_no,
        line.out_request_no,
        line.bill_fen or 0,
        line.raw,
    )


def _keep(day: date, differing: list[tuple[Entry, Finding]]) -> list[BillLine]:
    """Make the day's open lines those of this run; the cause of the others has gone. Gives the open ones.

    Those of other days, too, of which this day's bill has shown that they are in none.
    """
    news = {entry.key for entry, finding in differing if _write(entry, finding)}
    keys = {entry.key for entry, _ in differing}
    of_this_run = Q(bill_date=day) | Q(key__in=news)
    open_lines = list(BillLine.objects.filter(of_this_run, done_at=None).order_by("id"))
    for line in open_lines:
        if line.key not in keys:
            _close(line)
    return [line for line in open_lines if line.key in keys]


@durable_transaction
def _write(entry: Entry, finding: Finding) -> bool:
    """One line for an entry, however often; while it is open it says what the last run found.

    True where it is new, or open again after a run had closed it. What staff closed stays so.
    """
    is_in_bill = entry.trade_no and finding.kind != Kind.NOT_IN_BILL
    found = {
        "kind": finding.kind,
        "payment": finding.ours.payment if isinstance(finding.ours, Refund) else finding.ours,
        "our_fen": finding.our_fen,
        "bill_fen": entry.amount_fen if is_in_bill else None,
    }
    line, is_new = BillLine.objects.get_or_create(
        key=entry.key,
        defaults={
            **found,
            "bill_date": entry.day,
            "is_refund": entry.is_refund,
            "trade_no": entry.trade_no,
            "out_trade_no": entry.out_trade_no,
            "out_request_no": entry.out_request_no,
            "raw": entry.raw,
        },
    )
    if is_new:
        log.error("the bill and our books differ: %s %s", finding.kind, line)
        return True
    by_no_person = BillLine.objects.filter(pk=line.pk, done_by=None)
    by_no_person.update(**found)
    return bool(by_no_person.filter(done_at__isnull=False).update(done_at=None))


@durable_transaction
def _remember(day: date) -> None:
    ComparedBill.objects.get_or_create(day=day)


def _close(line: BillLine) -> None:
    """The cause has gone; nobody did it, so nobody is named."""
    BillLine.objects.filter(pk=line.pk, done_at=None).update(done_at=timezone.now())


def _beginning(day: date) -> datetime:
    return datetime.combine(day, time.min, BEIJING)


def _days(first: date, last: date) -> list[date]:
    """Both included."""
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]
