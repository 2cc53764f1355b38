"""SEC13: the admin behind a second factor, its set-up, recovery codes and removal."""

import logging
import re
from datetime import timedelta

import pytest
import time_machine
from django.contrib import admin
from django.core import mail
from django.test import Client
from django.utils import timezone
from django_otp.plugins.otp_totp.models import TOTPDevice
from pytest_django import Settings

from accounts import roles
from accounts.factors import app_codes, checking, recovery
from accounts.models import AccountEvent, RecoveryCode, User
from core.models import RateCount
from tests import make
from tests.factors import (
    CODES,
    OVERVIEW,
    QUESTION,
    REMOVE,
    SET_UP,
    code_of,
    recovery_codes,
    set_up_by,
    with_app,
)
from tests.test_staff_rights import Rows, actions, addresses, filled, list_of, rows, without_traces

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("mails_leave_at_once")]
assert rows  # a fixture

PASSWORD = "a-good-password"
PAGE = "/admin/accounts/user/?is_staff__exact=1"
DOORS = ("/accounts/login/", "/admin/login/")


@pytest.fixture
def production(settings: Settings) -> None:
    settings.REHEARSAL = False


@pytest.fixture
def owner() -> User:
    return make.user(is_staff=True, is_superuser=True, email="owner@example.com")


def browser(address: str = "198.51.100.1") -> Client:
    client = Client(REMOTE_ADDR=address)
    client.cookies["django_language"] = "en"
    return client


def signed_in(user: User, door: str = DOORS[0], page: str = PAGE, **kwargs: str) -> Client:
    client = browser(**kwargs)
    answer = client.post(door, {"username": user.mobile, "password": PASSWORD, "next": page})
    assert (answer.status_code, answer.url) == (302, page)
    return client


def kinds(user: User) -> list[str]:
    return [event.kind for event in AccountEvent.objects.filter(user=user).order_by("id")]


# --- the question -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("door", DOORS)
def test_SEC13_the_admin_asks_for_a_code_after_the_password(owner: User, door: str) -> None:
    device = with_app(owner)
    client = signed_in(owner, door)
    asked = client.get(PAGE)
    assert asked.url == f"{QUESTION}?next=/admin/accounts/user/%3Fis_staff__exact%3D1"
    page = client.get(asked.url).content.decode()
    assert "Now type the code that your app shows." in page
    assert f'name="next" value="{PAGE}"' in page
    wrong = client.post(QUESTION, {"code": "000000", "next": PAGE})
    assert wrong.status_code == 422
    assert "This code is wrong, too old, or was used before." in wrong.content.decode()
    assert client.get(PAGE).status_code == 302
    before = client.session.session_key
    code = f" {code_of(device)[:3]} {code_of(device)[3:]} "
    assert client.post(QUESTION, {"code": code, "next": PAGE}).url == PAGE
    assert client.session.session_key != before
    assert client.get(PAGE).status_code == 200
    assert client.get(QUESTION).url == "/admin/"


def test_SEC13_a_code_opens_the_admin_once(owner: User) -> None:
    code = code_of(with_app(owner))
    first, second = signed_in(owner), signed_in(owner)
    assert first.post(QUESTION, {"code": code}).status_code == 302
    assert second.post(QUESTION, {"code": code}).status_code == 422
    assert second.get(PAGE).status_code == 302


def test_SEC13_another_sign_in_asks_again(owner: User) -> None:
    device = with_app(owner)
    client = signed_in(owner)
    client.post(QUESTION, {"code": code_of(device)})
    assert client.get(PAGE).status_code == 200
    client.post("/admin/login/?next=/admin/", {"username": owner.mobile, "password": PASSWORD})
    assert client.get(PAGE).url.startswith(QUESTION)


def test_an_older_or_later_code_is_none(owner: User) -> None:
    device = with_app(owner)
    assert not app_codes.accept(owner, code_of(device, steps=3))
    assert not app_codes.accept(owner, code_of(device, steps=-3))
    for odd in ("", "12345", "١٢٣٤٥٦", "1" * 60, "-12345", "12 456"):
        assert not app_codes.accept(owner, odd)
    assert app_codes.accept(owner, code_of(device, steps=1))


def test_renters_have_no_such_pages() -> None:
    client = browser()
    client.force_login(make.user())
    for page in (QUESTION, SET_UP, OVERVIEW, CODES, REMOVE):
        assert client.get(page).status_code == 404
        assert client.post(page).status_code == 404
    assert "staff" not in client.session
    assert "Two-step" not in client.get("/accounts/me/").content.decode()
    assert browser().get(SET_UP).url.startswith("/accounts/login/?next=")


# --- required outside of a rehearsal ----------------------------------------------------------------------


