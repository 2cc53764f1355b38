"""Cancellation: the preview of the refund, then the attempt, the order, its nights and the money."""

import re
from datetime import date, timedelta

import pytest
from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import timezone

from houses import availability
from houses.models import BookedNight
from houses.refund_policy import share_of
from orders.models import Order
from payments import callbacks, refunding
from payments.books import refunds
from payments.books.invariants import broken_rules
from payments.models import Payment
from tests import alipay, make
from tests.alipay import Gateway
from tests.races import at_once

pytestmark = pytest.mark.django_db

Status = Order.Status


@pytest.fixture
def order() -> Order:
    order = make.order()
    availability.hold(order.house, order.check_in, order.check_out, order_number=order.number)
    return order


@pytest.fixture
def renter(order: Order, client: Client) -> Client:
    client.force_login(order.renter)
    client.cookies["django_language"] = "en"
    return client


def address(order: Order) -> str:
    return reverse("payments:cancel", args=[order.number])


def cancel(browser: Client, order: Order, agreed_fen: int) -> int:
    """Press the button of the preview. Returns the HTTP status."""
    return browser.post(address(order), {"comes_back_fen": agreed_fen}).status_code


def hidden_fields(page: HttpResponse) -> list[tuple[str, str]]:
    return re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page.content.decode())


def pay(order: Order) -> Payment:
    payment = make.attempt(order)
    assert callbacks.receive_notify(alipay.notify_body(payment))
    return payment


TODAY = date(2026, 11, 22)


@pytest.mark.parametrize(
    ("policy", "days", "fen"),
    [
        ("FLEXIBLE", 1, 30001),
        ("FLEXIBLE", 0, 0),
        ("MODERATE", 5, 30001),
        ("MODERATE", 4, 15000),
        ("STRICT", 7, 15000),
        ("STRICT", 6, 0),
    ],
)
def test_each_policy_refunds_its_share(policy: str, days: int, fen: int) -> None:
    assert share_of(policy, 30001, TODAY + timedelta(days=days), TODAY) == fen


def test_an_unpaid_order(renter: Client, order: Order, gateway: Gateway) -> None:
    page = renter.get(address(order))
    assert page.context["preview"].received_fen == 0
    assert order.events.count() == 0
    assert cancel(renter, order, 0) == 302
    order.refresh_from_db()
    assert (order.status, order.events.get().actor) == (Status.CANCELED, order.renter)
    assert not make.rows(BookedNight).exists()
    assert list(broken_rules()) == []


def test_a_paid_order_shows_and_gives_back_what_its_policy_says(renter: Client, order: Order) -> None:
    make.rows(Order).update(refund_policy="STRICT")
    payment = pay(order)
    page = renter.get(address(order))
    assert "￥150.00" in page.content.decode()
    assert cancel(renter, order, 15000) == 302
    order.refresh_from_db()
    assert order.status == Status.CANCELED
    assert (payment.refunds.get().amount_fen, payment.refunds.get().reason) == (15000, "CANCELED")
    assert [event.kind for event in order.events.all()] == ["REFUND_DUE", "CANCELED", "PAID"]
    assert not make.rows(BookedNight).exists()
    assert list(broken_rules()) == []


def test_the_cleaning_fee_and_what_of_it_comes_back_are_named(renter: Client, order: Order) -> None:
    lines = [
        {"kind": "nights", "fen": 22000, "each_fen": 11000, "count": 2},
        {"kind": "cleaning", "fen": 8000},
    ]
    make.rows(Order).update(refund_policy="STRICT", price_lines=lines)
    pay(order)
    html = renter.get(address(order)).content.decode()
    for shown in ("Refund for the nights", "￥110.00", "Refund for the cleaning fee", "￥80.00", "￥190.00"):
        assert shown in html
    assert "for half the price, after that for none." in html
    make.rows(Order).update(check_in=timezone.localdate() + timedelta(days=2))
    html = renter.get(address(order)).content.decode()
    assert "A cancellation is not refunded. Until the day before check-in" in html
    assert "Refund for the nights" not in html
    assert cancel(renter, order, 8000) == 302


def test_only_what_applies_is_said(renter: Client, order: Order) -> None:
    may_come = "If a payment is still on its way"
    assert may_come not in renter.get(address(order)).content.decode()
    payment = make.attempt(order)
    assert may_come in renter.get(address(order)).content.decode()
    assert callbacks.receive_notify(alipay.notify_body(payment))
    html = renter.get(address(order)).content.decode()
    assert "Not refunded" not in html
    assert may_come not in html
    make.rows(Order).update(refund_policy="STRICT")
    assert "Not refunded" in renter.get(address(order)).content.decode()


def test_another_sum_than_was_agreed_to_is_shown_again(renter: Client, order: Order) -> None:
    pay(order)
    for agreed in (0, 15000, "x", ""):
        assert cancel(renter, order, agreed) == 200
    order.refresh_from_db()
    assert order.status == Status.WAIT_COMMENT
    assert make.rows(BookedNight).count() == 2


def test_REF10_a_proposal_takes_nothing_from_what_cancelling_owes(renter: Client, order: Order) -> None:
    """It may never be approved, and the renter does not see it."""
    payment, staff = pay(order), make.user(is_staff=True)
    number = refunds.next_number(payment)
    with override_settings(STAFF_REFUND_LIMIT_FEN=0):
        proposal = refunding.request_refund(payment, 10000, number=number, by=staff, explanation="x")
    page = renter.get(address(order))
    assert "Refunded earlier" not in page.content.decode()
    assert dict(hidden_fields(page))["comes_back_fen"] == "30000"
    assert cancel(renter, order, 30000) == 302
    proposal.refresh_from_db()
    (refund,) = payment.refunds.exclude(pk=proposal.pk)
    assert (proposal.status, refund.status, refund.amount_fen) == ("GIVEN_UP", "DUE", 30000)
    with pytest.raises(refunds.CannotRefund):
        refunding.approve(proposal, by=make.user(is_staff=True))
    assert list(broken_rules()) == []


