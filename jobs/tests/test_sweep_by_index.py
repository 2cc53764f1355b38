"""Every statement of a sweep with nothing due finds its rows by an index. MariaDB's own plans tell.

ANALYZE is EXPLAIN after the fact: it tells the rows that were read, where EXPLAIN doesn't know of LIMIT.
"""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from jobs import heartbeat
from jobs.models import Heartbeat
from jobs.sweep import sweep_once
from orders.models import Order, OrderEvent
from payments.models import GatewayMessage, Payment, Refund
from tests import make

pytestmark = [
    pytest.mark.skipif(connection.vendor != "mysql", reason="plans of MariaDB"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.whole_table,
]

LARGE = [model._meta.db_table for model in (Order, OrderEvent, Payment, Refund, GatewayMessage)]
ROWS = 2_000
"""So many that the server prefers an index where there is one."""
READ_AT_MOST = 200
"""Rows of a table; of the large ones, none is due."""


@pytest.fixture
def large_tables() -> None:
    """Copy an order that is over, its event, its paid attempt, a refund that is done and a message."""
    order = make.order(status="COMPLETE", pay_by=None)
    payment = make.attempt(order, status="PAID", live_for=None, received_fen=30000, next_try_at=None)
    OrderEvent.objects.create(order=order, kind="PAID", mail_due_at=None)
    Refund.objects.create(payment=payment, out_request_no="R", amount_fen=1, status="DONE", reason="STAFF")
    GatewayMessage.objects.create(channel="NOTIFY", raw=b"x", signature_ok=True, verdict="SETTLED")
    for table, number in zip(LARGE, ("number", "", "out_trade_no", "out_request_no", ""), strict=True):
        _multiply(table, number)


def _multiply(table: str, number: str) -> None:
    """Copy the one row of a table, each with a key and a number of its own."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE()
            AND table_name = %s AND column_name <> 'id' AND COALESCE(generation_expression, '') = ''
            """,
            [table],
        )
        names = [name for (name,) in cursor.fetchall()]
        values = ["99000000000000 + seq" if name == number else name for name in names]
        into = f"{table} ({', '.join(names)})"
        cursor.execute(f"INSERT INTO {into} SELECT {', '.join(values)} FROM {table}, seq_1_to_{ROWS}")
        cursor.execute(f"ANALYZE TABLE {table}")


def scans(act: Callable[[], object]) -> list[str]:
    """Return the statements that read many rows."""
    sent: dict[str, Any] = {}

    def note(execute: Callable[..., object], sql: str, params: Any, *more: Any) -> object:
        sent.setdefault(sql, params)
        return execute(sql, params, *more)

    with connection.execute_wrapper(note):
        act()
    asked = {sql: params for sql, params in sent.items() if sql.startswith(("SELECT", "UPDATE", "DELETE"))}
    return [sql for sql, params in asked.items() if _reads_many(sql, params)]


def _reads_many(sql: str, params: Any) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {sql}", params)
        rows = [column[0] for column in cursor.description].index("r_rows")
        read = [float(step[rows] or 0) for step in cursor.fetchall()]
    return max(read) > READ_AT_MOST


@pytest.fixture
def first_round(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every periodic task is due: no sweep has claimed it. Staff are told of news."""
    Heartbeat.objects.all().delete()
    monkeypatch.setattr(heartbeat, "_last_beat", {})
    make.user(is_staff=True, is_superuser=True, email="a@example.com")


@pytest.mark.usefixtures("large_tables", "first_round")
def test_a_sweep_with_nothing_due_scans_no_large_table() -> None:
    assert scans(sweep_once) == []


@pytest.mark.usefixtures("large_tables")
def test_twin_a_scan_is_seen() -> None:
    assert len(scans(lambda: list(Order.objects.order_by().filter(guests=99)))) == 1
