"""Search for homes: filters, sort orders, invalid values."""

import re
from datetime import date, timedelta
from html import unescape
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
import time_machine
from django.conf import settings
from django.db import connection
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from houses import availability, views
from houses.models import Area, Facility, House
from houses.pages import SEARCH_FIELDS, search_address
from houses.search import Sort, find, keys
from houses.views import HOUSES_PER_PAGE
from tests import make

pytestmark = pytest.mark.django_db

QUERIES = 7
"""Areas, facilities, the area that was chosen, ids, houses with their areas, covers, seasonal prices."""


def day(n: int) -> date:
    return timezone.localdate() + timedelta(days=n)


def titles(client: Client, **asked: object) -> list[str]:
    page = client.get("/", {name: str(value) for name, value in asked.items()})
    assert page.status_code == 200
    return [house.title for house in page.context["houses"]]


def test_an_area(client: Client) -> None:
    dali = Area.objects.create(name="Dali")
    make.house(title="Sea")
    make.house(title="Lake", area=dali)
    assert titles(client, area=dali.pk) == ["Lake"]
    assert titles(client) == ["Lake", "Sea"]


def test_the_number_of_guests(client: Client) -> None:
    for capacity in (2, 4, 6):
        make.house(title=str(capacity), capacity=capacity)
    assert titles(client, guests=4) == ["6", "4"]
    assert titles(client, guests=7) == []


@pytest.mark.parametrize(
    ("check_in", "check_out", "is_found"),
    [
        (5, 8, True),  # check-out on the day of their check-in
        (12, 14, True),  # check-in on the day of their check-out
        (5, 9, False),
        (11, 14, False),
        (8, 12, False),
        (9, 10, False),  # inside
        (5, 20, False),  # around
    ],
)
def test_BOK02_only_homes_that_are_free_on_all_nights(
    client: Client, check_in: int, check_out: int, is_found: bool
) -> None:
    make.house(title="Free")
    availability.hold(make.house(title="Busy"), day(8), day(12))
    found = titles(client, check_in=day(check_in), check_out=day(check_out))
    assert found == (["Busy", "Free"] if is_found else ["Free"])


@pytest.mark.parametrize(("nights", "is_found"), [(1, False), (2, True), (5, True), (6, False)])
def test_only_homes_that_take_that_many_nights(client: Client, nights: int, is_found: bool) -> None:
    make.house(title="Two to five", min_nights=2, max_nights=5)
    found = titles(client, check_in=day(3), check_out=day(3 + nights))
    assert bool(found) == is_found


def first_home_of(page: object) -> str:
    """Return the link to the first result."""
    [link] = re.findall(r'<h2><a href="([^"]*)"', page.content.decode())[:1]
    return unescape(link)


def back_link(page: object) -> str:
    """Return the link of the back arrow beside the title."""
    [link] = re.findall(r'class="back" href="([^"]*)"', page.content.decode())
    return unescape(link)


def test_a_home_that_was_found_can_be_booked_on_those_days(client: Client) -> None:
    house = make.house(min_nights=2, capacity=3)
    page = client.get("/", {"check_in": day(3), "check_out": day(5), "guests": 2, "page": 1, "sort": "price"})
    link = first_home_of(page)
    assert link.startswith(f"{house.get_absolute_url()}?check_in={day(3)}&check_out={day(5)}&guests=2&")
    form = client.get(link).context["form"]
    assert not form.errors
    assert form.nights == 2


def test_refused_values_are_not_passed_on_to_the_home(client: Client) -> None:
    house = make.house()
    asked = {"check_in": str(day(5)), "check_out": str(day(4)), "guests": "200"}
    link = first_home_of(client.get("/", asked))
    assert link.startswith(f"{house.get_absolute_url()}?check_in={day(5)}&search=")


