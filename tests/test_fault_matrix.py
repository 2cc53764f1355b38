"""docs/fault-matrix.md says which rows of the fault matrix are covered; here it meets the tests' names."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ID = r"[A-Z]{3}[0-9]{2}"


def in_the_document() -> set[str]:
    return set(re.findall(rf"\b{ID}\b", (ROOT / "docs/fault-matrix.md").read_text(encoding="utf-8")))


def in_the_names_of_tests() -> set[str]:
    files = [file for file in ROOT.glob("**/tests/**/test_*.py") if ".venv" not in file.parts]
    assert len(files) > 20
    names = [name for file in files for name in re.findall(r"def (test_\w+)", file.read_text("utf-8"))]
    return {found for name in names for found in re.findall(rf"(?<![A-Z]){ID}(?![0-9])", name)}


def test_every_row_that_is_covered_has_a_test_and_every_test_a_row() -> None:
    assert in_the_document() == in_the_names_of_tests()
