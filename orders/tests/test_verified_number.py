"""Nights are held for renters whose mobile number is proven."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from houses.models import BookedNight, House
from orders import booking
from orders.models import Order
from tests import make
from tests.proving import prove

pytestmark = pytest.mark.django_db

VERIFY = "/accounts/verify/"


@pytest.fixture
def renter(client: Client) -> User:
    person = make.user(mobile_verified_at=None)
    client.force_login(person)
    client.cookies["django_language"] = "en"
    return person


@pytest.fixture
def house() -> House:
    return make.house(capacity=3, instant_book=True)


def stay() -> dict[str, str]:
    day = timezone.localdate() + timedelta(days=30)
    return {"check_in": str(day), "check_out": str(day + timedelta(days=2)), "guests": "3"}


def next_of(address: str) -> str:
    (page,) = parse_qs(urlsplit(address).query)["next"]
    return page


def test_ACC05_booking_itself_refuses_an_unproven_number(renter: User, house: House) -> None:
    day = timezone.localdate() + timedelta(days=30)
    dates = {"check_in": day, "check_out": day + timedelta(days=2), "guests": 1}
    with pytest.raises(booking.NumberUnverified):
        booking.book(house, renter=renter, **dates)
    assert not make.rows(Order).exists()
    assert not make.rows(BookedNight).exists()
    renter.mobile_verified_at = timezone.now()  # of this copy alone: the row decides
    with pytest.raises(booking.NumberUnverified):
        booking.book(house, renter=renter, **dates)
    User.objects.get(pk=renter.pk).set_mobile_verified()
    assert booking.book(house, renter=renter, **dates).renter == renter


def test_the_renter_proves_the_number_and_books_what_was_typed(
    client: Client, renter: User, house: House
) -> None:
    sent = client.post(f"/houses/{house.pk}/book/", stay())
    assert (sent.status_code, urlsplit(sent.url).path) == (302, VERIFY)
    page = next_of(sent.url)
    assert (urlsplit(page).path, urlsplit(page).fragment) == (f"/houses/{house.pk}/", "book")
    asked = client.get(sent.url).content.decode()
    assert "To book, please confirm that this mobile number is yours" in asked
    assert renter.mobile in asked
    assert prove(client, VERIFY, {"next": page}).url == page
    landed = client.get(page).content.decode()
    assert "Your number is confirmed. Now press Book again." in landed
    for value in stay().values():
        assert f'value="{value}"' in landed
    order_page = client.post(f"/houses/{house.pk}/book/", stay()).url
    assert order_page == make.rows(Order).get().get_absolute_url()


def test_a_form_with_errors_is_corrected_first(client: Client, renter: User, house: House) -> None:
    page = client.post(f"/houses/{house.pk}/book/", {**stay(), "guests": "9"})
    assert (page.status_code, list(page.context["form"].errors)) == (422, ["guests"])


def test_signing_in_on_the_way_to_a_booking_leads_to_the_proof(renter: User, house: House) -> None:
    browser = Client()
    page = next_of(browser.post(f"/houses/{house.pk}/book/", stay()).url)
    typed = {"username": renter.mobile, "password": "a-good-password", "next": page}
    sent = browser.post("/accounts/login/", typed)
    assert (urlsplit(sent.url).path, next_of(sent.url)) == (VERIFY, page)
