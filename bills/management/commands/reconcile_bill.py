"""Compare daily bills with our books; see bills/comparison.py."""

import logging
from datetime import date
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS, connection
from django.utils import timezone

from bills import days, recovering
from bills.comparison import Report, Sums, reconcile
from bills.fetching import NoBillYet, TooSoon, fetch, read
from core.database_checks import DATABASE_TAG
from core.dates import parse_date
from core.money import yuan_text
from payments.alipay.bill import BillProblem
from payments.alipay.http import MAX_DOWNLOAD_BYTES
from payments.checks import ALIPAY_TAG
from payments.models import BillLine
from payments.production_checks import PRODUCTION_TAG

log = logging.getLogger(__name__)

EXIT_NOT_COMPARED = 2

FIRST_BILL = date(2016, 1, 1)


class Command(BaseCommand):
    help = (
        "Compares Alipay's bill of a day with our payments and refunds, to the fen, and queries Alipay about "
        "differences. Those that remain are listed in the admin under bill lines. Without DATE: every day "
        f"that was not compared yet, at most {days.LOOK_BACK.days} days back. Exit status: 0 no difference, "
        "1 something for staff, 2 a day had no bill to compare with."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "day", metavar="DATE", nargs="?", help="a past day in Beijing, such as 2026-11-22"
        )
        parser.add_argument(
            "--file", type=Path, metavar="PATH", help="read the zip or CSV of DATE instead of downloading it"
        )

    def handle(self, *args: object, day: str | None, file: Path | None, **options: object) -> None:
        tags = [ALIPAY_TAG, DATABASE_TAG, PRODUCTION_TAG]
        self.check(tags=tags, include_deployment_checks=True, databases=[DEFAULT_DB_ALIAS])
        if file is not None and day is None:
            raise CommandError("Give the DATE of the file, too.", returncode=EXIT_NOT_COMPARED)
        chosen = self._days_to_compare() if day is None else [_past_day(day)]
        compared = self._compare_all(chosen, file)
        problems = [problem for problem in compared if isinstance(problem, str)] + recovering.finish()
        if problems:
            raise CommandError("\n".join(problems), returncode=EXIT_NOT_COMPARED)
        of_these_days = any(report.for_staff for report in compared if isinstance(report, Report))
        if of_these_days or (day is None and BillLine.objects.filter(done_at=None).exists()):
            raise SystemExit(1)

    def _days_to_compare(self) -> list[date]:
        chosen, not_compared = days.days_to_compare(), days.not_compared()
        chosen = sorted({*chosen, *recovering.past_days()})
        if len(chosen) < len(not_compared):
            self.stdout.write(
                f"{len(not_compared) - len(chosen)} days from {not_compared[0]} on were not compared and are "
                f"more than {days.LOOK_BACK.days} days ago; compare each by its DATE"
            )
        if not chosen:
            self.stdout.write("no day to compare")
        return chosen

    def _compare_all(self, chosen: list[date], file: Path | None) -> list[Report | str]:
        """Compare each day, until Alipay limits the calls: what is left waits for the next run."""
        compared: list[Report | str] = []
        for number, day in enumerate(chosen, start=1):
            try:
                compared.append(self._compare(day, file))
            except TooSoon as limit:
                left = len(chosen) - number
                compared.append(f"{day}: {limit}" + (f" {left} later days were not tried." if left else ""))
                break
        return compared

    def _compare(self, day: date, file: Path | None) -> Report | str:
        """Compare a day and print its report. Returns it, or the reason if the day was not compared.

        Raises TooSoon.
        """
        try:
            bill = fetch(day) if file is None else read(_content(file), day)
            report = reconcile(bill)
        except TooSoon:
            raise
        except (NoBillYet, BillProblem) as problem:
            return f"{day}: {problem}"
        except Exception as error:
            log.exception("bill %s: comparison failed", day)  # later days must still be compared
            connection.close_if_unusable_or_obsolete()
            return f"{day}: comparison failed ({type(error).__name__}: {error}). Try again."
        for line in _summary(report):
            self.stdout.write(line)
        return report


def _past_day(text: str) -> date:
    day = parse_date(text)
    if day is None:
        raise _bad_day(f"{text} is not a day; write it as 2026-11-22.")
    if day < FIRST_BILL:
        raise _bad_day(f"{day} is too long ago: Alipay's bills begin with {FIRST_BILL}.")
    if day >= days.day_of(timezone.now()):
        raise _bad_day(f"{day} is not over in Beijing. Its bill is ready by about 9:00 on the next day.")
    return day


def _bad_day(message: str) -> CommandError:
    return CommandError(message, returncode=EXIT_NOT_COMPARED)


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            content = opened.read(MAX_DOWNLOAD_BYTES + 1)
    except OSError as error:
        raise BillProblem(f"{file} can't be read ({error.strerror}).") from error
    if len(content) > MAX_DOWNLOAD_BYTES:
        raise BillProblem(f"{file} has more than {MAX_DOWNLOAD_BYTES} bytes.")
    return content


def _summary(report: Report) -> list[str]:
    others = BillLine.objects.filter(done_at=None).count() - len(report.for_staff)
    return [
        f"bill of {report.day}: {_sums(report.theirs)}",
        f"our books: {_sums(report.ours)}",
        f"{report.matched} match to the fen",
        *(_line_summary(line) for line in report.for_staff),
        f"{len(report.for_staff)} for staff, in the admin under bill lines; {others} of other days",
    ]


def _sums(sums: Sums) -> str:
    received, refunded = yuan_text(sums.received_fen), yuan_text(sums.refunded_fen)
    return f"payments {sums.payments}, {received}; refunds {sums.refunds}, {refunded}"


def _line_summary(line: BillLine) -> str:
    about = line.business_type or ("refund" if line.is_refund else "payment")
    numbers = " ".join(filter(None, (line.out_request_no, line.out_trade_no, line.trade_no)))
    bill, ours = ("-" if fen is None else yuan_text(fen) for fen in (line.bill_fen, line.our_fen))
    return f"{line.kind} {about} {numbers or line.raw}: bill {bill}, ours {ours}"
