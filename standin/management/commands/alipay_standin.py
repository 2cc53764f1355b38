import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from standin.main import add_arguments, run


class Command(BaseCommand):
    help = "Run the stand-in Alipay on 127.0.0.1 until it is stopped. See docs/standin.md."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        code = run(argparse.Namespace(**options))
        if code:
            raise SystemExit(code)
