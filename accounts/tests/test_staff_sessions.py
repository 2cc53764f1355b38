"""SEC13: sessions of staff end after half an hour without use, and after twelve hours."""

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
from accounts.models import User
from houses.models import Area
from tests import make
from tests.factors import QUESTION, code_of, with_app
from tests.pages import Fields

pytestmark = pytest.mark.django_db

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
