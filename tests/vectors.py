"""Genuine messages and a bill of Alipay's; not part of the repository, see CONTRIBUTING.md."""

import json
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "vectors"
ABSENT = "genuine messages of Alipay's are not in ../shared/vectors; see CONTRIBUTING.md"


def everything() -> list[dict]:
    """Return all vectors; empty if the folder is absent."""
    return [json.loads(file.read_text(encoding="utf-8")) for file in sorted(FOLDER.glob("*.json"))]


def vector(name: str) -> dict:
    """Return the vector in the file `name`; skip the test if it is absent."""
    file = FOLDER / name
    if not file.exists():
        pytest.skip(ABSENT)
    return json.loads(file.read_text(encoding="utf-8"))
