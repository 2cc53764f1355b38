"""A proxy between Django and MariaDB. Subclasses say how bytes go through it."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self, TypeVar

from django.db import connection

PATIENCE_SECONDS = 30


class Proxy:
    def __init__(self, address: Path, server: str) -> None:
        self.address, self.server = address, server
        self.listener = socket.socket(socket.AF_UNIX)
        self.threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self.listener.bind(str(self.address))
        self.listener.listen()
        self.start(self._accept)
        return self

    def __exit__(self, *error: object) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for thread in self.threads:
            thread.join(PATIENCE_SECONDS)

    def start(self, work: Callable[..., None], *args: object) -> None:
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
            self.forward(client, upstream)

    def forward(self, client: socket.socket, upstream: socket.socket) -> None:
        """Start the threads that forward requests and answers."""
        raise NotImplementedError


P = TypeVar("P", bound=Proxy)


@contextmanager
def proxied(make: Callable[[Path, str], P]) -> Iterator[P]:
    """Let this process reach MariaDB through a proxy alone."""
    options = connection.settings_dict["OPTIONS"]
    server = options["unix_socket"]
    with TemporaryDirectory(prefix="ihome-proxy-") as folder, make(Path(folder) / "s", server) as proxy:
        connection.close()
        options["unix_socket"] = str(proxy.address)
        try:
            yield proxy
        finally:
            options["unix_socket"] = server
            connection.close()


def received(end: socket.socket) -> bytes:
    try:
        return end.recv(65536)
    except OSError:
        return b""


def close(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
