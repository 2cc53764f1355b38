"""SEC13: staff show again who they are before money moves, and lose nothing of what they typed."""

import re
from datetime import timedelta
from html import unescape

import pytest
import time_machine
from django.contrib import admin
from django.test import Client
from django.utils import timezone

from accounts import roles
from accounts.models import User
from core.models import RateCount
from orders.models import Order
from payments.models import Payment, Refund
from tests import make
from tests.alipay import Gateway
from tests.factors import QUESTION, code_of, with_app
from tests.pages import Fields
from tests.test_staff_rights import TABLE, Rows, actions, list_of, rows, without_traces

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]
assert rows  # a fixture

PASSWORD = "a-good-password"
LATER = timedelta(minutes=11)
ASKS = "Confirm that it's you"


@pytest.fixture
def owner() -> User:
    return make.user(is_staff=True, is_superuser=True)


@pytest.fixture
def desk(owner: User) -> Client:
    return make.browser_of(owner)


def text_of(answer: object) -> str:
    return unescape(answer.content.decode())


def asks(answer: object) -> bool:
    return f"<title>{ASKS}" in text_of(answer)


def again(desk: Client, url: str, page: object, **proof: str):
    """Fill in the proof on the page that asks, and press its button."""
    fields = Fields(page.content.decode()).values
    sent = {name: values for name, values in fields.items() if name not in ("language", "next")}
    return desk.post(url, {**sent, **proof})


def without_counts() -> dict[str, object]:
    """Return the database without the counts of wrong passwords."""
    return {label: rows for label, rows in without_traces().items() if label != "core.RateCount"}


# --- every action -----------------------------------------------------------------------------------------


def written(mark: str) -> set[str]:
    """Return the actions of docs/staff.md with this mark."""
    text = TABLE.read_text(encoding="utf-8")
    lines = re.findall(r"^\| `(/admin/[^`]*)` `(\w+)` \| ([^|]*) \|", text, re.MULTILINE)
    return {f"{address} {name}" for address, name, title in lines if mark in title}


def test_SEC13_every_action_on_money_asks_again_after_ten_minutes(desk: Client, rows: Rows) -> None:
    order = make.order(status=Order.Status.WAIT_COMMENT)
    make.attempt(order, status=Payment.Status.PAID, live_for=None, received_fen=30000)
    asked = set()
    with time_machine.travel(timezone.now() + LATER):
        before = without_counts()
        for model, name in actions():
            row = order if model is Order else rows[model]
            url, chosen = list_of(model), {"action": name, "_selected_action": [str(row.pk)]}
            page = desk.post(url, chosen)
            if not asks(page):
                before = without_counts()
                continue
            asked.add(f"{url} {name}")
            RateCount.objects.all().delete()  # there are more actions than tries
            wrong = again(desk, url, page, again_password="wrong")
            assert wrong.status_code == 422, name
            assert asks(wrong)
            assert without_counts() == before, name
    assert asked == written("²") | written("³")
    assert len(written("²")) == 11


def test_SEC13_the_proof_of_the_sign_in_counts_for_ten_minutes(desk: Client, rows: Rows) -> None:
    with time_machine.travel(timezone.now() + timedelta(minutes=9)):
        for model, name in actions():
            if f"{list_of(model)} {name}" in written("²"):
                chosen = {"action": name, "_selected_action": [str(rows[model].pk)]}
                assert not asks(desk.post(list_of(model), chosen)), name


def test_every_mark_names_an_action_of_the_admin() -> None:
    assert written("²") | written("³") < {f"{list_of(model)} {name}" for model, name in actions()}
    assert admin.site.is_registered(Refund)


# --- nothing is lost --------------------------------------------------------------------------------------


@pytest.fixture
def payment() -> Payment:
    order = make.order(status=Order.Status.WAIT_COMMENT)
    return make.attempt(order, status=Payment.Status.PAID, live_for=None, received_fen=30000)


def refund_form(payment: Payment) -> dict[str, object]:
    number = f"{payment.out_trade_no}_r1"
    chosen = {"action": "give_back", "_selected_action": [str(payment.pk)]}
    return {**chosen, "number": number, "amount": "12.34", "words": "Heating <broke> & more"}


def test_SEC13_a_refund_that_was_typed_is_made_after_the_password(desk: Client, payment: Payment) -> None:
    url = list_of(Payment) + "?status__exact=PAID"
    form = refund_form(payment)
    form["number"] = Fields(text_of(desk.post(url, {k: form[k] for k in list(form)[:2]}))).values["number"][0]
    with time_machine.travel(timezone.now() + LATER):
        page = desk.post(url, form)
        assert asks(page)
        assert "Nothing that you typed is lost." in text_of(page)
        assert not make.rows(Refund).exists()
        wrong = again(desk, url, page, again_password="wrong")
        assert "Your current password is incorrect." in text_of(wrong)
        assert "wrong" not in Fields(text_of(wrong)).values.get("again_password", "")
        assert not make.rows(Refund).exists()
        done = again(desk, url, wrong, again_password=PASSWORD)
        assert done.status_code == 302
        refund = make.rows(Refund).get()
        assert (refund.amount_fen, refund.explanation) == (1234, "Heating <broke> & more")
        assert not asks(desk.post(url, form))  # for ten more minutes


def test_SEC13_a_code_serves_as_well(desk: Client, owner: User, payment: Payment) -> None:
    device = with_app(owner)
    desk.force_login(owner)
    desk.post(QUESTION, {"code": code_of(device)})
    with time_machine.travel(timezone.now() + LATER):
        page = desk.post(list_of(Payment), refund_form(payment))
        assert asks(page)
        nothing = again(desk, list_of(Payment), page)
        assert "Type your password, or a code below." in text_of(nothing)
        wrong = again(desk, list_of(Payment), page, again_code="000000")
        assert wrong.status_code == 422
        code = code_of(device)
        assert not asks(again(desk, list_of(Payment), page, again_code=code))
    with time_machine.travel(timezone.now() + 2 * LATER):
        assert asks(again(desk, list_of(Payment), page, again_code=code))  # it was used


def test_SEC13_an_unpaid_order_is_cancelled_without_asking(rows: Rows) -> None:
    clerk = Client()
    clerk.force_login(make.staff(roles.FRONT_DESK))
    chosen = {"action": "cancel_order", "_selected_action": [str(make.order().pk)]}
    with time_machine.travel(timezone.now() + LATER):
        answer = clerk.post(list_of(Order), chosen)
    assert answer.status_code == 200
    assert "again_password" not in text_of(answer)


def test_SEC13_passwords_guessed_there_count_as_at_the_door(desk: Client, payment: Payment) -> None:
    with time_machine.travel(timezone.now() + LATER):
        page = desk.post(list_of(Payment), refund_form(payment))
        for _ in range(10):
            assert again(desk, list_of(Payment), page, again_password="wrong").status_code == 422
        paused = again(desk, list_of(Payment), page, again_password=PASSWORD)
        assert paused.status_code == 429
        assert "Too many wrong tries." in text_of(paused)
        assert not make.rows(Refund).exists()


def test_a_made_up_proof_field_is_none(desk: Client, payment: Payment, gateway: Gateway) -> None:
    with time_machine.travel(timezone.now() + LATER):
        for made_up in ({"again": "POST"}, {"again": "GET"}, {"again": "x", "again_code": "000000"}):
            assert asks(desk.post(list_of(Payment), {**refund_form(payment), **made_up}))
    assert not make.rows(Refund).exists()
