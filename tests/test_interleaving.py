"""tests.interleaving: the rival acts once, at the right place, and its exception is raised."""

import threading
from collections.abc import Callable

import pytest

from tests.interleaving import after, before

happened: list[str] = []


def step() -> None:
    happened.append("step")


def rival() -> None:
    happened.append("rival")


@pytest.fixture(autouse=True)
def nothing_has_happened() -> None:
    happened.clear()


STEP = f"{__name__}.step"


@pytest.mark.parametrize("elsewhere", [False, True], ids=["here", "elsewhere"])
@pytest.mark.parametrize(
    ("point", "order"),
    [(before, ["rival", "step", "step"]), (after, ["step", "rival", "step"])],
    ids=["before", "after"],
)
def test_the_rival_acts_once(point: Callable[..., object], order: list[str], elsewhere: bool) -> None:
    with point(STEP, rival, elsewhere=elsewhere):
        step()
        step()
    assert happened == order


def test_a_rival_that_takes_the_same_step_is_not_interrupted_itself() -> None:
    with before(STEP, step):
        step()
    assert happened == ["step", "step"]


@pytest.mark.parametrize("elsewhere", [False, True], ids=["here", "elsewhere"])
def test_the_rivals_exception_is_raised(elsewhere: bool) -> None:
    with pytest.raises(ZeroDivisionError), before(STEP, lambda: 1 / 0, elsewhere=elsewhere):
        step()


def test_a_step_that_is_never_taken_fails_the_test() -> None:
    with pytest.raises(AssertionError, match="never called"), before(STEP, rival):
        pass
    assert happened == []


def test_a_rival_that_has_to_wait_lets_the_other_go_on() -> None:
    lock = threading.Lock()

    def waiting_rival() -> None:
        with lock:
            rival()

    with before(STEP, waiting_rival, elsewhere=True), lock:
        step()
        assert happened == ["step"]
    assert happened == ["step", "rival"]
