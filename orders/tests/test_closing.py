"""Closing one's account: what goes and what stays, what keeps it open, and the number afterwards."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.db import connection
from django.test import Client
from django.utils import timezone, translation

from accounts.holders import holder_of
from accounts.models import AccountEvent, BrowserSession, User
from core.refusal import Refusal
from houses.models import BookedNight
from orders import booking, closing
from orders.models import Order, Review
from payments.books.refunds import create
from payments.models import Refund
from tests import make
from tests.interleaving import before
from tests.pages import Desk
from tests.proving import code_form, prove
from tests.races import at_once

pytestmark = pytest.mark.django_db

PAGE, PASSWORD = "/accounts/me/close/", "a-good-password"
LONG_AGO = timezone.localdate() - timedelta(days=30)
PAST = {"check_in": LONG_AGO, "check_out": LONG_AGO + timedelta(days=2)}


@pytest.fixture
def renter() -> User:
    return make.user(name="林小满", nickname="小满", email="lin@example.com")


def now(user: User) -> User:
    return User.objects.get(pk=user.pk)


def close(browser: Client, password: str = PASSWORD) -> Any:
    return browser.post(PAGE, {"password": password})


def events_of(user: User) -> list[str]:
    return list(user.events.order_by("id").values_list("kind", flat=True))


# --- what goes and what stays --------------------------------------------------------------------------


def test_the_password_closes_the_account_and_ends_its_sessions(renter: User) -> None:
    order = make.order(renter, status=Order.Status.COMPLETE, **PAST)
    Review.objects.create(order=order, house=order.house, renter=renter, rating=5, text="Fine")
    here, there = make.browser_of(renter), make.browser_of(renter)
    asked = here.get(PAGE).content.decode()
    for piece in ("Your email, nickname and password are deleted", "By law, we keep orders"):
        assert piece in asked
    page = close(here)
    assert (page.status_code, page.url) == (302, "/")
    assert "Your account has been closed." in here.get("/").content.decode()
    for browser in (here, there):
        assert browser.get("/accounts/me/").status_code == 302
    assert not BrowserSession.objects.exists()
    closed = now(renter)
    assert (closed.is_active, closed.email, closed.nickname) == (False, "", "")
    assert (closed.name, closed.mobile) == ("林小满", renter.mobile)
    assert closed.closed_at is not None
    assert not closed.has_usable_password()
    assert events_of(renter) == [AccountEvent.Kind.CLOSED]
    assert make.rows(Order).get() == order
    home = here.get(f"/houses/{order.house_id}/").content.decode()
    assert "<bdi>Closed account</bdi>" in home
    assert "林小满" in Desk("Li Lei").browser.get("/admin/orders/order/").content.decode()
    again = {"username": renter.mobile, "password": PASSWORD}
    assert Client().post("/accounts/login/", again).status_code == 200


def test_without_orders_neither_name_nor_number_is_kept(renter: User) -> None:
    close(make.browser_of(renter))
    closed = now(renter)
    assert (closed.is_active, closed.name) == (False, "")
    assert renter.mobile not in (closed.mobile, str(closed))
    desk = Desk("Li Lei")
    assert desk.send(closed, desk.open(closed), name="Lin").status_code == 302
    assert (now(renter).is_active, now(renter).mobile) == (False, closed.mobile)


def test_a_wrong_password_closes_nothing_and_counts_as_a_try(renter: User) -> None:
    browser = make.browser_of(renter)
    for _ in range(10):
        assert "Your current password is incorrect." in close(browser, "wrong").content.decode()
    assert list(close(browser).context["form"].errors) == ["password"]
    assert now(renter).is_active


def test_who_has_no_password_closes_it_by_a_code(renter: User) -> None:
    User.objects.filter(pk=renter.pk).update(password=make_password(None))
    browser = make.browser_of(now(renter))
    assert f"We'll send a code to {renter.mobile}" in browser.get(PAGE).content.decode()
    asked = browser.post(PAGE, {})
    wrong = browser.post(PAGE, {**code_form(asked), "code": "12345"})
    assert list(wrong.context["form"].errors) == ["code"]
    assert browser.post(PAGE, code_form(asked)).status_code == 302
    assert not now(renter).is_active


def test_the_code_for_one_number_does_not_close_the_account_of_another(renter: User) -> None:
    User.objects.filter(pk=renter.pk).update(password=make_password(None))
    other = make.user()
    of_another = make.browser_of(other).post(PAGE, code_form(make.browser_of(now(renter)).post(PAGE, {})))
    assert list(of_another.context["form"].errors) == ["code"]
    assert (now(renter).is_active, now(other).is_active) == (True, True)


def test_strangers_and_gets_close_nothing(renter: User) -> None:
    assert Client().post(PAGE, {"password": PASSWORD}).url == f"/accounts/login/?next={PAGE}"
    assert make.browser_of(renter).get(PAGE).status_code == 200
    assert now(renter).is_active


def test_staff_ask_a_superuser() -> None:
    person = make.user(is_staff=True)
    browser = make.browser_of(person)
    assert "Ask a superuser to close it." in browser.get(PAGE).content.decode()
    assert "Ask a superuser to close it." in close(browser).content.decode()
    assert now(person).is_active


# --- what keeps it open --------------------------------------------------------------------------------


def unpaid(renter: User) -> Order:
    return make.order(renter)


def waiting(renter: User) -> Order:
    return make.order(renter, status=Order.Status.WAIT_ACCEPT)


def ahead(renter: User) -> Order:
    return make.order(renter, status=Order.Status.WAIT_COMMENT)


def until_today(renter: User) -> Order:
    return make.order(renter, status=Order.Status.COMPLETE, check_in=LONG_AGO, check_out=timezone.localdate())


def being_refunded(renter: User, status: str = "SENT") -> Order:
    order = make.order(renter, status=Order.Status.CANCELED)
    payment = make.attempt(order, status="PAID", live_for=None, received_fen=30000)
    create(payment, 30000, reason=Refund.Reason.CANCELED)
    make.rows(Refund).update(status=status)
    return order


@pytest.mark.parametrize(
    ("make_order", "reason"),
    [
        (unpaid, "not paid yet"),
        (waiting, "not paid yet"),
        (ahead, "stay not over yet"),
        (until_today, "stay not over yet"),
        (being_refunded, "refund on its way"),
        (partial(being_refunded, status="REFUSED"), "refund on its way"),
    ],
)
def test_an_unfinished_order_keeps_it_open_and_is_named(
    renter: User, make_order: Callable[[User], Order], reason: str
) -> None:
    order, browser = make_order(renter), make.browser_of(renter)
    page = browser.get(PAGE).content.decode()
    assert f'href="{order.get_absolute_url()}"' in page
    assert reason in page
    assert 'name="password"' not in page
    refused = close(browser).context["form"].non_field_errors()
    assert refused == [f"You still need your account for these orders: {order.number} ({reason})."]
    assert now(renter).is_active


def test_orders_that_are_over_do_not(renter: User) -> None:
    make.order(renter, status=Order.Status.WAIT_COMMENT, **PAST)
    make.order(renter, status=Order.Status.REJECTED)
    being_refunded(renter, status="DONE")
    ahead(make.user())
    assert close(make.browser_of(renter)).status_code == 302
    assert not now(renter).is_active


# --- the number afterwards ------------------------------------------------------------------------------

SIGNUP = "/accounts/signup/"


def sign_up(mobile: str) -> Any:
    return prove(Client(), SIGNUP, {"username": mobile, "password": "a-better-password"})


def test_the_number_is_free_for_whoever_proves_it(renter: User) -> None:
    order = make.order(renter, status=Order.Status.COMPLETE, **PAST)
    close(make.browser_of(renter))
    with (
        translation.override("en"),
        pytest.raises(Refusal, match="You can create a new one with this number"),
    ):
        holder_of(renter.mobile)
    assert sign_up(renter.mobile).status_code == 302
    new = User.objects.get(mobile=renter.mobile)
    assert new.is_active
    assert new.pk != renter.pk
    assert (now(renter).is_active, str(now(renter))) == (False, "林小满")
    assert make.rows(Order).get() == order
    assert order.number not in make.browser_of(new).get("/orders/").content.decode()


def test_another_account_may_change_to_the_number(renter: User) -> None:
    close(make.browser_of(renter))
    second = make.user()
    typed = {"username": renter.mobile, "password": PASSWORD}
    assert prove(make.browser_of(second), "/accounts/me/number/", typed).status_code == 302
    assert now(second).mobile == renter.mobile


def test_an_account_that_staff_closed_keeps_its_number(renter: User) -> None:
    desk = Desk("Li Lei")
    desk.send(renter, desk.open(renter), is_active="")
    assert list(sign_up(renter.mobile).context["form"].errors) == ["code"]
    assert User.objects.get(mobile=renter.mobile) == renter


def test_closed_by_staff_after_it_was_reopened_counts_as_closed_by_staff(renter: User) -> None:
    make.order(renter, status=Order.Status.REJECTED)
    close(make.browser_of(renter))
    desk = Desk("Li Lei")
    desk.send(renter, desk.open(now(renter)), is_active="on")
    assert (now(renter).is_active, now(renter).closed_at) == (True, None)
    desk.send(renter, desk.open(now(renter)), is_active="")
    assert list(sign_up(renter.mobile).context["form"].errors) == ["code"]


# --- forms that were opened before ----------------------------------------------------------------------


def test_L2_ROW03_no_form_from_before_reopens_it(renter: User) -> None:
    make.order(renter, status=Order.Status.REJECTED)
    desk, browser, second = Desk("Li Lei"), make.browser_of(renter), make.browser_of(renter)
    form = desk.open(renter)
    close(browser)
    assert desk.send(renter, form, name="Lin").status_code == 302
    profile = {"name": "Lin", "nickname": "L", "email": "old@example.com"}
    assert second.post("/accounts/me/", profile).status_code == 302
    passwords = {"old_password": PASSWORD, "new_password1": "a-better-1", "new_password2": "a-better-1"}
    assert second.post("/accounts/password/", passwords).status_code == 302
    assert close(second).status_code == 302
    closed = now(renter)
    assert (closed.is_active, closed.email, closed.nickname) == (False, "", "")
    assert not closed.has_usable_password()
    assert events_of(renter).count(AccountEvent.Kind.CLOSED) == 1


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_L2_ROW03_a_profile_that_is_saved_at_that_moment_brings_nothing_back(renter: User) -> None:
    make.order(renter, status=Order.Status.REJECTED)
    browser = make.browser_of(renter)
    with before("accounts.views._save_profile", partial(closing.close, renter)):
        answer = browser.post("/accounts/me/", {"name": "Lin", "nickname": "L", "email": "x@example.com"})
    assert answer.status_code == 404
    assert (now(renter).is_active, now(renter).email, now(renter).nickname) == (False, "", "")


# --- at the same moment as a booking, and twice -----------------------------------------------------------


def book(renter: User) -> Order:
    day = timezone.localdate() + timedelta(days=40)
    dates = {"check_in": day, "check_out": day + timedelta(days=2)}
    return booking.book(make.house(instant_book=True), renter=renter, guests=1, **dates)


def closed_while_booking(renter: User) -> None:
    with before("orders.closing.set_closed", partial(book, renter), elsewhere=True):
        closing.close(renter)


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_L2_a_booking_at_the_moment_of_the_closing_finds_it_closed(renter: User) -> None:
    with pytest.raises(booking.AccountClosed):
        closed_while_booking(renter)
    assert not now(renter).is_active
    assert not make.rows(Order).exists()
    assert not make.rows(BookedNight).exists()


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_L2_twin_a_closed_account_books(renter: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(booking, "_check_account", lambda renter: None)
    closed_while_booking(renter)
    assert not now(renter).is_active
    assert make.rows(Order).exists()


def booked_while_closing(renter: User) -> None:
    with before("orders.booking.transitions.booked", partial(closing.close, renter), elsewhere=True):
        book(renter)


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_L2_a_closing_at_the_moment_of_a_booking_is_refused(renter: User) -> None:
    with pytest.raises(Refusal):
        booked_while_closing(renter)
    assert now(renter).is_active
    assert make.rows(Order).count() == 1


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_L2_twin_without_the_lock_the_closing_overlooks_the_booking(
    renter: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("on SQLite the transaction itself is the lock")
    monkeypatch.setattr(closing, "_locked", lambda key: User.objects.get(pk=key))
    booked_while_closing(renter)
    assert not now(renter).is_active
    assert make.rows(Order).exists()


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_L2_two_tabs_close_it_once(renter: User) -> None:
    tabs = [make.browser_of(renter) for _ in range(3)]
    answers = at_once(*[partial(close, tab) for tab in tabs])
    assert [answer.status_code for answer in answers] == [302] * 3
    assert events_of(renter) == [AccountEvent.Kind.CLOSED]
