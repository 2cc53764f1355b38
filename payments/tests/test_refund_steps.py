"""Staff read of each refund what is true and what to do, on every page that shows it."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone, translation

from payments.models import Payment, Refund
from payments.staff.alipay_codes import WORDS
from payments.staff.refund_steps import NEXT_STEPS, next_step
from tests import make

pytestmark = pytest.mark.django_db

NO_BALANCE = "40004 ACQ.SELLER_BALANCE_NOT_ENOUGH"
REFUSED = "Not refunded: Alipay refused. The renter reads that it is delayed."


@pytest.fixture
def payment() -> Payment:
    return make.attempt(status="PAID", received_fen=30000, refund_reserved_fen=100)


@pytest.fixture
def desk(client: Client) -> Client:
    client.force_login(make.user(is_staff=True, is_superuser=True))
    client.cookies["django_language"] = "en"
    return client


def refund(payment: Payment, **fields: object) -> Refund:
    values = {"out_request_no": "R-1", "amount_fen": 100, "reason": "STAFF", **fields}
    return Refund.objects.create(payment=payment, **values)


def test_T1_every_page_of_staff_says_what_is_true_of_a_refused_refund_and_what_to_do(
    desk: Client, payment: Payment
) -> None:
    made = refund(payment, status="REFUSED", refusal=NO_BALANCE)
    for address in (
        "/admin/payments/refund/",
        f"/admin/payments/refund/{made.pk}/change/",
        f"/admin/payments/payment/{payment.pk}/change/",
        f"/admin/orders/order/{payment.order.pk}/change/",
    ):
        html = desk.get(address).content.decode()
        for each in (REFUSED, "Top up our Alipay balance, then retry.", NO_BALANCE, "Refused by Alipay"):
            assert each in html
        assert "on its way" not in html


def test_T1_the_page_of_an_order_leads_to_each_of_its_refunds(desk: Client, payment: Payment) -> None:
    address = f"/admin/orders/order/{payment.order.pk}/change/"
    assert "R-1" not in desk.get(address).content.decode()
    made = refund(payment, status="DONE")
    other = refund(make.attempt(status="PAID", received_fen=1), out_request_no="OTHER")
    html = desk.get(address).content.decode()
    assert f'<a href="/admin/payments/refund/{made.pk}/change/">Refund ￥1.00</a>' in html
    assert '<span class="status status-DONE">Completed</span>' in html
    assert f"{made.out_request_no} · " in html
    assert other.out_request_no not in html


@pytest.mark.parametrize("code", NEXT_STEPS)
def test_T1_each_refusal_with_a_step_of_its_own_is_a_known_one(payment: Payment, code: str) -> None:
    assert code in WORDS
    made = refund(payment, status="REFUSED", refusal=f"40004 {code}")
    for language in ("en", "zh-hans"):
        with translation.override(language):
            assert next_step(made).endswith(str(NEXT_STEPS[code]))


@pytest.mark.parametrize("refusal", ["", "40004 ACQ.SOMETHING_NEW", "ACQ.TRADE_STATUS_ERROR"])
def test_T1_any_other_refusal_has_a_step_too(payment: Payment, refusal: str) -> None:
    with translation.override("en"):
        step = next_step(refund(payment, status="REFUSED", refusal=refusal))
    assert step == f"{REFUSED} Look up the transaction at Alipay, remove the cause, then retry."


@pytest.mark.parametrize(
    ("status", "hours", "begins"),
    [
        ("PROPOSED", 0, "Another member of staff"),
        ("DUE", 0, ""),
        ("SENT", 23, ""),
        ("DUE", 25, "Not made within a day."),
        ("SENT", 25, "Not made within a day."),
        ("DONE", 25, ""),
        ("GIVEN_UP", 25, ""),
    ],
)
def test_T1_what_needs_nobody_has_no_step(payment: Payment, status: str, hours: int, begins: str) -> None:
    with translation.override("en"):
        step = next_step(refund(payment, status=status, due_at=timezone.now() - timedelta(hours=hours)))
    assert step.startswith(begins)
    assert bool(step) is bool(begins)
