"""A review that was posted after the session had expired."""

import random
from datetime import timedelta

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.core.files.base import ContentFile
from django.test import Client
from django.utils import timezone

from orders.models import Order, Review
from orders.review_draft import COOKIE
from tests import make
from tests.pages import Fields

pytestmark = pytest.mark.django_db

RANDOM = random.Random(7)
LONGEST = {
    "Chinese": "".join(chr(RANDOM.randrange(0x4E00, 0x9FFF)) for _ in range(1000)),
    "any script": "".join(chr(RANDOM.randrange(0x3400, 0xD7FF)) for _ in range(1000)),
    "emoji": "".join(chr(RANDOM.randrange(0x1F300, 0x1F6FF)) for _ in range(1000)),
    "quotes": "".join(RANDOM.choice("\"\\'\n<&x") for _ in range(999)) + ".",
}
TOO_LONG_FOR_A_COOKIE = "".join(chr(RANDOM.randrange(0x20000, 0x2A6DF)) for _ in range(1000))


@pytest.fixture
def order() -> Order:
    return make.order(status=Order.Status.WAIT_COMMENT)


def post(browser: Client, order: Order, text: str, rating: str = "2"):
    return browser.post(f"/orders/{order.number}/review/", {"rating": rating, "text": text})


def form_on(browser: Client, order: Order) -> dict[str, list[str]]:
    return Fields(browser.get(order.get_absolute_url()).content.decode()).values


def test_it_is_in_the_form_after_the_sign_in(client: Client, order: Order) -> None:
    answer = post(client, order, "Cold & <b>loud")
    assert answer.url == f"/accounts/login/?next=/orders/{order.number}/%23review"
    order.renter.set_password("quiet-sea-8")
    order.renter.save()
    page = client.post(answer.url, {"username": order.renter.mobile, "password": "quiet-sea-8"}, follow=True)
    html = page.content.decode()
    assert "Cold &amp; &lt;b&gt;loud</textarea>" in html
    assert 'value="2" required checked' in html


def test_photos_that_were_lost_are_asked_for_again(client: Client, order: Order) -> None:
    sentence = "Your photos could not be kept while you were signed out."
    client.cookies["django_language"] = "en"
    review = {"rating": "5", "text": "x" * 1001, "photos": ContentFile(b"x", "sea.jpg")}
    assert sentence in client.post(f"/orders/{order.number}/review/", review).content.decode()
    for photos, is_said in ({"photos": ContentFile(b"x", "sea.jpg")}, True), ({}, False):
        client.post(f"/orders/{order.number}/review/", {"rating": "5", "text": "Quiet", **photos})
        client.force_login(order.renter)
        assert (sentence in client.get(order.get_absolute_url()).content.decode()) == is_said
        client.cookies.pop("sessionid", None)


def test_a_stranger_leaves_no_session_behind(order: Order) -> None:
    for number in (order.number, "26010112345678"):
        stranger = Client()
        stranger.post(f"/orders/{number}/review/", {"rating": "5", "text": "x" * 1000})
        assert COOKIE in stranger.cookies
    assert not Session.objects.exists()


def test_the_cookie_is_for_an_hour_and_not_for_scripts(client: Client, order: Order) -> None:
    post(client, order, "Cold")
    cookie = client.cookies[COOKIE]
    assert (cookie["max-age"], cookie["httponly"], cookie["samesite"], cookie["path"]) == (
        3600,
        True,
        "Lax",
        "/",
    )
    client.force_login(order.renter)
    assert form_on(client, order)["text"] == ["Cold"]
    with time_machine.travel(timezone.now() + timedelta(seconds=3601)):
        client.force_login(order.renter)  # the session is new, the draft is old
        assert form_on(client, order)["text"] == [""]


def test_it_is_shown_on_its_own_order_and_deleted_with_its_review(client: Client, order: Order) -> None:
    post(client, order, "Cold")
    client.force_login(order.renter)
    other = make.order(order.renter, status=Order.Status.WAIT_COMMENT)
    assert form_on(client, other)["text"] == [""]
    post(client, other, "Warm")
    assert form_on(client, order)["text"] == ["Cold"]
    post(client, order, "Cold, but quiet")
    assert client.cookies[COOKIE].value == ""
    assert {review.text for review in make.rows(Review)} == {"Warm", "Cold, but quiet"}


@pytest.mark.parametrize("forged", ["", "x", ":::", ".eJw:1:2"])
def test_only_our_own_cookie_is_read(client: Client, order: Order, forged: str) -> None:
    post(client, order, "Cold")
    genuine = client.cookies[COOKIE].value
    client.force_login(order.renter)
    for value in (forged, genuine[:-1], genuine[:9] + genuine[10:]):
        client.cookies[COOKIE] = value
        assert form_on(client, order)["text"] == [""]


@pytest.mark.parametrize("text", LONGEST.values(), ids=LONGEST.keys())
def test_the_longest_review_fits_into_the_cookie(client: Client, order: Order, text: str) -> None:
    assert post(client, order, text.replace("\n", "\r\n")).status_code == 302
    # Browsers drop cookies above 4096 bytes; the name counts, and with https has a prefix.
    assert len(client.cookies[COOKIE].OutputString()) < 3900
    client.force_login(order.renter)
    assert form_on(client, order)["text"] == [text]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x" * 1001, "at most 1000 characters (it has 1001)"),
        (TOO_LONG_FOR_A_COOKIE, "too long to keep for later"),
    ],
    ids=["more than a thousand", "a thousand of four bytes"],
)
def test_one_that_is_too_long_is_shown_with_the_limit(
    client: Client, order: Order, text: str, message: str
) -> None:
    client.cookies["django_language"] = "en"
    page = post(client, order, text, rating="4")
    html = page.content.decode()
    assert page.status_code == 422
    assert message in html
    assert "You're signed out, so nothing was submitted" in html
    assert "no-store" in page.headers["Cache-Control"]
    typed = Fields(html).values
    assert (typed["text"], typed["rating"]) == ([text], ["4"])
    assert not (order.house_title in html or order.renter.mobile in html)
    assert post(client, order, text[:500], rating="4").status_code == 302
    client.force_login(order.renter)
    assert form_on(client, order)["text"] == [text[:500]]


def test_one_that_is_too_long_is_kept_after_a_sign_in_in_another_tab(order: Order) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.cookies["django_language"] = "en"
    browser.get("/accounts/login/")
    browser.force_login(order.renter)
    address, headers = f"/orders/{order.number}/review/", {"Origin": "http://testserver"}
    page = browser.post(address, {"rating": "4", "text": "x" * 1001}, headers=headers)
    html = page.content.decode()
    assert (page.status_code, Fields(html).values["text"]) == (422, ["x" * 1001])
    assert "You signed in or out in another tab" in html
    assert "You're signed out" not in html
    form = {**Fields(html).values, "text": "x" * 1000}
    assert browser.post(address, form, headers=headers).status_code == 302
    assert make.rows(Review).get().text == "x" * 1000
