"""Staff edit a house: several photos at once, their order, the history of its price; homes by area."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from houses.models import Area, House, HousePhoto
from houses.photo_rows import CHOSEN, MOVE
from houses.tests.pictures import encoded, photo_like, plain
from houses.tests.test_admin import FORM, staff  # noqa: F401  the fixture
from houses.tests.test_photo_form import KEPT, errors_of, nothing_pending  # noqa: F401  the fixture
from tests import make

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]

BAD = encoded(photo_like(400, 300))[:9000]


def upload(width: int) -> SimpleUploadedFile:
    return SimpleUploadedFile(f"{width}.png", encoded(plain(size=(width, 300)), "PNG"))


def form(*, price: str = "300", **fields: Any) -> dict[str, Any]:
    area = Area.objects.get_or_create(name="Xiamen")[0]
    return {**FORM, "area": area.pk, "price_fen": price, **fields}


def widths(house: House) -> list[int]:
    return [photo.width for photo in house.photos.all()]


@pytest.fixture
def home(staff: Client) -> House:  # noqa: F811
    """A house with three photos, added as staff would."""
    staff.cookies["django_language"] = "en"
    chosen = [upload(500), upload(510), upload(520)]
    assert staff.post("/admin/houses/house/add/", form(**{CHOSEN: chosen})).status_code == 302
    return make.rows(House).get()


def stored(home: House) -> dict[str, Any]:
    """The form of the house as its page has it."""
    sent = form(**{"photos-TOTAL_FORMS": 3, "photos-INITIAL_FORMS": 3})
    for n, photo in enumerate(home.photos.all()):
        values = {"id": photo.pk, "house": home.pk, "position": photo.position}
        sent |= {f"photos-{n}-{name}": value for name, value in values.items()}
    return sent


def page_of(home: House) -> str:
    return f"/admin/houses/house/{home.pk}/change/"


def test_several_photos_are_added_at_once_in_their_order(home: House) -> None:
    assert widths(home) == [500, 510, 520]
    assert [photo.position for photo in home.photos.all()] == [1, 2, 3]


def test_more_photos_come_after_those_that_are_there(staff: Client, home: House) -> None:  # noqa: F811
    staff.post(page_of(home), stored(home) | {CHOSEN: [upload(530), upload(540)]})
    assert widths(home) == [500, 510, 520, 530, 540]


def test_P1_of_several_photos_the_bad_one_is_told_beside_it_and_the_others_are_kept(staff: Client) -> None:  # noqa: F811
    staff.cookies["django_language"] = "en"
    chosen = [upload(500), SimpleUploadedFile("b.jpg", BAD), upload(520)]
    page = staff.post("/admin/houses/house/add/", form(title="By the <sea>", **{CHOSEN: chosen}))
    html = page.content.decode()
    assert ["damaged" in error for error in errors_of(html)] == [True]
    assert "damaged" in html.partition('<li id="photos-1"')[2].partition('<li id="photos-2"')[0]
    assert 'value="By the &lt;sea&gt;"' in html
    kept = {f"photos-{row}-image-kept": token for row, token in KEPT.findall(html)}
    assert set(kept) == {"photos-0-image-kept", "photos-2-image-kept"}
    again = form(**{"photos-TOTAL_FORMS": 3}) | {f"photos-{n}-position": n + 1 for n in range(3)} | kept
    assert staff.post("/admin/houses/house/add/", again).status_code == 302
    assert widths(make.rows(House).get()) == [500, 520]


@pytest.mark.parametrize(
    ("pressed", "order"),
    [
        ("up 1", [510, 500, 520]),
        ("down 1", [500, 520, 510]),
        ("down 0", [510, 500, 520]),
        ("up 0", [500, 510, 520]),
        ("down 2", [500, 510, 520]),
        ("up 9", [500, 510, 520]),
        ("away 1", [500, 510, 520]),
        ("up x", [500, 510, 520]),
        ("", [500, 510, 520]),
    ],
)
def test_a_button_moves_a_photo_without_a_script(
    staff: Client,  # noqa: F811
    home: House,
    pressed: str,
    order: list[int],
) -> None:
    answer = staff.post(page_of(home), stored(home) | {MOVE: pressed})
    assert (answer.status_code, answer["Location"]) == (302, f"{page_of(home)}#photos-group")
    assert widths(home) == order


def test_photos_of_one_position_are_moved_apart(staff: Client, home: House) -> None:  # noqa: F811
    HousePhoto.objects.update(position=0)
    staff.post(page_of(home), stored(home) | {MOVE: "up 2"})
    assert widths(home) == [500, 520, 510]


@pytest.mark.parametrize("total", ["", "x", "-1", "99999", "1" * 30])
def test_an_odd_number_of_photos_is_refused_as_before(
    staff: Client,  # noqa: F811
    total: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("django.forms.formsets.DEFAULT_MAX_NUM", 10)  # it draws two thousand forms otherwise
    sent = form(**{"photos-TOTAL_FORMS": total, CHOSEN: [upload(500)]})
    assert staff.post("/admin/houses/house/add/", sent).status_code == 200
    assert not make.rows(House).exists()


def test_price_policy_and_listing_have_their_history(staff: Client, home: House) -> None:  # noqa: F811
    changed = stored(home) | {"price_fen": "320", "refund_policy": "STRICT", "is_listed": "on"}
    staff.post(page_of(home), changed)
    page = staff.get(f"/admin/houses/house/{home.pk}/history/").content.decode()
    for text in ("300.00 → 320.00", "Flexible: full refund", "→ Strict: 50%", "No → Yes"):
        assert text in page


def test_an_area_leads_to_its_homes_by_one_query(
    staff: Client,  # noqa: F811
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    area = make.house().area
    make.house(area=area)
    for number in range(5):
        Area.objects.create(name=f"Area {number}")
    address = f"/admin/houses/house/?area__id__exact={area.pk}"
    with django_assert_max_num_queries(8):
        page = staff.get("/admin/houses/area/")
    assert f'<a href="{address}">2</a>' in page.content.decode()
    assert len(staff.get(address).context["cl"].result_list) == 2
    assert len(page.context["cl"].result_list) == Area.objects.count()


def test_a_list_of_houses_costs_the_same_for_more_houses(
    staff: Client,  # noqa: F811
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for _ in range(3):
        make.house(price_fen=12345)
    staff.get("/admin/houses/house/")
    with django_assert_max_num_queries(9):
        page = staff.get("/admin/houses/house/").content.decode()
    assert "￥123.45" in page
