"""Photos as pages show them: upright, in sRGB, in a few sizes, with nothing else of the uploaded file.

This is the only place that opens a picture. The form field and `HousePhoto.save()` both come here.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.files.base import ContentFile, File
from django.utils.translation import gettext as _
from PIL import Image, ImageCms
from pillow_heif import register_heif_opener

from core.refusal import Refusal

register_heif_opener(thumbnails=False)

# EPS would start Ghostscript; the rarer formats bring nothing but their decoders' faults.
FORMATS = ("JPEG", "PNG", "WEBP", "HEIF", "AVIF", "TIFF", "BMP", "GIF")
MOST_BYTES = 50_000_000
MOST_PIXELS = 50_000_000
MOST_PIXELS_OF = {"WEBP": 25_000_000}
"""Its decoder keeps two canvases for animations: it needs twice the memory of the others."""
LONGEST_SIDE = 16_000
"""WebP ends at 16,383 pixels, JPEG at 65,500."""

CARD_WIDTH, PAGE_WIDTH = 640, 1280
WIDTHS = (320, CARD_WIDTH, PAGE_WIDTH)
JPEG: dict[str, Any] = {"format": "JPEG", "quality": 80, "optimize": True, "progressive": True}
WEBP: dict[str, Any] = {"format": "WEBP", "quality": 65, "method": 4}
ENCODINGS = {"webp": WEBP, "jpg": JPEG}

_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_MODE_OF_SPACE = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab": "LAB"}
_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


class PhotoRefused(Refusal):
    """A file that is no photo, a damaged one, or too large a one."""


class Photo(ContentFile):
    """A photo made fit for pages: its largest JPEG, and all `files` by the ends of their names ("640.webp").

    `token` names it where it is pending.
    """

    def __init__(self, files: dict[str, bytes], width: int, height: int, token: str = "") -> None:
        self.files, self.width, self.height, self.token = files, width, height, token
        super().__init__(files[f"{width}.jpg"], name="photo.jpg")


def widths(largest: int) -> list[int]:
    """The widths in which a photo exists whose largest size is `largest` pixels wide. None is enlarged."""
    return [*(width for width in WIDTHS if width < largest), largest]


def endings(largest: int) -> list[str]:
    """The ends of the names of a photo's files."""
    return [f"{width}.{ending}" for width in widths(largest) for ending in ENCODINGS]


