"""durable_transaction: retries the whole function if the database rolled it back, and only then."""

import sqlite3
import threading
from collections.abc import Callable
from itertools import count

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction

from core import transactions
from core.transactions import TRIES, durable_transaction
from houses.models import Area

DEADLOCK = OperationalError(1213, "Deadlock found when trying to get lock; try restarting transaction")
LOCK_WAIT = OperationalError(1205, "Lock wait timeout exceeded; try restarting transaction")
CHANGED = OperationalError(1020, "Record has changed since last read in table 'orders_order'")
LOCKED = OperationalError("database is locked")
WRITE_CONFLICT = OperationalError(9007, "Write conflict, txnStartTS=1, conflictStartTS=2")
TABLE_LOCKED = OperationalError("database table is locked: orders_order")
RETRIED = [DEADLOCK, LOCK_WAIT, CHANGED, WRITE_CONFLICT, LOCKED, TABLE_LOCKED]
UNREACHABLE = OperationalError(2002, "Can't connect to local server through socket")
LOST = [
    OperationalError(1047, "WSREP has not yet prepared node for application use"),
    OperationalError(1180, "Got error 6 'No such device or address' during COMMIT"),
    OperationalError(1927, "Connection was killed"),
    OperationalError(2006, "Server has gone away"),
    OperationalError(2013, "Lost connection to server during query"),
]


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transactions.time, "sleep", lambda seconds: None)


class Writer:
    """Insert an area, then raise the next of `errors`. Counts its calls."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls = 0

    @property
    def run(self) -> Callable[[], str]:
        return durable_transaction(self._write)

    def _write(self) -> str:
        self.calls += 1
        Area.objects.create(name=f"try {self.calls}")
        if self.errors:
            raise self.errors.pop(0)
        return "done"


def names() -> list[str]:
    return list(Area.objects.values_list("name", flat=True))


@pytest.mark.django_db
@pytest.mark.parametrize("error", RETRIED, ids=str)
def test_CON09_CON10_the_whole_function_is_retried(error: OperationalError) -> None:
    writer = Writer(error, error)
    assert writer.run() == "done"
    assert writer.calls == 3
    assert names() == ["try 3"]  # the first two were rolled back


@pytest.mark.django_db
@pytest.mark.parametrize("error", RETRIED, ids=str)
def test_CON09_CON10_after_five_tries_the_error_is_raised(error: OperationalError) -> None:
    writer = Writer(*[error] * TRIES)
    with pytest.raises(OperationalError):
        writer.run()
    assert writer.calls == TRIES == 5
    assert names() == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("error", LOST, ids=str)
def test_DBX02_after_a_lost_connection_the_function_is_retried_on_a_new_one(error: OperationalError) -> None:
    connection.ensure_connection()
    first = connection.connection
    writer = Writer(error, UNREACHABLE)
    assert writer.run() == "done"
    assert names() == ["try 3"]
    assert connection.connection is not first


@pytest.mark.django_db(transaction=True)
def test_a_server_that_cant_be_reached_at_first_is_not_retried(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def connect() -> None:
        calls.append(1)
        raise UNREACHABLE

    connection.close()
    writer = Writer()
    with monkeypatch.context() as patch, pytest.raises(OperationalError):
        patch.setattr(connection, "connect", connect)
        writer.run()
    assert (len(calls), writer.calls) == (1, 0)


@pytest.mark.django_db
def test_no_try_begins_after_the_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transactions.time, "monotonic", count(0, transactions.GIVE_UP_AFTER / 2).__next__)
    writer = Writer(*[LOCK_WAIT] * TRIES)
    with pytest.raises(OperationalError):
        writer.run()
    assert writer.calls == 2


@pytest.mark.django_db
def test_waits_grow_exponentially_with_jitter_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    longest = []
    monkeypatch.setattr(transactions.random, "uniform", lambda low, high: longest.append((low, high)) or 0)
    monkeypatch.setattr(transactions, "MAX_WAIT", 0.3)
    Writer(*[DEADLOCK] * 4).run()
    assert longest == [(0, 0.1), (0, 0.2), (0, 0.3), (0, 0.3)]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "error",
    [
        OperationalError(1290, "running with the --read-only option"),
        OperationalError("disk I/O error"),
        OperationalError(),
        IntegrityError(1062, "Duplicate entry"),
        ValueError("1213"),
    ],
    ids=repr,
)
def test_other_errors_are_not_retried(error: Exception) -> None:
    writer = Writer(error)
    with pytest.raises(type(error)):
        writer.run()
    assert writer.calls == 1
    assert names() == []


@pytest.mark.django_db
@pytest.mark.parametrize(("missed", "tries"), [(1, 2), (2, 2)])
def test_a_row_that_is_not_there_yet_is_looked_for_once_more(missed: int, tries: int) -> None:
    """On a cluster, it may have been committed on another node a moment ago."""
    writer = Writer(*[Area.DoesNotExist()] * missed)
    if missed == 1:
        assert writer.run() == "done"
    else:
        with pytest.raises(Area.DoesNotExist):
            writer.run()
    assert writer.calls == tries


@pytest.mark.django_db
def test_refuses_to_run_inside_another_transaction() -> None:
    writer = Writer()
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        writer.run()
    assert writer.calls == 0


@pytest.mark.django_db(transaction=True)
def test_CON10_a_real_lock_error_of_sqlite(monkeypatch: pytest.MonkeyPatch) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("SQLite only")
    connection.ensure_connection()
    connection.connection.execute("PRAGMA busy_timeout = 0")
    other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    monkeypatch.setattr(transactions.time, "sleep", lambda seconds: other.in_transaction and other.rollback())
    writer = Writer()
    try:
        assert writer.run() == "done"
    finally:
        other.close()
        connection.close()
    assert names() == ["try 1"]  # the first try failed at BEGIN


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_CON09_a_real_deadlock(caplog: pytest.LogCaptureFixture) -> None:
    if connection.vendor != "mysql":
        pytest.skip("one writer at a time can't deadlock")
    for name in ("a", "b"):
        Area.objects.create(name=name)
    both_hold_one = threading.Barrier(2)
    tried: set[str] = set()
    done: list[str] = []

    @durable_transaction
    def lock_both(first: str, second: str) -> None:
        Area.objects.select_for_update().get(name=first)
        if first not in tried:
            tried.add(first)
            both_hold_one.wait(10)
        Area.objects.select_for_update().get(name=second)

    def work(first: str, second: str) -> None:
        try:
            lock_both(first, second)
            done.append(first)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=pair) for pair in (("a", "b"), ("b", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(done) == ["a", "b"]
    assert "1213" in caplog.text
