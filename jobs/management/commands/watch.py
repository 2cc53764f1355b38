"""Mail staff while the sweep is silent; see jobs/staff_mail.py."""

import logging

from django.core.management.base import BaseCommand
from django.utils import timezone

from jobs import staff_mail
from jobs.heartbeat import last_beat, sweep_is_missed_since

log = logging.getLogger(__name__)


class Command(BaseCommand):
    help = (
        "Mails those who chose it once the sweep is silent: the sweep itself, which sends all other mails, "
        "can't. Run it every minute, by a timer of its own, on any machine. Exit status: 1 the sweep is "
        "silent, else 0."
    )
    requires_system_checks = ()

    def handle(self, *args: object, **options: object) -> None:
        since = sweep_is_missed_since()
        if since is None:
            state = "the sweep runs" if last_beat() else "no sweep has run yet; no query to Alipay is overdue"
            log.info("watch: %s", state)
            return
        mailed = staff_mail.tell_silence(since)
        log.error("no sweep since %s; %d mails sent", timezone.localtime(since), mailed)
        raise SystemExit(1)
