"""Check the invariants of payments/books/invariants.py."""

import logging
from typing import Any

from django.core.management.base import BaseCommand

from payments.books.invariants import broken_rules

log = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Prints every order and house that violates an invariant. Exit status 1 if any does."

    def handle(self, *args: Any, **options: Any) -> None:
        count = 0
        for broken in broken_rules():
            self.stdout.write(str(broken))
            log.error("invariant broken: %s", broken)  # an alarm that names the order
            count += 1
        self.stdout.write(f"{count} broken" if count else "all rules hold")
        if count:
            raise SystemExit(1)
