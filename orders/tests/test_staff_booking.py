"""Staff book for somebody on the phone."""

import re
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from django.contrib.auth.models import Group
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts import guests, roles
from accounts.models import AccountEvent, User
from core.refusal import Refusal
from houses.availability import NightsTaken
from houses.models import BookedNight, House
from orders import booking, limits, mailing
from orders.models import Order, OrderNote
from tests import make
from tests.races import at_once

pytestmark = pytest.mark.django_db

PAGE = "/admin/orders/order/book/"
MOBILE = "13912345678"
DAY = timedelta(days=1)


def desk(role: str = roles.FRONT_DESK) -> Client:
    return make.browser_of(make.staff(role))


def typed(house: House, **fields: object) -> dict[str, object]:
    check_in = timezone.localdate() + 9 * DAY
    values = {"mobile": "+86 139 1234-5678", "name": "林小满", "home": house.pk, "guests": 2, "note": "Late"}
    return {**values, "check_in": check_in, "check_out": check_in + 2 * DAY, **fields}


def book(client: Client, house: House, **fields: object):
    """Look at the price, then book for it."""
    seen = client.post(PAGE, typed(house, **fields)).context["form"].price_fen
    return client.post(PAGE, typed(house, agreed_fen=seen, **fields), follow=True)


def test_the_price_is_shown_before_anything_is_booked() -> None:
    page = desk().post(PAGE, typed(make.house())).content.decode()
    assert "￥150.00 × 2 nights" in page
    assert "<b>￥300.00</b>" in page
    assert (make.rows(Order).count(), User.objects.filter(mobile=MOBILE).count()) == (0, 0)


def test_staff_see_the_refund_terms_and_book_only_these() -> None:
    home, staff = make.house(refund_policy="FLEXIBLE"), desk()
    page = staff.post(PAGE, typed(home)).content.decode()
    assert "for a full refund, after that for none." in page
    [seen] = re.findall(r'name="agreed_policy" value="(.+?)"', page)
    House.objects.filter(pk=home.pk).update(refund_policy="STRICT")
    again = staff.post(PAGE, typed(home, agreed_fen=30000, agreed_policy=seen))
    assert 'name="agreed_policy" value="STRICT"' in again.content.decode()
    assert not make.rows(Order).exists()
    staff.post(PAGE, typed(home, agreed_fen=30000, agreed_policy="STRICT"))
    assert make.rows(Order).get().refund_policy == "STRICT"


def test_a_stranger_is_invited_and_gets_the_link(capsys: pytest.CaptureFixture[str]) -> None:
    home = make.house(instant_book=False)
    page = book(desk(), home)
    order = make.rows(Order).get()
    assert page.redirect_chain == [(f"/admin/orders/order/{order.pk}/change/", 302)]
    assert (order.status, order.amount_fen, order.guests) == (Order.Status.WAIT_PAYMENT, 30000, 2)
    assert order.pay_by > timezone.now() + timedelta(hours=23)
    renter = order.renter
    assert (renter.mobile, renter.name, renter.has_usable_password()) == (MOBILE, "林小满", False)
    assert renter.mobile_verified_at is None
    assert AccountEvent.objects.get(user=renter).kind == AccountEvent.Kind.ADDED
    assert make.rows(BookedNight).filter(order_number=order.number).count() == 2
    assert OrderNote.objects.get(order=order).text == "Late"
    assert order.get_absolute_url() in capsys.readouterr().out
    assert order.get_absolute_url() in page.content.decode()
    assert "The pay link was sent by SMS." in page.content.decode()


def test_the_link_leads_to_the_order_after_a_code(capsys: pytest.CaptureFixture[str]) -> None:
    book(desk(), make.house())
    order = make.rows(Order).get()
    browser = Client()
    door = browser.get(order.get_absolute_url())
    by_code = f"/accounts/login/code/?next={order.get_absolute_url()}"
    assert by_code in browser.get(door.url).content.decode()
    capsys.readouterr()
    asked = browser.post(by_code, {"username": MOBILE, "next": order.get_absolute_url()})
    code = capsys.readouterr().out.split()[-1]
    proof = asked.context["form"]
    sent = {name: proof[name].value() or "" for name in ("username", "proof", "draft")}
    signed_in = browser.post(by_code, {**sent, "code": code, "next": order.get_absolute_url()})
    assert signed_in.url == order.get_absolute_url()
    assert "支付" in browser.get(signed_in.url).content.decode()
    order.renter.refresh_from_db()
    assert order.renter.mobile_verified_at is not None


def test_a_known_renter_is_found_and_keeps_their_name() -> None:
    renter = User.objects.create_user(MOBILE, name="Lin", email="lin@example.com")
    User.objects.filter(pk=renter.pk).update(email_verified_at=timezone.now())
    make.order(renter, language="en", status="CANCELED")
    book(desk(), make.house())
    order = make.rows(Order).order_by("-pk").first()
    assert (order.renter, order.renter.name, order.language) == (renter, "Lin", "en")
    assert mailing.send(order.pk) == 1
    assert mail.outbox[0].subject.startswith("We're holding your dates, please pay")


