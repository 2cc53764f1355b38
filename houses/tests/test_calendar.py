"""Calendar of free nights on the page of a house."""

import re
from datetime import date
from html import unescape

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from houses import availability, calendar
from houses.models import House, PriceRule
from houses.quotes import Rates
from tests import make

pytestmark = pytest.mark.django_db

NOON = "2026-11-22T12:00:00+08:00"


@pytest.fixture(autouse=True)
def at_noon():
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def house() -> House:
    """A house with a stay from 30 November to 3 December."""
    made = make.house()
    availability.hold(made, date(2026, 11, 30), date(2026, 12, 3))
    return made


def states(house: House, wanted: str = "") -> dict[date, str]:
    months = calendar.of_house(Rates(house), wanted).months
    return {day.date: day.state for month in months for week in month.weeks for day in week if day}


def test_two_months_from_the_week_of_today_on(house: House) -> None:
    shown = states(house)
    assert (min(shown), max(shown), len(shown)) == (date(2026, 11, 16), date(2026, 12, 31), 46)
    assert shown[date(2026, 11, 21)] == "over"
    assert shown[date(2026, 11, 22)] == "free"


def test_today_is_marked(house: House) -> None:
    months = calendar.of_house(Rates(house), "").months
    days = [day for month in months for week in month.weeks for day in week if day]
    assert [day.date for day in days if day.is_today] == [date(2026, 11, 22)]


def test_BOK02_the_nights_of_a_stay_are_taken_and_the_check_out_is_free(house: House) -> None:
    taken = sorted(day for day, state in states(house).items() if state == "taken")
    assert taken == [date(2026, 11, 30), date(2026, 12, 1), date(2026, 12, 2)]


def test_another_house_has_its_own_nights(house: House) -> None:
    assert "taken" not in states(make.house()).values()


def test_weeks_begin_on_monday_and_hold_seven_days(house: House) -> None:
    for month in calendar.of_house(Rates(house), "2027-02").months:
        for week in month.weeks:
            assert len(week) == 7
            assert [n for n, day in enumerate(week) if day and day.date.weekday() != n] == []


@pytest.mark.parametrize(
    ("wanted", "first"),
    [
        *(("2027-01", (2027, 1)), ("2027-01-31", (2027, 1)), ("2026-12", (2026, 12))),
        *(("2026-01", (2026, 11)), ("2099-12", (2027, 11)), ("2027-11", (2027, 11))),
        *(
            (text, (2026, 11))
            for text in ("", "x", "None", "2027-13", "2027-1", "２０２７-01", "9" * 500, "\0")
        ),
    ],
)
def test_the_wanted_month_within_what_can_be_booked(
    house: House, wanted: str, first: tuple[int, int]
) -> None:
    assert calendar.of_house(Rates(house), wanted).months[0].first == date(*first, 1)


def test_next_and_previous_visit_every_month_once(house: House) -> None:
    seen, shown = [], calendar.of_house(Rates(house), "")
    assert shown.previous is None
    while True:
        seen += [month.first for month in shown.months]
        if shown.next is None:
            break
        shown = calendar.of_house(Rates(house), str(shown.next))
    assert seen == sorted(set(seen))
    assert (seen[0], seen[-1]) == (date(2026, 11, 1), date(2027, 12, 1))
    while shown.previous:
        shown = calendar.of_house(Rates(house), str(shown.previous))
    assert shown.months[0].first == date(2026, 11, 1)


def test_the_last_day_that_can_be_booked_is_a_year_ahead(house: House) -> None:
    shown = states(house, "2027-11")
    assert (shown[date(2027, 11, 22)], shown[date(2027, 11, 23)]) == ("free", "over")


