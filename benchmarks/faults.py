"""Faults of the soak: processes killed, the database or Redis frozen, Alipay in trouble."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from benchmarks import serving
from benchmarks.serving import HOST, ROOT
from benchmarks.standin import Alipay

FROZEN_SECONDS, SWEEP_EVERY_SECONDS = 4.0, 5
AT_ALIPAY = (
    *(
        "query.hang",
        "query.lost",
        "query.cut",
        "query.unsigned",
        "query.http_500",
        "close.lost",
        "refund.lost",
    ),
    *("refund.hang", "refund.unknown", "refund_query.broken", "answer.20000", "gateway.refuse"),
)
AT_ALIPAY_SECONDS = 10.0


@dataclass
class Restarted:
    """A process that is started again when it was killed, as systemd does."""

    command: list[str]
    process: subprocess.Popen[bytes] | None = None
    url: str = ""

    def start(self) -> None:
        quiet = subprocess.DEVNULL
        self.process = subprocess.Popen(self.command, cwd=ROOT, stdin=quiet, stdout=quiet, stderr=quiet)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()


@contextmanager
def running(command: list[str], url: str = "") -> Iterator[Restarted]:
    it = Restarted(command, url=url)
    it.start()
    try:
        yield it
    finally:
        it.kill()


@contextmanager
def redis() -> Iterator[Restarted]:
    """Run a Redis of our own. Without one installed, the site runs without and no fault needs it."""
    if not (program := shutil.which("redis-server")):
        print("redis-server is not installed: the site runs without Redis")
        yield Restarted([])
        return
    port = serving.free_port()
    with running(
        [program, f"--port {port}", f"--bind {HOST}", "--save", ""], f"redis://{HOST}:{port}/0"
    ) as it:
        yield it


@contextmanager
def sweep() -> Iterator[Restarted]:
    with running([sys.executable, "manage.py", "sweep", "--loop", str(SWEEP_EVERY_SECONDS)]) as it:
        yield it


class Trouble:
    """Strikes with one fault after the other, in an order that the seed decides."""

    def __init__(self, master: int, redis: Restarted, sweep: Restarted, alipay: Alipay, seed: int) -> None:
        self._master, self._redis, self._sweep, self._alipay = master, redis, sweep, alipay
        self._dice = random.Random(seed)
        self._database = serving.database_process()
        self._left: list[Callable[[], str]] = []

    def strike(self) -> str:
        """Do one fault, wait for its seconds, and return its name."""
        if not self._left:
            self._left = [
                self._worker,
                self._freeze_database,
                self._at_alipay,
                self._kill_sweep,
                self._at_alipay,
            ]
            if self._redis.process is not None:
                self._left += [self._freeze_redis, self._kill_redis]
            self._dice.shuffle(self._left)
        return self._left.pop()()

    def clear(self) -> None:
        for name in AT_ALIPAY:
            self._alipay.clear_fault(name)

    def _worker(self) -> str:
        os.kill(self._dice.choice(serving.workers(self._master)), signal.SIGKILL)
        return "kill -9 of a worker"

    def _kill_sweep(self) -> str:
        self._sweep.kill()
        self._sweep.start()
        return "kill -9 of the sweep"

    def _freeze_database(self) -> str:
        return f"database frozen for {_frozen(self._database):.0f} s"

    def _freeze_redis(self) -> str:
        assert self._redis.process is not None
        return f"Redis frozen for {_frozen(self._redis.process.pid):.0f} s"

    def _kill_redis(self) -> str:
        self._redis.kill()
        time.sleep(FROZEN_SECONDS)
        self._redis.start()
        return f"Redis gone for {FROZEN_SECONDS:.0f} s"

    def _at_alipay(self) -> str:
        name = self._dice.choice(AT_ALIPAY)
        self._alipay.fault(name)
        time.sleep(AT_ALIPAY_SECONDS)
        self._alipay.clear_fault(name)
        return f"{name} for {AT_ALIPAY_SECONDS:.0f} s"


def _frozen(process: int) -> float:
    os.kill(process, signal.SIGSTOP)
    try:
        time.sleep(FROZEN_SECONDS)
    finally:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGCONT)
    return FROZEN_SECONDS
