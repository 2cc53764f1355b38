"""Staff upload photos: what is wrong is said beside the photo, and nothing else is lost."""

import re
from datetime import timedelta
from html import unescape

import pytest
import time_machine
from django.contrib.auth import SESSION_KEY
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from accounts.models import User
from houses import pending
from houses.models import Area, House, HousePhoto
from houses.tests.pictures import encoded, photo_like, plain
from houses.tests.test_admin import FORM
from jobs import cleanup
from tests import make

pytestmark = pytest.mark.django_db

KEPT = re.compile(r'name="photos-(\d)-image-kept" value="([^"]+)"')
GOOD = encoded(plain(size=(500, 300)), "PNG")
BAD = encoded(photo_like(400, 300))[:9000]


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(make.user(is_staff=True, is_superuser=True))
    client.cookies["django_language"] = "en"
    return client


@pytest.fixture(autouse=True)
def nothing_pending() -> None:
    with time_machine.travel(timezone.now() + timedelta(days=400), tick=False):
        pending.delete_old()


def typed(*uploads: bytes | None, **fields: object) -> dict[str, object]:
    form = {**FORM, "area": Area.objects.get_or_create(name="Xiamen")[0].pk, "price_fen": "300", **fields}
    form["photos-TOTAL_FORMS"] = len(uploads)
    for n, raw in enumerate(uploads):
        form[f"photos-{n}-position"] = n + 1
        if raw is not None:
            form[f"photos-{n}-image"] = SimpleUploadedFile("Sea view.jpg", raw)
    return form


def add(staff: Client, form: dict[str, object]) -> str:
    """The page, empty if the form was taken."""
    answer = staff.post("/admin/houses/house/add/", form)
    assert answer.status_code in (200, 302)
    return answer.content.decode()


def errors_of(page: str) -> list[str]:
    return [unescape(error) for error in re.findall(r'<ul class="errorlist"[^>]*><li>(.*?)</li>', page)]


def test_a_good_photo_is_taken_in_every_size(staff: Client) -> None:
    assert add(staff, typed(GOOD)) == ""
    photo = HousePhoto.objects.get()
    assert (photo.width, photo.height, photo.position) == (500, 300, 1)
    assert default_storage.exists(f"{photo.stem}-320.webp")
    assert not default_storage.exists(pending.FOLDER) or default_storage.listdir(pending.FOLDER)[1] == []


WRONG = {
    "the first part of a JPEG": (BAD, "damaged or incomplete"),
    "a PNG of 300×66000": (encoded(plain("1", size=(300, 66_000)), "PNG"), "too large: at most 50 million"),
    "an EPS named .jpg": (
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EOF\n",
        "can't open this file",
    ),
    "nothing": (b"", "empty"),
    "a text": (b"no picture", "can't open this file"),
}


@pytest.mark.parametrize("name", WRONG)
def test_P1_IMG01_a_bad_photo_is_told_beside_it_and_what_was_typed_stays(staff: Client, name: str) -> None:
    raw, sentence = WRONG[name]
    page = add(staff, typed(GOOD, raw, title="By the <sea>", rules="No smoking"))
    assert [sentence in error for error in errors_of(page)[-1:]] == [True]
    assert not make.rows(House).exists()
    assert 'value="By the &lt;sea&gt;"' in page
    assert "No smoking" in page
    assert 'name="photos-1-position" value="2"' in page
    ((row, token),) = KEPT.findall(page)
    assert row == "0"
    assert f'href="{pending.preview_url(token)}"' in page


def test_P1_IMG01_the_good_photos_need_not_be_chosen_again(staff: Client) -> None:
    page = add(staff, typed(GOOD, BAD))
    ((_, token),) = KEPT.findall(page)
    again = typed(None, GOOD) | {"photos-0-image-kept": token}
    assert add(staff, again) == ""
    assert [(photo.width, photo.position) for photo in HousePhoto.objects.all()] == [(500, 1), (500, 2)]
    assert not any(pending.FOLDER in photo.image.name for photo in HousePhoto.objects.all())