class TestBackLink:
    """The link from a home back to the search that found it."""

    def asked(self, house: House) -> dict[str, str]:
        days = {"check_in": str(day(3)), "check_out": str(day(5)), "guests": "2"}
        return {"area": str(house.area_id), **days, "sort": "price"}

    def test_the_same_search(self, client: Client) -> None:
        for _ in range(HOUSES_PER_PAGE + 2):
            house = make.house()
        asked = {**self.asked(house), "page": "2"}
        page = client.get("/", asked)
        back = back_link(client.get(first_home_of(page)))
        assert dict(parse_qsl(urlsplit(back).query)) == asked
        assert urlsplit(back)[:3] == ("", "", "/")
        again = client.get(back)
        assert [home.pk for home in again.context["houses"]] == [home.pk for home in page.context["houses"]]
        assert len(again.context["houses"]) == 2

    def test_a_search_with_refused_values(self, client: Client) -> None:
        make.house()
        asked = {"check_in": str(day(5)), "check_out": str(day(4))}
        back = back_link(client.get(first_home_of(client.get("/", asked))))
        assert back == f"/?check_in={day(5)}&check_out={day(4)}"

    def test_all_homes_without_a_search(self, client: Client) -> None:
        house = make.house()
        link = first_home_of(client.get("/"))
        assert link == house.get_absolute_url()
        assert back_link(client.get(link)) == "/"

    def test_it_survives_other_months_and_another_language(self, client: Client) -> None:
        house = make.house()
        back = search_address(self.asked(house))
        html = client.get(first_home_of(client.get(back))).content.decode()
        others = re.findall(r'href="([^"]*month=[^"]*)"', html) + re.findall(
            r'name="next" value="(.*?)"', html
        )
        assert len(others) >= 2
        for other in others:
            assert back_link(client.get(unescape(other))) == back

    def test_it_survives_a_refused_booking_and_the_sign_in(self, client: Client) -> None:
        house = make.house(capacity=2)
        back = search_address(self.asked(house))
        html = client.get(first_home_of(client.get(back))).content.decode()
        [search] = re.findall(r'name="search" value="(.*?)"', html)
        typed = {"check_in": str(day(3)), "check_out": str(day(5)), "guests": "9", "search": unescape(search)}
        book = f"/houses/{house.pk}/book/"
        sign_in = client.post(book, typed)
        [after] = parse_qs(urlsplit(sign_in.url).query)["next"]
        assert back_link(client.get(after)) == back
        client.force_login(make.user())
        refused = client.post(book, typed)
        assert refused.status_code == 422
        assert back_link(refused) == back

    def test_booking_an_unlisted_home_leads_to_others_on_the_same_days(self, client: Client) -> None:
        client.force_login(make.user())
        house = make.house(is_listed=False)
        typed = {"check_in": str(day(3)), "check_out": str(day(5)), "search": "area=1"}
        others = client.post(f"/houses/{house.pk}/book/", typed).url
        assert others == f"/?check_in={day(3)}&check_out={day(5)}"

    @pytest.mark.same_statements
    @pytest.mark.parametrize(
        "search",
        [
            *(
                "https://evil.example/",
                "//evil.example",
                "next=//evil.example",
                "&&&",
                "=",
                "%",
                "\0",
                "9" * 5000,
            ),
            *("&".join(["area=1"] * 5000), "area=" + "9" * 500, "x=1&area=", "/orders/?status=COMPLETE"),
            '"><script>alert(1)</script>',
        ],
        ids=lambda search: repr(search)[:20],
    )
    def test_it_leads_nowhere_else(self, client: Client, search: str) -> None:
        house = make.house()
        client.force_login(make.user())
        for page in (
            client.get(house.get_absolute_url(), {"search": search}),
            client.post(f"/houses/{house.pk}/book/", {"search": search}),
        ):
            back = back_link(page)
            assert urlsplit(back)[:3] == ("", "", "/")
            assert set(parse_qs(urlsplit(back).query)) <= {"area"}
            assert "evil" not in back
            assert "<script>alert" not in page.content.decode()


def test_hidden_homes_are_never_found(client: Client) -> None:
    make.house(is_listed=False)
    for sort in Sort.values:
        assert titles(client, sort=sort) == []


def test_the_sort_orders(client: Client) -> None:
    for title, price_fen, order_count in (("a", 200, 5), ("b", 100, 9), ("c", 300, 9), ("d", 100, 1)):
        make.house(title=title, price_fen=price_fen, order_count=order_count)
    assert titles(client) == titles(client, sort="new") == titles(client, sort="x") == ["d", "c", "b", "a"]
    assert titles(client, sort="price") == ["b", "d", "a", "c"]
    assert titles(client, sort="price_down") == ["c", "a", "d", "b"]
    assert titles(client, sort="booked") == ["c", "b", "a", "d"]


def test_the_best_rated_first_few_reviews_count_less(client: Client) -> None:
    for title, review_count, rating_sum in (
        ("one of five stars", 1, 5),
        ("twenty of 4.9", 20, 98),
        ("none", 0, 0),
        ("one of one star", 1, 1),
        ("forty of 3.5", 40, 140),
    ):
        make.house(title=title, review_count=review_count, rating_sum=rating_sum)
    ranked = ["twenty of 4.9", "one of five stars", "none", "forty of 3.5", "one of one star"]
    assert titles(client, sort="rated") == ranked


