"""A restart of gunicorn on the socket that systemd holds, deploy/systemd/ihome.socket."""

import http.client
import os
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings as site

APPLICATION = """
import time
def application(environ, start_response):
    time.sleep(0.02)
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
"""


class Gunicorn:
    """Started as its unit does it: on the held socket, if there is one, passed as descriptor 3."""

    def __init__(self, folder: Path, address: tuple[str, int], held: socket.socket | None) -> None:
        (folder / "tiny.py").write_text(APPLICATION)
        command = [sys.executable, "-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", "--workers=1"]
        command += [f"--pythonpath={folder}", "--bind={}:{}".format(*address), "tiny"]
        descriptors = [held.fileno()] if held else []
        if held:
            script = f'exec 3<&{held.fileno()}; LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"'
            command = ["/bin/bash", "-c", script, "bash", *command]
        environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
        quiet = subprocess.DEVNULL
        self.process = subprocess.Popen(
            command, cwd=site.BASE_DIR, env=environment, stdout=quiet, stderr=quiet, pass_fds=descriptors
        )

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(40)


def ask(address: tuple[str, int]) -> str:
    connection = http.client.HTTPConnection(*address, timeout=30)
    try:
        connection.request("POST", "/")
        return str(connection.getresponse().status)
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__
    finally:
        connection.close()


@contextmanager
def asking(address: tuple[str, int], outcomes: Counter[str]) -> Iterator[None]:
    over = threading.Event()

    def client() -> None:
        while not over.is_set():
            outcomes[ask(address)] += 1

    threads = [threading.Thread(target=client) for _ in range(4)]
    for thread in threads:
        thread.start()
    yield
    over.set()
    for thread in threads:
        thread.join()


def restarted_under_load(folder: Path, *, socket_is_held: bool) -> Counter[str]:
    outcomes: Counter[str] = Counter()
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as held:
        address = held.getsockname()
        if not socket_is_held:
            held.close()
        gunicorn = Gunicorn(folder, address, held if socket_is_held else None)
        try:
            wait_until_it_answers(address)
            with asking(address, outcomes):
                time.sleep(0.2)
                gunicorn.stop()
                gunicorn = Gunicorn(folder, address, held if socket_is_held else None)
                wait_until_it_answers(address)
                time.sleep(0.2)
        finally:
            gunicorn.stop()
    return outcomes


def wait_until_it_answers(address: tuple[str, int]) -> None:
    while ask(address) != "200":
        time.sleep(0.05)


def test_CRA04_a_restart_under_load_refuses_nobody(tmp_path: Path) -> None:
    """Also no POST, which nginx would not send a second time."""
    outcomes = restarted_under_load(tmp_path, socket_is_held=True)
    assert set(outcomes) == {"200"}
    assert outcomes["200"] >= 8


def test_without_the_held_socket_a_restart_refuses_some(tmp_path: Path) -> None:
    outcomes = restarted_under_load(tmp_path, socket_is_held=False)
    assert outcomes["ConnectionRefusedError"]
