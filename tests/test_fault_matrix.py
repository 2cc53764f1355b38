"""docs/fault-matrix.md says which faults are covered, and what is done; here it meets the tests' names."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ID = r"[A-Z]{3}[0-9]{2}"


def document() -> str:
    return (ROOT / "docs/fault-matrix.md").read_text(encoding="utf-8")


def rows(text: str) -> list[str]:
    """Ids of the rows of a table `| id | what happens | what the site does |` that have words in both."""
    return re.findall(rf"^\| ({ID}) \| [^|]*\w[^|]* \| [^|]*\w[^|]* \|$", text, re.MULTILINE)


def in_the_names_of_tests() -> set[str]:
    files = [file for file in ROOT.glob("**/tests/**/test_*.py") if ".venv" not in file.parts]
    assert len(files) > 20
    names = [name for file in files for name in re.findall(r"def (test_\w+)", file.read_text("utf-8"))]
    return {found for name in names for found in re.findall(rf"(?<![A-Z]){ID}(?![0-9])", name)}


def test_every_row_that_is_covered_has_a_test_and_every_test_a_row() -> None:
    assert set(rows(document())) == in_the_names_of_tests()


def test_every_id_has_one_row_and_words() -> None:
    assert sorted(rows(document())) == sorted(set(re.findall(rf"\b{ID}\b", document())))


def test_a_row_without_words_is_none() -> None:
    whole = "| NOT01 | it comes | settles |"
    lacking = ["| NOT02 | | settles |", "| NOT03 | it comes | |", "| NOT04 | it comes |", "| NOT05 |"]
    assert rows("\n".join([*lacking, whole])) == ["NOT01"]
