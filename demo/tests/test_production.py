"""Production ships neither the demo nor the stand-in."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMANDS = {"seed_demo", "make_demo_keys", "alipay_standin"}


def known_commands(**environment: str) -> set[str]:
    run = subprocess.run(
        [sys.executable, "manage.py", "help", "--commands"],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "ihome_site.settings", **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(run.stdout.split())


def test_their_commands_do_not_exist_in_production() -> None:
    commands = known_commands(DEBUG="0", REHEARSAL="0")
    assert not COMMANDS & commands
    assert {"sweep", "reconcile_bill", "check_money"} <= commands


@pytest.mark.parametrize("setting", ["DEBUG", "REHEARSAL"])
def test_they_exist_where_no_real_money_moves(setting: str) -> None:
    assert known_commands(**{"DEBUG": "0", "REHEARSAL": "0", setting: "1"}) >= COMMANDS
