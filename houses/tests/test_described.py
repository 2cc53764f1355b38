"""Homes are described: facts in a line, texts in two languages, the rough place, photos that open."""

import re
from datetime import time
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.test import Client
from django.utils import translation

from accounts import roles
from houses import facts, place
from houses.described import LONG_TEXTS, Entry, Space
from houses.models import House, HousePhoto
from houses.tests.pictures import encoded, plain
from houses.tests.test_admin import FORM, staff  # noqa: F401  the fixture
from tests import make

pytestmark = pytest.mark.django_db

WHOLE: dict[str, Any] = {
    "space": Space.WHOLE,
    "bedrooms": 2,
    "bathrooms": 1,
    "double_beds": 2,
    "sofa_beds": 1,
    "size_m2": 68,
    "floor": 5,
    "has_lift": True,
}
EXACT = "118.125740,24.430560"


def test_a_line_breaks_only_after_its_dots() -> None:
    with translation.override("en"):
        line = facts.line(House(**WHOLE))
    assert line.split(" ")[:2] == ["Whole\u00a0place\u00a0·", "2\u00a0bedrooms\u00a0·"]


def plain_line(house: House) -> str:
    return facts.line(house).replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("fields", "chinese", "english"),
    [
        (
            WHOLE,
            "整套 · 2 室 1 卫 · 3 床 · 68 m² · 5 楼有电梯",
            "Whole place · 2 bedrooms · 1 bathroom · 3 beds · 68 m² · floor 5, lift",
        ),
        ({"bedrooms": 0, "bathrooms": 1}, "开间 1 卫", "Studio · 1 bathroom"),
        (
            {"space": Space.ROOM, "single_beds": 1, "floor": 3, "has_lift": False},
            "独立房间 · 1 床 · 3 楼无电梯",
            "Private room · 1 bed · floor 3, no lift",
        ),
        ({"floor": -1}, "-1 楼", "floor -1"),
        ({"has_lift": True}, "有电梯", "Lift"),
        ({}, "", ""),
    ],
)
def test_known_facts_make_a_line(fields: dict[str, Any], chinese: str, english: str) -> None:
    home = make.house(**fields)
    with translation.override("zh-hans"):
        assert plain_line(home) == chinese
    with translation.override("en"):
        assert plain_line(home) == english


def test_unknown_facts_are_left_out_of_the_page(client: Client) -> None:
    html = client.get(make.house().get_absolute_url()).content.decode()
    assert not any(part in html for part in ("in-short", 'class="lines times"', 'id="place"', "0 室", "None"))


def test_the_page_tells_beds_times_and_how_one_gets_in(client: Client) -> None:
    home = make.house(
        **WHOLE,
        check_in_from=time(15),
        check_out_by=time(11, 30),
        entry=Entry.SELF,
        quiet_from=time(22),
        quiet_until=time(7, 30),
    )
    html = client.get(home.get_absolute_url()).content.decode()
    for part in ("2 张大床 · 1 张沙发床", "15:00 起", "11:30 前", "自助入住", "22:00–07:30"):
        assert part in html


TEXTS = {
    "title": ("海边小屋", "Cottage by the sea"),
    "description": ("推窗见海", "A window on the sea"),
    "rules": ("室内不抽烟", "No smoking"),
    "district": ("曾厝垵", "Zengcuoan"),
    "nearby": ("沙滩步行 5 分钟", "Beach: 5 minutes"),
}


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_texts_are_shown_in_the_language_of_the_page(client: Client, language: str) -> None:
    both = {name: chinese for name, (chinese, _english) in TEXTS.items()}
    both |= {f"{name}_en": english for name, (_chinese, english) in TEXTS.items()}
    client.cookies["django_language"] = language
    html = client.get(make.house(**both).get_absolute_url()).content.decode()
    for chinese, english in TEXTS.values():
        assert (english in html) == (language == "en")
        assert (chinese in html) == (language != "en")
    assert "In Chinese only" not in html


