"""The drawn photos of the demo's houses."""

import io

import pytest
from PIL import Image

from demo.illustrations import draw


@pytest.mark.parametrize("scene", range(4))
def test_a_picture_is_always_the_same(scene: int) -> None:
    assert draw(0, scene) == draw(0, scene)


@pytest.mark.parametrize("seed", range(8))
def test_pictures_are_jpegs_of_960_by_640(seed: int) -> None:
    with Image.open(io.BytesIO(draw(seed, 0))) as picture:
        assert (picture.format, picture.size) == ("JPEG", (960, 640))


def test_every_house_and_every_room_looks_different() -> None:
    outsides = {draw(seed, 0) for seed in range(8)}
    rooms = {draw(0, scene) for scene in range(4)}
    assert (len(outsides), len(rooms)) == (8, 4)
