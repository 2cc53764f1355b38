"""On MariaDB, tests that use no database are left out: none may be left out that does use it."""

import os
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import django.test
import pytest
from django.conf import settings
from django.db import connection

from tests.database_use import NOWHERE, repeating, uses_database

PROCESS = [
    sys.executable,
    "-c",
    "import django; django.setup(); from django.db import connection as c; c.cursor()",
]


def item(
    *, marks: tuple[str, ...] = (), fixtures: tuple[str, ...] = (), cls: type | None = None
) -> SimpleNamespace:
    return SimpleNamespace(
        get_closest_marker=lambda name: name if name in marks else None, fixturenames=fixtures, cls=cls
    )


@pytest.fixture
def an_order(db: None) -> None:
    pass


@pytest.fixture
def of_an_order(an_order: None) -> None:
    pass


@pytest.mark.parametrize(
    "test",
    [
        item(marks=("django_db",)),
        item(fixtures=("tmp_path", "db")),
        item(fixtures=("transactional_db",)),
        item(fixtures=("live_server",)),
        item(fixtures=("django_db_setup",)),  # what a folder's own server needs
        item(cls=django.test.TestCase),
        item(cls=django.test.TransactionTestCase),
    ],
)
def test_uses_the_database(test: SimpleNamespace) -> None:
    assert uses_database(test)


def test_of_each_test_with_the_same_statements_the_first_remains() -> None:
    def named(name: str, *marks: str) -> SimpleNamespace:
        return SimpleNamespace(nodeid=name, get_closest_marker=lambda mark: mark if mark in marks else None)

    same = ("same_statements", "django_db")
    tests = [named("a.py::test[1]", *same), named("a.py::test[2]", *same), named("b.py::test[1]", *same)]
    others = [named("a.py::other[1]", "django_db"), named("a.py::other[2]", "django_db")]
    found: list[Any] = [*tests, *others]
    assert repeating(found) == {"a.py::test[2]"}


@pytest.mark.parametrize("test", [item(), item(fixtures=("tmp_path",)), item(cls=django.test.SimpleTestCase)])
def test_uses_none(test: SimpleNamespace) -> None:
    assert not uses_database(test)


def test_a_fixture_of_a_fixture_counts(of_an_order: None, request: pytest.FixtureRequest) -> None:
    assert uses_database(request.node)


def test_without_a_mark_the_test_itself_has_no_database(request: pytest.FixtureRequest) -> None:
    assert not uses_database(request.node)
    with pytest.raises(RuntimeError, match="Database access not allowed"):
        connection.cursor()


@pytest.mark.parametrize("name", ["db", "transactional_db"])
def test_no_fixture_can_be_fetched_unnoticed(request: pytest.FixtureRequest, name: str) -> None:
    with pytest.raises(pytest.fail.Exception, match="name it as an argument"):
        request.getfixturevalue(name)


def connects() -> bool:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "ihome_site.settings"}
    return not subprocess.run(PROCESS, cwd=settings.BASE_DIR, env=environment, capture_output=True).returncode


def test_without_a_mark_its_processes_have_no_database() -> None:
    assert os.environ["DATABASE_URL"] == NOWHERE
    assert not connects()


@pytest.mark.django_db
def test_with_a_mark_its_processes_have_one() -> None:
    assert connects()
