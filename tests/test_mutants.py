"""The tool of `make mutants` changes the loaded code, wherever it was imported to."""

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.mutants.mutate import Mutant, apply, mutants_of

SOURCE = '''"""A text for people is no matter."""

LIMIT = 5
LIMITS = [LIMIT, LIMIT]
log = None


def below(number):
    """Return True below the limit."""
    return number < LIMIT


def limit(given=LIMIT):
    return given


class Box:
    size: int = 3

    @property
    def is_full(self):
        return self.size == 3 and True

    def fill(self, much=2):
        self.size += much
        log.info("filled")
'''


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    (tmp_path / "mutated.py").write_text(SOURCE)
    (tmp_path / "importing.py").write_text("from mutated import LIMIT, below")
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("mutated", "importing"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    importlib.import_module("importing")
    return sys.modules["mutated"]


def mutants(module: ModuleType) -> dict[str, Mutant]:
    return {each.change: each for each in mutants_of(Path(module.__file__ or ""), "mutated.py")}


def test_only_what_a_test_could_notice_is_changed(module: ModuleType) -> None:
    assert sorted(mutants(module)) == sorted(
        [
            *("5  ->  6", "number < LIMIT  ->  number <= LIMIT", "return number < LIMIT  ->  return None"),
            *("self.size == 3  ->  self.size != 3", "3  ->  4", "True  ->  False", "2  ->  3"),
            "return self.size == 3 and True  ->  return None",
            "self.size == 3 and True  ->  self.size == 3 or True",
            "self.size == 3 and True  ->  True",
            "self.size == 3 and True  ->  self.size == 3",
            *("self.size += much  ->  pass", "return given  ->  return None"),
        ]
    )


def test_an_imported_function_is_changed_in_place(module: ModuleType) -> None:
    below = sys.modules["importing"].below
    assert not below(5)
    apply(mutants(module)["number < LIMIT  ->  number <= LIMIT"], module)
    assert below(5)


def test_a_constant_is_changed_wherever_it_was_imported_to(module: ModuleType) -> None:
    apply(mutants(module)["5  ->  6"], module)
    assert (module.LIMIT, sys.modules["importing"].LIMIT, module.below(5)) == (6, 6, True)
    assert (module.LIMITS, module.limit()) == ([6, 6], 6)


def test_methods_properties_and_defaults_are_changed(module: ModuleType) -> None:
    box = module.Box()
    apply(mutants(module)["self.size == 3  ->  self.size != 3"], module)
    assert not box.is_full
    apply(mutants(module)["2  ->  3"], module)
    with pytest.raises(AttributeError):
        box.fill()  # the log of this module is None
    assert box.size == 6
