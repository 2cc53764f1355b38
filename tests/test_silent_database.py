"""A database that hangs: pages wait for it no longer than a few seconds, though a long answer may take 30."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from django.db import OperationalError, connection
from django.test import Client

from core.transactions import durable_transaction
from ihome_site.mariadb import silence
from tests import make
from tests.database_proxy import Proxy, close, proxied, received

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'mysql'", reason="SQLite runs in the process"),
]


class Freezing(Proxy):
    """Frozen, it accepts connections and forwards nothing."""

    def __init__(self, address: Path, server: str) -> None:
        super().__init__(address, server)
        self.flows = threading.Event()
        self.flows.set()

    def forward(self, client: socket.socket, upstream: socket.socket) -> None:
        self.start(self._pass_on, client, upstream)
        self.start(self._pass_on, upstream, client)

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := received(source):
                self.flows.wait()
                target.sendall(data)
        close(target)


@contextmanager
def freezing(*, is_watched: bool) -> Iterator[Freezing]:
    stop = threading.Event()
    with proxied(Freezing) as proxy:
        if is_watched:
            watching = silence.watch(connection.get_connection_params(), stop)
            time.sleep(0.2)  # its connection is there
        try:
            yield proxy
        finally:
            proxy.flows.set()
            stop.set()
            if is_watched:
                watching.join(10)


@pytest.fixture(autouse=True)
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silence, "PATIENCE", 1)
    monkeypatch.setattr(silence, "ASK_EVERY", 0.1)


def ask_in_a_thread(outcomes: list[object]) -> threading.Thread:
    def ask() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
                while not outcomes:
                    cursor.execute("SELECT 1")
        except OperationalError as error:
            outcomes.append(error.args[0])
        finally:
            connection.close()

    thread = threading.Thread(target=ask)
    thread.start()
    time.sleep(0.3)
    return thread


def test_a_statement_on_its_way_and_pages_after_it_fail_within_seconds(client: Client) -> None:
    home = make.house()
    with freezing(is_watched=True) as proxy:
        assert client.get(f"/houses/{home.pk}/").status_code == 200
        outcomes: list[object] = []
        waiting = ask_in_a_thread(outcomes)
        began = time.monotonic()
        proxy.flows.clear()
        waiting.join(5)
        assert (outcomes, time.monotonic() - began < 4) == ([2013], True)
        began = time.monotonic()
        assert client.get(f"/houses/{home.pk}/").status_code == 503
        assert time.monotonic() - began < 0.5
        with pytest.raises(OperationalError):
            durable_transaction(lambda: None)()
        proxy.flows.set()
        deadline = time.monotonic() + 5
        while client.get(f"/houses/{home.pk}/").status_code != 200:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_twin_without_the_watch_waits_for_the_long_answer() -> None:
    with freezing(is_watched=False) as proxy:
        outcomes: list[object] = []
        waiting = ask_in_a_thread(outcomes)
        proxy.flows.clear()
        waiting.join(4)
        assert (outcomes, waiting.is_alive()) == ([], True)
        outcomes.append("thawed")
        proxy.flows.set()
        waiting.join(5)


def test_a_refusal_is_no_silence() -> None:
    stop = threading.Event()
    watching = silence.watch({**connection.get_connection_params(), "db": "nowhere"}, stop)
    time.sleep(0.5)
    assert not silence.is_silent()
    stop.set()
    watching.join(5)
