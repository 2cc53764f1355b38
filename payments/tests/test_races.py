"""Concurrent requests. Each race has a twin without the guard, which shows the harm."""

import time
from collections.abc import Callable
from itertools import count

import pytest
from django.db.models import F
from django.test import Client
from django.urls import reverse

from core.prepared import Select
from orders.models import Order
from payments import callbacks, checkout, queries
from payments.books import attempts, rows
from payments.books.attempts import Received
from payments.books.invariants import broken_rules
from payments.models import Payment
from tests import alipay, make
from tests.alipay import NOTIFY, Gateway
from tests.races import at_once, at_once_whatever_breaks

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]

FORM = "application/x-www-form-urlencoded; charset=utf-8"


def notify(body: bytes) -> bytes:
    return Client().post(NOTIFY, body, FORM).content


def settled_once(payment: Payment) -> bool:
    payment.refresh_from_db()
    order = make.rows(Order).get(pk=payment.order_id)
    return (
        list(broken_rules()) == []
        and (payment.status, order.status) == ("PAID", Order.Status.WAIT_COMMENT)
        and order.events.count() == 1
    )


@pytest.fixture
def without_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with several writing nodes, which do not see each other's row locks."""
    unlocked = Select(
        lambda value: Order.objects.annotate(live_key=F("live_payment__pk")).filter(
            pk=value(Order, "pk", "key")
        )
    )
    monkeypatch.setattr(rows, "_LOCK_ORDER", unlocked)
    monkeypatch.setattr(rows, "_LOCK_WITH_LIVE", unlocked)


@pytest.fixture
def without_guards(without_locks: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Check, then act: no lock, no compare-and-set, no transaction."""

    def check_then_act(payment: Payment, received: Received) -> bool:
        row = make.rows(Payment).get(pk=payment.pk)
        if row.is_settled:
            return False
        time.sleep(0.1)
        row.status, row.live_for, row.received_fen = Payment.Status.PAID, None, received.amount_fen
        row.save()
        return True

    monkeypatch.setattr(attempts, "_record", check_then_act)
    monkeypatch.setattr(attempts, "settle", attempts.settle.__wrapped__)


def test_NOT03_same_notify_twice() -> None:
    payment = make.attempt()
    body = alipay.notify_body(payment)
    assert [notify(body), notify(body)] == [b"success"] * 2
    assert settled_once(payment)


def test_NOT03_twin_a_claim_that_does_not_compare(monkeypatch: pytest.MonkeyPatch) -> None:
    def claim_without_comparing(payment: Payment, received: Received) -> bool:
        return bool(
            make.rows(Payment).filter(pk=payment.pk).update(status="PAID", received_fen=received.amount_fen)
        )

    monkeypatch.setattr(attempts, "_record", claim_without_comparing)
    payment = make.attempt()
    body = alipay.notify_body(payment)
    notify(body), notify(body)
    assert not settled_once(payment)


@pytest.mark.parametrize("times", [8, 64])
def test_NOT04_same_notify_at_the_same_instant(times: int) -> None:
    payment = make.attempt()
    body = alipay.notify_body(payment)
    assert at_once(*[lambda: notify(body)] * times) == [b"success"] * times
    assert settled_once(payment)


def test_NOT04_the_compare_and_set_decides_without_locks(without_locks: None) -> None:
    payment = make.attempt()
    body = alipay.notify_body(payment)
    answers = at_once(*[lambda: notify(body)] * 8)
    assert b"success" in answers
    assert settled_once(payment)


def test_NOT04_twin_without_guards_money_is_counted_twice(without_guards: None) -> None:
    payment = make.attempt()
    body = alipay.notify_body(payment)
    at_once_whatever_breaks(*[lambda: notify(body)] * 8)
    assert not settled_once(payment)


def return_notify_and_query(payment: Payment) -> list[Callable[[], object]]:
    url, body = alipay.return_url(payment), alipay.notify_body(payment)
    return [
        lambda: Client().get(url).context["state"],
        lambda: notify(body),
        lambda: queries.query_trade(make.rows(Payment).get(pk=payment.pk)),
        lambda: callbacks.receive_notify(body),
    ]


def test_CON01_return_notify_and_query_at_the_same_moment(gateway: Gateway) -> None:
    payment = make.attempt()
    gateway.says["query"] = alipay.paid(payment)
    at_once(*return_notify_and_query(payment) * 2)
    assert settled_once(payment)
    assert gateway.count("query") == 1


def test_CON01_twin_without_guards(gateway: Gateway, without_guards: None) -> None:
    payment = make.attempt()
    gateway.says["query"] = alipay.paid(payment)
    at_once_whatever_breaks(*return_notify_and_query(payment) * 2)
    assert not settled_once(payment)


def press_pay(order: Order) -> str:
    browser = Client()
    browser.force_login(order.renter)
    return browser.post(reverse("payments:pay", args=[order.number])).headers["Location"]


def leads_to_one_attempt(order: Order, times: int) -> bool:
    urls = at_once(*[lambda: press_pay(order)] * times)
    numbers = set(make.rows(Payment).values_list("out_trade_no", flat=True))
    return len(numbers) == 1 and all(
        f"%22out_trade_no%22%3A%22{next(iter(numbers))}%22" in url for url in urls
    )


@pytest.mark.parametrize("times", [2, 8])
def test_CON02_CON03_pay_pressed_at_the_same_instant(times: int) -> None:
    assert leads_to_one_attempt(make.order(), times)


def test_CON02_the_unique_column_decides_without_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orders.models.OrderQuerySet.select_for_update", lambda rows: rows)
    assert leads_to_one_attempt(make.order(), 8)


def test_CON02_twin_without_guards(monkeypatch: pytest.MonkeyPatch) -> None:
    """No lock, no transaction, no unique column: each of eight presses makes another attempt."""
    order, number = make.order(), count(1)

    def make_unguarded(payment: Payment) -> Payment:
        time.sleep(0.1)
        payment.live_for, payment.out_trade_no = None, f"{order.number}_{next(number)}"
        payment.save()
        return payment

    by_key = Select(lambda value: Order.objects.filter(pk=value(Order, "pk", "key")))
    monkeypatch.setattr(checkout, "_LOCK", by_key)
    monkeypatch.setattr(checkout, "_MAKE", make_unguarded)
    monkeypatch.setattr(checkout, "_lock_and_make", checkout._lock_and_make.__wrapped__)
    assert not leads_to_one_attempt(order, 8)
