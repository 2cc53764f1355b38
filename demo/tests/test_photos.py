"""Photos of the demo's houses: our own drawings, kept as files."""

import pytest
from PIL import Image

from demo.management.commands.seed_demo import HOUSES, PHOTOS, PHOTOS_PER_HOUSE, photo_of


@pytest.mark.parametrize("number", range(len(HOUSES)))
def test_every_house_has_its_pictures(number: int) -> None:
    for scene in range(PHOTOS_PER_HOUSE):
        with Image.open(photo_of(number, scene)) as picture:
            assert (picture.format, picture.size) == ("WEBP", (960, 640))


def test_every_picture_looks_different_and_all_of_them_are_small() -> None:
    contents = [file.read_bytes() for file in PHOTOS.iterdir()]
    assert len(set(contents)) == len(contents) == len(HOUSES) * PHOTOS_PER_HOUSE
    assert sum(map(len, contents)) < 1_000_000
