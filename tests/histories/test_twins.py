"""The twins of RND01: with one guard off, random histories must find a broken rule, or the site falls over.

Those that need more things to come together take longer: test_kept.py has a plain history for each of them.
HISTORIES and SEED in the environment look for all of them, longer and elsewhere.
"""

import faulthandler
import os

import pytest

from tests.histories.guards import GUARDS
from tests.histories.history import History
from tests.histories.running import run

HISTORIES = int(os.environ.get("HISTORIES", "100"))
SEED = int(os.environ.get("SEED", "1"))
FOUND_SOON = [
    "claim_compares_before_it_sets",
    "notice_tells_the_amount_of_the_attempt",
    "surplus_goes_back",
    "refund_keeps_its_number",
    "refund_is_done_by_alipays_word",
    "cancelling_frees_the_nights",
]


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize("guard", GUARDS if "HISTORIES" in os.environ else FOUND_SOON)
def test_RND01_twin_random_histories_find_it_without(guard: str, monkeypatch: pytest.MonkeyPatch) -> None:
    faulthandler.cancel_dump_traceback_later()
    GUARDS[guard](monkeypatch)
    History.seen.clear()
    with pytest.raises(Exception) as found:
        run(histories=HISTORIES, seed=SEED)
    print(f"{guard}: found after {History.seen['all']} good histories: {found.value}")
