"""Interleaved measurement of alternatives, so that other load on the machine affects all of them alike."""

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
    """One alternative. `attempt()` prepares the work, yields the act to time, and checks the result."""

    name: str
    attempt: Callable[[], AbstractContextManager[Act]]


@dataclass(frozen=True)
class Measured:
    name: str
    seconds: float  # of one act, median of the rounds
    statements: list[str]


def alternate(title: str, sides: Sequence[Side], rounds: int) -> list[Measured]:
    """Measure all sides in turns, print a table, and return the medians in the order of `sides`."""
    statements = [_statements(side) for side in sides]
    times: dict[str, list[float]] = {side.name: [] for side in sides}
    for number in range(WARM_UP_ROUNDS + rounds):
        for side in sides if number % 2 else reversed(sides):
            seconds = _time(side)
            if number >= WARM_UP_ROUNDS:
                times[side.name].append(seconds)
    found = [
        Measured(side.name, statistics.median(times[side.name]), sent)
        for side, sent in zip(sides, statements, strict=True)
    ]
    _print_table(f"{title}  ({rounds} rounds of {BATCH})", found)
    return found


def _statements(side: Side) -> list[str]:
    with side.attempt() as act:
        return server_log.statements(act)


def _time(side: Side) -> float:
    """Return seconds per act of a batch that runs in a row, as requests on a busy server do."""
    with ExitStack() as stack:
        acts = [stack.enter_context(side.attempt()) for _ in range(BATCH)]
        start = time.perf_counter()
        for act in acts:
            act()
        return (time.perf_counter() - start) / BATCH


def _print_table(title: str, found: list[Measured]) -> None:
    print(f"\n{title}\n  {'':<44}{'median':>12}{'a second':>12}{'statements':>12}")
    for each in found:
        per_second, count = f"{1 / each.seconds:,.0f}", str(len(each.statements) or "-")
        print(f"  {each.name:<44}{each.seconds * 1000:>9,.3f} ms{per_second:>12}{count:>12}", flush=True)


@dataclass(frozen=True)
class Ratio:
    """A figure and its target, if it has one: at least `reach`, or at most if `at_most`."""

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
