"""SEC13: sessions of staff end after half an hour without use, and after twelve hours."""

import re
import time
from datetime import timedelta
from html import unescape

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.factors import sessions
from accounts.factors.store import has_app
from accounts.models import AccountEvent, BrowserSession, User
from houses.models import Area
from tests import make
from tests.factors import QUESTION, REMOVE, code_of, with_app
from tests.pages import Fields

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]

PAGE = "/admin/houses/area/?q=x"
ADD = "/admin/houses/area/add/"
PASSWORD = "a-good-password"


@pytest.fixture
def owner() -> User:
    return make.user(is_staff=True, is_superuser=True)


@pytest.fixture
def desk(owner: User) -> Client:
    client = Client()
    client.cookies["django_language"] = "en"
    client.force_login(owner)
    return client


def asks(answer: object) -> bool:
    return "<title>Confirm that it's you" in unescape(answer.content.decode())


def later(minutes: float) -> time_machine.travel:
    return time_machine.travel(timezone.now() + timedelta(minutes=minutes))


def test_SEC13_after_half_an_hour_without_use_the_admin_asks_again(desk: Client) -> None:
    with later(29):
        assert desk.get(PAGE).status_code == 200
    with later(58):
        assert not asks(desk.get(PAGE))
    with later(89):
        assert asks(desk.get(PAGE))
        assert asks(desk.get("/admin/jsi18n/"))
        wrong = desk.post(PAGE, {"again": "GET", "again_password": "wrong"})
        assert wrong.status_code == 422
        key = desk.session.session_key
        answer = desk.post(PAGE, {"again": "GET", "again_password": PASSWORD})
        assert (answer.status_code, answer.url) == (302, PAGE)
        assert desk.session.session_key != key
        assert not asks(desk.get(PAGE))
        assert "no-store" in wrong["Cache-Control"]


def test_SEC13_a_page_that_renews_itself_is_no_use(desk: Client) -> None:
    [renewed] = re.findall('data-renew="([^"]+)"', desk.get("/admin/").content.decode())
    for minutes in range(1, 30):
        with later(minutes):
            assert not asks(desk.get(f"/admin/{renewed}"))
    with later(31):
        assert asks(desk.get(f"/admin/{renewed}"))


def test_SEC13_after_twelve_hours_even_if_it_is_used(desk: Client) -> None:
    for half_hours in range(1, 25):
        with later(29 * half_hours):
            assert not asks(desk.get(PAGE))
    with later(12 * 60 + 1):
        assert asks(desk.get(PAGE))


def test_SEC13_with_a_factor_both_are_asked_for(desk: Client, owner: User) -> None:
    device = with_app(owner)
    desk.force_login(owner)
    desk.post(QUESTION, {"code": code_of(device)})
    with later(31):
        assert asks(desk.get(PAGE))
        for proof in ({"again_password": PASSWORD}, {"again_code": code_of(device)}):
            assert asks(desk.post(PAGE, {"again": "GET", **proof}))
        proof = {"again_password": PASSWORD, "again_code": code_of(device)}
        assert desk.post(PAGE, {"again": "GET", **proof}).url == PAGE
        assert desk.get(PAGE).status_code == 200


def test_SEC13_a_form_that_was_filled_in_meanwhile_is_saved_after_the_password(desk: Client) -> None:
    with later(31):
        page = desk.post(ADD, {"name": "Xiamen <& more>", "_save": "Save"})
        assert asks(page)
        assert not Area.objects.exists()
        carried = Fields(page.content.decode()).values
        sent = {name: carried[name] for name in ("name", "_save", "again")}
        assert desk.post(ADD, {**sent, "again_password": PASSWORD}).url == "/admin/houses/area/"
    assert Area.objects.get().name == "Xiamen <& more>"


def answered_in_another_tab(desk: Client, page: str) -> object:
    """Have the question in two tabs, answer it in the other one first, and return the answer to `page`."""
    with later(31):
        assert asks(desk.get(page))
        assert desk.post(PAGE, {"again": "GET", "again_password": PASSWORD}).url == PAGE
        return desk.post(page, {"again": "GET", "again_password": PASSWORD})


@pytest.mark.parametrize("step", ["change", "delete", "password", "factors"])
def test_SEC13_a_second_answer_opens_the_page_and_confirms_nothing_on_it(desk: Client, step: str) -> None:
    person = make.user(is_staff=True, name="Lin")
    with_app(person)
    events = AccountEvent.objects.count()
    page = f"/admin/accounts/user/{person.pk}/{step}/"
    answer = answered_in_another_tab(desk, page)
    assert (answer.status_code, answer.headers.get("Location")) == (302, page)
    assert AccountEvent.objects.count() == events
    kept = User.objects.get(pk=person.pk)
    assert (kept.name, kept.is_active, kept.is_staff, has_app(kept)) == ("Lin", True, True, True)


