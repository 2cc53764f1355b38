"""The list of houses and the page of one."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from houses import availability
from houses.models import Facility, House, RefundPolicy
from houses.pages import REVIEWS_SHOWN
from houses.views import HOUSES_PER_PAGE
from orders import transitions
from orders.models import Order, Review
from tests import make

pytestmark = pytest.mark.django_db


def test_listed_houses_are_found_and_others_are_not(client: Client) -> None:
    listed, hidden = make.house(title="Sea view"), make.house(title="Being painted", is_listed=False)
    page = client.get("/").content.decode()
    assert listed.title in page
    assert listed.get_absolute_url() in page
    assert hidden.title not in page
    assert client.get(hidden.get_absolute_url()).status_code == 404
    for key in (999999, 2**63, 10**400):
        assert client.get(f"/houses/{key}/").status_code == 404


def test_an_empty_list_has_a_message(client: Client) -> None:
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
        with django_assert_max_num_queries(5):
            found += [house.title for house in client.get("/", {"page": number}).context["houses"]]
    assert len(found) == len(titles)
    assert set(found) == titles


def test_a_house_shows_its_reviews_and_their_average(client: Client) -> None:
    house = make.house()
    for rating, text in ((5, "Lovely <b>"), (4, "Quiet")):
        order = make.order(house=house)
        Review.objects.create(order=order, house=house, renter=order.renter, rating=rating, text=text)
    make.rows(House).update(review_count=2, rating_sum=9)
    page = client.get(house.get_absolute_url())
    assert [review.text for review in page.context["reviews"]] == ["Quiet", "Lovely <b>"]
    assert "4.5" in page.content.decode()
    for review in page.context["reviews"]:
        assert review.renter.mobile not in page.content.decode()


def test_a_review_in_another_language_is_marked_with_it(client: Client) -> None:
    house = make.house()
    for text in ("推窗见海", "Quiet"):
        order = make.order(house=house)
        Review.objects.create(order=order, house=house, renter=order.renter, rating=5, text=text)
    client.cookies["django_language"] = "en"
    html = client.get(house.get_absolute_url()).content.decode()
    assert '<p class="prose" lang="zh-Hans">推窗见海</p>' in html
    assert '<p class="prose">Quiet</p>' in html


def test_the_newest_reviews_are_shown_and_the_others_counted(client: Client) -> None:
    house = make.house()
    for n in range(REVIEWS_SHOWN + 3):
        order = make.order(house=house)
        Review.objects.create(order=order, house=house, renter=order.renter, rating=5, text=f"No. {n}")
    make.rows(House).update(review_count=REVIEWS_SHOWN + 3, rating_sum=5 * (REVIEWS_SHOWN + 3))
    client.cookies["django_language"] = "en"
    page = client.get(house.get_absolute_url())
    assert [review.text for review in page.context["reviews"]] == [f"No. {n}" for n in range(12, 2, -1)]
    assert "Latest 10" in page.content.decode()
    assert "13 reviews" in page.content.decode()


def test_facilities_and_rules_are_listed(client: Client) -> None:
    house = make.house(rules="No smoking <b>\n\nQuiet after ten\n", arrival="The key is under the mat")
    house.facilities.add(Facility.objects.create(name="Kitchen & oven", icon="kitchen"))
    Facility.objects.create(name="Lift", icon="lift")
    html = client.get(house.get_absolute_url()).content.decode()
    assert "icons.svg#facility-kitchen" in html
    assert "Kitchen &amp; oven" in html
    assert "facility-lift" not in html
    assert html.count("<li>No smoking &lt;b&gt;</li>") == html.count("<li>Quiet after ten</li>") == 1
    assert "<li></li>" not in html


def test_a_home_in_english(client: Client) -> None:
    client.cookies["django_language"] = "en"
    for capacity, text in ((1, "Up to 1 guest<"), (2, "Up to 2 guests<")):
        house = make.house(capacity=capacity, refund_policy=RefundPolicy.STRICT)
        html = client.get(house.get_absolute_url()).content.decode()
        assert text in html
        assert "Strict: 50% refund until 7 days before check-in, then none" in html
        assert "Exact address and check-in guide after you pay" in html


@pytest.mark.parametrize("instant", [True, False])
def test_the_page_announces_the_step_after_booking(client: Client, instant: bool) -> None:
    house = make.house(instant_book=instant)
    client.cookies["django_language"] = "en"
    html = client.get(house.get_absolute_url()).content.decode()
    assert ("You pay in the next step" in html) is instant
    assert ("We reply within 24 hours" in html) is not instant
    assert ("We reply within 24 hours" in html) is not instant


def test_a_card_says_what_a_night_costs(client: Client) -> None:
    make.house(price_fen=12_345)
    [card] = re.findall('<article class="card house">.*?</article>', client.get("/").content.decode(), re.S)
    assert "￥123.45" in card


def test_address_and_arrival_are_not_public(client: Client) -> None:
    house = make.house(address="1 Sea Road", arrival="The key is under the mat")
    client.force_login(make.user())
    html = client.get(house.get_absolute_url()).content.decode()
    assert house.address not in html
    assert house.arrival not in html


@pytest.mark.parametrize("rows", [1, 12])
def test_the_number_of_queries_of_a_house_does_not_grow(
    client: Client, rows: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    house = make.house()
    today = timezone.localdate()
    for n in range(rows):
        order = make.order(house=house)
        Review.objects.create(order=order, house=house, renter=order.renter, rating=5, text="Fine")
        availability.hold(house, today + timedelta(days=2 * n), today + timedelta(days=2 * n + 1))
        house.facilities.add(Facility.objects.create(name=str(n), icon="wifi"))
    with django_assert_num_queries(7):  # the house, photos, facilities, prices, nights, reviews, their photos
        client.get(house.get_absolute_url())
    stay = {"check_in": today + timedelta(days=90), "check_out": today + timedelta(days=92)}
    with django_assert_num_queries(8):  # and whether those nights are free
        client.get(house.get_absolute_url(), stay)


def test_BOK01_nights_taken_meanwhile_are_marked_before_booking(client: Client) -> None:
    house = make.house()
    first = timezone.localdate() + timedelta(days=9)
    stay = {"check_in": str(first), "check_out": str(first + timedelta(days=2)), "guests": "2"}
    assert client.get(house.get_absolute_url(), stay).context["form"].nights == 2
    availability.hold(house, first + timedelta(days=1), first + timedelta(days=2))
    page = client.get(house.get_absolute_url(), stay)
    assert list(page.context["form"].errors) == ["check_in"]
    assert page.context["form"].nights is None
    for value in stay.values():
        assert f'value="{value}"' in page.content.decode()


class TestOwnNights:
    """A renter's own booked nights link to the order; nobody else learns whose they are."""

    def days(self, first: int = 9, nights: int = 2) -> dict[str, str]:
        check_in = timezone.localdate() + timedelta(days=first)
        return {"check_in": str(check_in), "check_out": str(check_in + timedelta(days=nights)), "guests": "2"}

    def booked(self, client: Client, **fields: object) -> Order:
        """Sign in a new renter and book `days()`."""
        house, renter = make.house(**fields), make.user()
        client.force_login(renter)
        client.post(f"/houses/{house.pk}/book/", self.days())
        return renter.orders.get()

    def test_own_nights_link_to_the_order(self, client: Client) -> None:
        order = self.booked(client)
        page = client.get(order.house.get_absolute_url(), self.days())
        assert page.context["form"].errors == {}
        assert page.context["form"].nights == 2
        html = page.content.decode()
        assert f'<a href="{order.get_absolute_url()}">' in html
        assert f'data-own-stay="{self.days()["check_in"]} {self.days()["check_out"]}"' in html

    @pytest.mark.parametrize("guests", ["0", "99", "x"])
    def test_own_nights_link_to_the_order_after_a_refused_booking(self, client: Client, guests: str) -> None:
        order = self.booked(client)
        page = client.post(f"/houses/{order.house_id}/book/", {**self.days(), "guests": guests})
        assert page.status_code == 422
        assert list(page.context["form"].errors) == ["guests"]
        html = page.content.decode()
        assert f'<a href="{order.get_absolute_url()}">' in html
        assert f'data-own-stay="{self.days()["check_in"]} {self.days()["check_out"]}"' in html

    def test_others_see_them_as_taken_after_a_refused_booking(self, client: Client) -> None:
        order = self.booked(client)
        client.force_login(make.user())
        page = client.post(f"/houses/{order.house_id}/book/", {**self.days(), "guests": "99"})
        assert set(page.context["form"].errors) == {"guests", "check_in"}
        assert order.number not in page.content.decode()

    def test_others_see_them_as_taken(self, client: Client) -> None:
        order = self.booked(client)
        for other in (Client(), client):
            client.force_login(make.user())
            page = other.get(order.house.get_absolute_url(), self.days())
            assert list(page.context["form"].errors) == ["check_in"]
            assert order.number not in page.content.decode()

    @pytest.mark.parametrize(("first", "nights"), [(9, 1), (10, 1), (9, 3), (8, 3)])
    def test_another_stay_over_own_nights_is_refused(self, client: Client, first: int, nights: int) -> None:
        order = self.booked(client)
        page = client.get(order.house.get_absolute_url(), self.days(first, nights))
        assert list(page.context["form"].errors) == ["check_in"]
        assert order.number not in page.content.decode()

    def test_former_own_nights_are_refused_once_somebody_else_holds_them(self, client: Client) -> None:
        order = self.booked(client)
        transitions.cancel(order, by=order.renter)
        page = client.get(order.house.get_absolute_url(), self.days())
        assert page.context["form"].errors == {}
        assert order.number not in page.content.decode()
        availability.hold(order.house, order.check_in, order.check_out)
        page = client.get(order.house.get_absolute_url(), self.days())
        assert list(page.context["form"].errors) == ["check_in"]
        assert order.number not in page.content.decode()

    def test_it_costs_one_query(
        self, client: Client, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        page = self.booked(client).house.get_absolute_url()
        # Session, renter, the order and the favourites beside the 7 of such a page.
        with django_assert_num_queries(11):
            client.get(page, self.days())


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