def test_P1_photos_outlive_another_fields_error_however_often(staff: Client) -> None:
    page, names = add(staff, typed(GOOD, GOOD, price_fen="a lot")), None
    for _ in range(3):
        kept = {f"photos-{row}-image-kept": token for row, token in KEPT.findall(page)}
        assert len(kept) == 2
        page = add(staff, typed(None, None, price_fen="a lot") | kept)
        assert names in (None, default_storage.listdir(pending.FOLDER)[1])
        names = default_storage.listdir(pending.FOLDER)[1]
    assert add(staff, typed(None, None) | kept) == ""
    assert HousePhoto.objects.count() == 2


def test_P1_a_bad_photo_in_place_of_a_kept_one_leaves_that(staff: Client) -> None:
    ((_, token),) = KEPT.findall(add(staff, typed(GOOD, price_fen="a lot")))
    page = add(staff, typed(BAD) | {"photos-0-image-kept": token})
    assert KEPT.findall(page) == [("0", token)]
    other = encoded(plain(size=(350, 200)))
    assert add(staff, typed(other) | {"photos-0-image-kept": token}) == ""
    assert HousePhoto.objects.get().width == 350


def test_P1_a_bad_photo_leaves_the_stored_one(staff: Client) -> None:
    add(staff, typed(GOOD))
    photo = HousePhoto.objects.get()
    form = typed(BAD) | {"photos-INITIAL_FORMS": 1, "photos-0-id": photo.pk, "photos-0-house": photo.house_id}
    page = staff.post(f"/admin/houses/house/{photo.house_id}/change/", form).content.decode()
    assert "damaged" in errors_of(page)[-1]
    assert f'href="{photo.image.url}"' in page
    assert HousePhoto.objects.get().image.name == photo.image.name
    form["photos-0-image"] = SimpleUploadedFile("b.jpg", encoded(plain(size=(350, 200))))
    staff.post(f"/admin/houses/house/{photo.house_id}/change/", form)
    assert HousePhoto.objects.get().width == 350


@pytest.mark.parametrize("token", ["made up", "W10:1rabc:sig", "\0", "é" * 500])
def test_P1_a_token_that_is_not_ours_is_told_in_a_sentence(staff: Client, token: str) -> None:
    page = add(staff, typed(None) | {"photos-0-image-kept": token})
    assert "no longer kept" in errors_of(page)[-1]
    assert not KEPT.findall(page)


def test_P1_the_clean_up_deletes_kept_photos_after_a_day(staff: Client) -> None:
    ((_, token),) = KEPT.findall(add(staff, typed(GOOD, price_fen="a lot")))
    assert cleanup.prune("photos") == 0
    with time_machine.travel(timezone.now() + timedelta(days=1, minutes=1), tick=False):
        assert cleanup.prune("photos") == 4
        staff.force_login(User.objects.get(pk=staff.session[SESSION_KEY]))  # the session is over
        page = add(staff, typed(None) | {"photos-0-image-kept": token})
    assert "no longer kept" in errors_of(page)[-1]
    assert add(staff, typed(None) | {"photos-0-image-kept": token})  # its files are gone, too


def test_P1_a_photo_may_have_any_name(staff: Client) -> None:
    form = typed(GOOD)
    form["photos-0-image"] = SimpleUploadedFile("𠮷" * 80 + ".exe", GOOD)
    assert add(staff, form) == ""
    assert re.fullmatch(r"houses/\d{4}/\d\d/[a-z0-9]{12}-500\.jpg", HousePhoto.objects.get().image.name)


def test_P2_a_heic_as_phones_send_it_is_taken_by_the_form(staff: Client) -> None:
    form = typed(GOOD)
    form["photos-0-image"] = SimpleUploadedFile("IMG_0001.HEIC", encoded(plain(size=(800, 600)), "HEIF"))
    assert add(staff, form) == ""
    assert HousePhoto.objects.get().width == 800


def test_P4_IMG04_a_kept_photo_holds_nothing_of_the_upload(staff: Client) -> None:
    add(staff, typed(encoded(plain(size=(500, 300)), comment=b"SECRET"), price_fen="a lot"))
    names = default_storage.listdir(pending.FOLDER)[1]
    assert len(names) == 4
    for name in names:
        with default_storage.open(f"{pending.FOLDER}/{name}") as file:
            assert b"SECRET" not in file.read()
