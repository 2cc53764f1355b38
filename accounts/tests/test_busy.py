"""ACC01: places at the doors. While many sign in at once, half of the threads remain for the shop."""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest import mock

import pytest
from django.conf import settings as site
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import busy
from accounts.models import User
from accounts.tests.test_guessing import DOORS, PASSWORD, RENTERS, attempt, browser
from core.places import NoPlace, Places
from tests import make
from tests.races import at_once

BUSY = "Too many sign-ins at once"


@contextmanager
def full(places: Places) -> Iterator[None]:
    """Take all places of those who don't wait."""
    with ExitStack() as stack:
        with pytest.raises(NoPlace):
            while True:
                stack.enter_context(places.one())
        yield


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(busy, "WAIT_SECONDS", 0.05)


def answer(client: Client, door: str = RENTERS, mobile: str = "13900000000"):
    return client.post(door, {"username": mobile, "password": PASSWORD})


@pytest.mark.django_db
@pytest.mark.parametrize("door", DOORS)
def test_ACC01_who_finds_no_place_reads_so_at_once(door: str) -> None:
    with full(busy.AT_DOORS), CaptureQueriesContext(connection) as queries:
        page = answer(browser(), door)
    assert (page.status_code, page.headers["Retry-After"]) == (503, "5")
    assert "no-store" in page.headers["Cache-Control"]
    assert BUSY in page.content.decode()
    assert not queries.captured_queries
    assert answer(browser(), door).status_code == 200


@pytest.mark.django_db
def test_ACC01_a_flood_at_the_doors_is_no_error_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with full(busy.AT_DOORS):
        answer(browser())
    assert not caplog.records


@pytest.mark.django_db
def test_ACC01_other_pages_need_no_place() -> None:
    with full(busy.AT_DOORS), full(busy.AT_CODES), full(busy.HASHING):
        assert Client().get("/livez").status_code == 200
        assert browser().get(RENTERS).status_code == 200


@pytest.mark.django_db
def test_the_page_of_no_place_is_in_the_reader_s_language() -> None:
    english, chinese, odd = browser(), Client(), Client()
    odd.cookies[site.LANGUAGE_COOKIE_NAME] = "../../x"
    with full(busy.AT_DOORS):
        assert BUSY in answer(english).content.decode()
        for client in (chinese, odd):
            assert answer(client).headers["Content-Language"] == "zh-hans"


@pytest.mark.django_db
def test_ACC01_a_browser_that_signed_in_before_waits_for_a_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """The place comes free while it waits; a stranger was refused."""
    monkeypatch.setattr(busy, "WAIT_SECONDS", 20)
    person, own = make.user(), browser()
    assert attempt(own, person.mobile, PASSWORD) == "in"
    own.post("/accounts/logout/")
    taken = full(busy.AT_DOORS)
    taken.__enter__()
    assert answer(browser(), mobile=person.mobile).status_code == 503
    timer = threading.Timer(0.2, lambda: taken.__exit__(None, None, None))
    timer.start()
    assert attempt(own, person.mobile, PASSWORD) == "in"
    timer.join()


@pytest.mark.django_db
def test_ACC01_a_try_without_a_place_to_hash_is_not_counted() -> None:
    person = make.user()
    with full(busy.HASHING), mock.patch("accounts.models.check_password") as compared:
        for _ in range(12):
            page = answer(browser(), mobile=person.mobile)
            assert BUSY in page.content.decode()
    assert not compared.called
    assert attempt(browser(), person.mobile, PASSWORD) == "in"


SIGN_UP = "/accounts/signup/"
SENDERS = (SIGN_UP, "/accounts/login/code/", "/accounts/password/reset/", "/accounts/password/reset/email/")


@pytest.mark.django_db
@pytest.mark.parametrize("page", SENDERS)
def test_ACC01_nothing_is_sent_or_counted_for_who_finds_no_place(page: str) -> None:
    client, typed = browser(), {"username": "13700000001", "password": PASSWORD, "email": "lin@example.com"}
    with full(busy.AT_CODES), CaptureQueriesContext(connection) as queries:
        refused = client.post(page, typed)
    assert (refused.status_code, BUSY in refused.content.decode()) == (503, True)
    assert not queries.captured_queries
    assert client.post(page, typed).status_code in (200, 302)


@pytest.mark.django_db
def test_ACC01_people_sign_in_while_a_flood_asks_for_codes() -> None:
    with full(busy.AT_CODES):
        assert attempt(browser(), make.user().mobile, PASSWORD) == "in"


def most_at_once(act: Callable[[], None], hold: threading.Event) -> int:
    """Run `act` eight times at once; it is held until all eight have begun or been refused."""
    inside, most, lock = 0, 0, threading.Lock()

    def compare(*args: object, **kwargs: object) -> bool:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        hold.wait(0.3)
        with lock:
            inside -= 1
        return False

    with mock.patch("accounts.models.check_password", side_effect=compare):
        at_once(*[act] * 8)
    return most


def sign_in_of(user: User) -> Callable[[], None]:
    return lambda: (answer(browser(), mobile=user.mobile), None)[1]


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_ACC01_one_password_is_compared_at_a_time_in_a_process() -> None:
    assert most_at_once(sign_in_of(make.user()), threading.Event()) == 1


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_ACC01_without_places_all_threads_compare_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for places in ("AT_DOORS", "HASHING"):
        monkeypatch.setattr(busy, places, Places(at_once=100))
    assert most_at_once(sign_in_of(make.user()), threading.Event()) > 3


def number_of(places: Places) -> int:
    with ExitStack() as stack:
        for taken in range(100):
            try:
                stack.enter_context(places.one())
            except NoPlace:
                return taken
    raise AssertionError("no end of places")


def test_half_of_gunicorn_s_threads_remain_for_the_shop() -> None:
    text = (Path(site.BASE_DIR) / "deploy/gunicorn.conf.py").read_text(encoding="utf-8")
    (threads,) = re.findall(r"^threads = (\d+)$", text, re.MULTILINE)
    assert number_of(busy.AT_DOORS) + 1 + number_of(busy.AT_CODES) <= int(threads) / 2  # one more may wait


def test_only_so_many_wait() -> None:
    places = Places(at_once=1, waiting=1)
    with places.one():
        waiter = threading.Thread(target=lambda: places._taken(5))
        waiter.start()
        while places._waiting is not None and places._waiting._value:  # until it waits
            pass
        with pytest.raises(NoPlace), places.one(wait=5):
            pass
    waiter.join()
