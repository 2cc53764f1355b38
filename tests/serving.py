"""An HTTP server on loopback for the duration of a test, and the database for a process of the site."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer

from django.db import connection


def database_url() -> str:
    """DATABASE_URL of the test database, for a subprocess."""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return os.environ["DATABASE_URL"].replace("/ihome?", f"/{name}?")


@contextmanager
def serving(http: ThreadingHTTPServer, let_go: threading.Event) -> Iterator[None]:
    """Serve in a thread. At the end `let_go` is set, which ends handlers that hang."""
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield
    finally:
        let_go.set()
        http.shutdown()
        http.server_close()
        thread.join(10)