def prepare(upload: File) -> Photo:
    """Decode once and encode every size. Raises PhotoRefused."""
    with _opened(upload) as picture, _damage_refused():
        upright = _upright(picture)
    files = {}
    for width in widths(upright.width):
        size = (width, max(1, upright.height * width // upright.width))
        sized = upright if size == upright.size else upright.resize(size, Image.Resampling.LANCZOS)
        files.update({f"{width}.{ending}": _encoded(sized, how) for ending, how in ENCODINGS.items()})
    return Photo(files, *upright.size)


@contextmanager
def _opened(upload: File) -> Iterator[Image.Image]:
    """The picture by its header, before anything of it is decoded."""
    if upload.size > MOST_BYTES:
        raise PhotoRefused(_too_large(MOST_PIXELS))
    upload.seek(0)
    try:
        picture = Image.open(upload, formats=FORMATS)
    except Image.DecompressionBombError:
        raise PhotoRefused(_too_large(MOST_PIXELS)) from None
    except Exception as error:  # each format has errors of its own
        raise PhotoRefused(_("We can't open this file. Use a photo in JPEG, PNG, WebP or HEIC.")) from error
    with picture:
        most = MOST_PIXELS_OF.get(picture.format or "", MOST_PIXELS)
        if picture.width * picture.height > most or max(picture.size) > LONGEST_SIDE:
            raise PhotoRefused(_too_large(most))
        yield picture


@contextmanager
def _damage_refused() -> Iterator[None]:
    try:
        yield
    except Exception as error:  # decoders raise OSError, SyntaxError, ValueError, struct.error and more
        raise PhotoRefused(_("This photo is damaged or incomplete. Export or upload it again.")) from error


def _too_large(most_pixels: int) -> str:
    return _(
        "This photo is too large: at most %(pixels)d million pixels, %(side)d pixels on a side "
        "and %(bytes)d MB."
    ) % {"pixels": most_pixels // 10**6, "side": LONGEST_SIDE, "bytes": MOST_BYTES // 10**6}


def _upright(picture: Image.Image) -> Image.Image:
    """The photo as it should be seen, no wider than PAGE_WIDTH, in RGB."""
    if picture.format not in ("JPEG", "MPO"):  # these can be decoded small, so _shrunk does it
        picture.load()  # from here on a TIFF is upright and says so
    orientation, profile = _orientation(picture), picture.info.get("icc_profile")
    wide = picture.height if orientation >= 5 else picture.width
    opaque = _on_white(_in_8_bits(_shrunk(picture, min(1, PAGE_WIDTH / wide))))
    if orientation in _UPRIGHT:
        opaque = opaque.transpose(_UPRIGHT[orientation])
    coloured = _in_srgb(opaque, profile)
    coloured.info.clear()  # encoders write comments, profiles and XMP that they find there
    return coloured


def _orientation(picture: Image.Image) -> int:
    try:
        return int(picture.getexif().get(_ORIENTATION, 1))
    except Exception:  # broken notes of a camera are no reason to refuse its photo
        return 1


def _shrunk(picture: Image.Image, scale: float) -> Image.Image:
    """A JPEG is decoded small. A palette can't be averaged, so it is resolved first."""
    if picture.mode in ("P", "PA", "1") or "transparency" in picture.info:
        picture = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    width, height = (max(1, round(side * scale)) for side in picture.size)
    drafted = picture.draft(None, (2 * width, 2 * height))
    return picture.resize(
        (width, height),
        Image.Resampling.LANCZOS,
        box=drafted[1] if drafted else None,
        reducing_gap=None if picture.mode.startswith("I;") else 2.0,  # Pillow can't reduce 16 bits
    )


def _in_8_bits(picture: Image.Image) -> Image.Image:
    """Scale deep greys to 0–255: Pillow's own conversion cuts off at 255, and all is white."""
    if picture.mode not in ("I", "F") and not picture.mode.startswith("I;"):
        return picture
    deep = picture if picture.mode == "F" else picture.convert("I")
    scale = 255 / _white_of(picture)
    return deep.point(lambda value: value * scale).convert("L")


def _white_of(picture: Image.Image) -> float:
    """The value of white. 32-bit files don't say theirs: take the lowest usual one that fits."""
    if picture.mode.startswith("I;"):
        return 65535
    _low, high = picture.getextrema()
    assert isinstance(high, int | float)
    return next((white for white in (1, 255, 65535) if high <= white * 1.1), high)


def _on_white(picture: Image.Image) -> Image.Image:
    if not picture.has_transparency_data:
        return picture
    layer = picture.convert("RGBA")
    white = Image.new("RGB", layer.size, "white")
    white.paste(layer, mask=layer.getchannel("A"))
    return white


def _in_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert by the embedded profile; without one, or with one for other colours, as if it were sRGB."""
    if picture.mode == "LAB":
        return _converted(picture, ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")))
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile)) if profile else None
        mode = _MODE_OF_SPACE.get(source.profile.xcolor_space.strip()) if source else None
        if picture.mode == "L" and mode == "RGB":
            picture = picture.convert("RGB")
        if source and mode == picture.mode:
            return _converted(picture, source)
    except (ImageCms.PyCMSError, OSError):
        pass  # the photo can be seen all the same
    return picture.convert("RGB")


def _converted(picture: Image.Image, source: ImageCms.ImageCmsProfile) -> Image.Image:
    converted = ImageCms.profileToProfile(picture, source, _SRGB, outputMode="RGB")
    assert converted is not None
    return converted


def _encoded(picture: Image.Image, how: dict[str, Any]) -> bytes:
    made = io.BytesIO()
    picture.save(made, **how)
    return made.getvalue()
