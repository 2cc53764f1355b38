"""Filters of the search, typed places, and the chips that remove a filter."""

import re
from datetime import timedelta
from html import unescape
from urllib.parse import parse_qs

import pytest
from django.http import QueryDict
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from houses.chips import chips_of
from houses.described import Space
from houses.destinations import near
from houses.models import Area, Facility
from houses.pages import search_address
from houses.search_form import SearchForm
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def english(client: Client) -> None:
    client.cookies["django_language"] = "en"


def titles(client: Client, **asked: object) -> list[str]:
    page = client.get("/", asked)
    assert page.status_code == 200
    return [house.title for house in page.context["houses"]]


def facilities(*names: str) -> list[Facility]:
    return [Facility.objects.create(name=name, icon="tea") for name in names]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"price_from": 200}, ["300", "200"]),
        ({"price_to": 200}, ["200", "100.01"]),
        ({"price_from": 101, "price_to": 299}, ["200"]),
        ({"price_from": 200, "price_to": 200}, ["200"]),
        ({"price_from": 0}, ["300", "200", "100.01"]),
        ({"price_to": 100}, []),
    ],
)
def test_a_price_from_and_to(client: Client, asked: dict[str, int], found: list[str]) -> None:
    for title, fen in (("100.01", 10001), ("200", 20000), ("300", 30000)):
        make.house(title=title, price_fen=fen)
    assert titles(client, **asked) == found


@pytest.mark.parametrize(
    ("asked", "marked", "sentence"),
    [
        (
            {"price_from": "300", "price_to": "200"},
            "price_to",
            "The highest price must not be below the lowest.",
        ),
        ({"price_to": "0"}, "price_to", "Enter at least 1 yuan, or leave this empty for any price."),
        ({"price_from": "-1"}, "price_from", "Ensure this value is greater than or equal to 0."),
        ({"price_to": "100001"}, "price_to", "Ensure this value is less than or equal to 100000."),
        ({"bedrooms": "9"}, "bedrooms", "Please choose from the list."),
        ({"facilities": "9"}, "facilities", "One of these amenities is unknown. Please choose again."),
    ],
)
def test_a_refused_filter_is_marked_in_the_open_part_of_the_form(
    client: Client, asked: dict[str, str], marked: str, sentence: str
) -> None:
    make.house()
    Facility.objects.create(name="Kitchen", icon="kitchen")
    page = client.get("/", asked)
    assert list(page.context["form"].errors) == [marked]
    html = page.content.decode()
    assert sentence in html
    assert '<details class="filters" open>' in html
    assert '<details class="filters">' in client.get("/").content.decode()


def test_all_the_facilities_that_are_ticked(client: Client) -> None:
    kitchen, tea, bath = (
        Facility.objects.create(name=name, icon="tea") for name in ("Kitchen", "Tea", "Bath")
    )
    make.house(title="both").facilities.set([kitchen, tea])
    make.house(title="kitchen").facilities.set([kitchen, bath])
    make.house(title="none")
    assert titles(client, facilities=[kitchen.pk]) == ["kitchen", "both"]
    assert titles(client, facilities=[kitchen.pk, tea.pk]) == ["both"]
    assert titles(client, facilities=f"{kitchen.pk},{tea.pk}") == ["both"]
    assert titles(client, facilities=[kitchen.pk, kitchen.pk]) == ["kitchen", "both"]
    assert titles(client, facilities=[kitchen.pk, tea.pk, bath.pk]) == []


def test_bedrooms_at_least(client: Client) -> None:
    for rooms in (None, 0, 1, 2, 3):
        make.house(title=str(rooms), bedrooms=rooms)
    assert titles(client, bedrooms=2) == ["3", "2"]
    assert titles(client, bedrooms="") == ["3", "2", "1", "0", "None"]


def test_instant_booking_and_whole_places(client: Client) -> None:
    make.house(title="instant", instant_book=True, space=Space.ROOM)
    make.house(title="whole", space=Space.WHOLE)
    make.house(title="unknown")
    assert titles(client, instant=1) == ["instant"]
    assert titles(client, whole=1) == ["whole"]
    assert titles(client, instant=1, whole=1) == []
    assert len(titles(client, instant=0, whole="x")) == 3


# --- places ------------------------------------------------------------------------------------------


@pytest.fixture
def areas() -> list[Area]:
    return [Area.objects.create(name=name, name_en=en) for name, en in (("厦门", "Xiamen"), ("大理", "Dali"))]


@pytest.mark.parametrize(
    ("place", "found"),
    [
        ("厦门", ["sea"]),
        (" 厦门市 ", ["sea"]),
        ("xiamen", ["sea"]),
        ("XIAMEN", ["sea"]),
        ("Dal", ["lake 洱海"]),
        ("鼓浪屿", ["sea"]),
        ("gulangyu", ["sea"]),
        ("厦门鼓浪屿", ["sea"]),
        ("厦门市鼓浪屿", ["sea"]),
        ("厦门 鼓浪屿", ["sea"]),
        ("大理鼓浪屿", []),
        ("大理洱海", ["lake 洱海"]),
        ("LAKE", ["lake 洱海"]),
        ("Dali, lake", ["lake 洱海"]),
        ("%", []),
        ("_", []),
        ("北京", []),
        ("   ", ["lake 洱海", "sea"]),
    ],
)
def test_a_place_is_an_area_a_district_or_a_title(
    client: Client, areas: list[Area], place: str, found: list[str]
) -> None:
    make.house(title="sea", area=areas[0], district="鼓浪屿", district_en="Gulangyu")
    make.house(title="lake 洱海", area=areas[1])
    assert titles(client, place=place) == found


