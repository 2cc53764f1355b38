"""gunicorn as in production, on a free port, and the processes of it and of MariaDB."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HOST = "127.0.0.1"
ROOT = Path(__file__).resolve().parent.parent


def free_port() -> int:
    with socket.socket() as free:
        free.bind((HOST, 0))
        return int(free.getsockname()[1])


@contextmanager
def gunicorn(**settings: str) -> Iterator[tuple[int, int]]:
    """Serve, with these settings besides those of the environment. Yields port and process of the master."""
    port = free_port()
    command = ["-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", f"--bind={HOST}:{port}", "ihome_site.wsgi"]
    with (
        tempfile.TemporaryFile() as log,
        subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            env={**os.environ, **settings},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        ) as server,
    ):
        try:
            _wait_for(port, server)
            yield port, server.pid
        finally:
            server.terminate()


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            socket.create_connection((HOST, port)).close()
        except OSError:
            assert server.poll() is None and time.monotonic() < deadline, "gunicorn did not start"
            time.sleep(0.1)
        else:
            return


def workers(master: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{master}/task/{master}/children").read_text().split()]


def private_mib(process: int) -> float:
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024


def database_process() -> int:
    from django.db import connection  # not set up yet where this module is imported

    with connection.cursor() as cursor:
        cursor.execute("SELECT @@pid_file, @@datadir")
        file, folder = cursor.fetchone()
    return int((Path(folder) / file).read_text())
