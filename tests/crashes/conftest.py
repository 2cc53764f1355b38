from collections.abc import Iterator
from pathlib import Path

import pytest

from standin import StandIn
from tests.crashes.world import World, running_world


@pytest.fixture(scope="package")
def running(
    django_db_setup: None, standin_keys: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("crashes")
    with StandIn.start(keys=standin_keys) as standin, running_world(standin, folder) as world:
        yield world


@pytest.fixture
def world(transactional_db: None, running: World) -> World:
    running.clean()
    return running
