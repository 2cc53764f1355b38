"""RND01: random histories over the real site and the stand-in Alipay; HISTORIES says how many."""

import faulthandler
import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.histories.history import History
from tests.histories.running import run

HISTORIES = int(os.environ.get("HISTORIES", "60"))
PARTS = min(8, HISTORIES)
"""Tests of their own, so that two processes share them. Each begins from a seed of its own."""

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
"""In a tenth of all histories or more; a sixtieth makes this no matter of luck."""


@pytest.fixture(scope="session")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which each part leaves what it has seen, whichever process runs it."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "histories"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize("part", range(PARTS))
def test_RND01_random_histories(
    part: int, parts: Path, record_property: Callable[[str, object], None]
) -> None:
    faulthandler.cancel_dump_traceback_later()  # it may take as long as was asked for
    History.seen.clear()
    # In CI Hypothesis begins every test from one seed, so all parts would be the same.
    run(histories=HISTORIES // PARTS + (part < HISTORIES % PARTS), seed=part if "CI" in os.environ else None)
    if seen := seen_by_all(parts, part):
        table = (f"  {times:6} {name}" for name, times in seen.most_common())
        record_property("told", "\n".join([f"Of {seen['all']} histories:", *table]))
        if HISTORIES >= 60:
            rare = [name for name in OFTEN if seen[name] < HISTORIES / 60]
            assert not rare, f"hardly reached, so hardly proven: {rare}"


def seen_by_all(parts: Path, part: int) -> Counter[str]:
    """Return the counts of all parts to the part that ends last, and nothing to the others."""
    fresh = parts / f"{part}.new"
    fresh.write_text(json.dumps(History.seen))
    fresh.rename(parts / f"{part}.json")
    ended = list(parts.glob("*.json"))
    try:
        if len(ended) == PARTS:
            (parts / "all").mkdir()
            return sum((Counter(json.loads(file.read_text())) for file in ended), Counter())
    except FileExistsError:
        pass  # two ended at once
    return Counter()
