"""Every row of docs/fault-matrix.md has a command, or a test with its id in the name; every such id a row."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ID = r"(?:[A-Z]{3}[0-9]{2}|[WPLDSTB][0-9])"


def document() -> str:
    return (ROOT / "docs/fault-matrix.md").read_text(encoding="utf-8")


def rows(text: str) -> list[str]:
    """Return ids of the rows `| id | what happens | what the site does |` that have text in both columns."""
    return re.findall(rf"^\| ({ID}) \| [^|]*\w[^|]* \| [^|]*\w[^|]* \|$", text, re.MULTILINE)


def shown_by_commands(text: str) -> dict[str, str]:
    """Return ids of rows with a fourth column, `make …`, and its target: a run too long for `make test`."""
    cell = r"[^|]*\w[^|]*"
    return dict(
        re.findall(rf"^\| ({ID}) \| {cell} \| {cell} \| `make ([a-z-]+)[^|`]*`[^|]* \|$", text, re.MULTILINE)
    )


def ids_in_test_names() -> set[str]:
    files = [
        file
        for file in ROOT.glob("**/tests/**/test_*.py")
        if not str(file.relative_to(ROOT)).startswith(".venv")
    ]
    assert len(files) > 20
    names = [name for file in files for name in re.findall(r"def (test_\w+)", file.read_text("utf-8"))]
    return {found for name in names for found in re.findall(rf"(?<![A-Z]){ID}(?![0-9])", name)}


def test_every_row_has_a_test_and_every_tested_id_a_row() -> None:
    assert set(rows(document())) == ids_in_test_names()


def test_every_id_has_one_complete_row() -> None:
    complete = [*rows(document()), *shown_by_commands(document())]
    assert sorted(complete) == sorted(set(re.findall(rf"\b{ID}\b", document())))


def test_the_commands_exist() -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(shown_by_commands(document()).values()) <= set(targets)


def test_an_incomplete_row_does_not_count() -> None:
    complete = "| NOT01 | it comes | settles |"
    incomplete = ["| NOT02 | | settles |", "| NOT03 | it comes | |", "| NOT04 | it comes |", "| NOT05 |"]
    assert rows("\n".join([*incomplete, complete])) == ["NOT01"]
    assert shown_by_commands("| NOT01 | it comes | settles | by `make fuzz` |") == {}
    assert shown_by_commands("| NOT01 | it comes | settles | `make fuzz N=9` |") == {"NOT01": "fuzz"}
