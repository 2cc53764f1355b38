"""Photos as pages show them: upright, no wider than needed, without what a camera notes of time and place."""

import io

from django.core.files.base import ContentFile, File
from PIL import Image, ImageOps

PAGE_WIDTH, CARD_WIDTH = 1280, 640
QUALITY = 82


def fitted(picture: File, width: int, name: str) -> ContentFile:
    """A JPEG called `name`, at most `width` pixels wide. Raises OSError for what is no picture."""
    picture.seek(0)
    with Image.open(picture) as opened:
        upright = ImageOps.exif_transpose(opened).convert("RGB")
    upright.thumbnail((width, upright.height))
    made = io.BytesIO()
    upright.save(made, "JPEG", quality=QUALITY, optimize=True, progressive=True)
    return ContentFile(made.getvalue(), name=name)
