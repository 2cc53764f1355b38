"""The twins of RND01: without one guard, random histories must find a broken rule or an error of the site.

Guards whose failure needs a rare combination have a fixed history each in test_kept.py. Set HISTORIES (and
SEED) in the environment to search for all of them.
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
    "notice_has_the_amount_of_the_attempt",
    "surplus_is_refunded",
    "refund_keeps_its_number",
    "refund_is_done_only_if_alipay_confirms",
    "cancelling_frees_the_nights",
    "commas_may_stand_in_every_text_of_the_bill",
]


@pytest.mark.any_database  # it is the histories that find it, and test_histories.py runs them on both
@pytest.mark.usefixtures("site")
@pytest.mark.parametrize("guard", GUARDS if "HISTORIES" in os.environ else FOUND_SOON)
def test_RND01_twin_random_histories_find_it_without(guard: str, monkeypatch: pytest.MonkeyPatch) -> None:
    faulthandler.cancel_dump_traceback_later()
    GUARDS[guard](monkeypatch)
    History.seen.clear()
    with pytest.raises(Exception) as found:
        run(histories=HISTORIES, seed=SEED)
    print(f"{guard}: found after {History.seen['all']} good histories: {found.value}")
