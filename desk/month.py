"""The accountant's month: what the bill of each day says, to the fen, or why it can't be told."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

from django.db.models import Count, Q, QuerySet, Sum
from django.utils import timezone
from django.utils.translation import gettext

from core.dates import parse_date
from core.export_files import Cell, yuan
from core.exports import by_key
from core.refusal import Refusal
from desk.periods import DAY, Period, month_of
from payments.models import BillEntry, BillLine, ComparedBill, Payment, Refund


@dataclass
class Sums:
    """Amounts with the bill's signs: what went back, and what Alipay took, is below zero."""

    received_fen: int = 0
    refunded_fen: int = 0
    other_fen: int = 0
    fee_fen: int = 0
    lines: int = 0

    @property
    def net_fen(self) -> int:
        return self.received_fen + self.refunded_fen + self.other_fen + self.fee_fen

    def add(self, other: "Sums") -> None:
        for name in self.__dataclass_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass
class Day:
    day: date
    sums: Sums = field(default_factory=Sums)
    is_compared: bool = False
    has_entries: bool = False
    """False: compared before the lines of bills were kept. Its sums are those of our books."""
    unreadable: int = 0
    differences: int = 0
    lacks_fees: int = 0

    @property
    def has_all_fees(self) -> bool:
        return self.has_entries and not self.lacks_fees

    @property
    def note(self) -> str:
        """Say what keeps the day from being whole; empty if nothing does."""
        if not self.is_compared:
            return gettext("Not compared yet: the bill is missing here.")
        notes = []
        if not self.has_entries:
            notes.append(gettext("Compared before fees were kept: from our books, fees unknown."))
        elif self.lacks_fees:
            notes.append(gettext("Lines without a fee in the bill: %d.") % self.lacks_fees)
        if self.unreadable:
            notes.append(gettext("Lines that could not be read: %d.") % self.unreadable)
        if self.differences:
            notes.append(gettext("Open differences: %d.") % self.differences)
        return " ".join(notes)


@dataclass
class Month:
    period: Period
    days: list[Day]
    outside_fen: int = 0
    outside_refunded_fen: int = 0
    """Money outside Alipay, which no bill has."""

    @property
    def total(self) -> Sums:
        """The sum of the compared days."""
        total = Sums()
        for each in self.days:
            total.add(each.sums)
        return total

    @property
    def not_compared(self) -> list[Day]:
        return [each for each in self.days if not each.is_compared]

    @property
    def without_fees(self) -> list[Day]:
        return [each for each in self.days if each.is_compared and not each.has_all_fees]


def chosen_month(typed: str) -> Period:
    """The month of 2026-11, 2026/11 or 2026年11月; this one for an empty text. Raises Refusal."""
    if not typed:
        return month_of(timezone.localdate())
    typed = typed.strip()
    day = parse_date(f"{typed}-01") or parse_date(f"{typed}1日") or parse_date(f"{typed}01")
    if day is None or not 2000 <= day.year <= 2100:
        raise Refusal(gettext("Enter the month as 2026-11."))
    return month_of(day)


def month_in(period: Period) -> Month:
    """Return the days of a month until yesterday: today has no bill yet."""
    yesterday = timezone.localdate() - DAY
    days = {day: Day(day) for day in period.days if day <= yesterday}
    for bill in ComparedBill.objects.filter(day__in=days):
        day = days[bill.day]
        day.is_compared, day.has_entries = True, bill.entries is not None
        day.unreadable = bill.unreadable
    open_lines = BillLine.objects.filter(bill_date__in=days, done_at=None).order_by()
    for at, count in open_lines.values_list("bill_date").annotate(n=Count("pk")):
        days[at].differences = count
    _sum_entries(days)
    _sum_books({at: day for at, day in days.items() if day.is_compared and not day.has_entries})
    return Month(period, list(days.values()), *_outside(period))


def _outside(period: Period) -> tuple[int, int]:
    came = Payment.objects.filter(channel__in=Payment.OUTSIDE, paid_at__range=period.moments)
    went = Refund.objects.filter(
        payment__channel__in=Payment.OUTSIDE, status=Refund.Status.DONE, done_at__range=period.moments
    )
    received = came.aggregate(fen=Sum("received_fen"))["fen"] or 0
    return received, went.aggregate(fen=Sum("amount_fen"))["fen"] or 0