def test_a_text_without_english_is_shown_in_chinese_and_says_so(client: Client) -> None:
    home = make.house(title="海边小屋", title_en="Cottage", description="推窗见海", rules="室内不抽烟")
    client.cookies["django_language"] = "en"
    html = client.get(home.get_absolute_url()).content.decode()
    assert html.count("In Chinese only") == 2
    assert '<p class="prose" lang="zh-Hans">推窗见海</p>' in html
    assert '<ul class="rules" lang="zh-Hans">' in html
    client.cookies["django_language"] = "zh-hans"
    assert "仅有中文" not in client.get(home.get_absolute_url()).content.decode()


def test_lists_read_no_long_text() -> None:
    """Of every house in a list. A long text that is added has to be named there."""
    long = {field.name for field in House._meta.concrete_fields if field.get_internal_type() == "TextField"}
    assert long == set(LONG_TEXTS)


@pytest.mark.parametrize(
    ("gps", "amap"),
    [
        ((31.1774276, 121.5272106), (31.175304, 121.531542)),
        ((22.543847, 113.912316), (22.540796, 113.917176)),
        ((39.911954, 116.377817), (39.913345, 116.384047)),
    ],
)
def test_gps_is_converted_to_the_datum_of_chinese_maps(gps: Any, amap: Any) -> None:
    assert str(place.from_gps(place.Point(*gps))) == str(place.Point(*amap))


@pytest.mark.parametrize(
    "typed", [EXACT, "24.430560, 118.125740", " 118.12574，24.43056 ", "118.12574 24.43056"]
)
def test_coordinates_are_typed_in_either_order(typed: str) -> None:
    assert str(place.parse(typed)) == EXACT


@pytest.mark.parametrize(
    "typed", ["118.1", "24,24", "118,118", "0,0", "51.5,-0.12", "x,y", "1e2,30", "１,２"]
)
def test_coordinates_outside_of_china_are_none(typed: str) -> None:
    assert place.parse(typed) is None


def test_the_exact_place_is_in_no_page_before_payment(client: Client) -> None:
    home = make.house(coordinates=EXACT, address="文青路 18 号", address_en="18 Wenqing Road", title_en="C")
    for language in ("zh-hans", "en"):
        client.cookies["django_language"] = language
        for address in ("/", home.get_absolute_url()):
            html = client.get(address).content.decode()
            assert re.findall(r"118\.12|24\.4305|文青路|Wenqing", html) == []
    assert "position=118.130000%2C24.430000" in html
    assert "ll=24.430000%2C118.130000" in html
    assert "query=24.430000%2C118.130000" in html


@pytest.mark.parametrize("latitude", [18.2, 24.435, 31.2, 39.9, 53.5])
@pytest.mark.parametrize("off", [0, 0.0049999, -0.0049999])
def test_the_rough_place_is_near_the_home(latitude: float, off: float) -> None:
    exact = place.Point(round(latitude, 2) + off, 118.13 + off)
    north = (exact.latitude - exact.rough.latitude) * 111_320
    east = (exact.longitude - exact.rough.longitude) * 111_320 * 0.951  # at 18°, south of which is no home
    assert (north**2 + east**2) ** 0.5 <= place.ROUGH_METRES


def typed_by_staff(**fields: Any) -> dict[str, Any]:
    return {**FORM, "area": make.house().area_id, "price_fen": "300", **fields}


def test_staff_describe_a_home(staff: Client) -> None:  # noqa: F811
    typed = typed_by_staff(
        **WHOLE, title_en="Cottage", coordinates="24.43056,118.12574", check_in_from="15:00"
    )
    assert staff.post("/admin/houses/house/add/", typed).status_code == 302
    home = make.rows(House).get(title_en="Cottage")
    assert (home.coordinates, home.check_in_from, home.bunk_beds) == (EXACT, time(15), 0)
    assert {name: getattr(home, name) for name in WHOLE} == WHOLE
    page = staff.get(f"/admin/houses/house/{home.pk}/change/").content.decode()
    assert f'value="{EXACT}"' in page
    assert 'value="15:00"' in page


