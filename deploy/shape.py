"""Prints the shape of the code outside tests and migrations; `make shape` calls it.

Exit status 1 if a limit is exceeded.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles

ROOT = Path(__file__).resolve().parent.parent
ROOMS = (
    *("core", "documents", "accounts", "houses", "orders", "payments", "bills", "jobs", "desk"),
    *("ihome_site", "demo", "standin", "benchmarks", "deploy"),
)
LARGEST_ROOM = 1 / 3
LONGEST_MODULE = 350  # settings.py may be as long as it has to be
LONGEST_FUNCTION, P90_FUNCTION, MEDIAN_FUNCTION = 60, 17, 6


def modules() -> dict[str, int]:
    """Path → lines."""
    files = (file for room in ROOMS for file in sorted((ROOT / room).rglob("*.py")))
    return {
        str(file.relative_to(ROOT)): len(file.read_text(encoding="utf-8").splitlines())
        for file in files
        if not {"tests", "migrations"} & set(file.parts)
    }


def functions() -> list[tuple[int, str]]:
    """Lines from `def` to the end, docstring included, and path:line name; the longest first."""
    found = []
    for path in modules():
        for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or 0) - node.lineno + 1
                found.append((length, f"{path}:{node.lineno} {node.name}"))
    return sorted(found, reverse=True)


def rooms() -> dict[str, list[int]]:
    """Room → lines of its modules."""
    lines = modules()
    return {room: [count for path, count in lines.items() if path.startswith(f"{room}/")] for room in ROOMS}


def exceeded() -> Iterator[str]:
    """A sentence for each limit that is exceeded."""
    total = sum(modules().values())
    for room, counts in rooms().items():
        if sum(counts) > total * LARGEST_ROOM:
            yield f"{room}/ has {sum(counts)} of {total} lines, more than a third"
    for path, count in modules().items():
        if count > LONGEST_MODULE and not path.endswith("settings.py"):
            yield f"{path} has {count} lines, more than {LONGEST_MODULE}"
    for length, where in functions():
        if length > LONGEST_FUNCTION:
            yield f"{where} has {length} lines, more than {LONGEST_FUNCTION}"
    middle, p90 = spread()
    if middle > MEDIAN_FUNCTION or p90 > P90_FUNCTION:
        yield f"functions are long: median {middle:g} (limit {MEDIAN_FUNCTION}), p90 {p90:g} ({P90_FUNCTION})"


def spread() -> tuple[float, float]:
    """Median and 90th percentile of the lengths of functions."""
    lengths = [length for length, _where in functions()]
    return median(lengths), quantiles(lengths, n=10)[-1]


def main() -> int:
    total = sum(modules().values())
    for room, counts in sorted(rooms().items(), key=lambda item: -sum(item[1])):
        share = sum(counts) / total
        print(f"{room:12} {sum(counts):6} lines {share:6.1%}  {len(counts):3} modules, longest {max(counts)}")
    middle, p90 = spread()
    found = functions()
    print(f"{'in all':12} {total:6} lines")
    print(f"{len(found)} functions: median {middle:g} lines, p90 {p90:g}; the longest:")
    print(*(f"{length:6}  {where}" for length, where in found[:5]), sep="\n")
    sentences = list(exceeded())
    print(*sentences, sep="\n", end="\n" if sentences else "")
    return 1 if sentences else 0


if __name__ == "__main__":
    sys.exit(main())