@pytest.mark.usefixtures("production")
def test_SEC13_without_a_factor_no_address_or_action_of_the_admin_opens(rows: Rows, owner: User) -> None:
    client = signed_in(owner)
    before = without_traces()
    asked = {route: client.get(filled(route, rows)) for route, _name in addresses()}
    for model, name in actions():
        chosen = {"action": name, "_selected_action": [str(rows[model].pk)]}
        asked[f"{list_of(model)} {name}"] = client.post(list_of(model), chosen)
    for model in admin.site._registry:
        for step in ("change", "delete"):
            url = f"{list_of(model)}{rows[model].pk}/{step}/"
            asked[f"POST {url}"] = client.post(url, {"post": "yes"})
    opened = {
        route for route, answer in asked.items() if not answer.headers.get("location", "").startswith(SET_UP)
    }
    assert opened == {"/admin/login/", "/admin/logout/"}
    assert len(asked) > 120
    assert without_traces() == before


@pytest.mark.usefixtures("production")
def test_SEC13_staff_set_up_an_app_and_land_where_they_were_going(owner: User) -> None:
    client = signed_in(owner)
    asked = client.get(PAGE)
    page = client.get(asked.url).content.decode()
    assert "The admin needs a second proof besides your password." in page
    assert "<svg" in page
    assert "style=" not in page
    assert f'name="next" value="{PAGE}"' in page
    device, codes = set_up_by(client, next=PAGE)
    assert len(set(codes)) == recovery.HOW_MANY
    assert client.get(PAGE).status_code == 200
    assert kinds(owner) == ["FACTOR_SET", "FACTOR_SET"]
    stored = TOTPDevice.objects.get()
    assert (stored.user, stored.key) == (owner, device.key)


@pytest.mark.usefixtures("production")
def test_SEC13_an_invited_member_of_staff_sets_it_up_after_the_password() -> None:
    clerk = make.staff(roles.FRONT_DESK)
    client = signed_in(clerk, page="/admin/")
    assert client.get("/admin/").url == f"{SET_UP}?next=/admin/"
    set_up_by(client)
    assert client.get("/admin/").status_code == 200


def test_a_rehearsal_offers_it_without_demanding_it(owner: User) -> None:
    client = signed_in(owner)
    assert client.get(PAGE).status_code == 200
    assert OVERVIEW in client.get("/accounts/me/").content.decode()
    page = client.get(OVERVIEW).content.decode()
    assert "Not set up." in page
    set_up_by(client)
    assert "10 unused codes are left." in client.get(OVERVIEW).content.decode()
    assert signed_in(owner).get(PAGE).url.startswith(QUESTION)


# --- setting up and removing ------------------------------------------------------------------------------


def test_a_wrong_first_code_stores_nothing_and_keeps_the_picture(owner: User) -> None:
    client = signed_in(owner)
    page = client.get(SET_UP).content.decode()
    [offer] = re.findall(r'name="offer" value="([^"]+)"', page)
    again = client.post(SET_UP, {"offer": offer, "code": "000000"}).content.decode()
    assert "Your app shows another code." in again
    assert offer in again
    assert not TOTPDevice.objects.exists()
    assert not owner.recovery_codes.exists()


def test_an_offer_of_another_account_or_of_yesterday_is_none(owner: User) -> None:
    client, other = signed_in(owner), make.user(is_staff=True)
    for whose, ago in ((other, 0), (owner, 90)):
        with time_machine.travel(timezone.now() - timedelta(minutes=ago)):
            offer = app_codes.new_offer(whose)
        device = TOTPDevice(user=whose, key="00" * 20)
        page = client.post(SET_UP, {"offer": offer, "code": code_of(device)}).content.decode()
        assert "The code on this page was too old." in page
        assert offer not in page
    assert not TOTPDevice.objects.exists()


def test_setting_up_and_removing_ends_other_sessions(owner: User) -> None:
    client, elsewhere = signed_in(owner), signed_in(owner)
    assert elsewhere.get(PAGE).status_code == 200
    device, _codes = set_up_by(client)
    assert elsewhere.get(PAGE).url.startswith("/admin/login/")
    elsewhere = signed_in(owner)
    elsewhere.post(QUESTION, {"code": code_of(device)})
    assert elsewhere.get(PAGE).status_code == 200
    assert "It stops working" in client.get(REMOVE).content.decode()
    assert client.post(REMOVE).url == OVERVIEW
    assert client.get(PAGE).status_code == 200
    assert elsewhere.get(PAGE).url.startswith("/admin/login/")
    assert not TOTPDevice.objects.exists()
    assert not RecoveryCode.objects.exists()
    assert kinds(owner)[-1] == "FACTOR_GONE"
    assert client.post(REMOVE).status_code == 302  # pressed twice
    assert kinds(owner).count("FACTOR_GONE") == 1


def test_another_app_replaces_the_first_and_keeps_the_recovery_codes(owner: User) -> None:
    client = signed_in(owner)
    first, codes = set_up_by(client)
    page = client.get(SET_UP).content.decode()
    [offer] = re.findall(r'name="offer" value="([^"]+)"', page)
    second = app_codes.device_of(owner, offer)
    assert client.post(SET_UP, {"offer": offer, "code": code_of(second, steps=-1)}).url == OVERVIEW
    assert not app_codes.accept(owner, code_of(first, steps=1))
    assert app_codes.accept(owner, code_of(second))
    assert recovery.use(owner, codes[0])


