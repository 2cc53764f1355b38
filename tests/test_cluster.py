"""Several database nodes: statements that Galera may repeat, the count of make chaos, deploy/cluster/."""

import re
from types import ModuleType
from typing import Any

import pytest
from django.db import connection
from django.db.backends.mysql import compiler as djangos

from deploy.cluster import counting, places
from deploy.cluster.counting import Acknowledged, Books
from houses.models import Area
from ihome_site.mariadb import compiler as ours


@pytest.mark.skipif("connection.vendor != 'mysql'", reason="SQLite is one node")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("compiler", "is_safe"), [(ours, True), (djangos, False)])
def test_an_insert_that_returns_values_is_in_a_transaction(
    monkeypatch: pytest.MonkeyPatch, compiler: ModuleType, is_safe: bool
) -> None:
    """Galera repeats what stands alone, after its answer. The twin has Django's compiler."""
    sent: list[tuple[bool, bool]] = []

    def note(execute: Any, sql: str, params: object, many: bool, context: dict[str, Any]) -> object:
        if sql.startswith("INSERT"):
            sent.append((" RETURNING " in sql, connection.in_atomic_block))
        return execute(sql, params, many, context)

    monkeypatch.setattr(connection.ops, "_cache", compiler)
    with connection.execute_wrapper(note):
        assert Area.objects.create(name="Xiamen").pk
    assert sent == [(True, is_safe)]


# --- Counting -------------------------------------------------------------------------------------

TOLD = Acknowledged(booked={"1", "2", "3"}, paid={"2", "3"}, cancelled={"3"})
ORDERS = [
    ("1", "WAIT_PAYMENT", 1, 1, "05-01"),
    ("2", "WAIT_COMMENT", 1, 1, "05-03"),
    ("3", "CANCELED", 1, 1, "05-01"),
]
REVIVED = ("3", "WAIT_COMMENT", 1, 1, "05-05")
PAYMENTS = [("2_1", "PAID", 100), ("3_1", "PAID", 100)]
REFUNDS = [("3_1", "3_1_R1", 100, "DONE")]
BACK = {"out_request_no": "3_1_R1", "amount_fen": 100}
TRADES = [
    {"out_trade_no": "2_1", "received_fen": 100, "refunds": []},
    {"out_trade_no": "3_1", "received_fen": 100, "refunds": [BACK]},
]


def counted(books: Books, trades: list[dict[str, Any]]) -> list[str]:
    return [
        *counting.lost(TOLD, books, trades),
        *counting.doubled(books, trades),
        *counting.unsettled(books, trades),
    ]


def test_nothing_is_lost_or_doubled_when_all_agree() -> None:
    assert counted(Books(ORDERS, PAYMENTS, REFUNDS), TRADES) == []


@pytest.mark.parametrize(
    ("books", "trades", "said"),
    [
        (Books(ORDERS[1:], PAYMENTS, REFUNDS), TRADES, "order 1 was booked and is gone"),
        (Books(ORDERS, PAYMENTS[1:], REFUNDS), TRADES, "order 2 was paid and is not"),
        (Books([*ORDERS[:2], REVIVED], PAYMENTS, REFUNDS), TRADES, "was cancelled and is WAIT_COMMENT"),
        (Books([*ORDERS, ("4", *ORDERS[0][1:])], PAYMENTS, REFUNDS), TRADES, "is booked 2 times"),
        (Books(ORDERS, [*PAYMENTS, ("2_2", "PAID", 100)], REFUNDS), TRADES, "order 2 is paid 2 times"),
        (Books(ORDERS, PAYMENTS, [*REFUNDS, ("2_1", "2_1_R1", 5, "DONE")]), TRADES, "5 fen in the books"),
        (Books(ORDERS, PAYMENTS, []), TRADES, "100 at Alipay"),
        (Books(ORDERS, PAYMENTS, [*REFUNDS, ("2_1", "2_1_R1", 5, "SENT")]), TRADES, "is not sent"),
        (Books(ORDERS, [("2_1", "PAID", 90), PAYMENTS[1]], REFUNDS), TRADES, "the books less"),
    ],
)  # fmt: skip
def test_what_is_lost_or_doubled_is_told(books: Books, trades: list[dict[str, Any]], said: str) -> None:
    assert said in " ".join(counted(books, trades))


# --- Files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        ({"wsrep_ready": "ON", "wsrep_local_state": "4"}, ""),
        ({"wsrep_ready": "OFF", "wsrep_local_state": "4"}, "not ready"),
        ({"wsrep_ready": "ON", "wsrep_local_state": "2"}, "not in step: wsrep_local_state is 2"),
        ({}, "not ready"),
    ],
)
def test_only_a_node_that_is_ready_and_in_step_takes_writes(status: dict[str, str], fault: str) -> None:
    fault_of = pytest.importorskip("deploy.cluster.galera_check").fault_of  # `make unit` has no MySQLdb
    assert fault_of(status).startswith(fault) and bool(fault_of(status)) == bool(fault)


def test_the_local_cluster_runs_the_operators_files_with_its_addresses() -> None:
    node = places.filled("galera.cnf", 2)
    assert re.search(r"^bind-address\s+= 127\.0\.0\.12$", node, re.M)
    assert re.search(r"^wsrep-node-name\s+= node2$", node, re.M)
    assert "gcomm://127.0.0.11,127.0.0.12,127.0.0.13" in node
    assert "listen_addr=tcp://127.0.0.12:4567; ist.recv_addr=127.0.0.12:4568" in node
    assert "bind 127.0.0.12:3307" in places.filled("haproxy.cfg", 2)
    assert "server node3 127.0.0.13:3306 check backup" in places.filled("haproxy.cfg", 2)
    for file in ("galera.cnf", "haproxy.cfg", "redis.conf", "nginx-sites.conf"):
        assert "10.0.0." not in places.filled(file)
