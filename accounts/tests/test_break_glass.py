"""ACC03: an owner who lost everything gets back in, from the server."""

import re

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from accounts import invitations
from accounts.models import AccountEvent, User
from tests import make

pytestmark = pytest.mark.django_db

NEW = "a-better-password"


def break_glass(mobile: str, capsys: pytest.CaptureFixture[str]) -> str:
    call_command("break_glass", mobile)
    return re.search(r"http://testserver/accounts/invitation/\?key=(\S+)", capsys.readouterr().out)[1]


def test_ACC03_a_closed_owner_is_a_superuser_again(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    owner = make.user(is_staff=True, is_superuser=True)
    thief = Client()
    thief.force_login(owner)
    assert thief.get("/admin/").status_code == 200
    User.objects.filter(pk=owner.pk).update(is_active=False, is_superuser=False, is_staff=False)
    key = break_glass(f"+86 {owner.mobile}", capsys)
    owner.refresh_from_db()
    assert (owner.is_active, owner.is_staff, owner.is_superuser) == (True, True, True)
    assert not owner.has_usable_password()
    assert thief.get("/admin/").status_code == 302
    event = AccountEvent.objects.get()
    assert (event.kind, event.user, event.actor) == ("BREAK_GLASS", owner, None)
    assert event.mail_due_at
    assert f"account {owner.pk} is a superuser again (account event {event.pk})" in caplog.text
    assert key not in caplog.text
    assert owner.mobile not in caplog.text

    browser = Client()
    browser.post("/accounts/invitation/", {"key": key, "new_password1": NEW, "new_password2": NEW})
    browser.post("/accounts/login/", {"username": owner.mobile, "password": NEW})
    assert browser.get("/admin/accounts/user/").status_code == 200
    assert invitations.user_of(key) is None


def test_ACC03_on_an_empty_site_it_makes_the_first_account(capsys: pytest.CaptureFixture[str]) -> None:
    key = break_glass("13912345678", capsys)
    assert User.objects.get(mobile="13912345678").is_superuser
    assert invitations.user_of(key)


def test_ACC03_again_ends_the_earlier_link(capsys: pytest.CaptureFixture[str]) -> None:
    first = break_glass("13912345678", capsys)
    assert invitations.user_of(break_glass("13912345678", capsys))
    assert invitations.user_of(first) is None


def test_ACC03_a_mistyped_number_makes_nothing() -> None:
    with pytest.raises(CommandError, match="not a mobile number"):
        call_command("break_glass", "1391234567")
    assert not User.objects.exists()
