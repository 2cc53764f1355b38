"""Database connections that are lost around COMMIT.

On MariaDB a proxy cuts them. SQLite runs in the process and has no connection to lose: there the same errors
are simulated around the real commit.
"""

import enum
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Event
from unittest import mock

from django.db import OperationalError, connection

from tests.database_proxy import PATIENCE_SECONDS, Proxy, close, proxied, received

COM_QUERY = b"\x03"


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
    with proxied(partial(_Cutting, moment)) as proxy:
        yield
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


class _Cutting(Proxy):
    """Cuts the connection at the first COMMIT only."""

    def __init__(self, moment: Moment, address: Path, server: str) -> None:
        super().__init__(address, server)
        self.moment, self.has_cut = moment, False

    def forward(self, client: socket.socket, upstream: socket.socket) -> None:
        is_lost, is_done = Event(), Event()
        self.start(self._forward_requests, client, upstream, is_lost, is_done)
        self.start(self._forward_responses, upstream, client, is_lost, is_done)

    def _forward_requests(
        self, client: socket.socket, upstream: socket.socket, is_lost: Event, is_done: Event
    ) -> None:
        while packet := received(client):
            if packet[4:5] == COM_QUERY and packet[5:].upper() == b"COMMIT" and not self.has_cut:
                self.has_cut = True
                is_lost.set()
                self._lose(packet, client, upstream, is_done)
                return
            upstream.sendall(packet)
        close(upstream)

    def _lose(self, commit: bytes, client: socket.socket, upstream: socket.socket, is_done: Event) -> None:
        if self.moment is Moment.AFTER:
            upstream.sendall(commit)
            is_done.wait(PATIENCE_SECONDS)
        close(client)
        if self.moment is Moment.ON_ITS_WAY:
            time.sleep(0.5)
            upstream.sendall(commit)
            is_done.wait(PATIENCE_SECONDS)
        close(upstream)

    def _forward_responses(
        self, upstream: socket.socket, client: socket.socket, is_lost: Event, is_done: Event
    ) -> None:
        while answer := received(upstream):
            if is_lost.is_set():
                is_done.set()
            else:
                client.sendall(answer)
        close(client)
