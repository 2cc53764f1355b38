from collections.abc import Iterator
from pathlib import Path

import pytest

from standin import StandIn

from .merchant import Merchant, Shop


@pytest.fixture(scope="module")
def running(standin_keys: Path) -> Iterator[StandIn]:
    with StandIn.start(keys=standin_keys) as standin:
        yield standin


@pytest.fixture
def standin(running: StandIn) -> StandIn:
    """The module's stand-in, reset to its initial state."""
    running.reset()
    return running


@pytest.fixture
def merchant(standin: StandIn, standin_keys: Path) -> Merchant:
    return Merchant(standin, standin_keys)


@pytest.fixture
def shop() -> Iterator[Shop]:
    shop = Shop()
    yield shop
    shop.stop()
