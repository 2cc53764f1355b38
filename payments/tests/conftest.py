from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from payments.standin import StandIn


@pytest.fixture
def standin(standin_keys: Path, settings: Settings) -> Iterator[StandIn]:
    """A stand-in Alipay, in a thread, that the site's settings lead to."""
    with StandIn.start(keys=standin_keys) as running:
        settings.ALIPAY_GATEWAY_URL = running.gateway_url
        yield running
