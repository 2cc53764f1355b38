"""SEC13: with the password of staff alone, nobody takes their account over or locks them out."""

from datetime import timedelta
from html import unescape

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.utils import timezone
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts import emails, telling
from accounts.models import BrowserSession, User
from tests import make
from tests.factors import QUESTION, code_of, with_app
from tests.proving import prove

pytestmark = pytest.mark.django_db

PASSWORD, NEW = "a-good-password", "a-better-password"
ME, NUMBER, SESSIONS = "/accounts/me/", "/accounts/me/number/", "/accounts/me/sessions/"
NEW_PASSWORD = "/accounts/password/"
CHANGES = {
    NEW_PASSWORD: {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW},
    NUMBER: {"username": "13912345678", "password": PASSWORD},
    ME: {"name": "", "nickname": "", "email": "thief@example.com"},
    SESSIONS: {"end": "others"},
}


@pytest.fixture
def owner() -> User:
    return make.user(is_staff=True, email="owner@example.com")


@pytest.fixture
def device(owner: User) -> TOTPDevice:
    return with_app(owner)


def browser_of(owner: User, code: str = "") -> Client:
    """Return a browser that is signed in with the password, and with a code if there is one."""
    client = Client()
    client.cookies["django_language"] = "en"
    client.post("/accounts/login/", {"username": owner.mobile, "password": PASSWORD})
    if code:
        assert client.post(QUESTION, {"code": code}).status_code == 302
    return client


def asks(answer: object) -> bool:
    return "<title>Confirm that it's you" in unescape(answer.content.decode())


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("page", CHANGES)
def test_SEC13_a_password_alone_changes_nothing_of_staff(owner: User, page: str) -> None:
    browser_of(owner)
    thief = browser_of(owner)
    answer = thief.post(page, CHANGES[page])
    assert (answer.status_code, answer.url.partition("?")[0]) == (302, QUESTION)
    before, user = owner, User.objects.get()
    assert (user.mobile, user.password, user.email) == (before.mobile, before.password, before.email)
    assert BrowserSession.objects.count() == 2


@pytest.mark.usefixtures("device")
def test_SEC13_nor_does_it_confirm_an_email(owner: User) -> None:
    User.objects.update(email_verified_at=None)
    emails.send_confirmation(owner)
    link = (
        f"/accounts/me/email/confirm/?token={emails.signing.dumps([owner.pk, owner.email], salt=emails.SALT)}"
    )
    answer = browser_of(owner).post(link, {"password": PASSWORD})
    assert answer.url.startswith(QUESTION)
    assert User.objects.get().email_verified_at is None


def test_SEC13_with_the_code_staff_change_their_password_number_and_email(
    owner: User, device: TOTPDevice
) -> None:
    User.objects.update(email_verified_at=None)  # a confirmed one stays until the new one is confirmed
    client = browser_of(owner, code_of(device))
    for page in (ME, SESSIONS, NEW_PASSWORD):
        assert client.get(page).status_code == 200
        assert not client.post(page, CHANGES[page]).url.startswith(QUESTION)
    answer = prove(client, NUMBER, {"username": "13912345678", "password": NEW})
    assert (answer.status_code, answer.url) == (302, ME)
    user = User.objects.get()
    assert (user.mobile, user.email) == ("13912345678", "thief@example.com")
    assert user.check_password(NEW)


def test_SEC13_ten_minutes_later_the_question_comes_first_and_shows_no_password(
    owner: User, device: TOTPDevice
) -> None:
    User.objects.update(email_verified_at=None)
    client = browser_of(owner, code_of(device))
    with time_machine.travel(timezone.now() + timedelta(minutes=11)):
        for page in (NEW_PASSWORD, NUMBER, ME):
            assert asks(client.post(page, CHANGES[page]))
        shown = client.post(NUMBER, CHANGES[NUMBER]).content.decode()
        assert 'value="13912345678"' in shown
        assert PASSWORD not in shown
        assert NEW not in client.post(NEW_PASSWORD, CHANGES[NEW_PASSWORD]).content.decode()
        assert not asks(client.get(SESSIONS))
        kept = {**CHANGES[ME], "again": "POST", "again_password": PASSWORD}
        assert client.post(ME, kept).url == ME
    assert User.objects.get().email == "thief@example.com"


def test_SEC13_superusers_are_told_of_a_new_number_of_staff() -> None:
    make.user(is_staff=True, is_superuser=True, email="boss@example.com")
    clerk, renter = make.user(is_staff=True), make.user()
    for n, person in enumerate((clerk, renter)):
        client = Client()
        client.force_login(person)
        prove(client, NUMBER, {"username": f"1391234567{n}", "password": PASSWORD})
    [event] = clerk.events.all()
    assert (event.kind, event.detail) == ("OWN_NUMBER", f"{clerk.mobile[:3]}****{clerk.mobile[-4:]}")
    assert not renter.events.exists()
    for keys in telling.due():
        telling.send(keys)
    [told] = mail.outbox
    assert told.bcc == ["boss@example.com"]
    assert event.detail in told.body
