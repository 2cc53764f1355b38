"""SEC05, ACC01: passwords guessed at both doors, one after the other and at once."""

import json
import logging
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from unittest import mock

import pytest
import time_machine
from django.conf import settings as site
from django.core.signing import dumps
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts import busy, devices, guessing
from accounts.models import User
from core import rate_limits
from core.models import RateCount
from core.places import Places
from core.rate_limits import Limit, LimitReached, Use
from tests import make
from tests.races import at_once, count_without_comparing

pytestmark = pytest.mark.django_db

RENTERS, STAFFS = "/accounts/login/", "/admin/login/"
DOORS = [RENTERS, STAFFS]
PASSWORD = "a-good-password"
PAUSED = "Too many wrong tries. Try again at"
GUESSES = 200


@pytest.fixture
def _room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Places for all at once: accounts/busy.py would refuse most before they are counted."""
    for places in ("AT_DOORS", "HASHING"):
        monkeypatch.setattr(busy, places, Places(at_once=100))


@pytest.fixture
def person() -> User:
    return make.user(is_staff=True)


def browser(address: str = "198.51.100.1") -> Client:
    client = Client(REMOTE_ADDR=address)
    client.cookies["django_language"] = "en"
    return client


def attempt(client: Client, mobile: str, password: str = "wrong", door: str = RENTERS) -> str:
    """Try to sign in. Returns "in", "paused" or "wrong"."""
    page = client.post(door, {"username": mobile, "password": password, "next": "/accounts/me/"})
    if page.status_code == 302:
        return "in"
    return "paused" if page.status_code == 429 or PAUSED in page.content.decode() else "wrong"


def many(number: int) -> Iterator[str]:
    return (f"203.0.113.{n}" for n in range(number))


@contextmanager
def counted_hashes() -> Iterator[mock.Mock]:
    """Count the passwords that are compared, also for numbers without an account."""
    with mock.patch("accounts.models.check_password", return_value=False) as compared:
        yield compared


# --- one address, and two hundred ---------------------------------------------------------------------
# With hundreds of tries, on any database: the statements are those of the shorter tests.


@pytest.mark.any_database
@pytest.mark.parametrize("door", DOORS)
def test_SEC05_one_address_is_paused_after_ten_wrong_passwords(person: User, door: str) -> None:
    guesser = browser()
    answers = [attempt(guesser, person.mobile, door=door) for _ in range(GUESSES)]
    assert answers == ["wrong"] * 10 + ["paused"] * (GUESSES - 10)


@pytest.mark.any_database
@pytest.mark.parametrize("door", DOORS)
def test_SEC05_two_hundred_addresses_are_paused_after_ten_wrong_passwords(person: User, door: str) -> None:
    answers = [attempt(browser(address), person.mobile, door=door) for address in many(GUESSES)]
    assert answers == ["wrong"] * 10 + ["paused"] * (GUESSES - 10)


def test_SEC05_tries_at_one_door_count_at_the_other(person: User) -> None:
    answers = [attempt(browser(), person.mobile, door=DOORS[n % 2]) for n in range(12)]
    assert answers == ["wrong"] * 10 + ["paused"] * 2


def test_SEC05_one_address_walks_through_ten_numbers_at_most() -> None:
    guesser = browser()
    answers = [attempt(guesser, f"139{n:08d}") for n in range(20)]
    assert answers == ["wrong"] * 10 + ["paused"] * 10


def test_SEC05_a_household_shares_an_ipv6_prefix(person: User) -> None:
    answers = [attempt(browser(f"2001:db8:0:1::{n:x}"), f"139{n:08d}") for n in range(1, 13)]
    assert answers == ["wrong"] * 10 + ["paused"] * 2
    assert attempt(browser("2001:db8:0:2::1"), person.mobile, PASSWORD) == "in"


def test_SEC05_an_unknown_address_is_not_counted(person: User) -> None:
    for n in range(12):
        assert attempt(browser(""), f"139{n:08d}") == "wrong"
    assert attempt(browser(""), person.mobile, PASSWORD) == "in"


def test_SEC05_a_spelling_of_the_number_is_no_new_number(person: User) -> None:
    spellings = [person.mobile, f"+86{person.mobile}", f" {person.mobile[:3]}-{person.mobile[3:]}"] * 4
    answers = [attempt(browser(at), typed) for at, typed in zip(many(12), spellings, strict=True)]
    assert answers == ["wrong"] * 10 + ["paused"] * 2


# --- one password for many numbers, from many addresses --------------------------------------------------


SPRAYED = "Many wrong passwords were tried on this site"


def spray(most: int) -> list[str]:
    """Try one password for numbers without an account, each from an address of its own."""
    return [attempt(browser(address), f"139{n:08d}") for n, address in enumerate(many(most))]


@pytest.fixture
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guessing, "OF_SITE", guessing.OF_SITE._replace(most=20))


@pytest.mark.usefixtures("_few")
def test_ACC01_one_password_for_many_numbers_from_many_addresses_is_paused() -> None:
    assert spray(30) == ["wrong"] * 20 + ["paused"] * 10
    page = browser("203.0.114.1").post(RENTERS, {"username": "13900009999", "password": "wrong"})
    assert page.status_code == 429
    assert SPRAYED in page.content.decode()


@pytest.mark.usefixtures("_few")
def test_ACC01_the_door_of_staff_leads_to_no_code() -> None:
    spray(20)
    typed = {"username": "13900009999", "password": "wrong"}
    said = browser("203.0.114.1").post(STAFFS, typed).content.decode()
    assert SPRAYED in said
    assert "from a browser or an internet connection that you" in said
    assert "SMS" not in said


@pytest.mark.usefixtures("_few")
def test_ACC01_without_the_limit_of_the_site_all_numbers_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guessing, "refuse_if_used_up", lambda limit, subject: None)
    assert spray(30) == ["wrong"] * 30


@pytest.mark.usefixtures("_few")
def test_ACC01_people_sign_in_meanwhile_by_browser_address_or_code(person: User) -> None:
    own = browser("198.51.100.7")
    assert attempt(own, person.mobile, PASSWORD) == "in"
    own.post("/accounts/logout/")
    spray(20)
    own.defaults["REMOTE_ADDR"] = "198.51.100.8"
    assert attempt(own, person.mobile, PASSWORD) == "in"  # the browser is known
    assert attempt(browser("198.51.100.7"), person.mobile, PASSWORD) == "in"  # the address is
    assert attempt(browser("198.51.100.9"), person.mobile, PASSWORD) == "paused"
    assert attempt(browser("198.51.100.7"), make.user().mobile, PASSWORD) == "paused"
    by_code = browser("198.51.100.9").post("/accounts/login/code/", {"username": make.user().mobile})
    assert "proof" in by_code.content.decode()


@pytest.mark.usefixtures("_few")
def test_ACC01_wrong_passwords_of_known_browsers_do_not_use_up_the_limit_of_the_site(person: User) -> None:
    own = browser()
    assert attempt(own, person.mobile, PASSWORD) == "in"
    own.post("/accounts/logout/")
    assert [attempt(own, person.mobile) for _ in range(10)] == ["wrong"] * 10
    assert spray(20) == ["wrong"] * 20


def test_the_limit_of_the_site_is_above_a_normal_day() -> None:
    """A thousand sign-ins an hour, a tenth of them mistyped first."""
    assert guessing.OF_SITE.most >= 8 * (1000 / 10 / 4)


# --- the right person ---------------------------------------------------------------------------------


@pytest.mark.any_database  # a shorter one is test_ACC01_people_sign_in_meanwhile_by_browser_address_or_code
@pytest.mark.parametrize("door", DOORS)
def test_SEC05_the_owner_signs_in_during_a_pause_where_they_did_before(person: User, door: str) -> None:
    own = browser()
    assert attempt(own, person.mobile, PASSWORD) == "in"
    own.post("/accounts/logout/")
    for address in ("198.51.100.1", *many(15)):  # a neighbour behind the same address, and others
        guesser = browser(address)
        for _ in range(12):
            attempt(guesser, person.mobile)
    assert attempt(browser(), person.mobile, PASSWORD) == "paused"
    assert attempt(own, person.mobile, PASSWORD, door) == "in"


def test_SEC05_others_sign_in_while_one_number_is_guessed(person: User) -> None:
    other = make.user()
    for address in many(20):
        attempt(browser(address), person.mobile)
    assert attempt(browser(), other.mobile, PASSWORD) == "in"


def test_SEC05_a_pause_ends_after_a_quarter_of_an_hour(person: User) -> None:
    guesser = browser()
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        for _ in range(11):
            attempt(guesser, person.mobile)
        page = guesser.post(RENTERS, {"username": person.mobile, "password": PASSWORD})
    (until,) = re.findall(rf"{PAUSED} (\d\d:\d\d)", page.content.decode())
    assert until == f"{timezone.localtime(now) + timedelta(minutes=16):%H:%M}"
    with time_machine.travel(now + timedelta(minutes=14), tick=False):
        assert attempt(guesser, person.mobile, PASSWORD) == "paused"
    with time_machine.travel(now + timedelta(minutes=15, seconds=1), tick=False):
        assert attempt(guesser, person.mobile, PASSWORD) == "in"


def test_SEC05_right_passwords_are_not_counted(person: User) -> None:
    for _ in range(15):
        assert attempt(browser(), person.mobile, PASSWORD) == "in"
    for _ in range(10):
        assert attempt(browser(), person.mobile) == "wrong"


def test_SEC05_an_empty_password_is_not_counted(person: User) -> None:
    for _ in range(12):
        attempt(browser(), person.mobile, "")
    assert attempt(browser(), person.mobile, PASSWORD) == "in"


# --- what an attacker learns, and may bring along -------------------------------------------------------


def test_ACC01_a_pause_does_not_tell_a_right_password_or_an_account(person: User) -> None:
    for mobile in (person.mobile, "13999999999"):
        for address in many(10):
            attempt(browser(address), mobile)
    with counted_hashes() as compared:
        assert attempt(browser(), person.mobile, PASSWORD) == "paused"
        assert attempt(browser(), person.mobile, "wrong") == "paused"
        assert attempt(browser(), "13999999999", "wrong") == "paused"
    assert not compared.called


def test_ACC01_a_pause_is_a_429_with_the_number_kept(person: User) -> None:
    guesser = browser()
    for _ in range(10):
        attempt(guesser, person.mobile)
    page = guesser.post(RENTERS, {"username": person.mobile, "password": "wrong", "next": "/orders/"})
    assert page.status_code == 429
    assert f'value="{person.mobile}"' in page.content.decode()
    assert 'name="next" value="/orders/"' in page.content.decode()


@pytest.mark.parametrize(
    "cookie",
    ["", "x", "a:b:c", dumps(["d", ["t"]], salt="another")],
    ids=["none", "text", "unsigned", "signed for another use"],
)
def test_ACC01_a_made_up_device_is_unknown(person: User, cookie: str) -> None:
    guesser = browser()
    guesser.cookies[site.DEVICE_COOKIE_NAME] = cookie
    answers = [attempt(guesser, person.mobile) for _ in range(12)]
    assert answers == ["wrong"] * 10 + ["paused"] * 2


def test_ACC01_a_browser_known_to_one_account_is_unknown_to_another(person: User) -> None:
    guesser = browser()
    assert attempt(guesser, make.user().mobile, PASSWORD) == "in"
    guesser.post("/accounts/logout/")
    for address in many(10):
        attempt(browser(address), person.mobile)
    assert attempt(guesser, person.mobile) == "paused"


def test_ACC01_a_stolen_device_cookie_is_worth_ten_tries(person: User) -> None:
    own = browser()
    attempt(own, person.mobile, PASSWORD)
    thief = browser("203.0.113.9")
    thief.cookies[site.DEVICE_COOKIE_NAME] = own.cookies[site.DEVICE_COOKIE_NAME].value
    answers = [attempt(thief, person.mobile) for _ in range(12)]
    assert answers == ["wrong"] * 10 + ["paused"] * 2


def test_the_device_cookie_is_for_the_site_alone_and_names_nobody(person: User) -> None:
    own = browser()
    attempt(own, person.mobile, PASSWORD)
    cookie = own.cookies[site.DEVICE_COOKIE_NAME]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
    assert person.mobile not in cookie.value
    assert devices.MOST_ACCOUNTS == 8
    for _ in range(10):
        own.post("/accounts/logout/")
        attempt(own, make.user().mobile, PASSWORD)
    assert len(own.cookies[site.DEVICE_COOKIE_NAME].value) < 400


def test_a_pause_is_logged_with_a_masked_number(person: User, caplog: pytest.LogCaptureFixture) -> None:
    guesser = browser()
    with caplog.at_level(logging.WARNING, "accounts"):
        for _ in range(11):
            attempt(guesser, person.mobile)
        for _ in range(11):
            attempt(browser("203.0.113.1"), "a password\nFORGED")
    first, second = (said.message for said in caplog.records if said.name == "accounts.guessing")
    assert f"{person.mobile[:3]}****{person.mobile[-4:]} from 198.51.100.1 paused" in first
    assert "no number from 203.0.113.1 paused" in second


# --- at once --------------------------------------------------------------------------------------------


def compared_of_a_hundred_at_once(mobile: str) -> int:
    def guess(address: str) -> None:
        attempt(browser(address), mobile)

    with counted_hashes() as compared:
        for wave in range(5):
            at_once(*(lambda n=n: guess(f"203.0.113.{n}") for n in range(wave * 20, wave * 20 + 20)))
        return compared.call_count


@pytest.mark.race
@pytest.mark.usefixtures("_room")
@pytest.mark.django_db(transaction=True)
def test_SEC05_a_hundred_at_once_get_no_more_tries_than_ten(person: User) -> None:
    assert compared_of_a_hundred_at_once(person.mobile) == 10


@pytest.mark.race
@pytest.mark.usefixtures("_room")
@pytest.mark.django_db(transaction=True)
def test_SEC05_without_the_compare_and_set_more_than_ten_get_through(
    person: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    count_without_comparing(monkeypatch)
    assert compared_of_a_hundred_at_once(person.mobile) > 10


PROCESS = """
import json, sys
import django
from django.conf import settings
settings.DATABASES["default"]["NAME"] = sys.argv[1]
django.setup()
from accounts.tests import test_guessing
mobile, addresses = sys.argv[2], sys.argv[3]
answers = [test_guessing.attempt(test_guessing.browser(addresses.format(n)), mobile) for n in range(100)]
print(json.dumps(answers))
"""


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "addresses",
    [("203.0.113.9", "203.0.113.9"), ("203.0.1.{}", "203.0.2.{}")],
    ids=["one address", "two hundred addresses"],
)
def test_SEC05_two_processes_share_the_counts(person: User, addresses: tuple[str, str]) -> None:
    """Two hundred guesses through two processes; the owner signs in meanwhile."""
    own = browser()
    assert attempt(own, person.mobile, PASSWORD) == "in"
    own.post("/accounts/logout/")
    command = [sys.executable, "-c", PROCESS, str(connection.settings_dict["NAME"]), person.mobile]
    both = [
        subprocess.Popen([*command, each], cwd=site.BASE_DIR, stdout=subprocess.PIPE) for each in addresses
    ]
    answers = [answer for process in both for answer in json.loads(process.communicate(timeout=120)[0])]
    assert (answers.count("wrong"), answers.count("paused")) == (10, 190)
    assert attempt(browser("203.0.113.9"), person.mobile, PASSWORD) == "paused"
    assert attempt(own, person.mobile, PASSWORD) == "in"


# --- the counts themselves ------------------------------------------------------------------------------

TWO = Limit("two", 2, timedelta(minutes=1))
ONE = Limit("one", 1, timedelta(minutes=1))


def test_all_limits_are_taken_or_none() -> None:
    rate_limits.take(ONE, "b")
    with pytest.raises(LimitReached) as reached:
        rate_limits.take_all((TWO, "a"), (ONE, "b"))
    assert reached.value.limit == ONE
    rate_limits.take_all((TWO, "a"), (ONE, "c"))
    rate_limits.take(TWO, "a")
    with pytest.raises(LimitReached):
        rate_limits.take(TWO, "a")


def test_a_use_of_an_earlier_period_is_not_given_back_to_a_later_one() -> None:
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        early = rate_limits.take(ONE, "a")
    with time_machine.travel(now + timedelta(minutes=2), tick=False):
        rate_limits.take(ONE, "a")
        rate_limits.give_back([early, Use("unknown", now)])
        with pytest.raises(LimitReached):
            rate_limits.take(ONE, "a")


def test_old_counts_are_deleted_and_running_ones_kept() -> None:
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        rate_limits.take(ONE, "a")
        assert rate_limits.delete_old() == 0
    with time_machine.travel(now + timedelta(minutes=2), tick=False):
        rate_limits.take(ONE, "b")
        assert rate_limits.delete_old() == 1
    assert RateCount.objects.count() == 1
