"""The daily bill against our books; see payments/reconciling.py."""

from datetime import date
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from core.money import yuan_text
from payments import reconciling
from payments.alipay.answers import BEIJING
from payments.alipay.bill import BillProblem
from payments.alipay.http import MAX_DOWNLOAD_BYTES
from payments.checks import ALIPAY_TAG
from payments.models import BillLine
from payments.reconciling import NoBillYet, Report, Sums

COULD_NOT = 2


FIRST_BILL = date(2016, 1, 1)


class Command(BaseCommand):
    help = (
        "Compares Alipay's bill of a day with our payments and refunds, to the fen, and asks Alipay where "
        "they differ. What remains is listed in the admin under bill lines. Exit status: 0 all is the same, "
        "1 something is there for staff, 2 there was no bill to compare with."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("day", metavar="DATE", help="as 2026-11-22, in Beijing; a day that is over")
        parser.add_argument(
            "--file", type=Path, metavar="PATH", help="the zip or CSV, instead of asking Alipay"
        )

    def handle(self, *args: object, day: str, file: Path | None, **options: object) -> None:
        self.check(tags=[ALIPAY_TAG], include_deployment_checks=True)
        try:
            over = _day_that_is_over(day)
            bill = reconciling.fetch(over) if file is None else reconciling.read(_content(file), over)
        except (NoBillYet, BillProblem) as problem:
            raise CommandError(str(problem), returncode=COULD_NOT) from problem
        report = reconciling.reconcile(bill)
        for line in _in_words(report):
            self.stdout.write(line)
        if report.for_staff:
            raise SystemExit(1)


def _day_that_is_over(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise NoBillYet(f"{text} is not a day; write it as 2026-11-22.") from error
    if day < FIRST_BILL:
        raise NoBillYet(f"{day} is too long ago: Alipay's bills begin with {FIRST_BILL}.")
    if day >= timezone.now().astimezone(BEIJING).date():
        raise NoBillYet(f"{day} is not over in Beijing. Its bill is written by about 9:00 of the next day.")
    return day


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            content = opened.read(MAX_DOWNLOAD_BYTES + 1)
    except OSError as error:
        raise BillProblem(f"{file} can't be read ({error.strerror}).") from error
    if len(content) > MAX_DOWNLOAD_BYTES:
        raise BillProblem(f"{file} has more than {MAX_DOWNLOAD_BYTES} bytes.")
    return content


def _in_words(report: Report) -> list[str]:
    older = BillLine.objects.filter(done_at=None).exclude(bill_date=report.day).count()
    return [
        f"bill of {report.day}: {_sums(report.theirs)}",
        f"our books: {_sums(report.ours)}",
        f"{report.matched} the same to the fen",
        *(_line(line) for line in report.for_staff),
        f"{len(report.for_staff)} for staff, in the admin under bill lines; {older} of other days",
    ]


def _sums(sums: Sums) -> str:
    received, refunded = yuan_text(sums.received_fen), yuan_text(sums.refunded_fen)
    return f"payments {sums.payments}, {received}; refunds {sums.refunds}, {refunded}"


def _line(line: BillLine) -> str:
    what = "refund" if line.is_refund else "payment"
    numbers = " ".join(filter(None, (line.out_request_no, line.out_trade_no, line.trade_no)))
    bill, ours = ("-" if fen is None else yuan_text(fen) for fen in (line.bill_fen, line.our_fen))
    return f"{line.kind} {what} {numbers or line.raw}: bill {bill}, ours {ours}"
