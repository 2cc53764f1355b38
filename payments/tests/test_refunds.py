"""Sending refunds: one number, one amount, money moves once."""

from datetime import timedelta

import pytest
import time_machine
from django.db import DatabaseError, transaction
from django.utils import timezone

from jobs.sweep import sweep_once
from orders.models import Order
from payments import callbacks, refunding
from payments.books.invariants import broken_rules
from payments.books.refunds import CannotRefund, create
from payments.models import Payment, Refund
from tests import alipay, make
from tests.alipay import Gateway
from tests.races import at_once

Status = Refund.Status


@pytest.fixture
def refund(db: None) -> Refund:
    """The full refund of a payment that came after its order was cancelled."""
    payment = make.attempt()
    make.rows(Order).update(status=Order.Status.CANCELED)
    callbacks.receive_notify(alipay.notify_body(payment))
    return make.rows(Refund).get()


def answer(refund: Refund, **node: object) -> bytes:
    values = {"out_trade_no": refund.payment.out_trade_no, "fund_change": "Y", "refund_fee": "300.00", **node}
    return alipay.answer("refund", **values)


def found(refund: Refund, **node: object) -> bytes:
    values = {
        "out_trade_no": refund.payment.out_trade_no,
        "out_request_no": refund.out_request_no,
        "refund_amount": "300.00",
        "refund_status": "REFUND_SUCCESS",
        **node,
    }
    return alipay.answer("fastpay_refund_query", **values)


def sweep_again(refund: Refund) -> str:
    """Sweep again, a day later. Returns the refund's status."""
    refund.refresh_from_db()
    with time_machine.travel((refund.next_try_at or timezone.now()) + timedelta(days=1)):
        sweep_once()
    refund.refresh_from_db()
    return refund.status


def kinds(refund: Refund) -> list[str]:
    return [event.kind for event in refund.payment.order.events.all()]


def test_CON12_USR01_surplus_is_refunded_automatically(refund: Refund, gateway: Gateway) -> None:
    gateway.says["refund"] = answer(refund)
    sweep_once()
    refund.refresh_from_db()
    assert (refund.status, refund.next_try_at) == (Status.DONE, None)
    assert gateway.calls == [
        (
            "refund",
            {
                "out_trade_no": refund.payment.out_trade_no,
                "out_request_no": refund.out_request_no,
                "refund_amount": "300.00",
            },
        )
    ]
    assert kinds(refund) == ["REFUNDED", "REFUND_DUE", "SURPLUS"]
    assert sweep_again(refund) == Status.DONE
    assert len(gateway.calls) == 1
    assert list(broken_rules()) == []


def test_REF02_unanswered_then_queried(refund: Refund, gateway: Gateway) -> None:
    sweep_once()
    refund.refresh_from_db()
    assert refund.status == Status.SENT
    gateway.says["fastpay.refund.query"] = found(refund)
    assert sweep_again(refund) == Status.DONE
    assert gateway.count("refund") == 1


def test_REF02_unanswered_and_unknown_to_alipay_is_sent_again_unchanged(
    refund: Refund, gateway: Gateway
) -> None:
    sweep_once()
    gateway.says["fastpay.refund.query"] = alipay.answer("fastpay_refund_query")
    gateway.says["refund"] = answer(refund)
    assert sweep_again(refund) == Status.DONE
    first, second = (content for method, content in gateway.calls if method == "refund")
    assert first == second


def test_REF02_unanswered_and_of_a_trade_that_alipay_does_not_know_ends_refused(
    refund: Refund, gateway: Gateway
) -> None:
    sweep_once()
    gateway.says["fastpay.refund.query"] = alipay.not_existing("fastpay_refund_query")
    gateway.says["refund"] = alipay.not_existing("refund")
    assert sweep_again(refund) == Status.REFUSED


def refusing(method: str, code: str = "40006") -> bytes:
    return alipay.answer(method, code=code, msg="no", sub_code="isv.insufficient-isv-permissions")


def test_REF02_if_the_query_is_refused_the_same_refund_is_sent_again(
    refund: Refund, gateway: Gateway
) -> None:
    sweep_once()
    gateway.says["fastpay.refund.query"] = refusing("fastpay_refund_query")
    gateway.says["refund"] = answer(refund)
    assert sweep_again(refund) == Status.DONE
    sent = [content for method, content in gateway.calls if method == "refund"]
    assert len(sent) == 2
    assert sent[0] == sent[1]


def test_REF02_if_calls_are_limited_it_is_not_sent_again(refund: Refund, gateway: Gateway) -> None:
    sweep_once()
    gateway.says["fastpay.refund.query"] = refusing("fastpay_refund_query", code="40005")
    gateway.says["refund"] = answer(refund)
    assert sweep_again(refund) == Status.SENT
    assert gateway.count("refund") == 1


