"""The calendar: bars over their nights, blocking and releasing, and what is refused."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone
from django.utils.translation import override
from pytest_django import DjangoAssertNumQueries

from accounts import roles
from desk import calendar
from desk.calendar import Bar, Row
from houses import availability
from houses.models import Area, House
from orders.models import Order
from tests import make
from tests.interleaving import before

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]

STATUS = Order.Status
ADDRESS = "/admin/calendar/"
QUERIES = 10


@pytest.fixture
def desk() -> Client:
    return signed_in(roles.FRONT_DESK)


def signed_in(role: str) -> Client:
    return make.browser_of(make.staff(role))


def day(n: int) -> date:
    return timezone.localdate() + timedelta(days=n)


def stay(house: House, first: int, nights: int, **fields: object) -> Order:
    order = make.order(house=house, check_in=day(first), check_out=day(first + nights), **fields)
    availability.hold(house, order.check_in, order.check_out, order_number=order.number)
    return order


def rows(client: Client, **query: object) -> list[Row]:
    return list(client.get(ADDRESS, query).context["rows"])


def bars(row: Row) -> dict[int, Bar]:
    """Return the bars by the column, from 0, in which they begin."""
    return {n: bar for n, cell in enumerate(row.cells) for bar in cell.bars}


def send(client: Client, house: House, first: object, last: object = "", **fields: object) -> Any:
    typed = {"house": house.pk, "first": first, "last": last, "note": "", "do": "block", **fields}
    return client.post(ADDRESS, typed)


def errors(answer: Any) -> dict[str, list[str]]:
    assert answer.status_code == 200
    return dict(answer.context["form"].errors)


# --- bars ---------------------------------------------------------------------------------------------


def test_a_stay_is_one_bar_from_the_afternoon_to_the_morning(desk: Client) -> None:
    house = make.house()
    order = stay(house, 1, 3, status=STATUS.WAIT_COMMENT, renter=make.user(name="周远"))
    [row] = rows(desk, first=day(0))
    [(column, bar)] = bars(row).items()
    assert (column, bar.halves, bar.begins_before) == (1, 6, False)
    assert (bar.label, bar.url) == ("周远", f"/admin/orders/order/{order.pk}/change/")
    assert (bar.check_in, bar.check_out) == (day(1), day(4))


def test_bars_are_cut_at_the_edges_of_the_page(desk: Client) -> None:
    house = make.house()
    stay(house, -3, 5, status=STATUS.WAIT_COMMENT)
    stay(house, 12, 9, status=STATUS.WAIT_COMMENT)
    [row] = rows(desk, first=day(0))
    assert {n: (bar.halves, bar.begins_before) for n, bar in bars(row).items()} == {
        0: (5, True),
        12: (3, False),
    }


def test_who_leaves_in_the_morning_has_half_a_day(desk: Client) -> None:
    house = make.house()
    stay(house, -2, 2, status=STATUS.WAIT_COMMENT)
    stay(house, 0, 1, status=STATUS.WAIT_COMMENT)
    [row] = rows(desk, first=day(0))
    assert [(bar.halves, bar.begins_before) for bar in row.cells[0].bars] == [(1, True), (2, False)]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (STATUS.WAIT_ACCEPT, calendar.WAITING),
        (STATUS.WAIT_PAYMENT, calendar.UNPAID),
        (STATUS.WAIT_COMMENT, calendar.PAID),
        (STATUS.COMPLETE, calendar.PAID),
    ],
)
def test_the_kind_of_a_bar_is_told_by_a_word_and_an_icon(
    desk: Client, status: STATUS, kind: calendar.Kind
) -> None:
    stay(make.house(), 1, 1, status=status)
    page = desk.get(ADDRESS)
    [bar] = bars(page.context["rows"][0]).values()
    assert bar.kind == kind
    drawn = page.content.decode().split('class="bar ')[1].split("</a>")[0]
    with override("en"):
        word = str(kind.label)
    assert word in drawn and f"#{kind.icon}" in drawn


def test_blocked_nights_show_their_note_and_lead_to_releasing_them(desk: Client) -> None:
    house = make.house()
    availability.hold(house, day(1), day(4), note="Boiler")
    availability.hold(house, day(4), day(5), note="Friends")
    boiler, friends = bars(rows(desk)[0]).values()
    assert (boiler.label, boiler.kind, friends.label) == ("Boiler", calendar.BLOCKED, "Friends")
    page = desk.get(f"{ADDRESS}{boiler.url}")
    form = page.context["form"]
    assert [form[name].value() for name in ("house", "first", "last", "note")] == [
        house.pk,
        day(1),
        day(3),
        "Boiler",
    ]
    assert page.context["offers"] == {"block": False, "release": True}


# --- days and houses ----------------------------------------------------------------------------------


def test_today_is_marked_and_days_move_by_the_span(desk: Client) -> None:
    make.house()
    page = desk.get(ADDRESS)
    assert page.content.decode().count('aria-current="date"') == 1
    window = page.context["window"]
    assert (window.first, window.span) == (day(-2), 14)
    assert desk.get(f"{ADDRESS}{window.later}").context["window"].first == day(12)
    assert desk.get(f"{ADDRESS}{window.earlier}").context["window"].first == day(-16)
    assert desk.get(ADDRESS, {"span": 31}).context["window"].last == day(28)


@pytest.mark.parametrize("typed", ["2027年3月5日", "2027-3-5", "20270305", "2027/03/05"])
def test_the_first_day_is_typed_in_any_spelling(desk: Client, typed: str) -> None:
    assert desk.get(ADDRESS, {"first": typed}).context["window"].first == date(2027, 3, 5)


@pytest.mark.parametrize("typed", ["x", "2027-02-30", "9999-12-31", "0001-01-01", "2101-01-01"])
def test_a_first_day_that_can_t_be_shown_is_told_beside_the_field(desk: Client, typed: str) -> None:
    page = desk.get(ADDRESS, {"first": typed})
    assert page.status_code == 200
    assert list(page.context["window_form"].errors) == ["first"]
    assert page.context["window"].first == day(-2)


@pytest.mark.parametrize("first", ["2000-01-01", "2100-12-31"])
def test_the_last_days_that_can_be_shown_have_no_link_further(desk: Client, first: str) -> None:
    window = desk.get(ADDRESS, {"first": first}).context["window"]
    assert not (window.earlier if first < "2050" else window.later)


@pytest.mark.parametrize("name", ["span", "area", "after", "house", "night", "last"])
@pytest.mark.parametrize("typed", ["x", "-1", "0", "9" * 30, "9" * 5000, "２", "2027-13-01", ""])
def test_parameters_that_can_t_be_read_do_no_harm(desk: Client, name: str, typed: str) -> None:
    make.house()
    query = {"house": "1", "night": str(day(1)), name: typed}
    assert desk.get(ADDRESS, query).status_code == 200


def test_houses_are_paged_by_key_and_filtered_by_area(desk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calendar, "HOUSES_SHOWN", 2)
    area = Area.objects.create(name="Dali")
    houses = [make.house() for _ in range(3)]
    page = desk.get(ADDRESS)
    assert [row.house for row in page.context["rows"]] == houses[:2]
    following = desk.get(f"{ADDRESS}{page.context['more']}")
    assert [row.house for row in following.context["rows"]] == houses[2:]
    assert not following.context["more"]
    there = make.house(area=area)
    assert [row.house for row in rows(desk, area=area.pk)] == [there]


def test_more_stays_cost_no_more_queries(
    desk: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    def fill() -> None:
        for n in range(3):
            house = make.house()
            stay(house, n, 2, status=STATUS.WAIT_COMMENT)
            availability.hold(house, day(8), day(9), note="Boiler")

    fill()
    desk.get(ADDRESS)
    with django_assert_num_queries(QUERIES):
        desk.get(ADDRESS)
    fill()
    with django_assert_num_queries(QUERIES):
        desk.get(ADDRESS, {"span": 31})


# --- blocking and releasing ---------------------------------------------------------------------------


def test_a_free_day_and_a_later_one_choose_the_nights_between(desk: Client) -> None:
    house = make.house()
    first = rows(desk)[0].cells[4]
    begun = desk.get(ADDRESS + first.url.split("#")[0])
    assert begun.context["offers"] == {"block": True, "release": False}
    assert begun.context["choice"] == calendar.Choice(house.pk, day(2), day(2))
    cells = begun.context["rows"][0].cells
    assert [cell.day for cell in cells if cell.is_chosen] == [day(2)]
    chosen = desk.get(ADDRESS + cells[6].url.split("#")[0])
    assert chosen.context["choice"] == calendar.Choice(house.pk, day(2), day(4))
    assert [chosen.context["form"][name].value() for name in ("first", "last")] == [day(2), day(4)]


def test_past_and_taken_nights_can_t_be_chosen(desk: Client) -> None:
    house = make.house()
    stay(house, 1, 2)
    cells = rows(desk)[0].cells
    assert [cell.day for cell in cells[:6] if cell.url] == [day(0), day(3)]


def test_staff_block_nights_and_the_house_remembers_it(desk: Client) -> None:
    house = make.house()
    answer = send(desk, house, day(1), day(3), note=" Boiler\u200b ")
    assert answer.status_code == 302
    assert answer.url.endswith(f"#house-{house.pk}")
    assert list(house.booked_nights.values_list("night", "note")) == [(day(n), "Boiler") for n in range(1, 4)]
    told = desk.get(answer.url).content.decode()
    assert f"{house}: Blocked the nights {day(1)} to {day(3)}. Boiler" in told
    [entry] = LogEntry.objects.filter(content_type__model="house", object_id=house.pk)
    assert "Boiler" in entry.change_message


def test_one_night_needs_no_last_one(desk: Client) -> None:
    house = make.house()
    assert send(desk, house, f"{day(1):%Y年%m月%d日}").status_code == 302
    assert house.booked_nights.get().night == day(1)


def test_BOK05_taken_nights_are_named_with_their_holders(desk: Client) -> None:
    house = make.house()
    order = stay(house, 2, 1, renter=make.user(name="周远"))
    availability.hold(house, day(3), day(4), note="Boiler")
    answer = send(desk, house, day(1), day(5), note="Painting")
    told = errors(answer)["__all__"][0]
    assert f"{day(2)} (周远 {order.number}), {day(3)} (Boiler)" in told
    assert house.booked_nights.count() == 2
    assert 'value="Painting"' in answer.content.decode()


def test_blocked_twice_has_one_effect_and_the_second_is_told(desk: Client) -> None:
    house = make.house()
    assert send(desk, house, day(1), day(2)).status_code == 302
    assert "__all__" in errors(send(desk, house, day(1), day(2)))
    assert house.booked_nights.count() == 2
    assert LogEntry.objects.filter(content_type__model="house", object_id=house.pk).count() == 1


@pytest.mark.parametrize(
    ("first", "last", "refused"),
    [
        ("", "", "first"),
        ("x", "", "first"),
        (day(-1), "", "first"),
        (day(732), "", "first"),
        (day(3), day(2), "last"),
        (day(3), day(732), "last"),
        (day(3), "9999-12-31", "last"),
        (day(3), "2027-02-30", "last"),
    ],
)
def test_days_that_can_t_be_blocked_are_told_beside_the_field(
    desk: Client, first: object, last: object, refused: str
) -> None:
    house = make.house()
    assert list(errors(send(desk, house, first, last, note="Boiler"))) == [refused]
    assert not house.booked_nights.exists()


@pytest.mark.parametrize("house", ["", "x", "0", "9" * 30, "9" * 5000, "-1"])
def test_a_house_that_does_not_exist_is_told_beside_the_field(desk: Client, house: str) -> None:
    answer = desk.post(ADDRESS, {"house": house, "first": day(1), "do": "block"})
    assert list(errors(answer)) == ["house"]


def test_too_long_a_note_is_told_beside_the_field(desk: Client) -> None:
    assert list(errors(send(desk, make.house(), day(1), note="x" * 61))) == ["note"]


def test_BOK05_releasing_frees_only_what_staff_hold(desk: Client) -> None:
    house = make.house()
    stay(house, 2, 2)
    availability.hold(house, day(1), day(2))
    availability.hold(house, day(4), day(6))
    assert send(desk, house, day(1), day(4), do="release").status_code == 302
    assert list(house.booked_nights.values_list("night", flat=True)) == [day(2), day(3), day(5)]
    [entry] = LogEntry.objects.filter(content_type__model="house", object_id=house.pk)
    assert f"{day(1)}, {day(4)}" in entry.change_message


def test_releasing_what_staff_do_not_hold_is_told(desk: Client) -> None:
    house = make.house()
    stay(house, 2, 2)
    assert "__all__" in errors(send(desk, house, day(1), day(4), do="release"))
    assert house.booked_nights.count() == 2


def test_BOK05_a_stale_page_is_told_of_the_booking_that_came_first(desk: Client) -> None:
    house = make.house()
    with before("desk.calendar_page._block", lambda: stay(house, 2, 1)):
        answer = send(desk, house, day(1), day(3))
    assert str(day(2)) in errors(answer)["__all__"][0]
    assert house.booked_nights.count() == 1


# --- rights -------------------------------------------------------------------------------------------


def test_the_calendar_is_in_the_navigation_of_who_may_open_it(desk: Client) -> None:
    labels = [section.link.label for section in desk.get(ADDRESS).context["sections"]]
    assert labels[:3] == ["Today", "Orders", "Calendar"]
    finance = signed_in(roles.FINANCE)
    assert finance.get(ADDRESS).status_code == 403
    assert "Calendar" not in [section.link.label for section in finance.get("/admin/").context["sections"]]


@pytest.mark.parametrize(("right", "do"), [("add", "release"), ("delete", "block")])
def test_one_right_is_not_the_other(right: str, do: str) -> None:
    person = make.user(is_staff=True)
    person.user_permissions.set(
        Permission.objects.filter(
            codename__in=["view_order", "view_bookednight", f"{right}_bookednight"],
        )
    )
    client, house = Client(), make.house()
    client.force_login(person)
    assert client.get(ADDRESS).content.decode().count('name="do"') == 1
    assert send(client, house, day(1), do=do).status_code == 403
    assert not house.booked_nights.exists()
