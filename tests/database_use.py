"""Use of the database by tests: on MariaDB those without any are left out, since they run on SQLite already.

So are those that a mark calls the same on every database, and all but the first where a mark says that no
parameter leads to other statements.

No test can use it unnoticed: in its own process pytest-django refuses, a process that it starts finds no
database in its environment, and a fixture that fetches the database while the test runs fails it.
"""

from collections.abc import Generator, Iterable

import pytest
from django.db import connection
from django.test import TransactionTestCase

FIXTURES = {"db", "transactional_db", "django_db_setup", "live_server"}
NOWHERE = "sqlite:////dev/null/no database for tests that name none"
"""For Django an address like any other until somebody connects."""

left_out = pytest.StashKey[int]()


def uses_database(test: pytest.Item) -> bool:
    """By its mark, by a fixture at any depth, or as one of Django's own test cases."""
    cls = getattr(test, "cls", None)
    return (
        test.get_closest_marker("django_db") is not None
        or not FIXTURES.isdisjoint(getattr(test, "fixturenames", ()))
        or (cls is not None and issubclass(cls, TransactionTestCase))
    )


def differs_by_database(test: pytest.Item) -> bool:
    return uses_database(test) and test.get_closest_marker("any_database") is None


def repeating(tests: Iterable[pytest.Item]) -> set[str]:
    """Return the ids of those with the mark `same_statements`, but of the first for each function."""
    first: dict[str, str] = {}
    marked = [test.nodeid for test in tests if test.get_closest_marker("same_statements")]
    return {found for found in marked if first.setdefault(found.partition("[")[0], found) != found}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if connection.vendor != "mysql":
        return
    repeated = repeating(items)
    chosen = {test for test in items if differs_by_database(test) and test.nodeid not in repeated}
    others = [test for test in items if test not in chosen]
    items[:] = [test for test in items if test in chosen]
    config.hook.pytest_deselected(items=others)
    config.stash[left_out] = len(others)


@pytest.fixture(autouse=True)
def no_database_for_processes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if not uses_database(request.node):
        monkeypatch.setenv("DATABASE_URL", NOWHERE)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef, request: pytest.FixtureRequest
) -> Generator[None, object, object]:
    value = yield  # only then may it fail: pytest takes down what it has seen set up
    if fixturedef.argname in FIXTURES and fixturedef.scope == "function" and not uses_database(request.node):
        pytest.fail(
            f"{request.node.nodeid} asks for {fixturedef.argname} while it runs: name it as an argument"
        )
    return value


# xdist's workers collect, and its controller reports: it hears of this number from any of them.


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = session.config.stash.get(left_out, 0)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    node.config.stash[left_out] = getattr(node, "workeroutput", {}).get("left_out", 0)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if number := config.stash.get(left_out, 0):
        terminalreporter.write_line(
            f"{number} tests that are the same on every database were left out here; SQLite runs them."
        )
