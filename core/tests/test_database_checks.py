"""Start checks of the database: a wrong set-up is refused at start, and /readyz reports it."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.core.checks import run_checks
from django.db import InterfaceError, OperationalError, connection
from django.http import HttpResponse
from django.test import Client, RequestFactory

from core.database_checks import DATABASE_TAG, problems
from core.transactions import is_outage
from ihome_site.middleware import DatabaseDownMiddleware
from orders.models import Order

pytestmark = pytest.mark.django_db(transaction=True)

only_mariadb = pytest.mark.skipif("connection.vendor != 'mysql'", reason="SQLite has no such settings")


def said_at_start() -> str:
    found = run_checks(tags=[DATABASE_TAG], include_deployment_checks=True)
    assert all(message.is_serious() for message in found)
    return " ".join(message.msg for message in found)


@contextmanager
def set_up_with(statement: str, undo: str) -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(undo)


def test_S1_a_database_as_it_should_be_has_no_faults() -> None:
    assert list(problems(connection)) == []
    assert said_at_start() == ""


@only_mariadb
@pytest.mark.parametrize(
    ("statement", "undo", "sentence"),
    [
        (
            "ALTER DATABASE CHARACTER SET utf8mb3",
            "ALTER DATABASE CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci",
            "the database's character set is utf8",
        ),
        ("CREATE TABLE odd (x varchar(9)) CHARACTER SET utf8mb3", "DROP TABLE odd", "odd can't hold every"),
        ("CREATE TABLE odd (x int) ENGINE=MyISAM", "DROP TABLE odd", "odd have no transactions"),
    ],
)
def test_S1_a_wrong_database_is_refused_at_start_and_told_by_readyz(
    client: Client, statement: str, undo: str, sentence: str
) -> None:
    with set_up_with(statement, undo):
        assert sentence in said_at_start()
        answer = client.get("/readyz")
        assert (answer.status_code, sentence in answer.content.decode()) == (503, True)
    assert said_at_start() == ""


@only_mariadb
@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("transaction_isolation", "REPEATABLE-READ", "the isolation level is REPEATABLE-READ"),
        ("sql_mode", "", "sql_mode is not strict"),
        ("default_storage_engine", "MyISAM", "the engine MyISAM"),
    ],
)
def test_S1_a_wrong_session_is_told_by_readyz(
    client: Client, variable: str, value: str, sentence: str
) -> None:
    if variable == "transaction_isolation":
        change = "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ"
    else:
        change = f"SET SESSION {variable} = '{value}'"
    with connection.cursor() as cursor:
        cursor.execute(change)
    try:
        answer = client.get("/readyz")
        assert (answer.status_code, sentence in answer.content.decode()) == (503, True)
    finally:
        connection.close()  # a new one has the site's settings again


@only_mariadb
def test_S1_options_in_the_address_are_checked_at_start(monkeypatch: pytest.MonkeyPatch) -> None:
    options = {**connection.settings_dict["OPTIONS"], "isolation_level": "repeatable read"}
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", options)
    assert "the isolation level is REPEATABLE-READ" in said_at_start()


@only_mariadb
def test_check_constraints_that_the_database_forgot_are_told_at_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (constraint,) = (one for one in Order._meta.constraints if one.name == "order_amount_can_be_paid")
    with connection.schema_editor() as schema:
        schema.remove_constraint(Order, constraint)
    try:
        assert "does not keep the CHECK constraints order_amount_can_be_paid." in said_at_start()
        monkeypatch.setattr("core.constraint_checks._has_our_migrations", lambda database: False)
        assert said_at_start() == ""  # before an upgrade, whose migration is about to add it
    finally:
        with connection.schema_editor() as schema:
            schema.add_constraint(Order, constraint)


def test_S1_a_database_that_does_not_answer_is_no_fault_of_its_set_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(database: object) -> Iterator[str]:
        raise OperationalError(2002, "Can't connect")

    monkeypatch.setattr("core.database_checks.problems", fail)
    assert said_at_start() == ""


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        *(
            (OperationalError(code, "refused"), False)
            for code in (1054, 1142, 1264, 1265, 1267, 1270, 1271, 1273, 1292, 1305, 1366, 1406, 3141, 3988)
        ),
        *(
            (OperationalError(code, "away"), True)
            for code in (1021, 1040, 1045, 1047, 1180, 1205, 1213, 1290, 1969, 2002, 2006, 2013, 2055)
        ),
        (OperationalError("no such table: x"), False),
        (OperationalError("database is locked"), True),
        (OperationalError("disk I/O error"), True),
        (OperationalError(), True),
        (InterfaceError(0, ""), True),
        (ValueError("x"), False),
    ],
    ids=repr,
)
def test_S1_only_an_outage_is_said_to_be_one(error: Exception, expected: bool) -> None:
    assert is_outage(error) == expected
    middleware = DatabaseDownMiddleware(lambda request: HttpResponse())
    answer = middleware.process_exception(RequestFactory().get("/"), error)
    assert (answer is not None) == expected
