"""The processes of a local cluster: started, killed, frozen, and started again when they ended."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RESTART_SECONDS = 2
"""As in the units."""
STOP_SECONDS = 20


class Trouble(Exception):
    """The cluster can't run; the message tells the user why."""


class Process:
    """A program that is kept running. In a session of its own, so that the whole of it gets each signal."""

    def __init__(self, name: str, command: list[str], env: dict[str, str], log: Path) -> None:
        self.name, self.command, self.env, self.log = name, command, env, log
        self.before_start: Callable[[], list[str]] = list
        """Returns further arguments, made anew for each start."""
        self.is_wanted = False
        self.running: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    @property
    def is_alive(self) -> bool:
        return self.running is not None and self.running.poll() is None

    def start(self) -> None:
        with self._lock:
            if not self.is_alive:
                self._start()
            self.is_wanted = True

    def _start(self) -> None:
        # The kernel stops it if this process is killed.
        command = ["setpriv", "--pdeathsig", "TERM", *self.command, *self.before_start()]
        with self.log.open("ab") as log:
            self.running = subprocess.Popen(
                command,
                cwd=ROOT,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def signal(self, number: int) -> None:
        if self.running is not None and self.running.poll() is None:
            os.killpg(self.running.pid, number)

    def kill(self) -> None:
        """Kill all of it, and let it stay away until `start`."""
        self.is_wanted = False
        self.signal(signal.SIGKILL)
        if self.running is not None:
            self.running.wait()

    def freeze(self) -> None:
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.signal(signal.SIGCONT)

    def stop(self) -> None:
        """Ask it to end, and kill it if it doesn't."""
        self.is_wanted = False
        self.thaw()
        if self.running is None:
            return
        self.running.terminate()
        try:
            self.running.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def end_of_log(self) -> str:
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-15:])


def wait_until(is_true: Callable[[], bool], seconds: float, otherwise: Callable[[], str]) -> None:
    """Wait. Raises Trouble with what `otherwise` returns once the time is over."""
    deadline = time.monotonic() + seconds
    while not is_true():
        if time.monotonic() > deadline:
            raise Trouble(otherwise())
        time.sleep(0.1)


class Keeper(threading.Thread):
    """Start again what ended, as systemd does."""

    def __init__(self, processes: list[Process]) -> None:
        super().__init__(daemon=True)
        self.processes, self.is_over = processes, threading.Event()

    def run(self) -> None:
        while not self.is_over.wait(0.25):
            for process in self.processes:
                if process.is_wanted and not process.is_alive:
                    threading.Thread(target=self._restart, args=(process,), daemon=True).start()
                    process.is_wanted = False

    def _restart(self, process: Process) -> None:
        print(f"  {process.name} ended, and is started again", flush=True)
        if not self.is_over.wait(RESTART_SECONDS):
            process.start()
