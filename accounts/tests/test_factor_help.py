"""ACC03, ACC04: a second factor that is lost, removed by a superuser or from the server."""

from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from django_otp.plugins.otp_totp.models import TOTPDevice
from pytest_django import Settings

from accounts import events, roles
from accounts.factors import recovery
from accounts.models import AccountEvent, RecoveryCode, User
from tests import make
from tests.factors import QUESTION, SET_UP, code_of, with_app

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("mails_leave_at_once")]

PASSWORD = "a-good-password"


@pytest.fixture
def clerk() -> User:
    """A member of staff who lost the app."""
    person = make.staff(roles.FRONT_DESK, email="clerk@example.com")
    with_app(person)
    recovery.renew(person)
    return person


def browser(person: User) -> Client:
    client = Client()
    client.cookies["django_language"] = "en"
    client.force_login(person)
    return client


def superuser() -> User:
    return make.user(name="Owner", is_staff=True, is_superuser=True)


def address(person: User) -> str:
    return f"/admin/accounts/user/{person.pk}/factors/"


def test_ACC03_a_superuser_removes_a_lost_factor(clerk: User, settings: Settings) -> None:
    desk, owner = browser(clerk), superuser()
    desk.post(QUESTION, {"code": code_of(TOTPDevice.objects.get())})
    assert desk.get("/admin/").status_code == 200
    helper = browser(owner)
    assert address(clerk) in helper.get(address(clerk).replace("factors", "change")).content.decode()
    assert "who lost phone and recovery codes" in helper.get(address(clerk)).content.decode()
    assert helper.post(address(clerk)).status_code == 302
    assert not TOTPDevice.objects.exists()
    assert not RecoveryCode.objects.exists()
    assert desk.get("/admin/").url.startswith("/admin/login/")
    event = AccountEvent.objects.first()
    assert (event.kind, event.user, event.actor) == ("FACTOR_HELP", clerk, owner)
    assert events.is_one_human(owner, clerk)
    assert mail.outbox[-1].to == ["clerk@example.com"]
    assert "Owner removed the second factor of your account." in mail.outbox[-1].body
    settings.REHEARSAL = False
    clerk.refresh_from_db()
    assert browser(clerk).get("/admin/").url.startswith(SET_UP)


def test_ACC03_pressed_twice_it_counts_once(clerk: User) -> None:
    helper = browser(superuser())
    for _ in range(2):
        helper.post(address(clerk))
    assert AccountEvent.objects.filter(kind="FACTOR_HELP").count() == 1
    assert len(mail.outbox) == 1
    assert "This account has no second factor." in helper.get(address(clerk)).content.decode()


def test_ACC04_nobody_else_removes_it(clerk: User) -> None:
    owner = superuser()
    for who, whose in (
        (make.staff(roles.MANAGER), clerk),
        (make.staff(roles.FINANCE), clerk),
        (clerk, owner),
        (owner, owner),
    ):
        client = browser(who)
        if who == clerk:
            client.post(QUESTION, {"code": code_of(TOTPDevice.objects.get())})
        assert client.get(address(whose)).status_code == 403
        assert client.post(address(whose)).status_code == 403
    assert TOTPDevice.objects.count() == 1
    assert AccountEvent.objects.filter(kind="REFUSED", detail="second factor").count() == 4


@pytest.mark.parametrize("page", ["factors", "password"])
def test_ACC04_helping_somebody_needs_a_recent_proof(clerk: User, page: str) -> None:
    helper = browser(superuser())
    url = address(clerk).replace("factors", page)
    with time_machine.travel(timezone.now() + timedelta(minutes=11)):
        assert "again_password" in helper.post(url).content.decode()
        assert TOTPDevice.objects.exists()
        assert not AccountEvent.objects.filter(kind__in=["FACTOR_HELP", "LINKED"]).exists()
        helper.post(url, {"again": "POST", "again_password": PASSWORD})
    assert AccountEvent.objects.filter(kind__in=["FACTOR_HELP", "LINKED"]).count() == 1


def test_ACC03_break_glass_removes_the_factors_too(clerk: User) -> None:
    call_command("break_glass", clerk.mobile)
    assert not TOTPDevice.objects.exists()
    assert not RecoveryCode.objects.exists()
