"""Guests' names, arrival time and note: typed with a booking, changed until arrival, shown to staff."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts import roles
from orders import closing, guest_details
from orders.models import GuestName, Order
from tests import make

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
TYPED = {"guest_names": "王小明，Ann  Lee", "arrival_time": "21:00", "note": "We come by train."}
KEPT = ("王小明、Ann Lee", "21:00", "We come by train.")


@pytest.fixture
def stay() -> dict[str, str]:
    today = timezone.localdate()
    return {"check_in": f"{today + 9 * DAY}", "check_out": f"{today + 11 * DAY}", "guests": "2"}


def kept(order: Order) -> tuple[str, str, str]:
    order.refresh_from_db()
    return order.guest_names, order.arrival_time, order.renter_note


def browser(order: Order) -> Client:
    client = Client()
    client.force_login(order.renter)
    return client


def test_they_are_kept_with_the_booking(client: Client, stay: dict[str, str]) -> None:
    house = make.house(instant_book=True)
    client.force_login(make.user())
    answer = client.post(f"/houses/{house.pk}/book/", {**stay, **TYPED})
    order = make.rows(Order).get()
    assert kept(order) == KEPT
    page = client.get(answer.url).content.decode()
    assert all(text in page for text in (KEPT[0], "21:00 – 22:00", KEPT[2]))


def test_a_booking_needs_none_of_them(client: Client, stay: dict[str, str]) -> None:
    house = make.house(instant_book=True)
    client.force_login(make.user())
    assert client.post(f"/houses/{house.pk}/book/", stay).status_code == 302
    assert kept(make.rows(Order).get()) == ("", "", "")


@pytest.mark.parametrize("changed", [{"seen_price": "1"}, {"check_out": "2020-01-01"}, {"arrival_time": "x"}])
def test_a_refusal_keeps_what_was_typed(
    client: Client, stay: dict[str, str], changed: dict[str, str]
) -> None:
    house = make.house(instant_book=True)
    client.force_login(make.user())
    answer = client.post(f"/houses/{house.pk}/book/", {**stay, **TYPED, **changed})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "王小明，Ann  Lee" in page
    assert TYPED["note"] in page
    assert '<details class="guest-fields" open>' in page


def test_what_was_typed_while_signed_out_is_there_after_the_sign_in(
    client: Client, stay: dict[str, str]
) -> None:
    house, renter = make.house(), make.user()
    answer = client.post(f"/houses/{house.pk}/book/", {**stay, **TYPED})
    assert "/login/" in answer.url
    client.force_login(renter)
    page = client.get(f"/houses/{house.pk}/").content.decode()
    assert TYPED["note"] in page
    assert "no-store" in client.get(f"/houses/{house.pk}/").headers["Cache-Control"]
    assert TYPED["note"] not in client.get(f"/houses/{make.house().pk}/").content.decode()
    client.post(f"/houses/{house.pk}/book/", {**stay, **TYPED})
    assert TYPED["note"] not in client.get(f"/houses/{house.pk}/").content.decode()


@pytest.mark.parametrize(
    "typed",
    [
        {"guest_names": "王小明, www.example.com"},
        {"guest_names": "x" * 201},
        {"guest_names": "x" * 41},
        {"arrival_time": "3:00"},
        {"note": "x" * 301},
    ],
)
def test_what_is_too_long_or_no_name_is_refused(typed: dict[str, str]) -> None:
    order = make.order()
    answer = browser(order).post(f"/orders/{order.number}/guests/", typed)
    assert answer.status_code == 422
    assert kept(order) == ("", "", "")


def test_more_names_than_guests_are_refused(client: Client, stay: dict[str, str]) -> None:
    house = make.house(instant_book=True)
    client.force_login(make.user())
    client.cookies["django_language"] = "en"
    answer = client.post(f"/houses/{house.pk}/book/", {**stay, "guest_names": "甲，乙，丙"})
    assert answer.status_code == 422
    assert "These are more names than the 2 guests of the stay." in answer.content.decode()
    order = make.order(guests=1, renter=make.user())
    answer = browser(order).post(f"/orders/{order.number}/guests/", TYPED)
    assert (answer.status_code, kept(order)) == (422, ("", "", ""))


def test_the_renter_changes_them_until_arrival() -> None:
    today = timezone.localdate()
    order = make.order(status="WAIT_COMMENT", check_in=today, check_out=today + 2 * DAY, guests=2)
    client, address = browser(order), f"/orders/{order.number}/guests/"
    assert client.post(address, TYPED).url == order.get_absolute_url()
    assert kept(order) == KEPT
    assert KEPT[0] in client.get(address).content.decode()
    assert client.post(address, {}).status_code == 302
    assert (kept(order), GuestName.objects.count()) == (("", "", ""), 0)
    make.rows(Order).update(check_in=today - DAY)
    assert client.post(address, TYPED).status_code == 404
    assert not guest_details.keep(order, guest_names="x", arrival_time="", note="")


def test_others_find_nothing_there() -> None:
    order, other = make.order(), Client()
    other.force_login(make.user())
    assert other.get(f"/orders/{order.number}/guests/").status_code == 404


def test_staff_see_them_and_find_the_order_by_a_guest() -> None:
    order = make.order()
    guest_details.keep(order, guest_names=KEPT[0], arrival_time=KEPT[1], note=KEPT[2])
    staff = Client()
    staff.force_login(make.staff(roles.FRONT_DESK))
    page = staff.get(f"/admin/orders/order/{order.pk}/change/").content.decode()
    assert all(text in page for text in (KEPT[0], "21:00 – 22:00", KEPT[2]))
    for word in ("王小明", "ann", "Ann"):
        assert order.number in staff.get("/admin/orders/order/", {"q": word}).content.decode()
    assert order.number not in staff.get("/admin/orders/order/", {"q": "李五"}).content.decode()


def test_closing_the_account_deletes_them() -> None:
    today = timezone.localdate()
    order = make.order(status="COMPLETE", check_in=today, check_out=today + DAY)
    guest_details.keep(order, guest_names=KEPT[0], arrival_time=KEPT[1], note=KEPT[2])
    make.rows(Order).update(check_in=today - 3 * DAY, check_out=today - DAY)
    closing.close(order.renter)
    assert (kept(order), GuestName.objects.count()) == (("", "", ""), 0)
