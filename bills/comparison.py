"""Compares a bill with our books, both ways, to the fen.

The bill is not signed and moves no money: it says whom to ask about, and what Alipay then answers, signed, is
recorded in payments/books/. What remains becomes a BillLine for staff, and goes when its cause has gone.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from bills import lines
from bills.days import beginning, days_of_bills
from bills.lookup import Entry, Finding, Kind, look_up
from core.transactions import durable_transaction
from payments.alipay.bill import Bill
from payments.models import BillLine, ComparedBill, Payment, Refund


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


def reconcile(bill: Bill) -> Report:
    """Compare a bill with our books, and ask Alipay where they differ. Done again it changes nothing.

    Raises DatabaseError and KeyProblem; then the day stays among those to compare.
    """
    report = Report(bill.day)
    looked_up = [(entry, look_up(entry)) for entry in _entries(bill)]
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
    report.for_staff = lines.keep(bill.day, differing)
    _remember(bill.day)
    return report


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


def _mark_billed(day: date, findings: list[Finding]) -> None:
    """Many at a time: a commit for each would take most of the run."""
    found = [finding.ours for finding in findings if finding.our_fen is not None]
    for model in (Payment, Refund):
        keys = [ours.pk for ours in found if isinstance(ours, model) and ours.billed_on is None]
        for start in range(0, len(keys), 500):
            model._default_manager.filter(pk__in=keys[start : start + 500]).update(billed_on=day)


def _look_again_at_open_lines(day: date) -> None:
    """Lines of other days: Alipay may answer now, or another day's bill may have had what was missing."""
    open_lines = BillLine.objects.filter(done_at=None).exclude(bill_date=day).exclude(trade_no="")
    for line in open_lines.select_related("payment"):
        if line.kind == Kind.NOT_IN_BILL:
            if lines.is_billed(line):
                lines.close(line)
            continue
        entry = lines.entry_of(line)
        finding = look_up(entry)
        _mark_billed(line.bill_date, [finding])
        if finding.kind:
            lines.write(entry, finding)
        else:
            lines.close(line)


def _in_no_bill(day: date) -> Iterator[tuple[Payment | Refund, date]]:
    """What is in no bill though each that may have it was compared, now that `day`'s was, too.

    With the last day whose bill may have it, whatever the order in which the days were compared. It may be
    long ago: what is booked late is missed, too.
    """
    compared = {day, *ComparedBill.objects.values_list("day", flat=True)}
    since = beginning(min(compared))
    payments = Payment.objects.filter(received_fen__gt=0, billed_on=None, paid_at__gte=since)
    done = Refund.objects.filter(status=Refund.Status.DONE, billed_on=None, done_at__gte=since)
    not_billed: list[Payment | Refund] = [*payments, *done.select_related("payment")]
    for ours in not_billed:
        days = days_of_bills(ours)
        if compared.issuperset(days):
            yield ours, days[-1]


def _as_entry(ours: Payment | Refund, day: date) -> Entry:
    if isinstance(ours, Refund):
        payment = ours.payment
        return Entry(day, True, payment.trade_no, payment.out_trade_no, ours.out_request_no, ours.amount_fen)
    return Entry(day, False, ours.trade_no, ours.out_trade_no, "", ours.received_fen)


@durable_transaction
def _remember(day: date) -> None:
    ComparedBill.objects.get_or_create(day=day)
