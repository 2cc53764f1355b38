"""Resizing of photos for pages: upright, no wider than needed, without EXIF data such as the place."""

import io

from django.core.files.base import ContentFile, File
from PIL import Image, ImageOps

PAGE_WIDTH, CARD_WIDTH = 1280, 640
QUALITY = 82


def resized_jpeg(picture: File, width: int, name: str) -> ContentFile:
    """Return a JPEG called `name`, at most `width` pixels wide. Raises OSError if it is not an image."""
    picture.seek(0)
    with Image.open(picture) as opened:
        upright = ImageOps.exif_transpose(opened).convert("RGB")
    upright.thumbnail((width, upright.height))
    jpeg = io.BytesIO()
    upright.save(jpeg, "JPEG", quality=QUALITY, optimize=True, progressive=True)
    return ContentFile(jpeg.getvalue(), name=name)
