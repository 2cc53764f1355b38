"""Fixtures for all tests. tests/settings.py sets their environment."""

import functools
import gc
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.core.cache import cache
from django.test import client
from pytest_django import Settings

from accounts import sms
from core import outbox
from demo.keys import make_demo_keys
from documents import current
from documents.models import Kind
from ihome_site.requests import Utf8Request
from payments.alipay import http
from standin import StandIn
from tests.alipay import Gateway
from tests.settings import FOLDER, KEYS

pytest_plugins = [
    "tests.log_canary",
    "tests.migrated",
    "tests.database_use",
    "tests.bystanders",
    "tests.emptying",
    "tests.rendering",
]
if find_spec("playwright") is None:  # in .venv-unit; `-m browser` then finds no test, and fails
    collect_ignore = ["tests/browser"]

client.WSGIRequest = Utf8Request  # as wsgi.py does


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse marks where deploy/test.sh would not look for them.

    It collects tests in Chromium from their folder, and those that race or run alone from the files that
    write out such a mark.
    """
    folder = Path(__file__).parent / "tests/browser"
    for test in items:
        if test.get_closest_marker("browser") and not test.path.is_relative_to(folder):
            raise pytest.UsageError(f"{test.nodeid} has the mark `browser`: it belongs in tests/browser")
        for mark in ("race", "alone"):
            if test.get_closest_marker(mark) and f"mark.{mark}" not in text_of(test.path):
                raise pytest.UsageError(f"{test.nodeid}: its file doesn't say `mark.{mark}`")


def pytest_collection_finish() -> None:
    """Keep the garbage collector from walking through the collected tests, which stay until the end."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20)


@functools.cache
def text_of(file: Path) -> str:
    return file.read_text(encoding="utf-8")


@pytest.fixture(scope="session", autouse=True)
def standin_keys() -> Iterator[Path]:
    """Create the folder with the keys of our app and of the stand-in Alipay, which the settings use."""
    FOLDER.mkdir(mode=0o700)
    (FOLDER / "static").mkdir()
    make_demo_keys(KEYS)
    yield KEYS
    shutil.rmtree(FOLDER)


@pytest.fixture(scope="session", autouse=True)
def keys_parsed_once() -> Iterator[None]:
    """Parse equal bytes once: OpenSSL checks a private key for 40 ms, and changed settings load ours anew."""
    with pytest.MonkeyPatch.context() as patch:
        parse = functools.cache(load_pem_private_key)
        for module in ("payments.alipay.keys", "standin.signing"):
            patch.setattr(f"{module}.load_pem_private_key", parse)
        yield


@pytest.fixture(autouse=True)
def closed_breakers() -> None:
    """Close the circuit breakers, which are global to the process, before each test."""
    http.breaker.reset()
    outbox.breaker.reset()
    sms.breaker.reset()


@pytest.fixture(autouse=True)
def documents_unchanged() -> None:
    """Have the versions of the documents in the cache: pages would ask for them once a minute."""
    cache.set(current.CACHE_KEY, dict.fromkeys(Kind.values, current.FIRST), None)


@pytest.fixture
def mails_leave_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Send mails of accounts in the test's own thread."""

    class AtOnce:
        def __init__(self, target, args, daemon) -> None:
            self.start = lambda: target(*args)

    monkeypatch.setattr("accounts.emails.Thread", AtOnce)


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Gateway:
    """Replace the HTTP client of Alipay with a double; it does not answer until the test sets answers."""
    double = Gateway()
    monkeypatch.setattr("payments.alipay.http.post", double.post)
    return double


@pytest.fixture
def standin(standin_keys: Path, settings: Settings) -> Iterator[StandIn]:
    """Run a stand-in Alipay in a thread, and point the settings at it."""
    with StandIn.start(keys=standin_keys) as running:
        settings.ALIPAY_GATEWAY_URL = running.gateway_url
        yield running


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests recorded as "told": under xdist they have no terminal of their own."""
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            for name, text in getattr(report, "user_properties", []):
                if name == "told":
                    terminalreporter.write_line(str(text))
