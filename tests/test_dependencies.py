"""SEC11: known holes of packages, and how long they may stay open. `make audit` asks the advisory service."""

from datetime import UTC, datetime, timedelta

from deploy import open_holes
from tests.test_imports import ROOT


def test_SEC11_no_known_hole_is_open_longer_than_the_limit() -> None:
    text = open_holes.TABLE.read_text(encoding="utf-8")
    assert open_holes.overdue(text, datetime.now(UTC).date()) == []


def test_SEC11_a_hole_that_is_open_for_too_long_is_found() -> None:
    row = "| GHSA-aaaa-bbbb-cccc | django | 2026-11-01 | not reachable: we don't use it |"
    text = f"| id | package | known since | reason |\n|---|---|---|---|\n{row}\n"
    [hole] = open_holes.holes(text)
    assert open_holes.overdue(text, hole.known_since + open_holes.LIMIT) == []
    assert open_holes.overdue(text, hole.known_since + open_holes.LIMIT + timedelta(days=1)) == [hole]


def test_SEC11_the_limit_is_the_one_that_is_promised() -> None:
    promise = f"A known hole in a package that we use is closed within {open_holes.LIMIT.days} days"
    assert promise in " ".join((ROOT / "SECURITY.md").read_text(encoding="utf-8").split())
    assert "deploy.open_holes" in (ROOT / "Makefile").read_text(encoding="utf-8")
