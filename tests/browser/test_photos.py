"""Photos on a phone and on a desktop: the size that each screen takes, and what the first view weighs."""

import re

import pytest

from tests.browser.conftest import WHOLE, launched
from tests.browser.visitor import DESKTOP, PHONE

pytestmark = pytest.mark.browser

FIRST_VIEW_BYTES = 300_000
WIDTH = re.compile(r"-(\d+)\.(webp|jpg)$")


@pytest.fixture(scope="module")
def chromium(playwright):
    """Not the headless shell, which chooses among the sizes of a photo otherwise."""
    with launched(playwright, WHOLE) as browser:
        yield browser


@pytest.fixture(scope="module")
def with_busy_photos(running):
    running.run("from tests.browser import busy_photos; busy_photos.make()")


def first_view(visitor, address):
    """Return the bytes and the photos (width, format) that arrive before anybody scrolls."""
    weights, photos = [], []

    def add(request):
        sizes = request.sizes()
        weights.append(sizes["responseBodySize"] + sizes["responseHeadersSize"])
        if found := WIDTH.search(request.url):
            photos.append((int(found[1]), found[2]))

    visitor.page.on("requestfinished", add)
    visitor.go(address)
    visitor.page.wait_for_load_state("networkidle")
    visitor.page.remove_listener("requestfinished", add)
    return sum(weights), photos


@pytest.mark.parametrize("density", [2, 2.625, 3, 3.5])
def test_P5_the_first_view_of_a_phone_with_real_photos_is_light(visit, with_busy_photos, density):
    for address in ("/", "/houses/1/"):
        visitor = visit(**PHONE, device_scale_factor=density)  # with nothing cached
        weight, photos = first_view(visitor, address)
        print(f"{address} at {density}: {weight} bytes, {len(photos)} photos")
        visitor.look("first-view" + address.replace("/", "-"))
        assert photos
        assert set(photos) == {(640, "webp")}
        assert weight < FIRST_VIEW_BYTES


def test_P5_a_desktop_takes_the_large_photo_of_a_home_alone(visit, with_busy_photos):
    visitor = visit(**DESKTOP)
    _, photos = first_view(visitor, "/houses/1/")
    assert sorted(photos) == [(320, "webp")] * (len(photos) - 1) + [(1280, "webp")]
    visitor.look("home")
    large, *small = visitor.page.locator(".gallery .photo").all()
    assert len({photo.bounding_box()["y"] for photo in small}) == 1
    assert large.bounding_box()["width"] > 3 * small[0].bounding_box()["width"]
    visitor = visit(**DESKTOP)
    _, photos = first_view(visitor, "/")
    assert set(photos) == {(640, "webp")}
    visitor.look("search")
