"""Measures sides of one work in turns, so that what else the machine does strikes all of them alike."""

import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass

from benchmarks import server_log

Act = Callable[[], object]
WARM_UP_ROUNDS = 1
BATCH = 10


@dataclass(frozen=True)
class Side:
    """A way to do the work. `attempt()` prepares it, yields the act that is timed, checks what came of it."""

    name: str
    attempt: Callable[[], AbstractContextManager[Act]]


@dataclass(frozen=True)
class Measured:
    name: str
    seconds: float
    """Of one act; the median of the rounds."""
    statements: list[str]


def alternate(title: str, sides: Sequence[Side], rounds: int) -> list[Measured]:
    """Measure all sides in turns, print a table, return the medians in the order of `sides`."""
    statements = [_statements(side) for side in sides]
    times: dict[str, list[float]] = {side.name: [] for side in sides}
    for number in range(WARM_UP_ROUNDS + rounds):
        for side in sides if number % 2 else reversed(sides):
            seconds = _time(side)
            if number >= WARM_UP_ROUNDS:
                times[side.name].append(seconds)
    found = [
        Measured(side.name, statistics.median(times[side.name]), told)
        for side, told in zip(sides, statements, strict=True)
    ]
    _print_table(f"{title}  ({rounds} rounds of {BATCH})", found)
    return found


def _statements(side: Side) -> list[str]:
    with side.attempt() as act:
        return server_log.statements(act)


def _time(side: Side) -> float:
    """Seconds for one act of a batch in a row: as on a busy server, where one request follows another."""
    with ExitStack() as stack:
        acts = [stack.enter_context(side.attempt()) for _ in range(BATCH)]
        start = time.perf_counter()
        for act in acts:
            act()
        return (time.perf_counter() - start) / BATCH


def _print_table(title: str, found: list[Measured]) -> None:
    print(f"\n{title}\n  {'':<44}{'median':>12}{'a second':>12}{'statements':>12}")
    for each in found:
        per_second, told = f"{1 / each.seconds:,.0f}", str(len(each.statements) or "-")
        print(f"  {each.name:<44}{each.seconds * 1000:>9,.3f} ms{per_second:>12}{told:>12}", flush=True)


@dataclass(frozen=True)
class Ratio:
    """One figure, beside what it should reach, if that was settled: `reach` at least, or at most."""

    what: str
    value: float
    reach: float | None = None
    at_most: bool = False

    def __str__(self) -> str:
        line = f"{self.what:<68}{self.value:>8.2f}"
        if self.reach is None:
            return line
        reached = self.value <= self.reach if self.at_most else self.value >= self.reach
        sign, verdict = "≤" if self.at_most else "≥", "reached" if reached else "NOT reached"
        return f"{line}   {sign} {self.reach:<5g}{verdict}"