def test_one_query(house: House, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(1):
        calendar.of_house(Rates(house), "2027-02")


def test_FMT07_29_february(house: House) -> None:
    with time_machine.travel("2028-02-10T12:00:00+08:00", tick=False):
        assert date(2028, 2, 29) in states(house)


class TestPage:
    def test_taken_nights_are_struck_through_and_labelled(self, client: Client, house: House) -> None:
        client.cookies["django_language"] = "en"
        html = client.get(house.get_absolute_url()).content.decode()
        assert '<td class="taken" data-date="2026-11-30"><s>30</s>' in html
        assert html.count(">unavailable</span></td>") == 3
        assert html.count(">available ￥150.00</span></td>") == 9 + 31 - 3
        assert html.count("<caption>") == 2

    def test_the_links_to_other_months_keep_the_stay(self, client: Client, house: House) -> None:
        stay = {"check_in": "2027-01-05", "check_out": "2027-01-08", "guests": "2"}
        html = client.get(house.get_absolute_url(), stay).content.decode()
        links = re.findall(r'href="([^"]*month=[^"]*)"', html)
        kept = "?check_in=2027-01-05&amp;check_out=2027-01-08&amp;guests=2&amp;"
        page = house.get_absolute_url()
        assert links == [f"{page}{kept}month=2026-11#calendar", f"{page}{kept}month=2027-03#calendar"]

    @pytest.mark.parametrize(
        "query", ["", "?guests=2", "?check_in=2027-01-05&check_out=2027-01-08&guests=2&month=2027-03"]
    )
    def test_the_other_language_shows_the_same(self, client: Client, house: House, query: str) -> None:
        html = client.get(f"{house.get_absolute_url()}{query}").content.decode()
        *_hearts, following = re.findall(r'name="next" value="(.*?)"', html)
        assert unescape(following) == f"{house.get_absolute_url()}{query or '?guests=1'}"

    def test_the_months_of_the_stay_are_shown_unless_others_are_wanted(
        self, client: Client, house: House
    ) -> None:
        stay = {"check_in": "2027-01-31", "check_out": "2027-02-02"}
        assert shown(client, house, stay) == "2027-01"
        assert shown(client, house, {**stay, "month": "2027-05"}) == "2027-05"

    def test_a_stay_that_is_refused_shows_its_months(self, client: Client, house: House) -> None:
        availability.hold(house, date(2027, 1, 31), date(2027, 2, 1))
        client.force_login(make.user())
        stay = {"check_in": "2027-01-31", "check_out": "2027-02-02"}
        page = client.post(f"/houses/{house.pk}/book/", stay)
        assert page.status_code == 422
        assert f"{page.context['calendar'].months[0].first:%Y-%m}" == "2027-01"
        assert 'data-date="2027-01-31"><s>' in page.content.decode()

    @pytest.mark.parametrize("month", ["x", "2027-99", "9" * 5000, "\0", '"><script>alert(1)</script>'])
    def test_odd_months_do_no_harm(self, client: Client, house: House, month: str) -> None:
        assert shown(client, house, {"month": month}) == "2026-11"


def shown(client: Client, house: House, query: dict[str, str]) -> str:
    page = client.get(house.get_absolute_url(), query)
    assert page.status_code == 200
    assert "<script>alert" not in page.content.decode()
    return f"{page.context['calendar'].months[0].first:%Y-%m}"


def test_free_nights_show_their_price(client: Client, house: House) -> None:
    House.objects.filter(pk=house.pk).update(price_fen=30000, weekend_price_fen=188800)
    rule = {"first_night": date(2026, 12, 24), "last_night": date(2026, 12, 26), "min_nights": 2}
    PriceRule.objects.create(house=house, name="圣诞", price_fen=250050, **rule)
    html = client.get(house.get_absolute_url(), {"month": "2026-12"}).content.decode()

    def cell(day: int) -> str:
        return re.search(rf'<td class="[a-z]+" data-date="2026-12-{day:02}".*?</td>', html)[0]

    assert ">300</span>" in cell(10) and "￥300.00" in cell(10)
    assert ">1,888</span>" in cell(11)
    assert ">2,500.50</span>" in cell(25)
    assert 'data-least="2"' in cell(25) and "data-least" not in cell(11)
    assert "night" not in cell(2)  # taken