def test_REF02_without_an_answer_it_is_queried_and_not_sent_again(refund: Refund, gateway: Gateway) -> None:
    for _ in range(4):
        assert sweep_again(refund) == Status.SENT
    assert gateway.count("refund") == 1
    assert gateway.count("fastpay.refund.query") == 3


@pytest.mark.parametrize("fund_change", ["N", None])
def test_REF03_a_call_that_moved_no_money_is_queried(
    refund: Refund, gateway: Gateway, fund_change: str | None
) -> None:
    node = {} if fund_change is None else {"fund_change": fund_change}
    gateway.says["refund"] = alipay.answer("refund", out_trade_no=refund.payment.out_trade_no, **node)
    sweep_once()
    refund.refresh_from_db()
    assert refund.status == Status.SENT
    gateway.says["fastpay.refund.query"] = found(refund)
    assert sweep_again(refund) == Status.DONE


@pytest.mark.parametrize(
    "wrong", [{"refund_amount": "0.01"}, {"out_request_no": "other_R1"}, {"out_trade_no": "26010100000000_1"}]
)
def test_an_answer_about_another_refund_proves_nothing(
    refund: Refund, gateway: Gateway, wrong: dict[str, str]
) -> None:
    sweep_once()
    gateway.says["fastpay.refund.query"] = found(refund, **wrong)
    assert sweep_again(refund) == Status.SENT


def test_REF06_refused_stays_with_alipays_reason_and_can_be_sent_again(
    refund: Refund, gateway: Gateway
) -> None:
    gateway.says["refund"] = alipay.business_error("refund", "ACQ.SELLER_BALANCE_NOT_ENOUGH")
    sweep_once()
    refund.refresh_from_db()
    assert (refund.status, refund.next_try_at) == (Status.REFUSED, None)
    assert "SELLER_BALANCE_NOT_ENOUGH" in refund.refusal
    assert sweep_again(refund) == Status.REFUSED
    assert gateway.count("refund") == 1
    assert refunding.retry(refund)
    assert not refunding.retry(refund)
    gateway.says["fastpay.refund.query"] = alipay.answer("fastpay_refund_query")
    gateway.says["refund"] = answer(refund)
    assert sweep_again(refund) == Status.DONE
    assert list(broken_rules()) == []


@pytest.mark.parametrize(
    ("sub_code", "code"), [("ACQ.SYSTEM_ERROR", "40004"), ("isv.app-call-limited", "40005")]
)
def test_a_temporary_error_is_no_refusal(refund: Refund, gateway: Gateway, sub_code: str, code: str) -> None:
    gateway.says["refund"] = alipay.business_error("refund", sub_code, code)
    sweep_once()
    refund.refresh_from_db()
    assert refund.status == Status.SENT
    assert refund.next_try_at is not None


def test_REF08_killed_between_sending_and_saving(
    refund: Refund, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway.says["refund"] = answer(refund)

    def die(*args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as killed, pytest.raises(KeyboardInterrupt):
        killed.setattr(refunding, "_conclude", die)
        sweep_once()
    gateway.says["fastpay.refund.query"] = found(refund)
    assert sweep_again(refund) == Status.DONE
    assert gateway.count("refund") == 1
    assert kinds(refund).count("REFUNDED") == 1


def test_a_contradicted_payment_is_not_refunded_automatically(refund: Refund, gateway: Gateway) -> None:
    make.rows(Payment).update(contradicted_at=timezone.now())
    gateway.says["refund"] = answer(refund)
    assert sweep_again(refund) == Status.DUE
    assert gateway.calls == []


@pytest.mark.parametrize("fen", [0, -1])
def test_REF09_refund_of_nothing(refund: Refund, fen: int) -> None:
    with pytest.raises(CannotRefund):
        create(refund.payment, fen, reason=Refund.Reason.SURPLUS)


@pytest.mark.parametrize("fen", [0, -1])
def test_REF09_the_database_refuses_it_as_well(refund: Refund, fen: int) -> None:
    values = {"out_request_no": "x", "amount_fen": fen, "reason": Refund.Reason.STAFF}
    with pytest.raises(DatabaseError), transaction.atomic():
        Refund.objects.create(payment=refund.payment, **values)
    with pytest.raises(DatabaseError), transaction.atomic():
        make.rows(Payment).update(refund_reserved_fen=30001)


def test_REF04_REF05_never_more_than_came_in(refund: Refund) -> None:
    with pytest.raises(CannotRefund):
        create(refund.payment, 1, reason=Refund.Reason.SURPLUS)
    unpaid = make.attempt()
    with pytest.raises(CannotRefund):
        create(unpaid, 30000, reason=Refund.Reason.SURPLUS)
    assert list(broken_rules()) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.race
def test_REF01_two_sweeps_send_a_refund_once(refund: Refund, gateway: Gateway) -> None:
    gateway.says["refund"] = answer(refund)
    at_once(sweep_once, sweep_once, sweep_once, sweep_once)
    assert gateway.count("refund") == 1
    assert kinds(refund).count("REFUNDED") == 1
    assert list(broken_rules()) == []