def test_with_the_password_alone_nobody_changes_the_factors(owner: User) -> None:
    with_app(owner)
    client = signed_in(owner)
    for page in (OVERVIEW, SET_UP, CODES, REMOVE):
        for answer in (client.get(page), client.post(page)):
            assert answer.url.startswith(QUESTION)
    assert TOTPDevice.objects.count() == 1


@pytest.mark.parametrize("page", [SET_UP, REMOVE, CODES])
def test_changing_factors_needs_a_recent_proof(owner: User, page: str) -> None:
    client = signed_in(owner)
    set_up_by(client)
    with time_machine.travel(timezone.now() + timedelta(minutes=11)):
        for answer in (client.get(page), client.post(page)):
            assert "show that it's still you" in answer.content.decode()
        assert client.get(OVERVIEW).status_code == 200
        answer = client.post(page, {"again": "GET", "again_password": PASSWORD})
        assert (answer.status_code, answer.url) == (302, page)
        assert "it's still you" not in client.get(page).content.decode()
    assert TOTPDevice.objects.count() == 1


def test_secrets_are_on_no_page_of_the_admin() -> None:
    assert TOTPDevice not in admin.site._registry
    assert RecoveryCode not in admin.site._registry


# --- recovery codes ---------------------------------------------------------------------------------------


def test_a_recovery_code_opens_the_admin_once_and_its_owner_is_told(owner: User) -> None:
    with_app(owner)
    codes = recovery.renew(owner)
    typed = codes[3].lower().replace("-", " ")
    client = signed_in(owner)
    assert client.post(QUESTION, {"code": typed, "next": PAGE}).url == PAGE
    assert client.get(PAGE).status_code == 200
    assert [(message.to, message.subject) for message in mail.outbox] == [
        (["owner@example.com"], "A recovery code was used")
    ]
    assert "9 codes are left." in mail.outbox[0].body
    assert kinds(owner)[-1] == "CODE_USED"
    assert signed_in(owner).post(QUESTION, {"code": typed}).status_code == 422
    assert recovery.left(owner) == 9
    assert len(mail.outbox) == 1


def test_recovery_codes_are_stored_hashed_and_belong_to_one_account(owner: User) -> None:
    [code, *_rest] = recovery.renew(owner)
    plain = code.replace("-", "")
    stored = " ".join(RecoveryCode.objects.values_list("digest", flat=True))
    assert plain not in stored
    assert plain.lower() not in stored
    assert not recovery.use(make.user(is_staff=True), code)
    assert recovery.use(owner, code)


def test_an_unconfirmed_email_is_not_told(owner: User) -> None:
    User.objects.filter(pk=owner.pk).update(email_verified_at=None)
    owner.refresh_from_db()
    assert recovery.use(owner, recovery.renew(owner)[0])
    assert mail.outbox == []


def test_new_codes_end_the_earlier_ones(owner: User) -> None:
    client = signed_in(owner)
    assert client.get(CODES).url == OVERVIEW  # without a factor they are of no use
    _device, old = set_up_by(client)
    page = client.post(CODES).content.decode()
    new = recovery_codes(page)
    assert len(new) == recovery.HOW_MANY
    assert not recovery.use(owner, old[0])
    assert recovery.use(owner, new[0])
    assert "They are shown only now." in page


# --- guessing ---------------------------------------------------------------------------------------------


def test_SEC13_wrong_codes_pause_and_the_owner_still_gets_in(
    owner: User, caplog: pytest.LogCaptureFixture
) -> None:
    device = with_app(owner)
    own = signed_in(owner, address="203.0.113.9")
    own.post(QUESTION, {"code": code_of(device)})
    with caplog.at_level(logging.WARNING, "accounts.factors"):
        statuses = [
            signed_in(owner, address=f"198.51.100.{number}").post(QUESTION, {"code": "000000"}).status_code
            for number in range(12)
        ]
    assert statuses == [422] * 10 + [429] * 2
    assert f"{owner.mobile[:3]}****" in caplog.text
    assert owner.mobile not in caplog.text
    stranger = signed_in(owner, address="198.51.100.200")
    paused = stranger.post(QUESTION, {"code": code_of(device, steps=1)})
    assert paused.status_code == 429
    assert "Too many wrong codes. Try again at" in paused.content.decode()
    own.post("/accounts/logout/")
    own.post(DOORS[0], {"username": owner.mobile, "password": PASSWORD})
    assert own.post(QUESTION, {"code": code_of(device, steps=1)}).status_code == 302


@pytest.mark.any_database  # a shorter one is test_SEC13_wrong_codes_pause_and_the_owner_still_gets_in
def test_a_hundred_wrong_codes_end_the_day(owner: User) -> None:
    with_app(owner)
    start = timezone.now()
    tried = 0
    for quarter in range(12):
        with time_machine.travel(start + quarter * timedelta(minutes=16)):
            client = signed_in(owner, address=f"198.51.100.{quarter}")
            tried += [client.post(QUESTION, {"code": "000000"}).status_code for _ in range(10)].count(422)
    assert tried == checking.DAILY.most
    assert RateCount.objects.filter(count=checking.DAILY.most).exists()
