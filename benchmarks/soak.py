"""Mixed load for long, with a fault every half a minute: every rule holds, memory and connections stay flat.

    deploy/mariadb.py python -m benchmarks.soak --minutes 120 [--every 30] [--renters 6] [--seed 1]

Renters look around, book, pay, come back or not, and cancel, in gunicorn with two workers and MariaDB.
Faults: a worker or the sweep is killed with -9, the database or Redis stops for seconds, Alipay has trouble.
At the end they are over, the sweep does its rounds, and the books are held against the stand-in's ledger.
"""

import argparse
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

from benchmarks import environment, serving
from benchmarks.load import WORKERS

if TYPE_CHECKING:  # Django is not set up yet
    from benchmarks.faults import Trouble
    from benchmarks.renters import Notes
    from benchmarks.standin import Alipay

SHOW_EVERY_SECONDS = 30.0
GROWTH_REACH = 1.25
"""Memory of the workers in the last quarter against the second, at most."""
CONNECTIONS_REACH = 12 * WORKERS + 8
"""One for each thread of gunicorn, those of the sweep and our own."""


class Flat:
    """Memory and connections, read at intervals: neither may grow."""

    def __init__(self, master: int) -> None:
        self._master = master
        self.memory: list[float] = []
        self.connections: list[int] = []

    def look(self) -> str:
        from django.db import connection

        workers = serving.workers(self._master)
        self.memory.append(sum(map(serving.private_mib, workers)) / max(1, len(workers)))
        with connection.cursor() as cursor:
            cursor.execute("SHOW STATUS LIKE 'Threads_connected'")
            self.connections.append(int(cursor.fetchone()[1]))
        return f"{self.memory[-1]:5.1f} MiB a worker, {self.connections[-1]:3} connections"

    def problems(self) -> Iterator[str]:
        quarter = len(self.memory) // 4
        if quarter:
            before, after = max(self.memory[quarter : 2 * quarter]), max(self.memory[-quarter:])
            if after > before * GROWTH_REACH:
                yield f"memory of a worker grew from {before:.0f} to {after:.0f} MiB"
        if max(self.connections, default=0) > CONNECTIONS_REACH:
            yield f"{max(self.connections)} connections to the database at once"


def soak(standin_url: str, minutes: float, every: float, count: int, seed: int) -> list[str]:
    """Run it on the database of `environment.prepared()`. Returns a sentence for each broken rule."""
    from benchmarks import faults
    from benchmarks.renters import Notes, Renter
    from benchmarks.standin import Alipay

    notes, over = Notes(), threading.Event()
    with ExitStack() as stack:
        redis = stack.enter_context(faults.redis())
        settings = {"WEB_CONCURRENCY": str(WORKERS), "REDIS_URL": redis.url}
        port, master = stack.enter_context(serving.gunicorn(**settings))
        sweep = stack.enter_context(faults.sweep())
        alipay = Alipay(standin_url)
        trouble = faults.Trouble(master, redis, sweep, alipay, seed)
        renters = [Renter(port, Alipay(standin_url), number, seed, notes, over) for number in range(count)]
        for renter in renters:
            renter.start()
        flat = Flat(master)
        _watch(minutes, every, trouble, flat, notes)
        over.set()
        for renter in renters:
            renter.join()
        trouble.clear()
    return [*_checked(notes, alipay), *flat.problems()]


def _watch(minutes: float, every: float, trouble: "Trouble", flat: Flat, notes: "Notes") -> None:
    began, shown = time.monotonic(), 0.0
    due = began + every
    while (now := time.monotonic()) < began + 60 * minutes:
        if now >= due:
            print(f"{now - began:6.0f} s  fault: {trouble.strike()}", flush=True)
            due += every
        if now - shown >= SHOW_EVERY_SECONDS:
            shown = now
            print(f"{now - began:6.0f} s  {flat.look()}, {notes}", flush=True)
        time.sleep(0.5)


def _checked(notes: "Notes", alipay: "Alipay") -> list[str]:
    from benchmarks import soak_rules

    rounds = soak_rules.settle()
    print(f"settled after {rounds} rounds of the sweep; answers: {dict(sorted(notes.answers.items()))}")
    print(f"Renters tried again: {dict(notes.failures)}")
    return list(soak_rules.broken(notes, alipay))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--every", type=float, default=30, help="seconds from one fault to the next")
    parser.add_argument("--renters", type=int, default=6)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    given = parser.parse_args()
    print(f"seed {given.seed}")
    with environment.prepared() as standin_url:
        problems = soak(standin_url, given.minutes, given.every, given.renters, given.seed)
    counted = Counter(problems)
    print(*(f"BROKEN: {problem}" for problem in list(counted)[:50]), sep="\n")
    print(
        f"{len(problems)} rules broken" if problems else "Every rule holds; memory and connections are flat."
    )
    return 1 if problems else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except environment.NotPossible as why:
        raise SystemExit(str(why)) from None
