"""Uploaded photos: resizing, thumbnails, markup."""

import io
import re
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.template.loader import render_to_string
from django.test import Client
from PIL import Image

from houses.models import Facility, House, HousePhoto, facility_icons
from tests import make

pytestmark = pytest.mark.django_db

ORIENTATION, CAMERA = 0x0112, 0x010F


def uploaded(house: House, width: int, height: int, mode: str = "RGB", kind: str = "JPEG") -> HousePhoto:
    """Upload a photo as an upright phone stores it: sideways, with EXIF orientation and camera name."""
    picture, exif = Image.new(mode, (width, height)), Image.Exif()
    exif[ORIENTATION], exif[CAMERA] = 6, "A camera"
    raw = io.BytesIO()
    picture.save(raw, kind, exif=exif)
    return HousePhoto.objects.create(house=house, image=ContentFile(raw.getvalue(), name=f"Sea view.{kind}"))


def test_a_large_photo_is_made_fit_for_pages_and_cards() -> None:
    photo = uploaded(make.house(), 4000, 3000)
    assert (photo.width, photo.height) == (1280, 1707)
    with Image.open(photo.image.path) as page, Image.open(photo.thumbnail.path) as card:
        assert (page.size, card.size) == ((1280, 1707), (640, 853))
        assert page.format == card.format == "JPEG"
        assert not page.getexif()
        assert not card.getexif()


@pytest.mark.parametrize(("mode", "kind"), [("RGBA", "PNG"), ("P", "PNG"), ("L", "JPEG"), ("RGB", "WEBP")])
def test_any_kind_of_picture_becomes_a_jpeg(mode: str, kind: str) -> None:
    photo = uploaded(make.house(), 300, 200, mode, kind)
    assert Path(photo.image.name).suffix == ".jpg"
    assert (photo.width, photo.height) == (200, 300)  # rotated, not enlarged


def test_saving_a_photo_again_keeps_its_files() -> None:
    photo = uploaded(make.house(), 300, 200)
    before = (photo.image.name, photo.thumbnail.name)
    photo = HousePhoto.objects.get()
    photo.position = 3
    photo.save()
    assert (photo.image.name, photo.thumbnail.name) == before


def test_cards_show_the_thumbnail_or_for_older_photos_the_image() -> None:
    photo = uploaded(make.house(), 300, 200)
    assert photo.thumbnail.url in render_to_string("_photo.html", {"photo": photo})
    assert photo.image.url in render_to_string("_photo.html", {"photo": photo, "large": True})
    HousePhoto.objects.update(thumbnail="")
    assert photo.image.url in render_to_string("_photo.html", {"photo": HousePhoto.objects.get()})


def test_a_photo_has_its_size_in_the_markup() -> None:
    html = render_to_string("_photo.html", {"photo": uploaded(make.house(), 300, 200)})
    assert 'width="200" height="300"' in html
    assert 'loading="lazy"' in html


def test_all_photos_of_a_home_but_the_first_load_lazily(client: Client) -> None:
    house = make.house(title="Sea")
    photos = [uploaded(house, 300, 200) for _ in range(3)]
    client.cookies["django_language"] = "en"
    images = re.findall('<img class="photo"[^>]*>', client.get(house.get_absolute_url()).content.decode())
    for n, (image, photo) in enumerate(zip(images, photos, strict=True), 1):
        assert f'src="{photo.image.url}"' in image  # the large one
        assert f'alt="Sea, photo {n}"' in image
        assert ('fetchpriority="high"' in image) is (n == 1)
        assert ('loading="lazy"' in image) is (n > 1)


def test_browsers_keep_a_photo_for_a_month(client: Client) -> None:
    answer = client.get(uploaded(make.house(), 300, 200).image.url)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/jpeg")
    assert "max-age=2592000" in answer.headers["Cache-Control"]


def test_facilities_choose_among_the_icons_of_the_sprite() -> None:
    names = [name for name, _ in facility_icons()]
    assert {"wifi", "kitchen"} <= set(names)
    assert len(names) == len(set(names))
    Facility(name="Kitchen", icon="kitchen").full_clean()
    with pytest.raises(ValidationError, match="icon"):
        Facility(name="Dungeon", icon="dungeon").full_clean()
