"""From an uploaded picture to the photos of a page."""

import functools
import io
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.template.loader import get_template
from django.test import Client
from django.utils import translation
from PIL import EpsImagePlugin, Image, PngImagePlugin

from benchmarks.photos import peak_of
from houses import photos
from houses.models import Facility, House, HousePhoto, facility_icons
from houses.photos import PhotoRefused, prepare
from houses.tests import pictures
from houses.tests.pictures import encoded, plain
from tests import make

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]


@pytest.fixture(autouse=True)
def in_english() -> Iterator[None]:
    with translation.override("en"):
        yield


ORIENTATION, CAMERA, COMMENT, PLACE = 0x0112, 0x010F, 0x9286, 0x8825
RED, BLUE = (220, 20, 20), (20, 20, 220)
KINDS = ["JPEG", "PNG", "WEBP", "HEIF", "AVIF", "TIFF", "BMP", "GIF"]


def uploaded(house: House, width: int, height: int, mode: str = "RGB", kind: str = "JPEG") -> HousePhoto:
    """As a phone held upright stores it: lying, with a note to turn it, and the camera's name."""
    picture, notes = Image.new(mode, (width, height)), Image.Exif()
    notes[ORIENTATION], notes[CAMERA] = 6, "A camera"
    raw = io.BytesIO()
    picture.save(raw, kind, exif=notes)
    return HousePhoto.objects.create(house=house, image=ContentFile(raw.getvalue(), name=f"Sea view.{kind}"))


def prepared(raw: bytes) -> photos.Photo:
    return prepare(ContentFile(raw, name="Sea view.jpg"))


@functools.lru_cache(maxsize=1)  # a test looks at several places of one photo
def prepared_once(raw: bytes) -> photos.Photo:
    return prepared(raw)


def shown(raw: bytes, width: int | None = None, ending: str = "jpg") -> Image.Image:
    photo = prepared_once(raw)
    with Image.open(io.BytesIO(photo.files[f"{width or photo.width}.{ending}"])) as picture:
        picture.load()
    return picture


def assert_looks(raw: bytes, colour: tuple[int, int, int], at: tuple[int, int] = (10, 10)) -> None:
    for ending in photos.ENCODINGS:
        found = shown(raw, ending=ending).getpixel(at)
        assert all(abs(a - b) <= 16 for a, b in zip(found, colour, strict=True)), (ending, found)


# --- Refused ---


