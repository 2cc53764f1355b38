"""Imports run one way, so that each layer can be read and replaced without those above it."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LAYERS = ["core", "accounts", "houses", "orders", "payments", "jobs", "ihome_site"]


def imported_by(file: Path) -> set[str]:
    """The first name of every absolute import."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    return names


def files_of(folder: str) -> list[Path]:
    return [file for file in (ROOT / folder).rglob("*.py") if "tests" not in file.parts]


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_imports_only_what_is_below(layer: str) -> None:
    above = set(LAYERS[LAYERS.index(layer) + 1 :]) | {"demo", "standin", "tests", "benchmarks"}
    assert files_of(layer)
    for file in files_of(layer):
        wrong = {name for name in imported_by(file) if name.split(".")[0] in above}
        assert not wrong, f"{file.relative_to(ROOT)} imports {wrong}"


def test_the_adapter_knows_no_models_and_the_standin_shares_no_code() -> None:
    for file in files_of("payments/alipay"):
        assert not {n for n in imported_by(file) if n.startswith(("django", "payments.models", "orders"))}, (
            file
        )
    for file in files_of("standin"):
        ours = {n for n in imported_by(file) if n.split(".")[0] in LAYERS and not n.startswith("standin")}
        assert not ours, file
