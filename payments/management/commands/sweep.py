"""What nobody waits for; see payments/sweeping.py."""

import logging
import signal
import threading

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError, close_old_connections

from payments.checks import ALIPAY_TAG
from payments.sweeping import sweep_once

log = logging.getLogger(__name__)


class Command(BaseCommand):
    help = (
        "Asks Alipay about payments that nobody told us of, closes and expires what was not paid in time, "
        "and expires what staff did not accept. One round; with --loop, one after the other until stopped."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--loop", type=float, metavar="SECONDS", help="go on, with SECONDS between rounds"
        )

    def handle(self, *args: object, loop: float | None, **options: object) -> None:
        self.check(tags=[ALIPAY_TAG], include_deployment_checks=True)
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        if loop is None:
            self._round(stop)
        while loop is not None and not stop.is_set():
            try:
                self._round(stop)
            except DatabaseError:
                log.exception("the database does not answer; the next round tries again")
            stop.wait(loop)
            close_old_connections()

    def _round(self, stop: threading.Event) -> None:
        done = sweep_once(stop.is_set)
        if done.total():
            self.stdout.write(
                "sweep: " + ", ".join(f"{count} {name}" for name, count in done.items() if count)
            )