def png_header(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims to be large."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    size = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("kind", KINDS)
def test_P1_IMG01_the_first_part_of_a_picture_is_refused_in_a_sentence(kind: str) -> None:
    raw = encoded(pictures.photo_like(400, 300), kind)
    prepared(raw)
    with pytest.raises(PhotoRefused, match=r"damaged|open"):
        prepared(raw[: len(raw) * 6 // 10])


@pytest.mark.parametrize(
    "raw", [b"", b"GIF89a", b"no picture", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", bytes(9999)]
)
def test_P1_IMG01_what_is_no_picture_is_refused_in_a_sentence(raw: bytes) -> None:
    with pytest.raises(PhotoRefused, match="open this file"):
        prepared(raw)


def test_P1_broken_notes_of_a_camera_dont_refuse_its_photo() -> None:
    assert shown(encoded(plain(), exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")).size == (300, 200)


def test_P2_only_a_few_formats_are_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[object] = []
    for name in ("__init__", "load"):
        monkeypatch.setattr(EpsImagePlugin.EpsImageFile, name, lambda *a, **k: opened.append(a))
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 300 200\n%%EndComments\n%%EOF\n"
    house = make.house()
    for raw in (eps, encoded(plain(), "PPM"), encoded(plain(), "ICO"), encoded(plain(), "PDF")):
        with pytest.raises(PhotoRefused, match="open this file"):
            prepared(raw)
        with pytest.raises(PhotoRefused):
            HousePhoto.objects.create(house=house, image=ContentFile(raw, name="sea.jpg"))
    assert not opened
    assert not HousePhoto.objects.exists()


@pytest.mark.parametrize(
    "size", [(300, 66_000), (66_000, 300), (12_000, 9_000), (60_000, 60_000), (7072, 7072)]
)
def test_P3_IMG02_too_large_a_picture_is_refused_by_its_header(size: tuple[int, int]) -> None:
    with pytest.raises(PhotoRefused, match="too large: at most 50 million pixels, 16000"):
        prepared(png_header(*size))


def test_P3_IMG02_a_small_file_with_many_pixels_takes_neither_time_nor_memory() -> None:
    small = encoded(plain(size=(12_000, 9_000)), "WEBP", lossless=True)
    assert len(small) < 20_000
    assert peak_of(small, refused=True) < 60


def test_P3_a_webp_may_have_half_as_many_pixels_as_its_decoder_wants_twice_the_memory() -> None:
    large, largest = (encoded(plain("RGBA", (width, 5000)), "WEBP", method=0) for width in (5001, 5000))
    with pytest.raises(PhotoRefused, match="too large: at most 25 million pixels, 16000"):
        prepared(large)
    assert peak_of(largest) < 450


def test_P3_IMG02_a_long_file_is_refused_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photos, "MOST_BYTES", 100)
    with pytest.raises(PhotoRefused, match="too large"):
        prepared(encoded(plain()))


def test_P3_a_photo_is_decoded_once_for_all_sizes_and_a_jpeg_small(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[object] = []
    monkeypatch.setattr(Image.core, "jpeg_decoder", _noting(Image.core.jpeg_decoder, decoded))
    prepared(encoded(plain(size=(8000, 6000))))
    assert len(decoded) == 1
    assert peak_of(encoded(plain(size=(8000, 6000)))) < 80


def _noting(decoder: object, decoded: list[object]) -> object:
    def noted(*args: object) -> object:
        decoded.append(args)
        return decoder(*args)

    return noted


# --- Taken, and seen as on the device it came from ---


@pytest.mark.parametrize("kind", KINDS)
def test_P2_IMG03_each_format_of_the_list_is_taken(kind: str) -> None:
    assert_looks(encoded(plain(colour=RED), kind), RED)


def test_P2_IMG03_a_heic_of_a_phone_is_turned_and_told_nothing_of() -> None:
    notes = Image.Exif()
    notes[ORIENTATION], notes[CAMERA] = 6, "SECRET camera"
    picture = plain(size=(300, 200), colour=RED)
    picture.paste(BLUE, (0, 0, 150, 200))
    raw = encoded(picture, "HEIF", exif=notes.tobytes())
    assert b"SECRET" in raw
    assert shown(raw).size == (200, 300)
    assert_looks(raw, BLUE, at=(100, 20))
    assert not any(b"SECRET" in content for content in prepared(raw).files.values())


TRANSPARENT = [
    (plain("RGBA", colour=(0, 0, 0, 0)), {}),
    (plain("LA", colour=(0, 0)), {}),
    (plain("P"), {"transparency": 0}),
    (plain("P"), {"transparency": b"\0"}),
    (plain("L"), {"transparency": 0}),
    (plain("RGB"), {"transparency": (0, 0, 0)}),
    (plain("1"), {"transparency": 0}),
]


@pytest.mark.parametrize(("picture", "options"), TRANSPARENT, ids=lambda value: getattr(value, "mode", ""))
def test_P4_IMG03_what_is_transparent_becomes_white(picture: Image.Image, options: dict) -> None:
    assert_looks(encoded(picture, "PNG", **options), (255, 255, 255))


@pytest.mark.parametrize("kind", ["WEBP", "HEIF", "AVIF", "TIFF", "GIF"])
def test_P4_IMG03_transparent_is_white_in_every_format(kind: str) -> None:
    assert_looks(encoded(plain("RGBA", colour=(0, 0, 0, 0)), kind), (255, 255, 255))


def test_P4_half_transparent_is_half_as_strong() -> None:
    assert_looks(encoded(plain("RGBA", colour=(0, 0, 0, 128)), "PNG"), (127, 127, 127))


PROFILED = {
    "red in Display P3": ((234, 51, 35), pictures.rgb_profile(pictures.P3, pictures.SRGB_CURVE), (255, 0, 0)),
    "green in Display P3": (
        (117, 251, 76),
        pictures.rgb_profile(pictures.P3, pictures.SRGB_CURVE),
        (0, 255, 0),
    ),
    "red in Adobe RGB": (
        (219, 0, 0),
        pictures.rgb_profile(pictures.ADOBE_RGB, pictures.GAMMA_2_2),
        (255, 0, 0),
    ),
    "green in Adobe RGB": (
        (144, 255, 60),
        pictures.rgb_profile(pictures.ADOBE_RGB, pictures.GAMMA_2_2),
        (0, 255, 0),
    ),
}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF", "AVIF", "TIFF"])
@pytest.mark.parametrize("name", PROFILED)
def test_P4_IMG03_colours_are_converted_before_the_profile_goes(name: str, kind: str) -> None:
    colour, profile, expected = PROFILED[name]
    raw = encoded(plain(colour=colour), kind, icc_profile=profile, quality=95)
    assert_looks(raw, expected)
    assert not any(profile[-40:] in content for content in prepared(raw).files.values())


def test_P4_a_profile_goes_with_a_palette_and_with_transparency() -> None:
    colour, profile, expected = PROFILED["red in Display P3"]
    assert_looks(encoded(plain(colour=colour).quantize(4), "PNG", icc_profile=profile), expected)
    assert_looks(encoded(plain("RGBA", colour=(*colour, 255)), "PNG", icc_profile=profile), expected)
    assert_looks(encoded(plain("RGBA", colour=(*colour, 0)), "PNG", icc_profile=profile), (255, 255, 255))


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_P4_IMG03_inks_are_converted_by_their_profile(kind: str) -> None:
    def cmyk(*inks: int, **options: object) -> bytes:
        return encoded(plain("CMYK", colour=inks), kind, quality=95, **options)

    assert_looks(cmyk(255, 0, 0, 0, icc_profile=pictures.cmyk_profile()), (0, 152, 219))
    assert_looks(cmyk(0, 0, 0, 0, icc_profile=pictures.cmyk_profile()), (255, 255, 255))
    assert_looks(cmyk(255, 0, 0, 0), (0, 255, 255))  # without one, the plain rule


@pytest.mark.parametrize("profile", [b"no profile", b"\0" * 200, pictures.cmyk_profile()])
def test_P4_a_profile_that_does_not_fit_leaves_the_colours(profile: bytes) -> None:
    assert_looks(encoded(plain(colour=RED), icc_profile=profile), RED)


@pytest.mark.parametrize(
    ("mode", "value", "kind"),
    [
        ("I;16", 32896, "PNG"),
        ("I;16", 32896, "TIFF"),
        ("I;16B", 32896, "TIFF"),
        ("F", 0.5, "TIFF"),
        ("F", 128, "TIFF"),
    ],
)
def test_P4_IMG03_deep_grey_is_scaled(mode: str, value: float, kind: str) -> None:
    picture = plain(mode, (2600, 400), value)
    if mode != "I;16B":
        picture.paste(0, (0, 0, 100, 400))
    if mode == "F" and value < 1:
        picture.paste(1.0, (100, 0, 200, 400))
    if mode == "F" and value > 1:
        picture.paste(255.0, (100, 0, 200, 400))
    assert_looks(encoded(picture, kind), (128, 128, 128), at=(800, 100))


# Where the corner that is upper left in the file is seen, by the EXIF orientation.
CORNERS = {1: (0, 0), 2: (1, 0), 3: (1, 1), 4: (0, 1), 5: (0, 0), 6: (1, 0), 7: (1, 1), 8: (0, 1)}


TURNED = [(orientation, "JPEG") for orientation in CORNERS]
TURNED += [(orientation, kind) for orientation in (3, 6) for kind in ("PNG", "WEBP", "TIFF", "HEIF", "AVIF")]


@pytest.mark.parametrize(("orientation", "kind"), TURNED)
def test_P4_IMG03_photos_are_turned_upright(orientation: int, kind: str) -> None:
    picture, notes = plain(size=(1500, 1000), colour=BLUE), Image.Exif()
    picture.paste(RED, (0, 0, 500, 500))
    notes[ORIENTATION] = orientation
    raw = encoded(picture, kind, exif=notes.tobytes())  # from bytes, HEIF turns in its own way as phones do
    seen = shown(raw)
    assert seen.size == ((1280, 853) if orientation < 5 else (1000, 1500))
    right, below = CORNERS[orientation]
    assert_looks(raw, RED, (seen.width - 20 if right else 20, seen.height - 20 if below else 20))
    assert_looks(raw, BLUE, (20 if right else seen.width - 20, 20 if below else seen.height - 20))


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF", "MPO", "AVIF"])
def test_P4_IMG03_of_several_pictures_the_first_is_shown(kind: str) -> None:
    first, second = plain(colour=RED), plain(colour=BLUE)
    assert_looks(encoded(first, kind, save_all=True, append_images=[second]), RED)


def test_P4_IMG04_comments_places_and_names_are_gone_in_every_size() -> None:
    notes, text, xmp = Image.Exif(), PngImagePlugin.PngInfo(), b"<x:xmpmeta>SECRET</x:xmpmeta>"
    notes[CAMERA], notes[COMMENT] = "SECRET camera", b"SECRET"
    notes.get_ifd(PLACE)[1] = "SECRET N"
    text.add_text("Author", "SECRET")
    text.add_itxt("XML:com.adobe.xmp", xmp.decode())
    picture = plain(size=(1500, 1000))
    profile = pictures.rgb_profile(pictures.P3, pictures.SRGB_CURVE)
    noted = {
        "JPEG": {"comment": b"SECRET", "exif": notes, "xmp": xmp, "icc_profile": profile},
        "PNG": {"pnginfo": text, "exif": notes, "icc_profile": profile},
        "WEBP": {"exif": notes, "xmp": xmp, "icc_profile": profile},
        "HEIF": {"exif": notes.tobytes(), "xmp": xmp},
        "AVIF": {"exif": notes, "xmp": xmp},
        "TIFF": {"exif": notes, "compression": "raw"},
        "GIF": {"comment": b"SECRET"},
    }
    for kind, options in noted.items():
        raw = encoded(picture, kind, **options)
        assert b"SECRET" in raw, kind
        files = prepared(raw).files
        assert sorted(files) == sorted(f"{w}.{e}" for w in (320, 640, 1280) for e in ("webp", "jpg"))
        for name, content in files.items():
            with Image.open(io.BytesIO(content)) as made:
                made.load()
                assert not made.getexif()
                assert not {"comment", "exif", "xmp", "icc_profile"} & set(made.info), (kind, name)
            assert b"SECRET" not in content, (kind, name)


# --- Stored, under names of our own ---


def test_P5_a_large_photo_is_made_fit_for_pages_and_cards() -> None:
    photo = uploaded(make.house(), 4000, 3000)
    assert (photo.width, photo.height) == (1280, 1707)
    for ending, kind in (("jpg", "JPEG"), ("webp", "WEBP")):
        for width, height in ((320, 426), (640, 853), (1280, 1707)):
            with default_storage.open(f"{photo.stem}-{width}.{ending}") as file, Image.open(file) as size:
                assert (size.format, size.size) == (kind, (width, height))
                assert not size.getexif()
    assert photo.image.name == f"{photo.stem}-1280.jpg"
    assert photo.thumbnail.name == f"{photo.stem}-640.jpg"


@pytest.mark.parametrize(("mode", "kind"), [("RGBA", "PNG"), ("P", "PNG"), ("L", "JPEG"), ("RGB", "WEBP")])
def test_any_kind_of_picture_becomes_a_jpeg(mode: str, kind: str) -> None:
    photo = uploaded(make.house(), 300, 200, mode, kind)
    with Image.open(photo.image.path) as picture:
        assert picture.format == "JPEG"
    assert (photo.width, photo.height) == (200, 300)  # turned, and never made larger


@pytest.mark.parametrize(
    "name", ["𠮷" * 80 + ".jpg", "../../etc/passwd", "a" * 300, "", "Lin Xiaoman 13800000001.jpg"]
)
def test_P1_files_have_names_of_our_own(name: str) -> None:
    image = ContentFile(encoded(plain()), name="x")
    image.name = name or "x"
    photo = HousePhoto.objects.create(house=make.house(), image=image)
    assert re.fullmatch(r"houses/\d{4}/\d\d/[a-z0-9]{12}-300\.jpg", photo.image.name)


def test_saving_a_photo_again_leaves_its_files() -> None:
    photo = uploaded(make.house(), 300, 200)
    before = (photo.image.name, photo.thumbnail.name)
    photo = HousePhoto.objects.get()
    photo.position = 3
    photo.save()
    assert (photo.image.name, photo.thumbnail.name) == before


def test_a_new_picture_alone_can_be_saved_with_all_that_belongs_to_it() -> None:
    photo = uploaded(make.house(), 300, 200)
    photo.image, photo.position = ContentFile(encoded(plain(size=(500, 100))), name="b.jpg"), 7
    photo.save(update_fields=["image"])
    saved = HousePhoto.objects.get()
    assert (saved.width, saved.height, saved.position) == (500, 100, 0)
    assert saved.thumbnail.name == saved.image.name == f"{saved.stem}-500.jpg"


def stored(photo: HousePhoto) -> list[bool]:
    return [default_storage.exists(name) for name in sorted(photo.file_names)]


Captured = Callable[..., AbstractContextManager[object]]


def test_P5_the_files_of_a_replaced_photo_go_after_the_commit(
    django_capture_on_commit_callbacks: Captured,
) -> None:
    uploaded(make.house(), 900, 1400)
    before, photo = HousePhoto.objects.get(), HousePhoto.objects.get()
    photo.image = ContentFile(encoded(plain()), name="b.jpg")
    with django_capture_on_commit_callbacks(execute=True):
        photo.save()
        assert stored(before) == [True] * 6  # a rollback would leave them in the row
    assert stored(before) == [False] * 6
    assert stored(HousePhoto.objects.get()) == [True] * 2


def test_P5_files_that_another_row_names_stay(django_capture_on_commit_callbacks: Captured) -> None:
    photo = uploaded(make.house(), 900, 1400)
    HousePhoto(
        **{name: getattr(photo, name) for name in ("house", "image", "thumbnail", "stem", "width", "height")}
    ).save()
    for expected in (True, False):
        with django_capture_on_commit_callbacks(execute=True):
            HousePhoto.objects.first().delete()
        assert stored(photo) == [expected] * 6


def test_P5_the_files_of_a_deleted_home_go(django_capture_on_commit_callbacks: Captured) -> None:
    photo, other = uploaded(make.house(), 300, 200), uploaded(make.house(), 300, 200)
    with django_capture_on_commit_callbacks(execute=True):
        photo.house.delete()
    assert (any(stored(photo)), all(stored(other))) == (False, True)


def drawn(photo: HousePhoto | None, **options: object) -> str:
    """Return what the macro of the pages makes of a photo."""
    pieces = get_template("_pieces.html")
    return str(pieces.template.module.photo(photo, **options))


def test_a_photo_says_its_size_before_it_comes() -> None:
    html = drawn(uploaded(make.house(), 300, 200))
    assert 'width="200" height="300"' in html
    assert 'loading="lazy"' in html


def test_P5_a_page_offers_webp_with_jpeg_behind_in_every_size() -> None:
    photo = uploaded(make.house(), 900, 1400)
    html = drawn(photo, sizes="50vw")
    for kind in ("webp", "jpg"):
        offered = ", ".join(f"/media/{photo.stem}-{width}.{kind} {width}w" for width in (320, 640, 1280))
        assert f'srcset="{offered}" sizes="50vw"' in html
    assert html.index('<source type="image/webp"') < html.index("<img")
    assert f'src="{photo.thumbnail.url}"' in html


def test_P5_photos_from_before_are_shown_as_they_are() -> None:
    house = make.house()
    HousePhoto.objects.create(house=house, image="houses/sea.jpg", width=1280, height=853)
    html = drawn(HousePhoto.objects.get())
    assert 'src="/media/houses/sea.jpg" width' in html
    assert "srcset" not in html
    HousePhoto.objects.update(thumbnail="houses/sea-card.jpg")
    html = drawn(HousePhoto.objects.get())
    assert 'src="/media/houses/sea-card.jpg"' in html
    assert 'srcset="/media/houses/sea-card.jpg 640w, /media/houses/sea.jpg 1280w"' in html
    assert "webp" not in html


def test_P5_an_image_that_the_version_before_replaced_is_shown_alone() -> None:
    photo = uploaded(make.house(), 300, 200)
    HousePhoto.objects.update(image="houses/new.jpg", thumbnail="houses/new-card.jpg")
    html = drawn(HousePhoto.objects.get())
    assert photo.stem not in html


@pytest.mark.django_db(transaction=True)  # a command runs outside of transactions
def test_P5_photos_from_before_get_their_sizes_and_lose_their_comments(
    capsys: pytest.CaptureFixture[str],
) -> None:
    house = make.house()
    raw = encoded(plain(size=(1500, 1000), colour=RED), comment=b"SECRET")
    image, card = (default_storage.save(f"houses/{n}.jpg", ContentFile(raw)) for n in ("sea", "sea-card"))
    HousePhoto.objects.create(house=house, image=image, thumbnail=card, width=1, height=1, position=4)
    gone = HousePhoto.objects.create(house=house, image="houses/gone.jpg", width=1, height=1)
    call_command("resize_photos")
    photo = HousePhoto.objects.get(position=4)
    assert (photo.width, photo.height) == (1280, 853)
    assert "webp" in drawn(photo)
    assert not default_storage.exists(image)
    assert not default_storage.exists(card)
    gone.refresh_from_db()
    assert gone.image.name == "houses/gone.jpg"
    out, err = capsys.readouterr()
    assert "1 photos were made anew" in out
    assert f"photo {gone.pk} stays as it is (houses/gone.jpg)" in err


def test_the_first_photo_of_a_home_comes_at_once_and_the_others_later(client: Client) -> None:
    house = make.house(title="Sea")
    photos = [uploaded(house, 300, 200) for _ in range(3)]
    client.cookies["django_language"] = "en"
    images = re.findall('<img class="photo"[^>]*>', client.get(house.get_absolute_url()).content.decode())
    for n, (image, photo) in enumerate(zip(images, photos, strict=True), 1):
        assert f'src="{photo.image.url}"' in image  # the large one
        assert f'alt="Sea, photo {n}"' in image
        assert ('fetchpriority="high"' in image) is (n == 1)
        assert ('loading="lazy"' in image) is (n > 1)


def test_browsers_keep_a_photo_for_a_year(client: Client) -> None:
    photo = uploaded(make.house(), 300, 200)
    for url, kind in ((photo.image.url, "jpeg"), (photo.image.url.replace(".jpg", ".webp"), "webp")):
        answer = client.get(url)
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, f"image/{kind}")
        assert "max-age=31536000" in answer.headers["Cache-Control"]


def test_facilities_choose_among_the_icons_of_the_sprite() -> None:
    names = [name for name, _ in facility_icons()]
    assert {"wifi", "kitchen"} <= set(names)
    assert len(names) == len(set(names))
    Facility(name="Kitchen", icon="kitchen").full_clean()
    with pytest.raises(ValidationError, match="icon"):
        Facility(name="Dungeon", icon="dungeon").full_clean()
