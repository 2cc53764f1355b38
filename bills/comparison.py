"""Compares a bill with our books, in both directions, to the fen.

The bill is unsigned and settles nothing: it shows what to query, and Alipay's signed answer is recorded by
payments/books/. Each remaining difference becomes a BillLine for staff, closed once its cause is gone.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from bills import entries, lines
from bills.days import beginning, days_of_bills
from bills.lookup import Entry, Finding, Kind, look_up
from bills.recovering import for_staff
from orders.recovery import lost_days
from payments.alipay.bill import Bill
from payments.models import BillLine, ComparedBill, Payment, Refund


@dataclass(slots=True)
class Sums:
    """Counts and sums of payments and refunds."""

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
    """Result of a run. `ours`: sums of the matching rows in our books, and of those missing in the bill."""

    day: date
    theirs: Sums = field(default_factory=Sums)
    ours: Sums = field(default_factory=Sums)
    matched: int = 0
    for_staff: list[BillLine] = field(default_factory=list)


def reconcile(bill: Bill) -> Report:
    """Compare a bill with our books, and query Alipay about differences. Idempotent.

    Raises DatabaseError and KeyProblem; then the day is still to be compared.
    """
    report = Report(bill.day)
    lost = lost_days()
    looked_up = [(entry, for_staff(entry, look_up(entry), lost)) for entry in _entries(bill)]
    for entry, finding in looked_up:
        if not entry.business_type:
            report.theirs.add(entry, entry.amount_fen)
        report.matched += not finding.kind
        if finding.our_fen is not None:
            report.ours.add(entry, finding.our_fen)
    _mark_billed(bill.day, [finding for __, finding in looked_up])
    _review_open_lines(bill.day, lost)
    differing = [(entry, finding) for entry, finding in looked_up if finding.kind]
    for line in bill.unreadable:
        differing.append((Entry(bill.day, False, "", "", "", 0, line), Finding(Kind.NOT_OURS)))
    for ours, day in _missing_in_bills(bill.day):
        entry = _as_entry(ours, day)
        if day == bill.day:
            report.ours.add(entry, entry.amount_fen)
        differing.append((entry, Finding(Kind.NOT_IN_BILL, ours, entry.amount_fen)))
    report.for_staff = lines.keep(bill.day, differing)
    entries.keep(bill)
    return report


def _entries(bill: Bill) -> Iterator[Entry]:
    """Rows by what they are about. Payments first: one that is rebuilt may be refunded on the same day."""
    groups: dict[tuple[bool, str, str, str, str, str], list[tuple[int, str]]] = {}
    for row, raw in [*bill.rows, *bill.others]:
        # Alipay numbers a full refund without out_request_no by the out_trade_no.
        number = (row.out_request_no or row.out_trade_no) if row.is_refund else ""
        alone = "" if row.trade_no else raw
        key = (row.is_refund, row.trade_no, row.out_trade_no, number, row.business_type, alone)
        groups.setdefault(key, []).append((row.amount_fen, raw))
    for key in sorted(groups):
        amounts, raws = zip(*groups[key], strict=True)
        is_refund, trade_no, out_trade_no, number, business_type, _ = key
        yield Entry(
            bill.day, is_refund, trade_no, out_trade_no, number, sum(amounts), "\n".join(raws), business_type
        )


def _mark_billed(day: date, findings: list[Finding]) -> None:
    """Set `billed_on`, in batches: a commit for each row would take most of the run."""
    found = [finding.ours for finding in findings if finding.our_fen is not None]
    for model in (Payment, Refund):
        keys = [ours.pk for ours in found if isinstance(ours, model) and ours.billed_on is None]
        for start in range(0, len(keys), 500):
            model._default_manager.filter(pk__in=keys[start : start + 500]).update(billed_on=day)


def _review_open_lines(day: date, lost: set[date]) -> None:
    """Check open lines of other days again: Alipay may answer now, or another bill had what was missing."""
    open_lines = BillLine.objects.filter(done_at=None).exclude(bill_date=day).exclude(trade_no="")
    for line in open_lines.select_related("payment"):
        if line.kind == Kind.NOT_IN_BILL:
            if lines.is_billed(line):
                lines.close(line)
            continue
        entry = lines.entry_of(line)
        finding = for_staff(entry, look_up(entry), lost)
        _mark_billed(line.bill_date, [finding])
        if finding.kind:
            lines.write(entry, finding)
        else:
            lines.close(line)


def _missing_in_bills(day: date) -> Iterator[tuple[Payment | Refund, date]]:
    """Payments and refunds in none of the bills that may have them, once all of those were compared.

    `day` counts as compared. Each comes with the last day whose bill may have it, independent of the order of
    the comparisons; it may be long ago, if it was recorded late.
    """
    compared = {day, *ComparedBill.objects.values_list("day", flat=True)}
    since = beginning(min(compared))
    payments = Payment.objects.at_alipay().filter(received_fen__gt=0, billed_on=None, paid_at__gte=since)
    done = Refund.objects.filter(status=Refund.Status.DONE, billed_on=None, done_at__gte=since)
    done = done.filter(payment__channel=Payment.Channel.ALIPAY)
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
