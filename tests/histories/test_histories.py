"""RND01: random histories over the real site and the stand-in Alipay; HISTORIES says how many."""

import faulthandler
import os

import pytest

from tests.histories.history import History
from tests.histories.running import run

HISTORIES = int(os.environ.get("HISTORIES", "200"))

OFTEN = [
    "paid",
    "settled by return",
    "refunded",
    "surplus",
    "paid twice",
    "cancelled after payment",
    "expired",
    "trouble struck",
]
"""In a seventh of all histories or more; a twentieth makes this no matter of luck."""


@pytest.mark.usefixtures("site")
def test_RND01_random_histories(capsys: pytest.CaptureFixture[str]) -> None:
    faulthandler.cancel_dump_traceback_later()  # it may take as long as was asked for
    History.seen.clear()
    run(histories=HISTORIES)
    with capsys.disabled():
        print(f"\nOf {History.seen['all']} histories:")
        for name, times in History.seen.most_common():
            print(f"  {times:6} {name}")
    if HISTORIES >= 200:
        rare = [name for name in OFTEN if History.seen[name] < HISTORIES / 20]
        assert not rare, f"hardly reached, so hardly proven: {rare}"
