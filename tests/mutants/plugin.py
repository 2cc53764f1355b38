"""pytest plugin: `--mutants FILE …` runs, for each mutant of these files, the tests that reach its line.

    python -m pytest -n 0 -p tests.mutants.plugin --mutants orders/transitions.py orders/tests payments/tests

The tests run once as they are, and each one's lines are noted. Then each mutant gets a fork of this process,
in which the quickest of its tests run until one fails.
"""

import ast
import importlib
import os
import resource
import signal
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from _pytest.runner import runtestprotocol
from django.db import connections

from tests.mutants.mutate import Mutant, apply, bound_with, mutants_of

ROOT = Path(__file__).resolve().parents[2]
EQUIVALENT = Path(__file__).with_name("equivalent.txt")
SECONDS_OF_TESTS = 10.0
"""Processor time of the tests that a mutant must survive, as they took without it."""
CPU_SECONDS, WALL_SECONDS = 60, 240
ENOUGH = 0.95


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--mutants", nargs="+", action="extend", metavar="FILE", default=None)
    parser.addoption("--one-in", type=int, metavar="N", default=1, help="a sample of the mutants")


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> object:
    if not (files := session.config.getoption("--mutants")):
        return None
    out = session.config.get_terminal_writer()
    reached = Reached([ROOT / file for file in files], session.items)
    found = [mutant for file in files for mutant in mutants_of(ROOT / file, file)]
    found = found[:: session.config.getoption("--one-in")]
    known, outcomes = equivalent(), defaultdict(list)
    for mutant in found:
        key = f"{mutant.file} {mutant.name}: {mutant.change}"
        outcome = "equivalent" if key in known else "killed" if _is_killed(mutant, reached) else "SURVIVED"
        outcomes[outcome].append(mutant)
        if outcome == "SURVIVED":
            out.line(str(mutant))
    _report(outcomes, out.line)
    session.testsfailed = int(len(outcomes["killed"]) < ENOUGH * (len(found) - len(outcomes["equivalent"])))
    return True


def _report(outcomes: dict[str, list[Mutant]], line: Callable[[str], None]) -> None:
    files = sorted({mutant.file for mutants in outcomes.values() for mutant in mutants})
    for file in [*files, ""]:
        killed, survived, equal = (
            sum(mutant.file.startswith(file) for mutant in outcomes[outcome])
            for outcome in ("killed", "SURVIVED", "equivalent")
        )
        percent = 100 * killed / max(1, killed + survived)
        more = f", {equal} more are equivalent" if equal else ""
        line(f"{file or 'all':<34}{killed + survived:>5} mutants, {percent:5.1f} % killed{more}")


def equivalent() -> set[str]:
    """Mutants that change nothing that matters; each line is followed by its reason, indented."""
    lines = EQUIVALENT.read_text(encoding="utf-8").splitlines()
    return {line for line in lines if line and not line.startswith((" ", "#"))}


class Reached:
    """Which tests reach which lines, and how long each takes."""

    def __init__(self, files: list[Path], items: list[pytest.Item]) -> None:
        self._files = {str(file) for file in files}
        self._lines: dict[tuple[str, int], set[pytest.Item]] = defaultdict(set)
        self.seconds: dict[pytest.Item, float] = {}
        self.last = items[-1]
        for item, following in zip(items, [*items[1:], items[0]], strict=True):
            began = time.process_time()
            with self._tracing(item):
                reports = runtestprotocol(item, log=False, nextitem=following)
            self.seconds[item] = time.process_time() - began
            assert not any(report.failed for report in reports), f"{item.nodeid} fails without a mutant"

    @contextmanager
    def _tracing(self, item: pytest.Item) -> Iterator[None]:
        def trace(frame: FrameType, event: str, argument: object) -> Any:
            file = frame.f_code.co_filename
            if file not in self._files:
                return None
            self._lines[file, frame.f_lineno].add(item)
            return trace

        threading.settrace(trace)
        sys.settrace(trace)
        try:
            yield
        finally:
            sys.settrace(None)
            threading.settrace(None)

    def by(self, mutant: Mutant) -> list[pytest.Item]:
        """The quickest tests that reach the mutant, or what uses the name that it binds."""
        file = str(ROOT / mutant.file)
        found = {item for line in range(mutant.line, mutant.end + 1) for item in self._lines[file, line]}
        if not found:
            lines = (line for other in self._files for line in _uses(other, mutant.name))
            found = {item for place in lines for item in self._lines[place]}
            found |= {item for item in self.seconds if item.path.stem == f"test_{Path(file).stem}"}
        chosen: list[pytest.Item] = []
        seconds = 0.0
        for item in sorted(found, key=self.seconds.__getitem__):
            seconds += self.seconds[item]
            if chosen and seconds > SECONDS_OF_TESTS:
                break
            chosen.append(item)
        return chosen


def _uses(file: str, name: str) -> Iterator[tuple[str, int]]:
    """Yield the lines that use a name of a module, or what is bound with it."""
    tree = ast.parse(Path(file).read_text(encoding="utf-8"))
    names = {name, *(bound for statement in tree.body for bound in bound_with(statement, name))}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in names and isinstance(node.ctx, ast.Load):
            yield file, node.lineno


def _is_killed(mutant: Mutant, reached: Reached) -> bool:
    items = reached.by(mutant)
    connections.close_all()
    child = os.fork()
    if child == 0:
        _run(mutant, items, reached.last)
    deadline = time.monotonic() + WALL_SECONDS
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status != 0
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return True


def _run(mutant: Mutant, items: list[pytest.Item], last: pytest.Item) -> None:
    """Exit with 1 if a test fails. Ends by a signal where a test never ends."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    status = 0
    try:
        apply(mutant, importlib.import_module(mutant.file.removesuffix(".py").replace("/", ".")))
        for item in items:
            if any(report.failed for report in runtestprotocol(item, log=False, nextitem=last)):
                status = 1
                break
    except BaseException:
        status = 1
    os._exit(status)
