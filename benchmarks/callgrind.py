"""Instructions of a process that runs under callgrind, between two points of it."""

import gc
import os
import re
import subprocess
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

REQUESTS = 10
COMMAND = ("valgrind", "--tool=callgrind", "--instr-atstart=no", "-q")


def each(folder: Path, acts: Sequence[Callable[[], object]]) -> int:
    """Return the instructions of one act, on average. `folder`: callgrind's output files are there."""
    return (_counted(folder, acts) - _nothing(folder)) // len(acts)


@cache
def _nothing(folder: Path) -> int:
    """Instructions of starting and ending the count."""
    return _counted(folder, [])


def _counted(folder: Path, acts: Sequence[Callable[[], object]]) -> int:
    gc.collect()
    _control("-i", "on")
    for act in acts:
        act()
    _control("-i", "off")
    _control("-d")
    _control("-z")
    newest = max(folder.glob("out.*"), key=lambda file: int(file.suffix[1:]))
    (total,) = re.findall(r"^totals: (\d+)", newest.read_text(), re.MULTILINE)
    return int(total)


def _control(*arguments: str) -> None:
    subprocess.run(["callgrind_control", *arguments, str(os.getpid())], check=True, capture_output=True)
