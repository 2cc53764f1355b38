"""我的 lists the browsers that are signed in, and signs them out."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.conf import settings as site
from django.contrib.sessions.models import Session
from django.db import DatabaseError
from django.test import Client
from django.utils import timezone, translation
from pytest_django import Settings

from accounts import browser_sessions
from accounts.browser_names import browser_name
from accounts.models import BrowserSession, User
from core.client_address import network_of
from jobs import cleanup
from tests import make

pytestmark = pytest.mark.django_db

PAGE, PASSWORD = "/accounts/me/sessions/", "a-good-password"
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/130.0 Safari/537.36"
WECHAT = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1 MicroMessenger/8.0.48"


@pytest.fixture
def person() -> User:
    return make.user()


@pytest.fixture(params=["accounts.session_store", "django.contrib.sessions.backends.cache"])
def each_store(request: pytest.FixtureRequest, settings: Settings) -> None:
    settings.SESSION_ENGINE = request.param


def signed_in(person: User, agent: str = CHROME, address: str = "203.0.113.7") -> Client:
    browser = Client(HTTP_USER_AGENT=agent, REMOTE_ADDR=address)
    browser.cookies["django_language"] = "en"
    typed = {"username": person.mobile, "password": PASSWORD}
    assert browser.post("/accounts/login/", typed).status_code == 302
    return browser


def is_signed_in(browser: Client) -> bool:
    return browser.get("/accounts/me/").status_code == 200


def buttons(html: str) -> list[str]:
    return re.findall(r'name="end" value="(\w+)"', html)


@pytest.mark.usefixtures("each_store")
def test_rows_of_sessions_that_ended_hide_none_that_is_valid(person: User) -> None:
    here, there = signed_in(person), signed_in(person, WECHAT)
    for number in range(browser_sessions.MOST_SHOWN):
        seen_at = timezone.now() + timedelta(seconds=1)
        BrowserSession.objects.create(user=person, session_key=f"ended{number}", seen_at=seen_at)
    assert "WeChat on iPhone" in here.get(PAGE).content.decode()
    assert is_signed_in(there)


@pytest.mark.usefixtures("each_store")
def test_the_page_tells_the_browsers_apart_and_ends_one(person: User) -> None:
    here, there = signed_in(person), signed_in(person, WECHAT, "2001:db8:0:7::1")
    third = signed_in(person)
    html = here.get(PAGE).content.decode()
    for piece in ("Chrome on Windows", "WeChat on iPhone", "address 203.0.*.*", "address 2001:db8:*"):
        assert piece in html
    assert "203.0.113.7" not in html
    assert "MicroMessenger" not in html
    own, elsewhere = html.split('id="elsewhere"')
    assert "This browser" in own
    assert not buttons(own)
    row = BrowserSession.objects.get(user_agent=WECHAT)
    assert sorted(buttons(elsewhere)) == sorted(
        [str(row.pk), str(BrowserSession.objects.order_by("-id")[0].pk), "others"]
    )
    page = here.post(PAGE, {"end": row.pk}, follow=True)
    assert "That browser has been signed out." in page.content.decode()
    assert (is_signed_in(here), is_signed_in(there), is_signed_in(third)) == (True, False, True)
    assert "WeChat" not in page.content.decode()
    assert here.post(PAGE, {"end": row.pk}).status_code == 302


@pytest.mark.usefixtures("each_store")
def test_all_others_are_ended_at_once(person: User) -> None:
    here, there, third = (signed_in(person) for _ in range(3))
    stranger = signed_in(make.user())
    page = here.post(PAGE, {"end": "others"}, follow=True).content.decode()
    assert "anywhere else." in page
    assert [is_signed_in(browser) for browser in (here, there, third, stranger)] == [True, False, False, True]


@pytest.mark.parametrize("end", ["", "x", "-1", "9" * 30, "１"])
def test_only_own_browsers_can_be_ended(person: User, end: str) -> None:
    here, stranger = signed_in(person), signed_in(make.user())
    own, of_stranger = BrowserSession.objects.order_by("id")
    for chosen in (end, str(of_stranger.pk), str(own.pk)):
        assert here.post(PAGE, {"end": chosen}).status_code == 302
    assert is_signed_in(here)
    assert is_signed_in(stranger)
    assert Client().get(PAGE).url == f"/accounts/login/?next={PAGE}"


def test_signing_out_and_a_new_password_leave_the_list(person: User) -> None:
    here, there, third = (signed_in(person) for _ in range(3))
    there.post("/accounts/logout/")
    assert len(buttons(here.get(PAGE).content.decode())) == 2
    began = BrowserSession.objects.order_by("id")[0].signed_in_at
    new = "a-better-password"
    typed = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    with time_machine.travel(timezone.now() + timedelta(minutes=1)):
        assert here.post("/accounts/password/", typed).status_code == 302
        page = here.get(PAGE)
    assert page.context["others"] == []
    [own] = page.context["own"]
    assert own.signed_in_at == began
    assert not is_signed_in(third)


def test_another_user_in_the_same_browser_has_a_row_of_their_own(person: User) -> None:
    browser, second = signed_in(person), make.user()
    browser.force_login(second)
    [own] = browser.get(PAGE).context["own"]
    assert own.user == second
    assert signed_in(person).get(PAGE).context["others"] == []


def test_a_visit_costs_no_statement_until_five_minutes_passed(
    person: User, django_assert_num_queries
) -> None:
    browser = signed_in(person)
    began = BrowserSession.objects.get().seen_at
    with django_assert_num_queries(2):  # session and user
        browser.get("/accounts/verify/")
    with time_machine.travel(timezone.now() + timedelta(minutes=6)):
        with django_assert_num_queries(3):
            browser.get("/accounts/verify/")
        with django_assert_num_queries(2):
            browser.get("/accounts/verify/")
    assert BrowserSession.objects.get().seen_at > began + timedelta(minutes=5)


def test_pages_that_ask_for_no_session_stay_without(person: User, django_assert_num_queries) -> None:
    browser = signed_in(person)
    with time_machine.travel(timezone.now() + timedelta(minutes=6)), django_assert_num_queries(0):
        browser.get("/livez")


def test_a_session_from_before_this_table_is_noted_at_its_next_visit(person: User) -> None:
    browser = signed_in(person)
    BrowserSession.objects.all().delete()
    session = browser.session
    del session[browser_sessions.SIGNED_IN_AT]
    session.save()
    browser_sessions._renewed.clear()
    browser.get("/accounts/me/")
    row = BrowserSession.objects.get()
    assert (row.user, row.signed_in_at, row.session_key) == (person, None, session.session_key)
    assert "Signed in" not in browser.get(PAGE).content.decode().split("<main")[1]


def test_a_page_is_read_though_the_visit_cannot_be_written(
    person: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def read_only(*args: object) -> None:
        raise DatabaseError("attempt to write a readonly database")

    browser = signed_in(person)
    browser_sessions._renewed.clear()
    monkeypatch.setattr(browser_sessions, "_note", read_only)
    assert is_signed_in(browser)
    assert "browser session not noted" in caplog.text


def test_rows_of_expired_sessions_go_with_them(person: User) -> None:
    signed_in(person)
    assert "browser sessions" in cleanup._PRUNE
    with time_machine.travel(timezone.now() + timedelta(seconds=site.SESSION_COOKIE_AGE - 60)):
        assert cleanup.prune("browser sessions") == 0
    with time_machine.travel(timezone.now() + timedelta(seconds=site.SESSION_COOKIE_AGE + 60)):
        assert browser_sessions.signed_in_browsers(person) == []
        assert cleanup.prune("browser sessions") == 1


def test_a_session_that_expired_earlier_is_not_listed(person: User) -> None:
    here, there = signed_in(person), signed_in(person)
    Session.objects.filter(pk=there.session.session_key).update(expire_date=timezone.now())
    assert here.get(PAGE).context["others"] == []


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (CHROME, "Chrome on Windows"),
        (CHROME + " Edg/130.0", "Edge on Windows"),
        (WECHAT, "WeChat on iPhone"),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) Version/17 Safari/605",
            "Safari on Mac",
        ),
        ("Mozilla/5.0 (Linux; Android 14; Pixel 8) Chrome/130.0 Mobile Safari/537.36", "Chrome on Android"),
        ("Mozilla/5.0 (Phone; OpenHarmony 5.0) HuaweiBrowser/5.0", "Huawei Browser on HarmonyOS"),
        ("Mozilla/5.0 (iPhone) FxiOS/130 Safari/605", "Firefox on iPhone"),
        ("curl/8", "Unknown browser"),
        ("<script>", "Unknown browser"),
        ("", "Unknown browser"),
    ],
)
def test_names_of_browsers(agent: str, name: str) -> None:
    with translation.override("en"):
        assert browser_name(agent) == name


@pytest.mark.parametrize(
    ("address", "shown"),
    [("203.0.113.7", "203.0.*.*"), ("2001:db8::1", "2001:db8:*"), ("::1", "0:0:*"), ("-", ""), ("", "")],
)
def test_the_network_of_an_address(address: str, shown: str) -> None:
    assert network_of(address) == shown
