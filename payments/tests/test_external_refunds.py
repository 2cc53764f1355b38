"""Refunds made by hand in Alipay's console: reported by a notice, queried, recorded once."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from demo.keys import make_demo_keys
from orders.models import Order
from payments import callbacks, checkout, refunding
from payments.books.invariants import broken_rules
from payments.books.refunds import create, mark_sent, record_external
from payments.models import GatewayMessage, Payment, Refund
from payments.page_state import page_of
from standin import StandIn
from standin.tests.merchant import fetch
from tests import alipay, make
from tests.alipay import Gateway
from tests.races import at_once

pytestmark = pytest.mark.django_db

Status = Refund.Status
Verdict = GatewayMessage.Verdict
BY_HAND = "20261123-by_hand"


@pytest.fixture
def payment() -> Payment:
    payment = make.attempt()
    assert callbacks.receive_notify(alipay.notify_body(payment))
    payment.refresh_from_db()
    return payment


def notice(payment: Payment, fen: str = "100.00", number: str | None = BY_HAND, **changes: str) -> bytes:
    fields = {"refund_fee": fen, "gmt_refund": "2026-11-23 10:00:00.123", "out_biz_no": number, **changes}
    return alipay.notify_body(payment, **fields)


def alipay_knows(gateway: Gateway, payment: Payment, number: str = BY_HAND, yuan: str = "100.00") -> None:
    node = {"out_trade_no": payment.out_trade_no, "out_request_no": number, "refund_amount": yuan}
    gateway.says["fastpay.refund.query"] = alipay.answer(
        "fastpay_refund_query", refund_status="REFUND_SUCCESS", **node
    )


def verdict() -> str:
    return make.rows(GatewayMessage).filter(channel="NOTIFY").order_by("-id")[0].verdict


def kinds(payment: Payment) -> list[str]:
    return [event.kind for event in payment.order.events.all()]


def test_REF07_NOT21_is_queried_and_recorded_once(payment: Payment, gateway: Gateway) -> None:
    alipay_knows(gateway, payment)
    for _ in range(3):
        assert callbacks.receive_notify(notice(payment))
    refund = payment.refunds.get()
    assert (refund.out_request_no, refund.amount_fen, refund.status) == (BY_HAND, 10000, Status.DONE)
    assert (refund.reason, refund.done_at is not None) == (Refund.Reason.EXTERNAL, True)
    assert gateway.count("fastpay.refund.query") == 1
    payment.refresh_from_db()
    assert (payment.status, payment.refund_reserved_fen) == ("PAID", 10000)
    assert payment.order.status == Order.Status.WAIT_COMMENT
    assert verdict() == Verdict.KNOWN
    assert kinds(payment) == ["REFUNDED", "PAID"]
    assert page_of(payment).state == "paid"
    assert list(broken_rules()) == []


def test_REF07_a_full_refund_without_a_number_has_the_trades(payment: Payment, gateway: Gateway) -> None:
    alipay_knows(gateway, payment, payment.out_trade_no, "300.00")
    assert callbacks.receive_notify(notice(payment, "300.00", None, trade_status="TRADE_CLOSED"))
    assert payment.refunds.get().out_request_no == payment.out_trade_no
    payment.order.refresh_from_db()
    assert payment.order.status == Order.Status.WAIT_COMMENT
    payment.refresh_from_db()
    assert page_of(payment).state == "refunded"


def test_REF07_a_late_repetition_of_the_sum_is_no_news(payment: Payment, gateway: Gateway) -> None:
    record_external(payment, BY_HAND, 10000)
    assert callbacks.receive_notify(notice(payment, number=None, trade_status="TRADE_FINISHED"))
    assert verdict() == Verdict.KNOWN
    assert gateway.calls == []


def test_REF07_a_notice_alone_proves_nothing(payment: Payment, gateway: Gateway) -> None:
    said = (
        alipay.answer("fastpay_refund_query"),
        alipay.answer("fastpay_refund_query", refund_status="REFUND_SUCCESS"),
        b"",
        alipay.business_error("fastpay_refund_query", "ACQ.SYSTEM_ERROR"),
    )
    for answer in said:
        gateway.says["fastpay.refund.query"] = answer
        assert callbacks.receive_notify(notice(payment))
        assert verdict() == Verdict.REFUND_NOTICE
    assert not make.rows(Refund).exists()


def test_REF07_of_a_payment_that_was_never_reported(gateway: Gateway) -> None:
    payment = make.attempt()
    gateway.says["query"] = alipay.paid(payment)
    alipay_knows(gateway, payment)
    assert callbacks.receive_notify(notice(payment))
    payment.refresh_from_db()
    assert (payment.status, payment.refund_reserved_fen) == ("PAID", 10000)
    assert list(broken_rules()) == []


def test_NOT20_of_a_closed_payment_that_was_never_reported(gateway: Gateway) -> None:
    payment = make.attempt()
    gateway.says["query"] = alipay.closed(payment)
    alipay_knows(gateway, payment, yuan="300.00")
    assert callbacks.receive_notify(notice(payment, "300.00", trade_status="TRADE_CLOSED"))
    assert verdict() == Verdict.REFUND_NOTICE
    assert not make.rows(Refund).exists()


def test_NOT21_one_of_ours_is_brought_to_its_end(payment: Payment, gateway: Gateway) -> None:
    refund = create(payment, 10000, reason=Refund.Reason.CANCELED)
    mark_sent(refund)
    assert callbacks.receive_notify(notice(payment, number=refund.out_request_no))  # Alipay can't be asked
    assert verdict() == Verdict.KNOWN
    refund.refresh_from_db()
    assert refund.status == Status.SENT
    alipay_knows(gateway, payment, refund.out_request_no)
    assert callbacks.receive_notify(notice(payment, number=refund.out_request_no))
    refund.refresh_from_db()
    assert refund.status == Status.DONE
    assert kinds(payment).count("REFUNDED") == 1
    asked = gateway.count("fastpay.refund.query")
    assert callbacks.receive_notify(notice(payment, number=refund.out_request_no))
    assert gateway.count("fastpay.refund.query") == asked


def test_REF07_one_of_ours_that_was_given_up_counts_again(payment: Payment, gateway: Gateway) -> None:
    refund = create(payment, 10000, reason=Refund.Reason.CANCELED)
    make.rows(Refund).update(status=Status.GIVEN_UP)
    make.rows(Payment).update(refund_reserved_fen=0)
    assert record_external(payment, refund.out_request_no, 10000)
    payment.refresh_from_db()
    assert (payment.refunds.get().status, payment.refund_reserved_fen) == (Status.DONE, 10000)
    assert list(broken_rules()) == []


def test_REF07_more_than_is_left_stays_for_staff_until_it_fits(
    payment: Payment, gateway: Gateway, client: Client
) -> None:
    """Alipay had refused ours, and staff refunded by hand: that one fits once ours is given up."""
    ours = create(payment, 30000, reason=Refund.Reason.CANCELED)
    make.rows(Refund).update(status=Status.REFUSED)
    alipay_knows(gateway, payment)
    assert callbacks.receive_notify(notice(payment))
    assert verdict() == Verdict.REFUND_NOTICE
    client.force_login(make.user(is_staff=True, is_superuser=True))
    message = make.rows(GatewayMessage).get(verdict=Verdict.REFUND_NOTICE)
    chosen = {"action": "look_again", "_selected_action": [str(message.pk)]}
    client.post(reverse("admin:payments_gatewaymessage_changelist"), chosen)
    assert verdict() == Verdict.REFUND_NOTICE
    make.rows(Refund).filter(pk=ours.pk).update(status=Status.GIVEN_UP)
    make.rows(Payment).update(refund_reserved_fen=0)
    client.post(reverse("admin:payments_gatewaymessage_changelist"), chosen)
    assert verdict() == Verdict.KNOWN
    assert payment.refunds.get(reason="EXTERNAL").amount_fen == 10000
    assert list(broken_rules()) == []


def test_REF07_a_notice_under_a_key_that_alipay_has_replaced_stays_for_staff(
    payment: Payment, gateway: Gateway, settings: Settings, tmp_path: Path
) -> None:
    assert callbacks.receive_notify(notice(payment))
    make_demo_keys(tmp_path / "new")
    settings.ALIPAY_PUBLIC_KEY_PATH = str(tmp_path / "new" / "alipay_public_key.pem")
    assert not callbacks.retry_refund_notice(make.rows(GatewayMessage).get(verdict=Verdict.REFUND_NOTICE))
    assert verdict() == Verdict.REFUND_NOTICE


@pytest.mark.parametrize("number", ["", "x" * 65, "a b", "ａ", "a\x00", "a\n"])
def test_REF07_a_number_that_no_column_holds(payment: Payment, number: str) -> None:
    assert not record_external(payment, number, 10000)
    assert not make.rows(Refund).exists()


@pytest.mark.parametrize("fen", [0, -1, 30001])
def test_REF07_REF09_an_amount_that_does_not_fit(payment: Payment, fen: int) -> None:
    assert not record_external(payment, BY_HAND, fen)
    assert not make.rows(Refund).exists()


def test_REF07_DBX09_numbers_that_some_databases_find_equal(payment: Payment, gateway: Gateway) -> None:
    assert record_external(payment, "Console_1", 1)
    assert not record_external(payment, "console_1", 2)
    assert not refunding.confirm(payment, "console_1")
    assert record_external(payment, "Console_1", 1)
    assert not record_external(payment, "Console_1", 2)
    assert payment.refunds.get().amount_fen == 1


def test_REF07_the_same_number_of_two_trades(payment: Payment) -> None:
    other = make.attempt()
    callbacks.receive_notify(alipay.notify_body(other, trade_no="2026112222001400009999999999"))
    assert record_external(payment, "1", 100)
    assert record_external(other, "1", 200)
    assert list(broken_rules()) == []


def test_a_number_of_ours_that_the_console_had_is_not_used_again(payment: Payment) -> None:
    record_external(payment, f"{payment.out_trade_no}_r2", 1)
    numbers = [create(payment, 1, reason=Refund.Reason.STAFF).out_request_no for _ in range(2)]
    assert numbers == [f"{payment.out_trade_no}_R1", f"{payment.out_trade_no}_R3"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.race
def test_REF07_reported_eight_times_at_once(payment: Payment) -> None:
    def by_hand() -> bool:
        return record_external(make.rows(Payment).get(pk=payment.pk), BY_HAND, 20000)

    acts: list[Callable[[], bool]] = [by_hand] * 8
    recorded = at_once(*acts)
    assert recorded == [True] * 8
    assert payment.refunds.get().amount_fen == 20000
    assert kinds(payment).count("REFUNDED") == 1
    assert list(broken_rules()) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("whole", [False, True])
def test_REF07_refunded_at_the_stand_in(standin: StandIn, whole: bool) -> None:
    """Two parts with numbers from its console, or the full amount without a number."""
    standin.fault("notify.lost")
    order = make.order()
    assert fetch(checkout.press_pay(order, Payment.Product.PAGE)).status == 302
    payment = order.payments.get()
    standin.pay(payment.out_trade_no)
    assert callbacks.receive_notify(standin.signed_notify(payment.out_trade_no).encode())
    for number, fen in [("", None)] if whole else [("1", 10000), ("2", 20000)]:
        standin.refund(payment.out_trade_no, fen, number)
        assert callbacks.receive_notify(standin.signed_notify(payment.out_trade_no).encode())
    payment.refresh_from_db()
    order.refresh_from_db()
    assert (payment.status, order.status, payment.refundable_fen) == ("PAID", Order.Status.WAIT_COMMENT, 0)
    assert set(payment.refunds.values_list("status", "reason")) == {("DONE", "EXTERNAL")}
    assert verdict() == Verdict.KNOWN
    assert list(broken_rules()) == []