def test_the_rank_follows_the_counters() -> None:
    house = make.house()
    make.rows(House).update(review_count=F("review_count") + 1, rating_sum=F("rating_sum") + 5)
    house.refresh_from_db()
    assert house.rating_rank in (4166, 4167)  # 25 stars of 6 reviews; engines round differently


@pytest.mark.parametrize("sort", Sort)
def test_pages_neither_repeat_nor_leave_out_a_home_of_equal_rank(client: Client, sort: Sort) -> None:
    all_titles = {make.house(order_count=3).title for _ in range(HOUSES_PER_PAGE + 3)}
    pages = [titles(client, sort=sort.value, page=number) for number in (1, 2)]
    assert [len(page) for page in pages] == [HOUSES_PER_PAGE, 3]
    assert {*pages[0], *pages[1]} == all_titles


WRONG = {
    "past": ({"check_in": -1, "check_out": 3}, "check_in", "This date has passed."),
    "beyond a year": (
        {"check_in": 366, "check_out": 368},
        "check_in",
        "You can book up to a year ahead.",
    ),
    "end before start": (
        {"check_in": 5, "check_out": 4},
        "check_out",
        "Check-out must be after check-in.",
    ),
    "no night": ({"check_in": 5, "check_out": 5}, "check_out", "Check-out must be after check-in."),
    "ten years": ({"check_in": 5, "check_out": 3655}, "check_out", "The maximum stay is 90 nights."),
    "no end": ({"check_in": 5}, "check_out", "Choose a check-out date."),
    "no start": ({"check_out": 5}, "check_in", "Choose a check-in date."),
}


@pytest.mark.parametrize(("days", "marked", "message"), WRONG.values(), ids=WRONG.keys())
@time_machine.travel("2026-11-22T12:00:00+08:00", tick=False)
def test_BOK06_impossible_days_are_refused_beside_the_field(
    client: Client, days: dict[str, int], marked: str, message: str
) -> None:
    make.house(title="Sea")
    typed = {name: str(day(n)) for name, n in days.items()}
    client.cookies["django_language"] = "en"
    page = client.get("/", {**typed, "guests": "2"})
    html = page.content.decode()
    assert list(page.context["form"].errors) == [marked]
    assert f'id="id_{marked}_error"><li>{message}</li></ul>' in html
    for value in (*typed.values(), "2"):
        assert f'value="{value}"' in html
    assert "1 home (ignoring the fields marked above)" in html


ODD = [
    "x",
    "-1",
    "0",
    "1.5",
    "２",
    "9" * 500,
    "9" * 5000,
    "\0",
    '"><script>alert(1)</script>',
    "2027-02-30",
    " ",
]


@pytest.mark.parametrize("value", ODD, ids=lambda value: repr(value)[:12])
@pytest.mark.parametrize("name", SEARCH_FIELDS)
def test_odd_values_do_no_harm(client: Client, name: str, value: str) -> None:
    make.house()
    page = client.get("/", {name: value})
    assert page.status_code == 200
    assert len(page.context["houses"]) <= 1
    assert "<script>alert" not in page.content.decode()


def test_everything_odd_at_once(client: Client) -> None:
    page = client.get("/", dict.fromkeys(SEARCH_FIELDS, "x"))
    assert page.status_code == 200
    numbers = {"guests", "price_from", "price_to", "bedrooms", "facilities"}
    assert set(page.context["form"].errors) == {"area", "check_in", "check_out", *numbers}


def suggestions(client: Client, **asked: object) -> list[str]:
    """Search without a result; return the links that drop one of the filters."""
    html = client.get("/", asked).content.decode()
    assert "scene-none-found" in html
    return [unescape(link) for link in re.findall(r'class="button quiet" href="([^"]*)"', html)]


def test_a_search_without_results_suggests_others(client: Client) -> None:
    area = make.house(capacity=2).area.pk
    days = {"check_in": str(day(3)), "check_out": str(day(4))}
    assert suggestions(client, area=area, guests="9", **days) == [
        f"?area={area}&guests=9",
        f"?area={area}&check_in={day(3)}&check_out={day(4)}",
        f"?guests=9&check_in={day(3)}&check_out={day(4)}",
    ]


def test_only_filters_that_applied_are_suggested_to_be_dropped(client: Client) -> None:
    make.house(capacity=2)
    guests_alone = [f"?check_in={day(3)}"]
    assert suggestions(client, check_in=str(day(3)), guests="9") == guests_alone
    assert suggestions(client, check_in=str(day(3)), guests="9", area="x") == [f"?check_in={day(3)}&area=x"]
    make.rows(House).update(is_listed=False)
    assert suggestions(client, check_in=str(day(3)), guests="200", area="x") == []


