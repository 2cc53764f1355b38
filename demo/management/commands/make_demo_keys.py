from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from demo.keys import Incomplete, make_demo_keys


class Command(BaseCommand):
    help = "Make demo keys: the app's pair and the stand-in Alipay's pair. Never overwrites a file."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, nargs="?", default=Path("keys"), help="default: keys/")

    def handle(self, *args: Any, **options: Any) -> None:
        folder: Path = options["folder"]
        try:
            made = make_demo_keys(folder)
        except Incomplete as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"the keys can't be written to {folder}: {error.strerror}") from error
        self.stdout.write(f"demo keys are in {folder}" if made else f"{folder} already has demo keys")
