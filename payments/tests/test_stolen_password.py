"""A staff password that was stolen moves no money, its sessions can be ended, and every step is on record."""

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from pytest_django import Settings

from accounts import browser_sessions, roles
from accounts.models import User
from orders.models import Order
from payments.books.refunds import create
from payments.models import Payment, Refund
from tests import make
from tests.alipay import Gateway
from tests.factors import QUESTION, code_of, with_app

pytestmark = pytest.mark.django_db

PASSWORD = "a-good-password"


@pytest.fixture(autouse=True)
def production(settings: Settings) -> None:
    settings.REHEARSAL = False


@pytest.fixture
def owner() -> User:
    return make.staff(roles.MANAGER)


def signed_in(owner: User) -> Client:
    browser = Client()
    browser.post("/accounts/login/", {"username": owner.mobile, "password": PASSWORD})
    return browser


def steps() -> dict[str, tuple[str, Order | Payment | Refund, dict[str, str]]]:
    """Return the actions that move money, each with its list, a row and what is typed."""
    payment = make.attempt(
        make.order(status="WAIT_COMMENT"), status="PAID", live_for=None, received_fen=30000
    )
    cash = make.attempt(make.order(status="WAIT_COMMENT"), status="PAID", live_for=None, received_fen=30000)
    Payment.objects.filter(pk=cash.pk).update(channel="CASH", evidence="STAFF", recorded_by=make.user())
    cash.refresh_from_db()
    to_hand, to_give_up = create(cash, 100, reason="STAFF"), create(payment, 100, reason="STAFF")
    proposed, refused = create(payment, 100, reason="STAFF"), create(payment, 100, reason="STAFF")
    for refund, status in ((proposed, "PROPOSED"), (refused, "REFUSED")):
        Refund.objects.filter(pk=refund.pk).update(status=status)
    unpaid = make.order()
    money = {"status": unpaid.status, "number": f"{unpaid.number}_1", "channel": "CASH", "amount": "300"}
    part = {"number": f"{payment.out_trade_no}_R4", "amount": "1", "why": "PRICE"}
    return {
        "confirm_outside": ("orders/order", unpaid, {**money, "reference": "R-17"}),
        "give_back": ("payments/payment", payment, part),
        "approve": ("payments/refund", proposed, {"agreed": "1"}),
        "hand_over": ("payments/refund", to_hand, {"reference": "signed"}),
        "try_again": ("payments/refund", refused, {}),
        "give_up": ("payments/refund", to_give_up, {"words": "Paid in cash"}),
    }


def press(browser: Client, action: str, step: tuple[str, Order | Payment | Refund, dict[str, str]]):
    address, row, typed = step
    sent = {"action": action, "_selected_action": [row.pk], **typed}
    return browser.post(f"/admin/{address}/", sent)


def test_STA07_the_password_alone_moves_no_money(owner: User, gateway: Gateway) -> None:
    with_app(owner)
    thief, before = signed_in(owner), None
    for action, step in steps().items():
        row = step[1]
        before = type(row).objects.filter(pk=row.pk).values().get()
        assert press(thief, action, step).url.startswith(QUESTION), action
        assert type(row).objects.filter(pk=row.pk).values().get() == before
    assert not LogEntry.objects.exists()


def test_STA07_every_step_with_money_is_in_the_log(owner: User, gateway: Gateway) -> None:
    device, browser = with_app(owner), signed_in(owner)
    browser.post(QUESTION, {"code": code_of(device)})
    for action, step in steps().items():
        press(browser, action, step)
        row = step[1]
        entries = LogEntry.objects.filter(user=owner, object_id=str(row.pk))
        assert entries.filter(content_type__model=row._meta.model_name).exists(), action


def test_STA07_a_session_that_somebody_else_has_can_be_ended(owner: User) -> None:
    device = with_app(owner)
    thief = signed_in(owner)
    thief.post(QUESTION, {"code": code_of(device)})
    assert thief.get("/admin/payments/refund/").status_code == 200
    browser_sessions.end(owner, keep=None)
    assert thief.get("/admin/payments/refund/").url.startswith("/admin/login/")