def test_pages_and_sort_orders_keep_the_search(client: Client) -> None:
    """The sort orders are submit buttons, so that they send what is typed in the form, too."""
    for _ in range(HOUSES_PER_PAGE + 1):
        make.house(capacity=5)
    html = client.get("/", {"guests": "5", "sort": "price"}).content.decode()
    assert 'href="?guests=5&amp;sort=price&amp;page=2"' in html
    orders = re.findall(
        r'<button form="search" formnovalidate name="sort" value="(\w+)"( aria-current)?', html
    )
    others = [("price_down", ""), ("booked", ""), ("rated", "")]
    assert orders == [("new", ""), ("price", " aria-current"), *others]
    assert 'id="search"' in html
    assert '<button class="button" name="sort" value="price">' in html
    assert '<button class="button">' in client.get("/", {"guests": "5"}).content.decode()


def test_a_search_with_very_many_results_is_cut(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "MAX_RESULTS", HOUSES_PER_PAGE)
    client.cookies["django_language"] = "en"
    for _ in range(HOUSES_PER_PAGE):
        make.house()
    assert f"{HOUSES_PER_PAGE} homes\n" in client.get("/").content.decode()
    make.house()
    page = client.get("/", {"page": "2"})
    assert f"More than {HOUSES_PER_PAGE} homes" in page.content.decode()
    assert page.context["page"].paginator.num_pages == 1


@pytest.mark.parametrize("homes", [1, HOUSES_PER_PAGE + 2])
def test_the_number_of_queries_does_not_grow(
    client: Client, homes: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(homes):
        area = make.house_with_cover().area
    with django_assert_num_queries(QUERIES):
        client.get("/", {"area": area.pk, "check_in": day(3), "check_out": day(33), "guests": 1})
    with django_assert_num_queries(QUERIES - 2):
        client.get("/")


def test_the_database_reads_only_indexes_of_nights() -> None:
    """A lookup by house and night, or one by night: never a scan of all nights of a house."""
    for n in range(300):
        availability.hold(make.house(), day(n % 40), day(n % 40 + 3))
    plan = find(stay=(day(3), day(5)), sort=Sort.PRICE)[:HOUSES_PER_PAGE].explain()
    if connection.vendor == "sqlite":
        assert plan.count("houses_bookednight_1 (house_id=? AND night=?)") == 2, plan
        assert "house_by_price" in plan, plan
        # The few seasons of one home are sorted; all homes, whose parent is 0, are not.
        assert not re.search(r"(?m)^\d+ 0 \d+ USE TEMP B-TREE", plan), plan
    else:
        lookups = [line for line in plan.splitlines() if "U0" in line and "rules_of_a_house" not in line]
        assert len(lookups) == 2, plan
        for line in lookups:
            assert "func,const" in line or "houses_of_a_night 3 const" in line, plan


@pytest.mark.parametrize(("language", "shown"), [("zh-hans", "大理"), ("en", "Dali")])
def test_an_area_is_named_in_the_readers_language(client: Client, language: str, shown: str) -> None:
    make.house(area=Area.objects.create(name="大理", name_en="Dali"))
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = language
    page = client.get("/").content.decode()
    assert page.count(shown) == 2  # in the list to choose from, on the card
    make.rows(Area).update(name_en="")
    assert client.get("/").content.decode().count("大理") == 2


FILTERS: list[dict[str, Any]] = [
    {},
    {"guests": 2, "bedrooms": 1, "instant": True, "whole": True},
    {"price_from": 1, "price_to": 900, "sort": Sort.PRICE_DOWN},
    {"stay": (day(3), day(5)), "sort": Sort.RATED},
]


@pytest.mark.parametrize("filters", FILTERS)
def test_the_prepared_search_is_that_of_the_queryset(filters: dict[str, Any]) -> None:
    homes = [make.house(instant_book=instant, capacity=4) for instant in (True, False, True)]
    lift = Facility.objects.create(name="电梯", icon="lift")
    homes[0].facilities.add(lift)
    for chosen in (filters, {**filters, "area": homes[0].area}, {**filters, "facilities": [lift.pk]}):
        with CaptureQueriesContext(connection) as sent:
            found = keys(50, **chosen)
            plain = list(find(**chosen).values_list("pk", flat=True)[:50])
        ours, djangos = (query["sql"] for query in sent.captured_queries)
        assert found == plain
        assert ours == djangos or "instant" in chosen  # the compiler leaves out "= 1"
