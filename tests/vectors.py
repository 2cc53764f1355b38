"""Messages and a bill that Alipay really signed or wrote; not part of the repository, see CONTRIBUTING.md."""

import json
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "vectors"
ABSENT = "what Alipay really signed or wrote is not in ../shared/vectors; see CONTRIBUTING.md"


def everything() -> list[dict]:
    """Each of them; empty where the folder is absent."""
    return [json.loads(file.read_text(encoding="utf-8")) for file in sorted(FOLDER.glob("*.json"))]


def vector(name: str) -> dict:
    """The one in the file `name`. Skips the test where it is absent."""
    file = FOLDER / name
    if not file.exists():
        pytest.skip(ABSENT)
    return json.loads(file.read_text(encoding="utf-8"))
