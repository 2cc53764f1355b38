"""Run a command with a temporary MariaDB server, then stop the server and remove its data.

    python deploy/mariadb.py COMMAND [ARGUMENT ...]

DATABASE_URL names an empty database on the server. The server listens on a unix socket in a folder of mode
0700 and on no port; it flushes commits to disk as in production. Ctrl-C and SIGTERM end the command first and
then the server. The exit status is the command's.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import MySQLdb

DATABASE = "ihome"
START_SECONDS = 60
STOP_SECONDS = 30
OPTIONS = (
    "--skip-networking",
    "--character-set-server=utf8mb4",
    "--collation-server=utf8mb4_unicode_ci",
    "--innodb-flush-log-at-trx-commit=1",
    "--innodb-buffer-pool-size=128M",
    "--innodb-log-file-size=32M",
    "--max-connections=200",
)


class DidNotStart(Exception):
    """The server did not start; the message contains its error output."""


@contextmanager
def running() -> Iterator[str]:
    """Start a fresh server and yield its DATABASE_URL. Raises DidNotStart."""
    with tempfile.TemporaryDirectory(prefix="ihome-mariadb-") as name:
        folder = Path(name)
        _install(folder)
        server = _start(folder)
        try:
            _create_database(server, folder)
            yield f"mysql://root@localhost/{DATABASE}?unix_socket={_socket(folder)}"
        finally:
            _stop(server)


def _socket(folder: Path) -> Path:
    return folder / "socket"


def _program(name: str) -> str:
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if not found:
        raise DidNotStart(f"{name} is not installed; as root: apt-get install mariadb-server-core")
    return found


def _as_user() -> list[str]:
    # MariaDB refuses to run as root unless told so.
    return ["--user=root"] if os.getuid() == 0 else []


def _install(folder: Path) -> None:
    install = [
        _program("mariadb-install-db"),
        "--no-defaults",
        f"--datadir={folder / 'data'}",
        *_as_user(),
    ]
    install += ["--auth-root-authentication-method=normal", "--skip-test-db"]
    own = {**os.environ, "TMPDIR": str(folder)}  # it starts a server, too: see _start
    done = subprocess.run(install, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=own)
    if done.returncode:
        raise DidNotStart(f"mariadb-install-db failed:\n{done.stdout}{done.stderr}")


def _start(folder: Path) -> subprocess.Popen[bytes]:
    # A session of its own, so that Ctrl-C in the terminal reaches the command but not the server. If this
    # process is killed with SIGKILL, the kernel stops the server (--pdeathsig).
    command = [
        "setpriv",
        "--pdeathsig",
        "TERM",
        _program("mariadbd"),
        "--no-defaults",
        *_as_user(),
        *OPTIONS,
    ]
    command += [
        f"--datadir={folder / 'data'}",
        f"--socket={_socket(folder)}",
        f"--pid-file={folder / 'pid'}",
        f"--tmpdir={folder}",  # a server that starts deletes the temporary tables of all others in its folder
    ]
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _create_database(server: subprocess.Popen[bytes], folder: Path) -> None:
    """Wait until the server answers, then create the database. Raises DidNotStart."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            connection = MySQLdb.connect(unix_socket=str(_socket(folder)), user="root")
            break
        except MySQLdb.OperationalError as error:
            if server.poll() is not None or time.monotonic() > deadline:
                raise DidNotStart(f"mariadbd: {error}\n{(folder / 'log').read_text()}") from error
        time.sleep(0.1)
    connection.cursor().execute(f"CREATE DATABASE {DATABASE}")
    connection.close()


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def run(command: list[str]) -> int:
    """Run the command and return its exit status as a shell does: 128 + N if signal N ended it."""
    stop = _StopSignals()
    try:
        with running() as url:
            status = stop.pass_to(subprocess.Popen(command, env={**os.environ, "DATABASE_URL": url}))
    except DidNotStart as error:
        print(error, file=sys.stderr)
        return 1
    return status if status >= 0 else 128 - status


class _StopSignals:
    """Forwards SIGINT and SIGTERM to the command and survives them, to stop the server afterwards."""

    def __init__(self) -> None:
        self.command: subprocess.Popen[bytes] | None = None
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._receive)

    def pass_to(self, command: subprocess.Popen[bytes]) -> int:
        self.command = command
        return command.wait()

    def _receive(self, number: int, frame: object) -> None:
        if self.command is None:
            raise SystemExit(128 + number)
        if number == signal.SIGTERM:  # the terminal sends SIGINT to the command itself
            self.command.terminate()


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit("deploy/mariadb.py COMMAND [ARGUMENT ...]")
    raise SystemExit(run(sys.argv[1:]))