def _sum_entries(days: dict[date, Day]) -> None:
    groups = (
        BillEntry.objects.filter(day__in=days).order_by().values_list("day", "is_refund", "business_type")
    )
    sums = {"net": Sum("net_fen"), "fee": Sum("fee_fen"), "unknown": Count("pk", filter=Q(fee_fen=None))}
    for at, is_refund, other, net, fee, unknown, lines in groups.annotate(**sums, lines=Count("pk")):
        name = "other_fen" if other else "refunded_fen" if is_refund else "received_fen"
        days[at].sums.add(Sums(**{name: net}, fee_fen=fee or 0, lines=lines))
        days[at].lacks_fees += unknown


def _sum_books(days: dict[date, Day]) -> None:
    came, went = _in_books(days)
    for at, fen, lines in came.values_list("billed_on").annotate(fen=Sum("received_fen"), n=Count("pk")):
        days[at].sums.add(Sums(received_fen=fen, lines=lines))
    for at, fen, lines in went.values_list("billed_on").annotate(fen=Sum("amount_fen"), n=Count("pk")):
        days[at].sums.add(Sums(refunded_fen=-fen, lines=lines))


def _in_books(days: dict[date, Day]) -> tuple[QuerySet[Payment], QuerySet[Refund]]:
    came = Payment.objects.filter(billed_on__in=days).order_by()
    return came, Refund.objects.filter(billed_on__in=days).order_by()


def day_table(month: Month) -> Iterator[Sequence[Cell]]:
    """Yield heads and a line for each day; amounts of days that were not compared stay empty."""
    yield [
        *(gettext("Day"), gettext("Money in (yuan)"), gettext("Refunded (yuan)"), gettext("Other (yuan)")),
        *(gettext("Fees (yuan)"), gettext("Net (yuan)"), gettext("Lines"), gettext("Note")),
    ]
    for each in month.days:
        sums = each.sums
        if not each.is_compared:
            yield [each.day, *[None] * 6, each.note]
            continue
        fees = (yuan(sums.fee_fen), yuan(sums.net_fen)) if each.has_all_fees else (None, None)
        amounts = (yuan(sums.received_fen), yuan(sums.refunded_fen), yuan(sums.other_fen))
        yield [each.day, *amounts, *fees, sums.lines, each.note]


def line_table(month: Month) -> Iterator[Sequence[Cell]]:
    """Yield heads and every line of the compared days."""
    yield [
        *(gettext("Day"), gettext("Type"), gettext("Order"), gettext("Merchant order no.")),
        *(gettext("Alipay transaction no."), gettext("Refund request no.")),
        *(gettext("Amount (yuan)"), gettext("Fee (yuan)")),
    ]
    yield from map(cells_of, by_key(entries_of(month.period)))
    old = {each.day: each for each in month.days if each.is_compared and not each.has_entries}
    came, went = _in_books(old)
    for payment in by_key(came.order_by("id")) if old else ():
        assert isinstance(payment, Payment)
        yield _row(payment.billed_on, gettext("payment"), payment, "", payment.received_fen)
    for refund in by_key(went.order_by("id").prefetch_related("payment")) if old else ():
        assert isinstance(refund, Refund)
        number = refund.out_request_no
        yield _row(refund.billed_on, gettext("refund"), refund.payment, number, -refund.amount_fen)


def entries_of(period: Period) -> QuerySet[BillEntry]:
    return BillEntry.objects.filter(day__range=(period.first, period.last)).order_by("day", "id")


def cells_of(entry: object) -> list[Cell]:
    assert isinstance(entry, BillEntry)
    kind = entry.business_type or (gettext("refund") if entry.is_refund else gettext("payment"))
    return [
        *(entry.day, kind, _order_of(entry.out_trade_no), entry.out_trade_no, entry.trade_no),
        *(entry.out_request_no, yuan(entry.net_fen), yuan(entry.fee_fen)),
    ]


def _row(day: date | None, kind: str, payment: Payment, number: str, fen: int) -> list[Cell]:
    order = _order_of(payment.out_trade_no)
    return [day, kind, order, payment.out_trade_no, payment.trade_no, number, yuan(fen), None]


def _order_of(out_trade_no: str) -> str:
    order, mark, _count = out_trade_no.partition("_")
    return order if mark else ""
