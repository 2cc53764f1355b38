"""Houses in the admin: prices in yuan, facilities with icons."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.admin_pages import ByKey
from houses import availability
from houses.models import Area, BookedNight, Facility, House
from tests import make

pytestmark = pytest.mark.django_db

FORM = {
    "title": "By the sea",
    "address": "1 Sea Road",
    "capacity": 2,
    "min_nights": 1,
    "max_nights": 30,
    "refund_policy": "FLEXIBLE",
    "photos-TOTAL_FORMS": 0,
    "photos-INITIAL_FORMS": 0,
}


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(make.user(is_staff=True, is_superuser=True))
    return client


@pytest.mark.parametrize(("typed", "fen"), [("300", 30000), ("300.50", 30050), ("0.01", 1)])
def test_a_price_is_typed_in_yuan(staff: Client, typed: str, fen: int) -> None:
    area = Area.objects.create(name="Xiamen")
    assert (
        staff.post("/admin/houses/house/add/", {**FORM, "area": area.pk, "price_fen": typed}).status_code
        == 302
    )
    house = make.rows(House).get()
    assert house.price_fen == fen
    page = staff.get(f"/admin/houses/house/{house.pk}/change/").content.decode()
    assert f'value="{fen // 100}.{fen % 100:02d}"' in page


@pytest.mark.same_statements
@pytest.mark.parametrize("typed", ["0", "-1", "3e2", "300.5", "1,000", "３００", "NaN", "", "999999999"])
def test_an_invalid_price_is_refused_beside_the_field(staff: Client, typed: str) -> None:
    area = Area.objects.create(name="Xiamen")
    page = staff.post("/admin/houses/house/add/", {**FORM, "area": area.pk, "price_fen": typed})
    assert page.status_code == 200
    assert "price_fen" in page.context["adminform"].form.errors
    assert not make.rows(House).exists()


@pytest.mark.parametrize("typed", ["9999-12-31", "0001-01-01", "yesterday", "in two years and a day", "x"])
def test_D1_ROW05_a_night_that_can_t_be_held_is_refused_beside_the_field(staff: Client, typed: str) -> None:
    staff.raise_request_exception = False
    today = timezone.localdate()
    days = {"yesterday": today - timedelta(1), "in two years and a day": today + timedelta(732)}
    home = make.house()
    page = staff.post("/admin/houses/bookednight/add/", {"house": home.pk, "night": days.get(typed, typed)})
    assert page.status_code == 200
    assert list(page.context["adminform"].form.errors) == ["night"]
    assert not home.booked_nights.exists()


@pytest.mark.parametrize("ahead", [0, 731])
@pytest.mark.parametrize("pattern", ["%Y-%m-%d", "%Y年%m月%d日"])
def test_D1_D5_staff_hold_a_night_from_today_to_two_years_ahead(
    staff: Client, ahead: int, pattern: str
) -> None:
    home, night = make.house(), timezone.localdate() + timedelta(ahead)
    typed = {"house": home.pk, "night": night.strftime(pattern)}
    assert staff.post("/admin/houses/bookednight/add/", typed).status_code == 302
    assert home.booked_nights.get().night == night


def test_staff_hold_several_nights_with_a_note(staff: Client) -> None:
    home, first = make.house(), timezone.localdate() + timedelta(3)
    typed = {"house": home.pk, "night": first, "last": first + timedelta(2), "note": "Boiler"}
    assert staff.post("/admin/houses/bookednight/add/", typed).status_code == 302
    assert list(home.booked_nights.values_list("night", "note")) == [
        (first + timedelta(n), "Boiler") for n in range(3)
    ]
    (entry,) = (
        row.get_change_message()
        for row in LogEntry.objects.filter(object_id=home.pk, content_type__model="house")
    )
    assert all(part in entry for part in (str(first), str(first + timedelta(2)), "Boiler"))


@pytest.mark.parametrize("days", [-1, 732, 2])
def test_a_last_night_that_can_t_be_held_is_refused_beside_the_field(staff: Client, days: int) -> None:
    home, today = make.house(), timezone.localdate()
    availability.hold(home, today + timedelta(2), today + timedelta(3), order_number="26112200000001")
    typed = {"house": home.pk, "night": today, "last": today + timedelta(days)}
    page = staff.post("/admin/houses/bookednight/add/", typed)
    assert list(page.context["adminform"].form.errors) == ["last"]
    assert home.booked_nights.count() == 1


def test_a_night_that_is_taken_is_named_beside_the_field(staff: Client) -> None:
    home, night = make.house(), timezone.localdate() + timedelta(2)
    availability.hold(home, night, night + timedelta(1), order_number="26112200000001")
    page = staff.post("/admin/houses/bookednight/add/", {"house": home.pk, "night": night})
    errors = page.context["adminform"].form.errors
    assert (list(errors), str(night) in errors["night"][0]) == (["night"], True)


def test_a_facility_gets_an_icon_of_the_sprite_and_is_ticked_on_a_house(staff: Client) -> None:
    icons = staff.get("/admin/houses/facility/add/").content.decode()
    assert '<option value="kitchen">' in icons
    assert staff.post("/admin/houses/facility/add/", {"name": "厨房", "icon": "kitchen"}).status_code == 302
    refused = staff.post("/admin/houses/facility/add/", {"name": "地牢", "icon": "dungeon"})
    assert list(refused.context["adminform"].form.errors) == ["icon"]
    facility = Facility.objects.get()
    area = Area.objects.create(name="Xiamen")
    form = {**FORM, "area": area.pk, "price_fen": "300", "facilities": [facility.pk], "rules": "No smoking"}
    assert staff.post("/admin/houses/house/add/", form).status_code == 302
    house = make.rows(House).get()
    assert list(house.facilities.all()) == [facility]
    assert (house.rules, house.arrival) == ("No smoking", "")


def test_nights_are_paged_by_key_latest_first_without_join_or_count(
    staff: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ByKey, "list_per_page", 2)
    number, last = "26112800000001", timezone.localdate() + timedelta(9)
    homes = [make.house(), make.house()]
    nights = [
        BookedNight.objects.create(house=home, night=last - timedelta(days), order_number=number)
        for days in range(3)
        for home in reversed(homes)
    ]
    found: list[BookedNight] = []
    address = f"/admin/houses/bookednight/?order_number={number}"
    with CaptureQueriesContext(connection) as queries:
        while len(found) < 6:
            cl = staff.get(address).context["cl"]
            found += cl.result_list
            address = "/admin/houses/bookednight/" + cl.next_page
    assert found == nights
    of_nights = [query["sql"] for query in queries if "houses_bookednight" in query["sql"]]
    assert of_nights
    assert not [sql for sql in of_nights if "JOIN" in sql or "COUNT(" in sql]
