"""SIGKILL at a named point, sent by the process to itself. The site's code contains nothing of this.

A test writes the point to a file; the worker's next request, or the next sweep, reads it. The file is removed
before the process kills itself, so that later processes survive.
"""

import functools
import importlib
import json
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

FOLDER = "CRASHES_FOLDER"  # environment variable: the folder of the two files of Trap

_installing = threading.Lock()
_installed: set[str] = set()


@dataclass(frozen=True)
class Point:
    """Right before or after the first call of `call`, once `since` was called in the same thread.

    `wrong` names a function of tests/crashes/wrong.py that removes a guard first.
    """

    when: str
    call: str
    since: str = ""
    wrong: str = ""

    def __str__(self) -> str:
        names = [name.rpartition(".")[2].strip("_") for name in (self.call, self.since) if name]
        return f"{self.when}-{'-of-'.join(names)}"


def before(call: str, since: str = "", **more: str) -> Point:
    return Point("before", call, since, **more)


def after(call: str, since: str = "", **more: str) -> Point:
    return Point("after", call, since, **more)


class Trap:
    """Two files: the armed point, and the id of the process that died at it."""

    def __init__(self, folder: Path) -> None:
        self._armed, self._died = folder / "armed", folder / "died"

    def arm(self, point: Point) -> None:
        self._died.unlink(missing_ok=True)
        fresh = self._armed.with_suffix(".new")
        fresh.write_text(json.dumps(asdict(point)))
        fresh.rename(self._armed)

    def disarm(self) -> None:
        self._armed.unlink(missing_ok=True)

    def armed(self) -> str:
        """Return the armed point as text, "" if there is none."""
        try:
            return self._armed.read_text()
        except FileNotFoundError:
            return ""

    def die(self, text: str) -> None:
        """Send SIGKILL to this process if the point is still armed."""
        if self.armed() == text:
            self.disarm()
            self._died.write_text(str(os.getpid()))
            os.kill(os.getpid(), signal.SIGKILL)

    def died(self) -> int | None:
        """Return the id of the process that died at the last armed point, None if none did."""
        return int(self._died.read_text() or 0) or None if self._died.exists() else None


def install() -> None:
    """Install the armed point, if there is one, in this process."""
    trap = Trap(Path(os.environ[FOLDER]))
    text = trap.armed()
    with _installing:
        if text and text not in _installed:
            _installed.add(text)
            _install(Point(**json.loads(text)), functools.partial(trap.die, text))


def _install(point: Point, die: Callable[[], None]) -> None:
    if point.wrong:
        from tests.crashes import wrong

        getattr(wrong, point.wrong)()
    reached = threading.local()
    if point.since:
        _wrap(point.since, before=lambda: setattr(reached, "since", True))

    def die_here() -> None:
        if not point.since or hasattr(reached, "since"):
            die()

    _wrap(point.call, **{point.when: die_here})


def _wrap(
    name: str, *, before: Callable[[], None] = lambda: None, after: Callable[[], None] = lambda: None
) -> None:
    owner, attribute = _find(name)
    original = getattr(owner, attribute)

    @functools.wraps(original)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        before()
        result = original(*args, **kwargs)
        after()
        return result

    setattr(owner, attribute, wrapped)


def _find(name: str) -> tuple[Any, str]:
    """Return the module or class that holds the object of a dotted name, and its name there."""
    path, _, attribute = name.rpartition(".")
    try:
        return importlib.import_module(path), attribute
    except ModuleNotFoundError:
        module, _, owner = path.rpartition(".")
        return getattr(importlib.import_module(module), owner), attribute
