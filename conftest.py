"""What every test may use. The environment that they run in is set by tests/settings.py."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import client
from pytest_django import Settings

from demo.keys import make_demo_keys
from ihome_site.requests import Utf8Request
from orders import mailing
from payments.alipay import http
from standin import StandIn
from tests.alipay import Gateway
from tests.settings import FOLDER, KEYS

client.WSGIRequest = Utf8Request  # as wsgi.py does


@pytest.fixture(scope="session", autouse=True)
def standin_keys() -> Iterator[Path]:
    """The folder with the keys of our app and of the stand-in Alipay; the settings point at it."""
    FOLDER.mkdir(mode=0o700)
    (FOLDER / "static").mkdir()
    make_demo_keys(KEYS)
    yield KEYS
    shutil.rmtree(FOLDER)


@pytest.fixture(autouse=True)
def closed_breakers() -> None:
    """No test inherits that Alipay, or the mail server, did not answer another one."""
    http.breaker.reset()
    mailing.server.reset()


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Gateway:
    """Alipay's gateway as the test wants it, where the network would be; nobody answers until told to."""
    double = Gateway()
    monkeypatch.setattr("payments.alipay.http.post", double.post)
    return double


@pytest.fixture
def standin(standin_keys: Path, settings: Settings) -> Iterator[StandIn]:
    """A stand-in Alipay, in a thread, that the site's settings lead to."""
    with StandIn.start(keys=standin_keys) as running:
        settings.ALIPAY_GATEWAY_URL = running.gateway_url
        yield running
