"""Photos that compress as badly as busy real ones, in place of the demo's drawings."""

from django.core.files.base import ContentFile

from houses.models import HousePhoto
from houses.photos import prepare
from houses.tests.pictures import encoded, photo_like

SIZE = (2400, 1600)
SIGMA = 8
"""640 pixels wide they take 45 KB as WebP; busy street scenes took 45 to 50 KB, most photos 15 to 35 KB."""


def make() -> None:
    upload = ContentFile(encoded(photo_like(*SIZE, SIGMA), quality=92), name="upload")
    busy = prepare(upload)
    for photo in HousePhoto.objects.all():
        photo.image = busy
        photo.save()
