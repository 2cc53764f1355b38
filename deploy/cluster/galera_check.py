"""Answer HAProxy over HTTP whether this node may take writes: 200, or 503 with the reason.

    galera_check.py ADDRESS PORT SOCKET

Runs on each node as the user of MariaDB (ihome-galera-check.service), with Debian's python3-mysqldb alone.
"""

import contextlib
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import MySQLdb

SYNCED = "4"
"""Value of wsrep_local_state. 2 is a donor, which copies itself to a new node; 1 and 3 are catching up."""
EVERY_SECONDS = 0.25
STALE_SECONDS = 1.0
"""Age at which the last answer counts for nothing: the node is frozen."""
STATUS = "SHOW STATUS WHERE Variable_name IN ('wsrep_ready', 'wsrep_local_state')"


class Node:
    """The database of this machine, asked four times a second by a thread of its own."""

    def __init__(self, socket: str) -> None:
        self.socket = socket
        self._fault, self._asked_at = "not asked yet", 0.0

    def fault(self) -> str:
        """Return one line with what is wrong, or nothing."""
        is_stale = time.monotonic() - self._asked_at > STALE_SECONDS
        return "no answer: frozen?" if is_stale else self._fault

    def watch(self) -> None:
        while True:
            try:
                connection = MySQLdb.connect(unix_socket=self.socket, connect_timeout=1, read_timeout=1)
                with contextlib.closing(connection):
                    self._ask(connection)
            except MySQLdb.Error as error:
                self._note(f"no answer: {error}")
            time.sleep(EVERY_SECONDS)

    def _ask(self, connection: MySQLdb.Connection) -> None:
        cursor = connection.cursor()
        while True:
            cursor.execute(STATUS)
            self._note(fault_of(dict(cursor.fetchall())))
            time.sleep(EVERY_SECONDS)

    def _note(self, fault: str) -> None:
        self._fault, self._asked_at = fault, time.monotonic()


def fault_of(status: dict[str, str]) -> str:
    if status.get("wsrep_ready") != "ON":
        return "not ready: it sees too few other nodes"
    if status.get("wsrep_local_state") != SYNCED:
        return f"not in step: wsrep_local_state is {status.get('wsrep_local_state')}"
    return ""


def serve(address: str, port: int, node: Node) -> None:
    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            fault = node.fault()
            self.send_response(503 if fault else 200)
            self.end_headers()
            self.wfile.write(f"{fault or 'in step'}\n".encode())

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: HAProxy asks twice a second, and logs what changes."""

    ThreadingHTTPServer((address, port), Answers).serve_forever()


def main(address: str, port: str, socket: str) -> None:
    node = Node(socket)
    threading.Thread(target=node.watch, daemon=True).start()
    serve(address, int(port), node)


if __name__ == "__main__":
    main(*sys.argv[1:])