def test_REF10_a_proposal_for_which_enough_is_left_stays_with_staff(renter: Client, order: Order) -> None:
    make.rows(Order).update(refund_policy="STRICT", check_in=timezone.localdate() + timedelta(days=2))
    payment, staff = pay(order), make.user(is_staff=True)
    number = refunds.next_number(payment)
    with override_settings(STAFF_REFUND_LIMIT_FEN=0):
        proposal = refunding.request_refund(payment, 25000, number=number, by=staff, explanation="no heating")
    assert cancel(renter, order, 0) == 302
    refunding.approve(proposal, by=make.user(is_staff=True))
    assert list(payment.refunds.values_list("status", "amount_fen")) == [("DUE", 25000)]
    assert list(broken_rules()) == []


def test_CON04_paid_at_alipay_meanwhile_settles_first(renter: Client, order: Order, gateway: Gateway) -> None:
    payment = make.attempt(order)
    gateway.says["query"] = alipay.paid(payment)
    assert cancel(renter, order, 0) == 200
    order.refresh_from_db()
    assert order.status == Status.WAIT_COMMENT
    assert cancel(renter, order, 30000) == 302
    assert payment.refunds.get().amount_fen == 30000
    assert list(broken_rules()) == []


def test_CON04_paid_meanwhile_and_by_policy_nothing_comes_back(
    renter: Client, order: Order, gateway: Gateway
) -> None:
    make.rows(Order).update(refund_policy="STRICT", check_in=timezone.localdate() + timedelta(days=3))
    payment = make.attempt(order)
    shown = renter.get(address(order))
    assert "You were not charged" in shown.content.decode()
    gateway.says["query"] = alipay.paid(payment)
    form = {name: value for name, value in hidden_fields(shown) if name.endswith("_fen")}
    assert renter.post(address(order), form).status_code == 200
    order.refresh_from_db()
    assert order.status == Status.WAIT_COMMENT


def test_CON04_the_live_attempt_is_closed_first(renter: Client, order: Order, gateway: Gateway) -> None:
    payment = make.attempt(order)
    gateway.says["query"] = alipay.waiting(payment)
    gateway.says["close"] = alipay.answer("close", out_trade_no=payment.out_trade_no)
    assert cancel(renter, order, 0) == 302
    payment.refresh_from_db()
    assert (payment.status, payment.live_for) == ("CLOSED", None)
    assert [method for method, _ in gateway.calls] == ["query", "close"]


def test_USR01_alipay_is_silent_and_the_money_comes_later(
    renter: Client, order: Order, gateway: Gateway
) -> None:
    payment = make.attempt(order)
    assert cancel(renter, order, 0) == 302
    payment.refresh_from_db()
    assert (payment.status, payment.live_for) == ("OPEN", None)
    assert payment.next_try_at <= timezone.now()
    assert callbacks.receive_notify(alipay.notify_body(payment))
    payment.refresh_from_db()
    assert (payment.status, payment.refunds.get().amount_fen) == ("SURPLUS", 30000)
    assert list(broken_rules()) == []


@pytest.mark.parametrize("status", [Status.CANCELED, Status.REJECTED])
def test_an_order_that_is_over(renter: Client, order: Order, status: str) -> None:
    make.rows(Order).update(status=status)
    assert renter.get(address(order)).status_code == 302
    assert cancel(renter, order, 0) == 302
    assert order.events.count() == 0


def test_a_stay_that_has_begun(renter: Client, order: Order) -> None:
    make.rows(Order).update(status=Status.WAIT_COMMENT, check_in=timezone.localdate())
    assert renter.get(address(order)).status_code == 302
    assert cancel(renter, order, 0) == 302
    order.refresh_from_db()
    assert order.status == Status.WAIT_COMMENT


def test_signed_out_one_comes_back_to_what_cancelling_brings_back(client: Client, order: Order) -> None:
    for answer in (client.get(address(order)), client.post(address(order))):
        assert answer["Location"] == f"{reverse('accounts:login')}?next={address(order)}"


def test_USR06_another_renters_order(client: Client, order: Order) -> None:
    client.force_login(make.user())
    assert client.get(address(order)).status_code == 404
    assert cancel(client, order, 0) == 404


def test_SEC01_SEC02_looking_changes_nothing_and_no_token_no_cancelling(order: Order) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(order.renter)
    assert browser.get(address(order)).status_code == 200
    assert cancel(browser, order, 0) == 403
    order.refresh_from_db()
    assert order.status == Status.WAIT_PAYMENT


@pytest.mark.django_db(transaction=True)
@pytest.mark.race
def test_CON04_cancelled_twice_and_paid_at_the_same_moment(gateway: Gateway) -> None:
    for _ in range(4):
        order = make.order()
        payment = make.attempt(order)
        body = alipay.notify_body(payment)
        browser = Client()
        browser.force_login(order.renter)
        at_once(
            lambda browser=browser, order=order: cancel(browser, order, 0),
            lambda browser=browser, order=order: cancel(browser, order, 30000),
            lambda body=body: callbacks.receive_notify(body),
        )
        assert list(broken_rules()) == []
