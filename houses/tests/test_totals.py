"""Search with dates: what a stay costs, on each card, and homes whose season wants a longer one."""

from datetime import date, timedelta

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from core.templatetags.ihome import yuan
from houses import quotes
from houses.models import House, PriceRule
from tests import make

pytestmark = pytest.mark.django_db

MONDAY = date(2026, 12, 7)


@pytest.fixture(autouse=True)
def english(client: Client) -> None:
    client.cookies["django_language"] = "en"


@pytest.fixture(autouse=True)
def in_november() -> object:
    with time_machine.travel("2026-11-22T12:00:00+08:00", tick=False):
        yield


def season(house: House, **fields: object) -> PriceRule:
    values = {"name": "雪季", "first_night": MONDAY, "last_night": MONDAY + timedelta(days=6), **fields}
    return PriceRule.objects.create(house=house, **{"price_fen": 40000, **values})


def found(client: Client, nights: int, **asked: object) -> object:
    stay = {"check_in": MONDAY, "check_out": MONDAY + timedelta(days=nights)}
    return client.get("/", {**stay, **asked})


def test_with_dates_a_card_shows_the_total_and_the_price_per_night(client: Client) -> None:
    house = make.house(price_fen=10000, cleaning_fee_fen=5000, guests_included=1, guest_fee_fen=2000)
    season(house, last_night=MONDAY)
    html = found(client, 2, guests=3).content.decode()
    total = quotes.for_stay([house], MONDAY, MONDAY + timedelta(days=2), 3)[house.pk].total_fen
    assert total == 40000 + 10000 + 5000 + 2 * 2 * 2000
    assert f'<span class="price">{yuan(total)}</span> <span class="soft">in total</span>' in html
    assert '<span class="soft">￥250.00 per night</span>' in html
    assert "in total" not in client.get("/").content.decode()


@pytest.mark.parametrize(("nights", "is_found"), [(2, False), (3, True)])
def test_a_season_with_least_nights_hides_homes_for_shorter_stays(
    client: Client, nights: int, is_found: bool
) -> None:
    season(make.house(), min_nights=3)
    assert bool(found(client, nights).context["houses"]) == is_found


@pytest.mark.parametrize("homes", [1, 24])
def test_rules_cost_one_query(
    client: Client, homes: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(homes):
        house = make.house_with_cover()
        for days in (1, 3, 6):
            season(house, last_night=MONDAY + timedelta(days=days))
    with django_assert_num_queries(6):  # areas, facilities, ids, houses with their areas, photos, prices
        page = found(client, 5, guests=2, sort="price_down")
    assert len(page.context["cards"]) == homes
    assert "Sorted by the base price per night." in page.content.decode()
