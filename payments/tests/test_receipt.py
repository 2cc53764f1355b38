"""The receipt page: what was paid and what was refunded, for the renter only."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from core.transactions import durable_transaction
from orders.models import Order
from payments.books import attempts, refunds
from payments.models import Payment, Refund
from tests import make

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def paid(client: Client) -> Payment:
    """A paid attempt of 300.00 yuan; its renter is signed in and reads English."""
    payment = make.attempt(make.order(make.user(name="Lin & Co")))
    attempts.settle(payment, attempts.Received("2026112222001401", 30000, None, Payment.Evidence.NOTIFY))
    payment.refresh_from_db()
    client.force_login(payment.order.renter)
    client.cookies["django_language"] = "en"
    return payment


def receipt(client: Client, payment: Payment) -> str:
    page = client.get(f"/payments/{payment.order.number}/receipt/")
    assert page.status_code == 200
    return page.content.decode()


def refund(payment: Payment, fen: int, status: str) -> Refund:
    made = durable_transaction(refunds.create)(payment, fen, reason=Refund.Reason.CANCELED)
    make.rows(Refund).filter(pk=made.pk).update(status=status, done_at=payment.paid_at)
    return made


def test_the_receipt_names_the_company(client: Client, paid: Payment, settings: Settings) -> None:
    assert "Unified social credit code" not in receipt(client, paid)
    settings.COMPANY_NAME, settings.COMPANY_CREDIT_CODE = "厦门爱家有限公司", "91350200MADEM00001"
    [sheet] = re.findall(r"<article.*?</article>", receipt(client, paid), re.DOTALL)
    assert "厦门爱家有限公司" in sheet and "91350200MADEM00001" in sheet


def test_the_receipt_shows_renter_stay_and_payment(client: Client, paid: Payment) -> None:
    html = receipt(client, paid)
    order = paid.order
    for text in (
        order.number,
        order.house_title,
        "Lin &amp; Co",
        str(order.check_in),
        "￥150.00 × 2 nights",
        "￥300.00",
        "人民币叁佰元整",
        "2026112222001401",
        paid.out_trade_no,
    ):
        assert text in html
    assert "Refunds" not in html
    assert (
        f'href="/payments/{order.number}/receipt/"' in client.get(order.get_absolute_url()).content.decode()
    )


def test_it_shows_the_received_amount_and_its_time(client: Client, paid: Payment) -> None:
    make.rows(Payment).update(received_fen=30001, paid_at=datetime(2026, 11, 22, 4, 5, 6, tzinfo=UTC))
    html = receipt(client, paid)
    assert "￥300.01" in html
    assert "人民币叁佰元零壹分" in html
    assert "<dd>2026-11-22 12:05:06</dd>" in html  # in Beijing


def test_T1_it_shows_refunds_and_whether_they_are_delayed(client: Client, paid: Payment) -> None:
    done, sent, refused, proposed = (
        refund(paid, fen, status)
        for fen, status in ((10001, "DONE"), (5000, "SENT"), (777, "REFUSED"), (888, "PROPOSED"))
    )
    html = receipt(client, paid)
    for text in (done.out_request_no, "￥100.01", sent.out_request_no, "￥50.00", "￥199.99"):
        assert text in html
    assert f"Refund on its way · {sent.out_request_no}" in html
    assert f"Refund delayed · {refused.out_request_no}" in html
    assert proposed.out_request_no not in html
    make.rows(Refund).update(due_at=timezone.now() - timedelta(hours=25))
    assert f"Refund delayed · {sent.out_request_no}" in receipt(client, paid)
    assert "人民币叁佰元整" in html


def test_a_cancelled_order_keeps_its_receipt(client: Client, paid: Payment) -> None:
    make.rows(Order).update(status="CANCELED")
    assert paid.trade_no in receipt(client, paid)


def test_a_renter_without_a_name_may_add_one_before_printing(client: Client, paid: Payment) -> None:
    link = '<a class="on-screen" href="/accounts/me/">Add your name</a>'
    assert link not in receipt(client, paid)
    make.rows(User).update(name="")
    assert link in receipt(client, paid)


@pytest.mark.parametrize("status", ["OPEN", "CLOSED", "SURPLUS"])
def test_without_a_payment_of_the_order_there_is_none(client: Client, paid: Payment, status: str) -> None:
    make.rows(Payment).update(status=status)
    assert client.get(f"/payments/{paid.order.number}/receipt/").status_code == 404


def test_a_rehearsals_receipt_says_so_on_paper_too(client: Client, paid: Payment) -> None:
    assert 'class="rehearsal"' in receipt(client, paid)
