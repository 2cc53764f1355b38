"""Run the background tasks; see jobs/sweep.py."""

import logging
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser, OutputWrapper
from django.db import DEFAULT_DB_ALIAS, DatabaseError, close_old_connections

from core import clock
from core.database_checks import DATABASE_TAG
from jobs.sweep import CALLS_AT_ONCE, sweep_once
from payments.checks import ALIPAY_TAG
from payments.production_checks import PRODUCTION_TAG

log = logging.getLogger(__name__)


class Command(BaseCommand):
    help = (
        "Queries Alipay about open payments, closes and expires orders that were not paid in time, expires "
        "bookings that staff did not accept, sends refunds and mails, and deletes old rows. One round; with "
        "--loop, rounds until it is stopped."
    )
    requires_system_checks = ()
    _refused = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--loop", type=float, metavar="SECONDS", help="repeat, with SECONDS between rounds"
        )

    def handle(self, *args: object, loop: float | None, **options: object) -> None:
        tags = [ALIPAY_TAG, DATABASE_TAG, PRODUCTION_TAG]
        self.check(tags=tags, include_deployment_checks=True, databases=[DEFAULT_DB_ALIAS])
        with stop_on_signals() as stop:
            if loop is None:
                self._round(stop, say_nothing_due=True)
            while loop is not None and not stop.is_set():
                try:
                    self._round(stop, say_nothing_due=False)
                except DatabaseError:
                    log.exception("database not responding; retrying in the next round")
                stop.wait(loop)
                close_old_connections()

    def _round(self, stop: threading.Event, *, say_nothing_due: bool) -> None:
        if off := clock.fault():
            self._refuse(off)
            return
        self._refused = False
        progress = Progress(self.stdout)
        done = sweep_once(stop.is_set, workers=CALLS_AT_ONCE, watch=progress)
        progress.wipe()
        counts = ", ".join(f"{count} {name}" for name, count in done.items() if count)
        if counts and settings.LOG_FORMAT == "json":
            log.info("sweep: %s", counts)
        elif counts or say_nothing_due:
            with suppress(OSError):  # the disk of its log is full
                self.stdout.write(f"sweep: {counts or 'nothing was done'}")

    def _refuse(self, off: str) -> None:
        """Do nothing while deadlines can't be compared. Logs an error when that begins."""
        level = logging.WARNING if self._refused else logging.ERROR
        log.log(level, "the sweep does nothing: %s", off)
        self._refused = True


@contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """Set the event on SIGINT and SIGTERM instead of ending, so that items in progress are finished."""
    stop = threading.Event()
    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda *_: stop.set()) for number in signals]
    try:
        yield stop
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)


class Progress:
    """A progress line in a terminal; otherwise no output."""

    SHOW_EVERY = 0.2

    def __init__(self, out: OutputWrapper) -> None:
        self._out = out
        self._shown_at = time.monotonic()
        self._width = 0

    def __call__(self, name: str, number: int, total: int) -> None:
        now = time.monotonic()
        if self._out.isatty() and now - self._shown_at >= self.SHOW_EVERY:
            self._shown_at = now
            self._show(f"sweep: {name} {number} of {total} …")

    def wipe(self) -> None:
        if self._width:
            self._show("")
            self._out.write("\r", ending="")

    def _show(self, text: str) -> None:
        self._out.write("\r" + text.ljust(self._width), ending="")
        self._out.flush()
        self._width = len(text)