def test_SEC13_the_question_pressed_twice_removes_no_factor(desk: Client, owner: User) -> None:
    device = with_app(owner)
    desk.force_login(User.objects.get(pk=owner.pk))
    desk.post(QUESTION, {"code": code_of(device)})
    answer = {"again": "GET", "again_password": PASSWORD}
    with later(11):
        assert asks(desk.get(REMOVE))
        assert [desk.post(REMOVE, answer).headers.get("Location") for _ in range(2)] == [REMOVE, REMOVE]
    assert has_app(owner)


def test_SEC13_a_form_whose_question_was_answered_elsewhere_is_saved(desk: Client) -> None:
    with later(31):
        assert asks(desk.post(ADD, {"name": "Xiamen", "_save": "Save"}))
        assert desk.post(PAGE, {"again": "GET", "again_password": PASSWORD}).url == PAGE
        sent = {"name": "Xiamen", "_save": "Save", "again": "POST", "again_password": PASSWORD}
        assert desk.post(ADD, sent).url == "/admin/houses/area/"
    assert Area.objects.get().name == "Xiamen"


def sent_again(client: Client, old: str, page: str, sent: dict[str, str]) -> object:
    """Send the form with the session id from before the answer, which a slow line lost."""
    client.cookies["sessionid"] = old
    return client.post(page, sent)


def test_SEC13_an_answer_pressed_twice_on_a_slow_line_signs_nobody_out(desk: Client) -> None:
    old, end = desk.session.session_key, desk.session.get_expiry_date()
    sent = {"name": "Xiamen", "_save": "Save", "again": "POST", "again_password": PASSWORD}
    with later(31):
        assert desk.post(ADD, sent).url == "/admin/houses/area/"
        assert desk.session.session_key != old
        assert asks(sent_again(desk, old, ADD, {**sent, "again_password": "wrong"}))
        assert sent_again(desk, old, ADD, {**sent, "name": "Xiamen 2"}).url == "/admin/houses/area/"
        assert desk.get(PAGE).status_code == 200
        assert desk.session.get_expiry_date() == end
        assert BrowserSession.objects.filter(session_key=old).count() == 0
    with later(33):
        desk.cookies["sessionid"] = old
        assert desk.get(PAGE).url.startswith("/admin/login/")


def test_SEC13_a_code_pressed_twice_on_a_slow_line_signs_nobody_out(desk: Client, owner: User) -> None:
    step = time.time() // 30 * 30
    with time_machine.travel(step + 10):
        device = with_app(owner)
        desk.force_login(User.objects.get(pk=owner.pk))
        old, code = desk.session.session_key, code_of(device)
        assert desk.post(QUESTION, {"code": code}).status_code == 302
        assert sent_again(desk, old, QUESTION, {"code": code}).status_code == 422
        assert desk.get(PAGE).url.startswith(QUESTION)
    with time_machine.travel(step + 32):
        assert sent_again(desk, old, QUESTION, {"code": code_of(device)}).status_code == 302
        assert desk.get(PAGE).status_code == 200


def test_files_are_asked_for_again(desk: Client) -> None:
    with later(31):
        form = {"name": "Xiamen", "photo": SimpleUploadedFile("a.jpg", b"x")}
        page = desk.post(ADD, form)
        assert "Your files could not be kept." in page.content.decode()
        assert Fields(page.content.decode()).values["again"] == ["GET"]
        assert desk.post(ADD, {"again": "GET", "again_password": PASSWORD}).url == ADD
    assert not Area.objects.exists()


def test_a_session_that_began_as_a_renters_is_none_of_staff() -> None:
    person = make.user()
    client = Client()
    client.cookies["django_language"] = "en"
    client.force_login(person)
    assert sessions.KEY not in client.session
    User.objects.filter(pk=person.pk).update(is_staff=True, is_superuser=True)
    assert asks(client.get(PAGE))
    assert client.post(PAGE, {"again": "GET", "again_password": PASSWORD}).url == PAGE
    assert client.get(PAGE).status_code == 200


def test_renters_pages_stay_open(desk: Client) -> None:
    with later(13 * 60):
        assert desk.get("/accounts/me/").status_code == 200
        assert desk.get("/orders/").status_code == 200


def test_being_used_is_noted_once_a_minute(desk: Client) -> None:
    def writes() -> int:
        with CaptureQueriesContext(connection) as queries:
            desk.get(PAGE)
        return sum("UPDATE" in query["sql"] and "django_session" in query["sql"] for query in queries)

    assert writes() == 0
    with later(2):
        assert (writes(), writes()) == (1, 0)


def test_signing_out_is_never_refused(desk: Client) -> None:
    with later(31):
        assert not asks(desk.post("/admin/logout/"))
        assert desk.get(PAGE).status_code == 302
