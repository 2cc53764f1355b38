"""What every test may use. The environment that they run in is set by tests/settings.py."""

from pathlib import Path

import pytest

from payments.standin.demo_keys import make_demo_keys
from tests.settings import KEYS


@pytest.fixture(scope="session", autouse=True)
def standin_keys() -> Path:
    """The folder with the keys of our app and of the stand-in Alipay; the settings point at it."""
    make_demo_keys(KEYS)
    return KEYS