def test_staff_may_book_beyond_the_limits_of_unpaid_orders() -> None:
    renter = User.objects.create_user(MOBILE)
    for _ in range(limits.MAX_UNPAID):
        make.order(renter)
    book(desk(), make.house())
    assert make.rows(Order).count() == limits.MAX_UNPAID + 1


@pytest.mark.parametrize(
    ("fields", "name", "error"),
    [
        ({"mobile": "12345"}, "mobile", "11-digit"),
        ({"home": ""}, "home", "required"),
        ({"check_in": "2020-01-01"}, "check_in", "has passed"),
        ({"check_out": timezone.localdate() + 9 * DAY}, "check_out", "after check-in"),
        ({"guests": 5}, "guests", "up to 4 guests"),
        ({"name": "x" * 41}, "name", "40"),
    ],
)
def test_errors_stand_beside_the_fields_and_nothing_typed_is_lost(
    fields: dict[str, object], name: str, error: str
) -> None:
    page = desk().post(PAGE, typed(make.house(), **fields))
    assert page.status_code == 422
    assert list(page.context["form"].errors) == [name]
    assert error in page.content.decode()
    assert "Late</textarea>" in page.content.decode()
    assert make.rows(Order).count() == 0


def test_taken_nights_are_refused_and_invite_nobody() -> None:
    home = make.house()
    book(desk(), home, mobile="13700000001")
    page = desk().post(PAGE, typed(home))
    assert list(page.context["form"].errors) == ["check_in"]
    assert "Some of these nights are unavailable" in page.content.decode()
    stay = {"check_in": typed(home)["check_in"], "check_out": typed(home)["check_out"], "guests": 1}
    with pytest.raises(NightsTaken):
        booking.book_by_staff(home.pk, mobile=MOBILE, name="", seen=booking.Seen(), by=make.user(), **stay)
    assert not User.objects.filter(mobile=MOBILE).exists()


def test_a_closed_account_is_refused_in_a_sentence() -> None:
    User.objects.create_user(MOBILE, is_active=False)
    page = book(desk(), make.house())
    assert list(page.context["form"].errors) == ["mobile"]
    assert "is closed" in page.content.decode()
    assert make.rows(Order).count() == 0


def test_a_changed_price_is_shown_anew() -> None:
    home, client = make.house(), desk()
    seen = client.post(PAGE, typed(home)).context["form"].price_fen
    House.objects.filter(pk=home.pk).update(price_fen=20000)
    page = client.post(PAGE, typed(home, agreed_fen=seen))
    assert "<b>￥400.00</b>" in page.content.decode()
    assert make.rows(Order).count() == 0


def test_pressed_twice_it_is_one_booking_and_one_note(capsys: pytest.CaptureFixture[str]) -> None:
    home, client = make.house(), desk()
    fields = typed(home, agreed_fen=30000, form_key="6f2b0e0e-7d7b-4c43-8a4f-2f3a5c0a1b2c")
    for _ in range(2):
        page = client.post(PAGE, fields, follow=True)
    assert "booked this stay already" in page.content.decode()
    assert (make.rows(Order).count(), OrderNote.objects.count()) == (1, 1)
    assert capsys.readouterr().out.count("SMS to") == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.race
def test_pressed_at_once_it_is_one_account_and_one_booking() -> None:
    assert pressed_at_once() == (1, 1)


@pytest.mark.django_db(transaction=True)
@pytest.mark.race
def test_twin_without_looking_for_the_same_booking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(booking, "_booked_before", lambda *stay, **days: None)
    with pytest.raises(NightsTaken):
        pressed_at_once()


def pressed_at_once() -> tuple[int, int]:
    home, person = make.house(), make.user(is_staff=True)
    day = timezone.localdate() + 9 * DAY
    act: Callable[[], tuple[Order, bool]] = partial(
        booking.book_by_staff,
        home.pk,
        mobile=MOBILE,
        name="",
        check_in=day,
        check_out=day + DAY,
        guests=1,
        seen=booking.Seen(),
        by=person,
    )
    found = at_once(*[act] * 4)
    return len({order.pk for order, _is_new in found}), sum(is_new for _order, is_new in found)


def test_finance_books_nothing() -> None:
    assert desk(roles.FINANCE).get(PAGE).status_code == 403
    assert "orders/order/book" not in desk(roles.FINANCE).get("/admin/orders/order/").content.decode()
    assert "orders/order/book" in desk().get("/admin/orders/order/").content.decode()


def test_groups_from_before_have_the_right() -> None:
    roles.add_missing()
    for name, has in ((roles.FRONT_DESK, True), (roles.FINANCE, False), (roles.MANAGER, True)):
        assert Group.objects.get(name=name).permissions.filter(codename="add_order").exists() is has


def test_an_account_is_named_only_if_it_has_no_name() -> None:
    person = make.user()
    renter = User.objects.create_user(MOBILE)
    assert guests.account_of(MOBILE, "Lin", by=person) == renter
    assert guests.account_of(MOBILE, "Wang", by=person).name == "Lin"
    User.objects.filter(pk=renter.pk).update(is_active=False)
    with pytest.raises(Refusal):
        guests.account_of(MOBILE, "", by=person)
