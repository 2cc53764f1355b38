"""The twins of RND01: with one guard off, random histories must find a broken rule."""

import faulthandler
import os

import pytest

from tests.histories.guards import GUARDS
from tests.histories.history import History
from tests.histories.running import run

HISTORIES = int(os.environ.get("HISTORIES", "60"))
SEED = int(os.environ.get("SEED", "1"))


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize("guard", GUARDS)
def test_RND01_twin_random_histories_find_it_without(guard: str, monkeypatch: pytest.MonkeyPatch) -> None:
    faulthandler.cancel_dump_traceback_later()
    GUARDS[guard](monkeypatch)
    History.seen.clear()
    with pytest.raises(Exception) as found:  # a broken rule, or the site itself falls over
        run(histories=HISTORIES, seed=SEED)
    print(f"{guard}: found after {History.seen['all']} histories: {found.value}")
