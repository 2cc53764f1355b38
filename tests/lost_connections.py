"""Database connections that are lost around COMMIT.

On MariaDB a proxy cuts them. SQLite runs in the process and has no connection to lose: there the same errors
are simulated around the real commit.
"""

import enum
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from unittest import mock

from django.db import OperationalError, connection

COM_QUERY = b"\x03"
PATIENCE_SECONDS = 30


class Moment(enum.Enum):
    BEFORE = "COMMIT never arrives"
    AFTER = "COMMIT is done, its answer is lost"
    ON_ITS_WAY = "COMMIT arrives only after the connection is lost"


@contextmanager
def lost_at_commit(moment: Moment) -> Iterator[None]:
    """Make this thread's next transaction lose its connection at COMMIT, once."""
    with _proxied(moment) if connection.vendor == "mysql" else _simulated(moment):
        yield


@contextmanager
def _proxied(moment: Moment) -> Iterator[None]:
    options = connection.settings_dict["OPTIONS"]
    server = options["unix_socket"]
    with (
        TemporaryDirectory(prefix="ihome-proxy-") as folder,
        _Proxy(Path(folder) / "s", server, moment) as proxy,
    ):
        connection.close()
        options["unix_socket"] = str(proxy.address)
        try:
            yield
        finally:
            options["unix_socket"] = server
            connection.close()
    assert proxy.has_cut, "no COMMIT was sent"


@contextmanager
def _simulated(moment: Moment) -> Iterator[None]:
    commit = connection._commit
    lost: list[Moment] = []

    def commit_and_lose() -> None:
        if lost:
            commit()
            return
        lost.append(moment)
        if moment is Moment.BEFORE:
            connection._rollback()
        else:
            commit()
        raise OperationalError(2013, "Lost connection to server during query")

    with mock.patch.object(connection, "_commit", commit_and_lose):
        yield
    assert lost, "nothing was committed"


class _Proxy:
    """Forwards bytes between Django and MariaDB and cuts the connection at the first COMMIT only."""

    def __init__(self, address: Path, server: str, moment: Moment) -> None:
        self.address, self.server, self.moment = address, server, moment
        self.has_cut = False
        self.listener = socket.socket(socket.AF_UNIX)
        self.threads: list[threading.Thread] = []

    def __enter__(self) -> "_Proxy":
        self.listener.bind(str(self.address))
        self.listener.listen()
        self._start(self._accept)
        return self

    def __exit__(self, *error: object) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for thread in self.threads:
            thread.join(PATIENCE_SECONDS)

    def _start(self, work: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)
        self.threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            upstream = socket.socket(socket.AF_UNIX)
            upstream.connect(self.server)
            is_lost, is_done = Event(), Event()
            self._start(self._forward_requests, client, upstream, is_lost, is_done)
            self._start(self._forward_responses, upstream, client, is_lost, is_done)

    def _forward_requests(
        self, client: socket.socket, upstream: socket.socket, is_lost: Event, is_done: Event
    ) -> None:
        while packet := _received(client):
            if packet[4:5] == COM_QUERY and packet[5:].upper() == b"COMMIT" and not self.has_cut:
                self.has_cut = True
                is_lost.set()
                self._lose(packet, client, upstream, is_done)
                return
            upstream.sendall(packet)
        _close(upstream)

    def _lose(self, commit: bytes, client: socket.socket, upstream: socket.socket, is_done: Event) -> None:
        if self.moment is Moment.AFTER:
            upstream.sendall(commit)
            is_done.wait(PATIENCE_SECONDS)
        _close(client)
        if self.moment is Moment.ON_ITS_WAY:
            time.sleep(0.5)
            upstream.sendall(commit)
            is_done.wait(PATIENCE_SECONDS)
        _close(upstream)

    def _forward_responses(
        self, upstream: socket.socket, client: socket.socket, is_lost: Event, is_done: Event
    ) -> None:
        while answer := _received(upstream):
            if is_lost.is_set():
                is_done.set()
            else:
                client.sendall(answer)
        _close(client)


def _received(end: socket.socket) -> bytes:
    try:
        return end.recv(65536)
    except OSError:
        return b""


def _close(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
