"""Page and card of an order to pay: payment not begun, begun, being confirmed."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from orders.models import Order
from payments.models import GatewayMessage, Payment
from tests import alipay, make
from tests.alipay import Gateway

pytestmark = pytest.mark.django_db

LIST = "/orders/"
CONFIRMING = "We're confirming your payment"
NOT_PAID = "Payment not received yet"
UNKNOWN = "No payment result yet"


@pytest.fixture
def payment() -> Payment:
    return make.attempt()


@pytest.fixture
def renter(payment: Payment, client: Client) -> Client:
    client.force_login(payment.order.renter)
    client.cookies["django_language"] = "en"
    return client


def come_back(renter: Client, payment: Payment, gateway: Gateway) -> None:
    """Send a genuine return from Alipay, while Alipay's query still says waiting."""
    gateway.says["query"] = alipay.waiting(payment)
    assert renter.get(alipay.return_url(payment)).context["state"] == "confirming"


def page_of(renter: Client, order: Order) -> str:
    return renter.get(order.get_absolute_url()).content.decode()


def pay_buttons(html: str) -> list[str]:
    """Return the labels of the buttons that lead to Alipay."""
    forms = re.findall(r'<form method="post" action="/payments/\d+/pay/".*?</form>', html, re.DOTALL)
    own = [form for form in forms if 'name="another"' not in form]
    return [re.findall(r">([^<>]+)</button>", form)[0] for form in own]


def test_a_payment_that_is_being_confirmed_is_not_asked_for_again(
    renter: Client, payment: Payment, gateway: Gateway
) -> None:
    order = payment.order
    come_back(renter, payment, gateway)
    html = page_of(renter, order)
    assert CONFIRMING in html
    assert "You don't need to pay again. This page updates by itself." in html
    assert "I've paid, check now" in html
    assert NOT_PAID not in html
    assert 'data-mark="confirming"' in html
    assert "with-action" not in html
    assert "Pay with another Alipay account" not in html
    assert pay_buttons(html) == ["I haven't paid yet, go to Alipay"]
    assert '<noscript><meta http-equiv="refresh"' in html
    card = renter.get(LIST).content.decode()
    assert CONFIRMING in card
    assert pay_buttons(card) == []


def test_an_unpaid_renter_can_still_go_to_alipay(renter: Client, payment: Payment, gateway: Gateway) -> None:
    come_back(renter, payment, gateway)
    assert renter.post(f"/payments/{payment.order.number}/pay/").status_code == 302
    assert make.rows(Payment).count() == 1


@pytest.mark.parametrize("left", [timedelta(seconds=30), timedelta(seconds=-1)])
def test_near_the_deadline_and_past_it_the_payment_is_still_being_confirmed(
    renter: Client, payment: Payment, gateway: Gateway, left: timedelta
) -> None:
    come_back(renter, payment, gateway)
    make.rows(Order).update(pay_by=timezone.now() + left)
    html = page_of(renter, payment.order)
    assert CONFIRMING in html
    assert pay_buttons(html) == []


def test_the_verdict_of_alipay_ends_confirming(renter: Client, payment: Payment, gateway: Gateway) -> None:
    come_back(renter, payment, gateway)
    make.rows(Payment).update(asked_at=None)
    gateway.says["query"] = alipay.closed(payment)
    renter.post(f"/payments/{payment.order.number}/check/")
    assert CONFIRMING not in page_of(renter, payment.order)
    assert CONFIRMING not in renter.get(LIST).content.decode()


def test_a_forged_return_confirms_nothing(renter: Client, payment: Payment) -> None:
    forged = alipay.return_url(payment).replace("sign=", "sign=A")
    renter.get(forged)
    for html in (page_of(renter, payment.order), renter.get(LIST).content.decode()):
        assert CONFIRMING not in html


def test_an_order_without_an_attempt_has_a_pay_button(renter: Client) -> None:
    order = make.order(make.rows(Order).get().renter)
    html = page_of(renter, order)
    assert NOT_PAID not in html
    assert pay_buttons(html) == ["Pay"]
    assert "I've paid, check now" not in html


def check(renter: Client, payment: Payment) -> None:
    make.rows(Payment).update(asked_at=None)  # it may be asked about again
    renter.post(f"/payments/{payment.order.number}/check/")


