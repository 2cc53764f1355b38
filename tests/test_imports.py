"""Layering: imports run one way and without cycles; orders names payment statuses in one file."""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from orders import money_state
from orders.models import Order, OrderEvent
from payments.alipay.answers import NotExisting, Waiting
from payments.models import LATE_AFTER, GatewayMessage, Payment, Refund

ROOT = Path(__file__).resolve().parent.parent
LAYERS = [
    "core",
    "documents",
    "accounts",
    "houses",
    "orders",
    "payments",
    "bills",
    "jobs",
    "desk",
    "ihome_site",
]
# demo and benchmarks may import everything; standin and deploy share no code with the site.
APART = ["demo", "standin", "benchmarks", "deploy"]


def files_of(folder: str) -> list[Path]:
    return [file for file in sorted((ROOT / folder).rglob("*.py")) if "tests" not in file.parts]


def name_of(file: Path) -> str:
    """payments/alipay/__init__.py → payments.alipay"""
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {name_of(file): file for folder in [*LAYERS, *APART] for file in files_of(folder)}


def imported_by(file: Path) -> Iterator[str]:
    """Yield the full names that a file imports: at module level, in functions, for types only."""
    package = name_of(file).split(".") if file.name == "__init__.py" else name_of(file).split(".")[:-1]
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            up = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*up, *filter(None, [node.module])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def modules_imported_by(file: Path) -> set[str]:
    """Return our own modules among them: `payments.models` for `payments.models.Payment`."""
    names = set(imported_by(file))
    return {name if name in MODULES else name.rpartition(".")[0] for name in names} & MODULES.keys()


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_imports_only_what_is_below(layer: str) -> None:
    above = {*LAYERS[LAYERS.index(layer) + 1 :], *APART, "tests"}
    assert files_of(layer)
    for file in files_of(layer):
        wrong = {name for name in imported_by(file) if name.split(".")[0] in above}
        assert not wrong, f"{file.relative_to(ROOT)} imports {wrong}"


def test_there_are_no_import_cycles() -> None:
    graph = {name: modules_imported_by(file) - {name} for name, file in MODULES.items()}
    while leaves := {name for name, imports in graph.items() if not imports}:
        graph = {name: imports - leaves for name, imports in graph.items() if name not in leaves}
    assert not graph, f"in an import cycle, or importing one: {sorted(graph)}"


def test_every_name_that_is_imported_exists() -> None:
    """Also in benchmarks, which no test runs."""
    for file in [*MODULES.values(), *sorted((ROOT / "tests").rglob("*.py"))]:
        for name in imported_by(file):
            module, _, member = name.rpartition(".")
            if module in MODULES and name not in MODULES and member != "*":
                assert defines(module, member), f"{file} imports {name}"


def defines(module: str, member: str) -> bool:
    try:
        return hasattr(importlib.import_module(module), member)
    except ModuleNotFoundError as error:
        return error.name == "MySQLdb"  # `make unit` does without


def test_views_import_no_views() -> None:
    for name, file in MODULES.items():
        if name.endswith("views"):
            assert not {other for other in modules_imported_by(file) if other.endswith("views")}, file


def test_the_adapter_knows_no_models_and_django_only_for_its_settings() -> None:
    for file in files_of("payments/alipay"):
        for name in modules_imported_by(file):
            assert name.startswith(("core.", "payments.alipay")), f"{file} imports {name}"
        if file.name != "configured.py":
            assert not {name for name in imported_by(file) if name.startswith("django")}, file


@pytest.mark.parametrize("folder", ["standin", "deploy"])
def test_separate_programs_share_no_code_with_the_site(folder: str) -> None:
    for file in files_of(folder):
        ours = {name for name in imported_by(file) if name.split(".")[0] in {*LAYERS, *APART} - {folder}}
        assert not ours, file


def test_only_money_state_names_payment_statuses_in_orders() -> None:
    of_payments = {*Payment.Status, *Payment.Evidence, *Refund.Status, *Refund.Reason}
    of_payments |= {*GatewayMessage.Channel, *GatewayMessage.Verdict}
    own = {*Order.Status, *OrderEvent.Kind}
    for file in files_of("orders"):
        if file.name == "money_state.py" or "migrations" in file.parts:
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert node.value not in of_payments - own, f"{file}:{node.lineno}"
                assert "payments__" not in node.value, f"{file}:{node.lineno}"
            if isinstance(node, ast.Attribute):
                assert node.attr not in ("payments", "live_payment"), f"{file}:{node.lineno}"
    for template in (ROOT / "templates" / "orders").rglob("*.*"):
        assert not re.search(r"\.(payments|live_payment)\b", template.read_text(encoding="utf-8")), template


def test_money_state_matches_the_statuses_of_payments() -> None:
    assert Payment.Status.OPEN == money_state.PAYMENT_OPEN
    assert GatewayMessage.Channel.RETURN == money_state.CHANNEL_RETURN
    assert GatewayMessage.Verdict.ASKED == money_state.VERDICT_ASKED
    assert GatewayMessage.Channel.ANSWER == money_state.CHANNEL_ANSWER
    assert (Waiting.__name__, NotExisting.__name__) == money_state.NOT_PAID
    assert Refund.Status.DONE == money_state.REFUND_DONE
    assert Refund.ON_ITS_WAY == money_state.REFUND_ON_ITS_WAY
    assert Refund.Status.REFUSED == money_state.REFUND_REFUSED
    assert money_state.REFUND_LATE_AFTER == LATE_AFTER
