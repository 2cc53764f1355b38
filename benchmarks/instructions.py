"""Instructions and messages a request: figures that repeat to one in a hundred however busy the machine is.

    deploy/mariadb.py python -m benchmarks.instructions [WORK ...] [--budget | --write]

The works run in a process of their own under valgrind's callgrind, which counts while a request runs and not
while it is prepared. The database server and the stand-in Alipay are other processes: messages to the
server are counted beside the instructions. `--budget` fails if a figure is above benchmarks/budget.json by
more than SLACK (messages: at all); `--write` writes that file.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks import callgrind, environment

ROOT = Path(__file__).resolve().parent.parent
OSCAR = ROOT / ".venv/oscar/bin/python"
"""django-oscar's order history and order page, with as many orders, stand beside ours."""
BUDGET = Path(__file__).with_name("budget.json")
SLACK = 1.05
WORKS = ("pay", "notify", "return", "my_orders", "homes", "order")
ORDERS = 20_000
HOMES = 100

REACHES = {
    "notify": (5.5, 11),
    "press Pay, first": (13.5, None),
    "press Pay, again": (11.5, None),
    "return after the notice": (8.5, None),
    "return, the first news": (25, None),
    "my orders": (45, None),
    "search": (53, None),
    "a home": (46, None),
    "an order": (21, None),
}
"""Millions of instructions, and messages to the server: targets for our side of each work."""


@dataclass(frozen=True)
class Count:
    work: str
    side: str
    instructions: int  # of one request
    messages: int


def measure(works: list[str]) -> list[Count]:
    """Prepare an environment and return the figures of these works. Raises environment.NotPossible."""
    with environment.prepared():
        from benchmarks import homes, my_orders

        my_orders.fill(ORDERS, ORDERS // 20)
        homes.make(HOMES)
        with tempfile.TemporaryDirectory(prefix="ihome-callgrind-") as folder:
            return list(_counted(Path(folder), works))


def _counted(folder: Path, works: list[str]) -> Iterator[Count]:
    yield from _watched(folder, sys.executable, ["-m", "benchmarks.counted", str(folder), *works], {})
    if not {"my_orders", "order"} & set(works):
        return
    if not OSCAR.exists():
        print("  django-oscar is left out: make bench installs it")
        return
    beside = folder / "oscar"
    beside.mkdir()
    environ = {"PYTHONPATH": str(ROOT), "OSCAR_FOLDER": str(beside)}
    seed = [str(OSCAR), "-m", "benchmarks.oscar.seed", str(beside)]
    subprocess.run(seed, check=True, env={**os.environ, **environ})  # not watched: it would take minutes
    yield from _watched(beside, str(OSCAR), ["-m", "benchmarks.oscar.counted", str(beside)], environ)


def _watched(folder: Path, python: str, arguments: list[str], environ: dict[str, str]) -> Iterator[Count]:
    """Run a process under callgrind that prints its figures."""
    command = [*callgrind.COMMAND, f"--callgrind-out-file={folder / 'out'}", python, *arguments]
    # The order of sets, and so of work, depends on the hash seed.
    environ = {**os.environ, "PYTHONHASHSEED": "0", **environ}
    try:
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ)
    except FileNotFoundError:
        raise environment.NotPossible(
            "valgrind is not installed; as root: apt-get install valgrind"
        ) from None
    with child:
        assert child.stdout is not None
        for line in child.stdout:
            count = Count(**json.loads(line))
            _print(count)
            yield count
    if child.returncode:
        raise environment.NotPossible(f"The counted process ended with status {child.returncode}.")


def _print(count: Count) -> None:
    millions, messages = REACHES.get(count.work, (None, None)) if count.side == "ihome" else (None, None)
    reach = f"  reach ≤ {millions:g} M" if millions else ""
    reach += f", ≤ {messages} messages" if messages else ""
    what = f"{count.work}: {count.side}"
    print(f"  {what:<56}{count.instructions / 1e6:>8.2f} M{count.messages:>6} messages{reach}", flush=True)


def exceeded(counts: list[Count], budget: dict[str, list[int]]) -> Iterator[str]:
    """Yield a sentence for each work of ours that costs more than its budget."""
    for count in counts:
        if count.side != "ihome":
            continue
        instructions, messages = budget[count.work]
        if count.instructions > SLACK * instructions:
            ratio = count.instructions / instructions
            yield f"{count.work}: {ratio:.2f} times the instructions of its budget"
        if count.messages > messages:
            yield f"{count.work}: {count.messages} messages to the server, budget {messages}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.instructions", description=__doc__)
    parser.add_argument("works", nargs="*", help=f"some of: {', '.join(WORKS)} (all); it skips other names")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--budget", action="store_true", help="fail above the budget")
    what.add_argument("--write", action="store_true", help="write the budget")
    arguments = parser.parse_args()
    works = [name for name in WORKS if name in (arguments.works or WORKS)]
    if not works:
        return 0
    counts = measure(works)
    if arguments.write:
        ours = {count.work: [count.instructions, count.messages] for count in counts if count.side == "ihome"}
        BUDGET.write_text(json.dumps({**json.loads(BUDGET.read_text()), **ours}, indent=2) + "\n")
    if not arguments.budget:
        return 0
    problems = list(exceeded(counts, json.loads(BUDGET.read_text())))
    print(*problems or ["Every work is within its budget."], sep="\n")
    return 1 if problems else 0


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except environment.NotPossible as why:
        raise SystemExit(str(why)) from None
