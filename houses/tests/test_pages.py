"""Finding a house, and its page."""

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from houses.models import House
from houses.views import HOUSES_PER_PAGE
from orders.models import Review
from tests import make

pytestmark = pytest.mark.django_db


def test_listed_houses_are_found_and_others_are_not(client: Client) -> None:
    listed, hidden = make.house(title="Sea view"), make.house(title="Being painted", is_listed=False)
    page = client.get("/").content.decode()
    assert listed.title in page
    assert listed.get_absolute_url() in page
    assert hidden.title not in page
    assert client.get(hidden.get_absolute_url()).status_code == 404
    assert client.get("/houses/999999/").status_code == 404


def test_no_houses_is_said_in_words(client: Client) -> None:
    page = client.get("/")
    assert page.status_code == 200
    assert "scene-none-found" in page.content.decode()


@pytest.mark.parametrize("number", ["0", "-1", "x", "99", "１", ""])
def test_an_odd_page_number_gives_a_page(client: Client, number: str) -> None:
    make.house()
    assert client.get("/", {"page": number}).status_code == 200


def test_every_house_is_on_one_page_and_the_number_of_queries_stays(
    client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    titles = {make.house().title for _ in range(HOUSES_PER_PAGE + 3)}
    found = []
    for number in (1, 2):
        with django_assert_max_num_queries(4):
            found += [house.title for house in client.get("/", {"page": number}).context["houses"]]
    assert len(found) == len(titles)
    assert set(found) == titles


def test_a_house_shows_its_reviews_and_their_average(client: Client) -> None:
    house = make.house()
    for rating, text in ((5, "Lovely <b>"), (4, "Quiet")):
        order = make.order(house=house)
        Review.objects.create(order=order, house=house, renter=order.renter, rating=rating, text=text)
    House.objects.update(review_count=2, rating_sum=9)
    page = client.get(house.get_absolute_url())
    assert [review.text for review in page.context["reviews"]] == ["Quiet", "Lovely <b>"]
    assert "4.5" in page.content.decode()
    for review in page.context["reviews"]:
        assert review.renter.mobile not in page.content.decode()


def test_the_dates_in_the_address_fill_the_form(client: Client) -> None:
    house = make.house()
    page = client.get(
        house.get_absolute_url(), {"check_in": "2027-03-05", "check_out": "2027-03-07", "guests": "3"}
    )
    for value in ("2027-03-05", "2027-03-07", "3"):
        assert f'value="{value}"' in page.content.decode()


@pytest.mark.parametrize("value", ["x", '"><script>alert(1)</script>', "２０２７-03-05", "9" * 500, "\0"])
def test_odd_dates_in_the_address_do_no_harm(client: Client, value: str) -> None:
    house = make.house()
    page = client.get(house.get_absolute_url(), {"check_in": value, "check_out": value, "guests": value})
    assert page.status_code == 200
    assert "<script>alert" not in page.content.decode()
