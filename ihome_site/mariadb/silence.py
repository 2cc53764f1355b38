"""Notices a database that has stopped answering, such as one whose disk hangs.

An answer may take 30 s, since some questions are long. A thread of each gunicorn process asks one that is
not, on a connection of its own. Without an answer it cuts the connections of the process: their threads wake
up with error 2013, as after any lost connection, and whether a COMMIT among them took effect is unknown
(docs/decisions/0009). Until the database answers again, new connections are refused at once.
"""

import logging
import os
import socket
import threading
import weakref
from contextlib import suppress
from time import monotonic
from typing import Any

log = logging.getLogger(__name__)

ASK_EVERY = 1.0
PATIENCE = 3
"""Seconds for an answer. libmariadb takes whole ones."""

_lock = threading.Lock()
_lines: "weakref.WeakKeyDictionary[Any, socket.socket]" = weakref.WeakKeyDictionary()
_is_silent = threading.Event()
_is_watched = threading.Event()


def is_silent() -> bool:
    return _is_silent.is_set()


def watch(parameters: dict[str, Any], stop: threading.Event) -> threading.Thread:
    """Start the thread. `parameters`: those of the process's own connections."""
    brief = dict.fromkeys(("connect_timeout", "read_timeout", "write_timeout"), PATIENCE)
    thread = threading.Thread(target=_ask, args=({**parameters, **brief}, stop), daemon=True, name="silence")
    _is_watched.set()
    thread.start()
    return thread


def note(connection: Any) -> None:
    """Remember a connection that is to be cut. By a descriptor of its own: numbers are used again."""
    if not _is_watched.is_set():
        return
    line = socket.socket(fileno=os.dup(connection.fileno()))
    weakref.finalize(connection, line.close)
    with _lock:
        _lines[connection] = line


def _ask(parameters: dict[str, Any], stop: threading.Event) -> None:
    import MySQLdb  # a site on SQLite has none

    connection = None
    while not stop.wait(ASK_EVERY):
        began = monotonic()
        try:
            connection = connection or MySQLdb.connect(**parameters)
            connection.ping()
        except MySQLdb.Error:
            connection = None
            # A refusal, such as of one connection too many, comes at once.
            if monotonic() - began >= PATIENCE - 0.5:
                _cut()
        else:
            _end()
    _end()
    _is_watched.clear()


def _cut() -> None:
    if not _is_silent.is_set():
        log.warning("the database has not answered for %d s: its connections are cut", PATIENCE)
    _is_silent.set()
    with _lock:
        lines = list(_lines.values())
    for line in lines:
        with suppress(OSError):  # closed meanwhile
            line.shutdown(socket.SHUT_RDWR)


def _end() -> None:
    if _is_silent.is_set():
        log.warning("the database answers again")
        _is_silent.clear()