def main_button(html: str) -> str:
    """Return the label of the button in the action bar."""
    return re.findall(r">([^<>]+)</button>", html.split('class="action-bar')[1])[0]


def assert_result_is_unknown(html: str) -> None:
    assert UNKNOWN in html
    assert NOT_PAID not in html
    assert main_button(html) == "I've paid, check now"
    assert pay_buttons(html) == ["Continue payment"]
    assert html.index("I've paid, check now") < html.index("Continue payment")
    assert html.count("I've paid, check now") == html.count("data-check") == 1
    assert re.search(r'<button class="button quiet full">Continue payment<', html)
    assert 'data-mark="unknown"' in html


def test_T2_without_a_word_from_alipay_checking_comes_before_paying_again(
    renter: Client, payment: Payment, gateway: Gateway
) -> None:
    """The browser came back with nothing, no notice came, and Alipay is silent, or not asked yet."""
    renter.get("/payments/paycomplete/")
    assert_result_is_unknown(page_of(renter, payment.order))
    check(renter, payment)
    assert_result_is_unknown(page_of(renter, payment.order))


@pytest.mark.parametrize(
    "says",
    [b"", b"<html>busy</html>", b'{"alipay_trade_query_response":{}}', "20000", "waiting"],
)
def test_T2_an_answer_that_is_none_leaves_the_result_unknown(
    renter: Client, payment: Payment, gateway: Gateway, says: bytes | str
) -> None:
    """Also one about an earlier query: the renter may have paid since."""
    if says == "waiting":
        gateway.says["query"] = alipay.waiting(payment)
        check(renter, payment)
        gateway.says.clear()
    else:
        unknown = alipay.answer("query", code="20000", msg="Service Currently Unavailable")
        gateway.says["query"] = unknown if says == "20000" else says
    check(renter, payment)
    assert_result_is_unknown(page_of(renter, payment.order))


def test_T2_once_alipay_says_that_it_is_not_paid_paying_comes_first(
    renter: Client, payment: Payment, gateway: Gateway
) -> None:
    for says in (alipay.waiting(payment), alipay.not_existing()):
        gateway.says["query"] = says
        check(renter, payment)
        html = page_of(renter, payment.order)
        assert UNKNOWN not in html
        assert NOT_PAID in html
        assert main_button(html) == "Continue payment"


def test_T2_a_payment_that_is_being_confirmed_or_can_no_longer_be_made_is_not_unknown(
    renter: Client, payment: Payment, gateway: Gateway
) -> None:
    come_back(renter, payment, gateway)
    assert UNKNOWN not in page_of(renter, payment.order)
    make.rows(GatewayMessage).all().delete()
    make.rows(Order).update(pay_by=timezone.now() + timedelta(seconds=30))
    html = page_of(renter, payment.order)
    assert UNKNOWN not in html
    assert "I've paid, check now" in html
    assert pay_buttons(html) == []


def test_a_renter_who_comes_back_unpaid_can_continue(
    renter: Client, payment: Payment, gateway: Gateway
) -> None:
    gateway.says["query"] = alipay.waiting(payment)
    check(renter, payment)
    html = page_of(renter, payment.order)
    assert NOT_PAID in html
    assert 'data-mark="unpaid"' in html  # read by the same page in another tab
    assert pay_buttons(html) == ["Continue payment"]
    assert "I've paid, check now" in html


@pytest.mark.parametrize("returned", [True, False])
@pytest.mark.parametrize("attempts", [1, 12])
def test_the_page_of_an_order_to_pay_takes_the_same_number_of_queries_however_often_it_was_begun(
    renter: Client,
    payment: Payment,
    gateway: Gateway,
    attempts: int,
    returned: bool,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    if returned:
        come_back(renter, payment, gateway)
    for _ in range(attempts - 1):
        make.attempt(payment.order, live_for=None)
    with django_assert_num_queries(7):
        page_of(renter, payment.order)


def test_a_card_takes_no_query_for_it(
    renter: Client,
    payment: Payment,
    gateway: Gateway,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    come_back(renter, payment, gateway)
    for _ in range(8):
        make.order(payment.order.renter)
        make.attempt(make.order(payment.order.renter))
    with django_assert_max_num_queries(5):
        html = renter.get(LIST).content.decode()
    assert html.count(CONFIRMING) == 1
    assert html.count("No payment result yet") == 8  # T2: they may be paid
    assert pay_buttons(html) == ["Pay"] * 8