def test_coordinates_from_gps_are_converted_once(staff: Client) -> None:  # noqa: F811
    typed = typed_by_staff(title_en="GPS", coordinates="31.1774276,121.5272106", from_gps="on")
    staff.post("/admin/houses/house/add/", typed)
    home = make.rows(House).get(title_en="GPS")
    assert home.coordinates == "121.531542,31.175304"
    again = typed_by_staff(area=home.area_id, title_en="GPS", coordinates=home.coordinates)
    assert staff.post(f"/admin/houses/house/{home.pk}/change/", again).status_code == 302
    assert make.rows(House).get(pk=home.pk).coordinates == "121.531542,31.175304"


@pytest.mark.parametrize(
    ("fields", "refused"),
    [
        ({"coordinates": "51.5,-0.12"}, {"coordinates"}),
        ({"quiet_from": "22:00"}, {"quiet_until"}),
        ({"quiet_until": "08:00"}, {"quiet_from"}),
        ({"double_beds": "-1", "floor": "999", "size_m2": "1"}, {"double_beds", "floor", "size_m2"}),
        ({"check_in_from": "25:00", "space": "TENT"}, {"check_in_from", "space"}),
    ],
)
def test_an_impossible_description_is_refused_beside_the_field(
    staff: Client,  # noqa: F811
    fields: dict[str, str],
    refused: set[str],
) -> None:
    page = staff.post("/admin/houses/house/add/", typed_by_staff(**fields))
    assert set(page.context["adminform"].form.errors) == refused


def test_a_new_home_is_offered_the_usual_times(staff: Client) -> None:  # noqa: F811
    page = staff.get("/admin/houses/house/add/").content.decode()
    assert 'value="15:00"' in page
    assert 'value="12:00"' in page


def test_those_who_may_only_look_see_the_description(client: Client) -> None:
    home = make.house(**WHOLE, coordinates=EXACT)
    client.force_login(make.staff(roles.FRONT_DESK))
    page = client.get(f"/admin/houses/house/{home.pk}/change/")
    assert page.status_code == 200
    assert EXACT in page.content.decode()
    assert "from_gps" not in page.content.decode()


def with_photos(count: int) -> House:
    home = make.house(title="海边小屋")
    for n in range(count):
        image = ContentFile(encoded(plain(size=(40, 30)), "PNG"), name="a.png")
        HousePhoto.objects.create(house=home, position=n, image=image, caption="" if n else "外观 <b>")
    return home


def test_photos_open_as_a_page_of_their_own(client: Client) -> None:
    home = with_photos(3)
    house = client.get(home.get_absolute_url(), {"check_in": "2030-01-01"}).content.decode()
    for number in (1, 2, 3):
        assert f'href="{home.get_absolute_url()}photos/?check_in=2030-01-01' in house
        assert f'#photo-{number}" data-photo="{number - 1}"' in house
    html = client.get(f"{home.get_absolute_url()}photos/", {"check_in": "2030-01-01"}).content.decode()
    assert re.findall(r"(\d) / 3</span>", html) == ["1", "2", "3"]
    assert 'alt="外观 &lt;b&gt;"' in html
    assert 'alt="海边小屋，照片 2"' in html
    assert f'{home.get_absolute_url()}?check_in=2030-01-01"' in html


def test_the_page_of_photos_is_that_of_a_listed_home_with_photos(client: Client) -> None:
    home = make.house()
    assert client.get(f"{home.get_absolute_url()}photos/").status_code == 404
    home = with_photos(1)
    assert client.get(f"{home.get_absolute_url()}photos/").status_code == 200
    make.rows(House).update(is_listed=False)
    assert client.get(f"{home.get_absolute_url()}photos/").status_code == 404


def test_cards_have_the_title_in_the_language_of_the_page(client: Client) -> None:
    home = make.house(title="海边小屋", title_en="Cottage by the sea")
    order = make.order(house=home, house_title="海边小屋", house_title_en="Cottage by the sea")
    client.force_login(order.renter)
    for address in ("/", "/orders/", "/orders/?q=cottage"):
        for language, other in (("zh-hans", "en"), ("en", "zh-hans")):
            client.cookies["django_language"] = language
            html = client.get(address).content.decode()
            titles = {"zh-hans": ">海边小屋<", "en": ">Cottage by the sea<"}
            assert titles[language] in html
            assert titles[other] not in html
