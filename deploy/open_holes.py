"""Known holes of packages that are open: the table in docs/dependencies.md, and how long each may stay there.

python -m deploy.open_holes    prints the options with which `make audit` passes over them
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

TABLE = Path(__file__).resolve().parent.parent / "docs/dependencies.md"
LIMIT = timedelta(days=30)
"""As SECURITY.md promises."""
_ROW = re.compile(
    r"^\| ((?:GHSA|PYSEC|CVE)-[\w-]+) \| ([^|]+) \| (\d{4}-\d\d-\d\d) \| [^|]*\w[^|]* \|$", re.M
)


class Hole(NamedTuple):
    id: str
    package: str
    known_since: date


def holes(text: str) -> Iterator[Hole]:
    for name, package, day in _ROW.findall(text):
        yield Hole(name, package.strip(), date.fromisoformat(day))


def overdue(text: str, today: date) -> list[Hole]:
    return [hole for hole in holes(text) if today - hole.known_since > LIMIT]


if __name__ == "__main__":
    text = TABLE.read_text(encoding="utf-8")
    late = overdue(text, datetime.now(UTC).date())
    print(*(f"--ignore-vuln={hole.id}" for hole in holes(text) if hole not in late))
