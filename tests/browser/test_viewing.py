"""Photos of a home, opened: by keyboard, by swipe, by the phone's back button, without JavaScript."""

import pytest
from playwright.sync_api import expect

from tests.browser.visitor import ASKED, PHONE

pytestmark = pytest.mark.browser


def at_a_home(visit, **options):
    visitor = visit(**PHONE, **options)
    visitor.go("/")
    visitor.click(ASKED)
    return visitor


def test_photos_open_and_close_and_the_focus_returns(visit):
    page = at_a_home(visit).page
    count, viewer = page.locator("[data-count]"), page.locator("dialog")
    photos = page.locator(".gallery a")
    address, last = page.url, photos.count()
    photos.nth(1).focus()
    page.keyboard.press("Enter")
    expect(count).to_have_text(f"2 / {last}")
    page.keyboard.press("ArrowRight")
    expect(count).to_have_text(f"3 / {last}")
    page.keyboard.press("End")
    expect(count).to_have_text(f"{last} / {last}")
    expect(viewer.locator("[data-step='1']")).to_have_attribute("aria-disabled", "true")
    viewer.locator("[data-step='-1']").click()
    expect(count).to_have_text(f"{last - 1} / {last}")
    viewer.locator("[data-track]").evaluate("it => it.scrollTo({left: 0, behavior: 'instant'})")  # a swipe
    expect(count).to_have_text(f"1 / {last}")
    page.keyboard.press("Escape")
    expect(viewer).to_be_hidden()
    expect(photos.nth(1)).to_be_focused()
    page.locator(".all-photos").click()
    expect(count).to_have_text(f"1 / {last}")
    page.go_back()
    expect(viewer).to_be_hidden()
    assert page.url == address
    expect(page.locator(".all-photos")).to_be_focused()


def test_without_scripts_a_photo_leads_to_its_place_on_a_page(visit):
    visitor = at_a_home(visit, java_script_enabled=False)
    page = visitor.page
    home = visitor.path()
    page.locator(".gallery a").nth(2).click()
    assert visitor.path() == f"{home}photos/"
    expect(page.locator("#photo-3 img")).to_be_in_viewport()
    page.locator("a.back").click()
    assert visitor.path() == home
