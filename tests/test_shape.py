"""The limits that `make shape` prints, and the voice of docstrings."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy import shape
from tests.test_imports import ROOT

MANNERED = re.compile(r"\s*(What|Who|Whoever|How|Where|Why|Those)\b")
COMMENT = re.compile(r"\{% comment %\}(.*?)\{% endcomment %\}", re.DOTALL)


def test_no_limit_is_exceeded() -> None:
    assert list(shape.exceeded()) == []


def docstrings(file: Path) -> Iterator[tuple[int, str]]:
    """Every text that stands alone: of modules, classes, functions, and below a constant."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        match node:
            case ast.Expr(value=ast.Constant(value=str() as text)):
                yield node.lineno, text


@pytest.mark.parametrize("folder", [*shape.ROOMS, "tests", "conftest.py"])
def test_docstrings_are_imperatives_or_noun_phrases(folder: str) -> None:
    path = ROOT / folder
    for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
        for line, text in docstrings(file):
            assert not MANNERED.match(text), f"{file.relative_to(ROOT)}:{line} {text.splitlines()[0]}"


def test_comments_of_templates_are_imperatives_or_noun_phrases() -> None:
    templates = sorted((ROOT / "templates").rglob("*.*"))
    assert len(templates) > 40
    for file in templates:
        for text in COMMENT.findall(file.read_text(encoding="utf-8")):
            assert not MANNERED.match(text), f"{file.relative_to(ROOT)} {text.strip()}"


def test_good_examples_of_the_style_guide_are_excerpts() -> None:
    """Each names its file first; lines that hold only … are left out."""
    blocks = re.findall(
        r"```python\n# (\S+/\S+\.py)\n(.*?)```", (ROOT / "docs/style.md").read_text("utf-8"), re.DOTALL
    )
    assert len(blocks) == 10
    for file, text in blocks:
        code = (ROOT / file).read_text("utf-8")
        for part in re.split(r"^\s*…\n", text, flags=re.MULTILINE):
            assert part in code, f"docs/style.md: not in {file}:\n{part}"


def test_functions_that_the_papers_name_exist() -> None:
    """References such as `payments/queries.py: poll`, with the whole path or its end."""
    files = [file for folder in (*shape.ROOMS, "tests") for file in (ROOT / folder).rglob("*.py")]
    named = [
        (paper.name, *reference)
        for paper in [*(ROOT / "docs").glob("*.md"), *ROOT.glob("*.md")]
        for reference in re.findall(r"`([\w/]+\.py): (\w+)`", paper.read_text("utf-8"))
    ]
    assert len(named) > 50
    for paper, path, name in named:
        found = [file for file in files if f"/{file.relative_to(ROOT)}".endswith(f"/{path}")]
        assert any(
            re.search(rf"(def|class) {name}\b|^{name} =", file.read_text("utf-8"), re.M) for file in found
        ), f"{paper}: {path}: {name}"


SECURITY = (ROOT / "docs/security.md").read_text("utf-8")


def test_files_that_the_security_table_names_exist() -> None:
    named = set(re.findall(r"`([\w.-]+(?:/[\w.-]+)+)[`:]", SECURITY))
    assert len(named) > 40
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


def test_the_security_table_has_each_item_once_and_counts_right() -> None:
    """An item that is met names a test or a file. The counts stand at the end."""
    rows = re.findall(r"^\| (\d+\.\d+\.\d+) \| ([12]) \| [^|]+ \| (yes|no) \| ([^|]+) \|$", SECURITY, re.M)
    beyond = SECURITY[SECURITY.index("## Not applicable") :]
    others = re.findall(r"(\d+\.\d+\.\d+) \(([12])\)", beyond)
    ids = [row[0] for row in rows] + [item for item, _level in others]
    assert len(ids) == len(set(ids)) == 253  # the items of ASVS 5.0, levels 1 and 2
    assert [row for row in rows if row[2] == "yes" and "`" not in row[3]] == []
    for level, items in (("1", 70), ("2", 183)):
        met, missed = (sum(row[1] == level and row[2] == is_met for row in rows) for is_met in ("yes", "no"))
        without = sum(found == level for _item, found in others)
        assert met + missed + without == items
        assert f"| {level} | {items} | {met} | {missed} | {without} |" in SECURITY
