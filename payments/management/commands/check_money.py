"""Whether the rules that hold of money hold; see payments/rules.py."""

from typing import Any

from django.core.management.base import BaseCommand

from payments.books.invariants import broken_rules


class Command(BaseCommand):
    help = "Prints every order of which a rule about money or nights is broken; exit status 1 if any is."

    def handle(self, *args: Any, **options: Any) -> None:
        count = 0
        for broken in broken_rules():
            self.stdout.write(str(broken))
            count += 1
        self.stdout.write(f"{count} broken" if count else "all rules hold")
        if count:
            raise SystemExit(1)
