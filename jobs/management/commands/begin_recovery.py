"""Hold bookings after a backup was restored that lost hours; see jobs/recovery.py."""

from datetime import UTC, datetime

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from jobs import recovery


class Command(BaseCommand):
    help = (
        "deploy/restore.sh runs it after a restore that lost hours, before the site starts. No nights can "
        "be booked until Alipay's bills of these hours are reconciled or staff lift that in the admin, and "
        "mails that may have gone out are not sent again."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("lost_from", metavar="TIME", help="in UTC, such as 2026-11-22T02:30:00")

    def handle(self, *args: object, lost_from: str, **options: object) -> None:
        try:
            moment = datetime.fromisoformat(lost_from.removesuffix("Z")).replace(tzinfo=UTC)
        except ValueError:
            raise CommandError(f"{lost_from} is no time; write it as 2026-11-22T02:30:00, in UTC.") from None
        if moment > timezone.now():
            raise CommandError(f"{lost_from} is in the future.")
        dropped = recovery.begin(moment)
        self.stdout.write(
            f"No nights are booked until the bills since {moment:%Y-%m-%d %H:%M} UTC are reconciled. "
            f"Mails that may have gone out before and are not sent: {dropped['renters']} to renters, "
            f"{dropped['superusers']} to superusers, {dropped['staff']} to staff."
        )
