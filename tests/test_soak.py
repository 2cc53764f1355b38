"""The soak can fail: a planted loss, a doubled refund or a growth is told."""

import pytest

from benchmarks.renters import Notes
from benchmarks.soak import Flat
from benchmarks.soak_rules import broken
from houses import availability
from orders.models import Order
from payments.models import Payment
from tests import make

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]


class Ledger:
    """The stand-in's, as the control API tells it."""

    def __init__(self, *trades: dict) -> None:
        self._trades = trades

    def trades(self) -> list[dict]:
        return list(self._trades)


@pytest.fixture
def paid() -> Payment:
    order = make.order(status=Order.Status.WAIT_COMMENT)
    availability.hold(order.house, order.check_in, order.check_out, order_number=order.number)
    columns = {
        "status": "PAID",
        "received_fen": 30000,
        "live_for": None,
        "trade_no": "1",
        "evidence": "NOTIFY",
    }
    return make.attempt(order, **columns)


def trade(payment: Payment, fen: int = 30000, *refunds: dict) -> dict:
    return {"out_trade_no": payment.out_trade_no, "received_fen": fen, "refunds": list(refunds)}


def about(payment: Payment, problems: list[str]) -> list[str]:
    return [each for each in problems if payment.order.number in each or "R1" in each]


def test_money_that_is_the_same_on_both_sides_is_well(paid: Payment) -> None:
    notes = Notes(booked={paid.order.number}, paid={paid.out_trade_no})
    problems = list(broken(notes, Ledger(trade(paid))))
    assert [each for each in about(paid, problems) if "received" in each or "gone" in each] == []


@pytest.mark.parametrize(
    ("ledger", "said"),
    [
        (lambda payment: Ledger(), "30000 fen in the books, None at Alipay"),
        (lambda payment: Ledger(trade(payment, 29999)), "30000 fen in the books, 29999 at Alipay"),
        (
            lambda payment: Ledger(trade(payment, 30000, {"out_request_no": "R1", "amount_fen": 5})),
            "None fen in the books, 5 at Alipay",
        ),
    ],
)
def test_another_ledger_is_told(paid: Payment, ledger, said: str) -> None:
    assert any(said in each for each in about(paid, list(broken(Notes(), ledger(paid)))))


def test_what_renters_were_told_and_is_gone_is_told(paid: Payment) -> None:
    notes = Notes(booked={"1"}, paid={"1_1"}, cancelled={paid.order.number}, wrong=["POST /: 500"])
    problems = list(broken(notes, Ledger(trade(paid))))
    assert "POST /: 500" in problems
    assert "order 1 was booked and is gone" in problems
    assert "1_1 was answered success and is not in the books" in problems
    assert f"order {paid.order.number} was cancelled and is WAIT_COMMENT" in problems


def test_nights_that_nobody_holds_are_told(paid: Payment) -> None:
    availability.release(paid.order.number)
    said = f"order {paid.order.number} does not hold its nights"
    assert said in broken(Notes(), Ledger(trade(paid)))


def test_growth_is_told() -> None:
    flat = Flat(0)
    flat.memory, flat.connections = [4, 40, 41, 40, 41, 42, 40, 60], [5, 99]
    assert list(flat.problems()) == [
        "memory of a worker grew from 41 to 60 MiB",
        "99 connections to the database at once",
    ]
    flat.memory, flat.connections = [4, 40, 41, 40, 41, 42, 40, 41], [5, 20]
    assert list(flat.problems()) == []
