"""The form of a refund: what the policy gives, a reason to choose, and nothing typed is lost."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts import roles
from orders.models import Order
from payments.models import Payment, Refund
from payments.refunding import request_refund
from tests import make
from tests.alipay import Gateway

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]


@pytest.fixture
def desk() -> Client:
    return make.browser_of(make.staff(roles.FINANCE))


def paid(days: int = 20, *, payment: str = "PAID", **fields: object) -> Payment:
    """Make 300.00 yuan for a stay that begins in so many days."""
    check_in = timezone.localdate() + timedelta(days=days)
    stay = {"check_in": check_in, "check_out": check_in + timedelta(days=2)}
    order = make.order(**{"status": Order.Status.WAIT_COMMENT, **stay, **fields})
    return make.attempt(order, status=payment, live_for=None, received_fen=30000)


def press(desk: Client, payment: Payment, **typed: str):
    chosen = {"action": "give_back", "_selected_action": [payment.pk]}
    return desk.post("/admin/payments/payment/", {**chosen, **typed}, follow=True)


def number(payment: Payment, n: int = 1) -> str:
    return f"{payment.out_trade_no}_R{n}"


@pytest.mark.parametrize(
    ("policy", "days", "amount"),
    [
        ("FLEXIBLE", 1, "300.00"),
        ("FLEXIBLE", 0, None),
        ("MODERATE", 5, "300.00"),
        ("MODERATE", 4, "150.00"),
        ("STRICT", 7, "150.00"),
        ("STRICT", 6, None),
    ],
)
def test_prefilled_with_what_the_policy_gives(policy: str, days: int, amount: str, desk: Client) -> None:
    page = press(desk, paid(days, refund_policy=policy))
    assert page.context["form"]["amount"].value() == amount
    assert ("gives nothing back today" in page.content.decode()) == (amount is None)


def test_the_policy_counts_for_what_is_left(desk: Client) -> None:
    payment = paid(4, refund_policy="MODERATE")
    request_refund(payment, 10000, number=number(payment), by=make.user(), explanation="x")
    assert press(desk, payment).context["form"]["amount"].value() == "100.00"


def test_all_of_money_that_the_order_did_not_need(desk: Client) -> None:
    payment = paid(0, payment="SURPLUS", refund_policy="STRICT")
    assert press(desk, payment).context["form"]["amount"].value() == "300.00"


def test_a_cancelled_order_has_had_its_policy(desk: Client) -> None:
    payment = paid()
    Order.objects.filter(pk=payment.order_id).update(status=Order.Status.CANCELED)
    page = press(desk, payment)
    assert page.context["form"]["amount"].value() is None
    assert "applied when the order was cancelled" in page.content.decode()


@pytest.mark.parametrize("amount", ["100", "100.00"])
def test_yuan_with_and_without_fen(amount: str, desk: Client) -> None:
    payment = paid()
    press(desk, payment, number=number(payment), amount=amount, words="Heating broke")
    assert payment.refunds.get().amount_fen == 10000


@pytest.mark.parametrize(
    ("language", "why", "own", "explanation"),
    [
        ("en", "HOME", "", "Something was wrong with the home"),
        ("en", "HOME", "no hot water", "Something was wrong with the home: no hot water"),
        ("zh-hans", "GOODWILL", "", "店家心意"),
        ("zh-hans", "HOME", "没有热水", "房源有问题：没有热水"),
        ("en", "", "no hot water", "no hot water"),
    ],
)
def test_a_reason_in_the_language_of_the_booking(
    language: str, why: str, own: str, explanation: str, desk: Client
) -> None:
    payment = paid(language=language)
    press(desk, payment, number=number(payment), amount="1", why=why, words=own)
    assert payment.refunds.get().explanation == explanation
    assert payment.order.events.first().reason == explanation


def test_a_reason_is_needed(desk: Client) -> None:
    payment = paid()
    page = press(desk, payment, number=number(payment), amount="1", why="", words=" ")
    assert "Choose a reason, or write one." in page.content.decode()
    too_long = press(desk, payment, number=number(payment), amount="1", why="HOME", words="x" * 199)
    assert too_long.context["form"].errors["words"]
    assert not make.rows(Refund).exists()


def test_STA03_a_stale_form_keeps_what_was_typed(desk: Client) -> None:
    payment = paid()
    request_refund(payment, 10000, number=number(payment), by=make.user(), explanation="another's")
    page = press(desk, payment, number=number(payment), amount="50", why="PRICE", words="one night")
    assert "has just been made" in page.content.decode()
    form = page.context["form"]
    assert (form["amount"].value(), form["why"].value(), form["words"].value()) == (
        "50",
        "PRICE",
        "one night",
    )
    assert payment.refunds.get().explanation == "another's"
    press(desk, payment, number=form["number"].value(), amount="50", why="PRICE", words="one night")
    assert sorted(payment.refunds.values_list("amount_fen", flat=True)) == [5000, 10000]


def test_the_form_says_what_is_left_after_another_refund(desk: Client, gateway: Gateway) -> None:
    payment = paid()
    request_refund(payment, 29000, number=number(payment), by=make.user(), explanation="x")
    page = press(desk, payment, number=number(payment, 2), amount="50", words="x")
    assert "At most 10.00" in page.content.decode()