def test_the_name_of_an_area_finds_no_titles_elsewhere(client: Client, areas: list[Area]) -> None:
    make.house(title="like 厦门", area=areas[1])
    assert titles(client, place="厦门") == []


def test_an_area_of_the_address_stands_in_the_field(client: Client, areas: list[Area]) -> None:
    make.house(title="sea", area=areas[0])
    page = client.get("/", {"area": areas[0].pk})
    assert [house.title for house in page.context["houses"]] == ["sea"]
    assert 'name="place" id="id_place" value="Xiamen"' in page.content.decode()
    assert '<option value="Dali">' in page.content.decode()


def test_an_unknown_place_suggests_similar_names_and_other_areas(client: Client, areas: list[Area]) -> None:
    html = client.get("/", {"place": "xiamn"}).content.decode()
    similar = html[html.index("Did you mean:") : html.index("Try removing a filter:")]
    assert re.findall(r'href="(.*?)">(.*?)<', similar) == [("?place=Xiamen", "Xiamen")]
    assert f'href="?area={areas[1].pk}">Dali<' in html
    assert near("厦们", areas) == [areas[0]]
    assert near("!", areas) == []


# --- chips -------------------------------------------------------------------------------------------


def links(html: str) -> dict[str, str]:
    """Return the queries of the chips by their labels."""
    chips = re.findall(
        r'<li><a href="([^"]*)"><span><span class="visually-hidden">Remove:</span> (.*?) <svg', html
    )
    return {unescape(label): unescape(link) for link, label in chips}


def test_each_filter_has_a_chip_that_removes_it_alone(client: Client, areas: list[Area]) -> None:
    kitchen, tea = facilities("Kitchen", "Tea")
    home = make.house(area=areas[0], instant_book=True, space=Space.WHOLE, bedrooms=3)
    home.facilities.set([kitchen, tea])
    check_in = timezone.localdate() + timedelta(days=5)
    asked = {
        "area": areas[0].pk,
        "check_in": check_in,
        "check_out": check_in + timedelta(days=2),
        "guests": 1,
        "price_from": 10,
        "price_to": 200,
        "bedrooms": 2,
        "facilities": [kitchen.pk, tea.pk],
        "instant": 1,
        "whole": 1,
    }
    found = links(client.get("/", {**asked, "sort": "price", "page": 1}).content.decode())
    assert len(found) == 9
    for link in found.values():
        assert client.get(f"/{link}").context["houses"] == [home]
        assert len(links(client.get(f"/{link}").content.decode())) == 8
        assert "sort=price" in link
        assert "page" not in link
    assert parse_qs(found["Kitchen"][1:])["facilities"] == [str(tea.pk)]
    assert {"Xiamen", "1 guest", "￥10–200 a night", "2+ bedrooms", "Instant booking"} < set(found)


def test_refused_fields_have_no_chip(client: Client) -> None:
    page = client.get("/", {"guests": "200", "price_from": "x", "bedrooms": "2"})
    assert [chip.label for chip in page.context["chips"]] == ["2+ bedrooms"]
    assert page.context["chips"][0].without == "?guests=200&price_from=x"


def test_a_search_without_results_offers_to_remove_each_filter(client: Client) -> None:
    html = client.get("/", {"instant": "1", "price_to": "5"}).content.decode()
    assert "scene-none-found" in html
    assert re.findall(r'class="button quiet" href="(.*?)"', html) == ["?instant=1", "?price_to=5"]


# --- links and costs ---------------------------------------------------------------------------------


def test_filters_survive_the_way_to_a_home_and_back(client: Client) -> None:
    kitchen, tea = facilities("Kitchen", "Tea")
    make.house(title="海边的家", space=Space.WHOLE).facilities.set([kitchen, tea])
    asked = {"place": "海边", "whole": "1", "facilities": [str(kitchen.pk), str(tea.pk)]}
    page = client.get("/", asked)
    [link] = re.findall(r'<h2><a href="([^"]*)"', page.content.decode())
    [back] = re.findall(r'class="back" href="([^"]*)"', client.get(unescape(link)).content.decode())
    assert parse_qs(unescape(back)[2:]) == {
        "place": ["海边"],
        "whole": ["1"],
        "facilities": [f"{kitchen.pk},{tea.pk}"],
    }
    assert [house.title for house in client.get(unescape(back)).context["houses"]] == ["海边的家"]
    assert search_address({"place": "x" * 41}) == "/"


def test_chips_are_spelled_as_the_links_of_pages() -> None:
    form = SearchForm(query := QueryDict("place=a+b&guests=2"))
    form.is_valid()
    assert [chip.without for chip in chips_of(form, query)] == ["?place=a+b", "?guests=2"]


@pytest.mark.parametrize("homes", [1, 26])
def test_filters_cost_no_further_query(
    client: Client, homes: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    kitchen, tea = facilities("Kitchen", "Tea")
    for _ in range(homes):
        make.house_with_cover(title="海边", bedrooms=3, space=Space.WHOLE, instant_book=True).facilities.set(
            [kitchen, tea]
        )
    asked = {"place": "海边", "bedrooms": 2, "whole": 1, "instant": 1, "facilities": f"{kitchen.pk},{tea.pk}"}
    with django_assert_num_queries(5):  # areas, facilities, ids, houses with their areas, covers
        page = client.get("/", {**asked, "price_from": 1, "price_to": 9000, "sort": "rated"})
    assert len(page.context["houses"]) == min(homes, 24)
