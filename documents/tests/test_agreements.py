"""Agreement to the terms and the privacy policy: at sign-up, at booking, after a new version."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from documents import agreements
from documents.models import Agreement
from documents.tests.test_documents import publish
from orders import closing
from orders.models import Order
from tests import make
from tests.proving import prove

pytestmark = pytest.mark.django_db

NEW = {"username": "13811112222", "password": "quiet-sea-8"}


@pytest.fixture(autouse=True)
def fresh_cache() -> None:
    cache.clear()


def agreed(**which: object) -> list[tuple[str, int, str, str]]:
    rows = Agreement.objects.filter(**which).order_by("id")
    return list(rows.values_list("kind", "number", "place", "order_number"))


def book(client: Client, **more: str) -> Order:
    house = make.house(instant_book=True)
    arrival = timezone.localdate() + timedelta(days=5)
    days = {"check_in": str(arrival), "check_out": str(arrival + timedelta(days=2)), "guests": "1"}
    client.post(f"/houses/{house.pk}/book/", {**days, **more})
    return Order.objects.get(house=house)


def test_signing_up_agrees_to_what_the_page_named(client: Client) -> None:
    publish("terms", 2)
    page = client.get("/accounts/signup/").content.decode()
    assert 'name="agreed" value="2.1"' in page
    assert 'href="/terms/"' in page
    publish("terms", 3)  # while the page is open
    cache.clear()
    prove(client, "/accounts/signup/", {**NEW, "agreed": "2.1"})
    assert agreed() == [("terms", 2, "SIGN_UP", ""), ("privacy", 1, "SIGN_UP", "")]


@pytest.mark.parametrize("shown", [None, "", "9.9", "x", "0.0", "1.1.1", "1" * 30])
def test_a_post_without_the_field_agrees_to_the_newest(client: Client, shown: str | None) -> None:
    publish("privacy", 2)
    prove(client, "/accounts/signup/", NEW if shown is None else {**NEW, "agreed": shown})
    assert [row[:2] for row in agreed()] == [("terms", 1), ("privacy", 2)]


def test_a_version_that_another_process_published_counts(client: Client) -> None:
    assert agreements.shown() == "1.1"  # cached
    publish("terms", 2)
    user = make.user()
    agreements.record(user.pk, Agreement.Place.SIGN_UP, "2.1")
    assert [row[:2] for row in agreed()] == [("terms", 2), ("privacy", 1)]


def test_a_renter_is_told_once_of_a_new_version_and_agrees_with_a_booking(client: Client) -> None:
    user = make.user()
    agreements.record(user.pk, Agreement.Place.SIGN_UP)
    client.force_login(user)
    client.cookies["django_language"] = "en"
    told, asked = 'aria-label="Changed documents"', "New since you last agreed:"
    assert told not in client.get("/accounts/me/").content.decode()
    publish("terms", 2)
    cache.clear()
    assert told in client.get("/accounts/me/").content.decode()
    assert told not in client.get("/accounts/me/").content.decode()
    house = make.house(instant_book=True)
    assert asked in client.get(f"/houses/{house.pk}/").content.decode()
    agreements.record(user.pk, Agreement.Place.BOOKING, order_number="1" * 14)
    assert asked not in client.get(f"/houses/{house.pk}/").content.decode()


def test_each_booking_agrees_with_its_order(client: Client) -> None:
    publish("terms", 2)
    user = make.user()
    client.force_login(user)
    older, newest = book(client, agreed="1.1"), book(client)
    assert agreed(user=user, order_number=older.number) == [
        ("terms", 1, "BOOKING", older.number),
        ("privacy", 1, "BOOKING", older.number),
    ]
    assert [row[1] for row in agreed(user=user, order_number=newest.number)] == [2, 1]


def test_a_refused_booking_agrees_to_nothing(client: Client) -> None:
    client.force_login(make.user(mobile_verified_at=None))
    with pytest.raises(Order.DoesNotExist):
        book(client)
    assert agreed() == []


def test_a_closed_account_keeps_its_agreements() -> None:
    user = make.user()
    agreements.record(user.pk, Agreement.Place.SIGN_UP)
    closing.close(user)
    assert len(agreed(user=user)) == 2


def test_no_page_asks_the_database_while_no_version_is_new(django_assert_num_queries: Any) -> None:
    user = make.user()
    agreements.shown()
    with django_assert_num_queries(0):
        assert agreements.shown() == "1.1"
        assert agreements.new_to(user.pk) == []
