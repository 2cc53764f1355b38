"""SEC13: passkeys in the place of codes."""

import json
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.factors import passkeys
from accounts.models import AccountEvent, Passkey, User
from tests import make
from tests.factors import OVERVIEW, QUESTION, SET_UP, recovery_codes, with_app
from tests.passkeys import Key, question_of

pytestmark = pytest.mark.django_db

NEW, PASSWORD, PAGE = "/accounts/me/factors/passkey/", "a-good-password", "/admin/accounts/user/"


@pytest.fixture
def owner() -> User:
    return make.user(is_staff=True, is_superuser=True)


def browser(user: User) -> Client:
    client = Client()
    client.cookies["django_language"] = "en"
    client.force_login(User.objects.get(pk=user.pk))
    return client


def set_up(client: Client, key: Key, **fields: str):
    question, challenge = question_of(client.get(NEW).content.decode())
    typed = {"name": "My phone", "passkey": key.made(question), "challenge": challenge, **fields}
    return client.post(NEW, typed)


def proof(client: Client, key: Key, page: str = QUESTION) -> dict[str, str]:
    question, challenge = question_of(client.get(page).content.decode())
    return {"proof_passkey": key.proves(question), "proof_challenge": challenge}


def test_SEC13_a_passkey_opens_the_admin(owner: User, settings: Settings) -> None:
    settings.REHEARSAL = False
    key, client = Key(), browser(owner)
    assert client.get(PAGE).url.startswith(SET_UP)
    assert NEW in client.get(SET_UP).content.decode()
    made = set_up(client, key, next=PAGE)
    assert len(recovery_codes(made.content.decode())) == 10
    assert client.get(PAGE).status_code == 200
    assert "My phone" in client.get(OVERVIEW).content.decode()
    assert AccountEvent.objects.filter(kind="FACTOR_SET", detail="passkey My phone").exists()
    elsewhere = browser(owner)
    assert elsewhere.get(PAGE).url.startswith(QUESTION)
    sent = proof(elsewhere, key)
    assert elsewhere.post(QUESTION, {**sent, "next": PAGE}).url == PAGE
    assert elsewhere.get(PAGE).status_code == 200
    third = browser(owner)
    assert third.post(QUESTION, sent).status_code == 422  # one challenge counts once
    assert third.get(PAGE).status_code == 302


def test_SEC13_only_the_accounts_own_key_and_site_count(owner: User) -> None:
    key, other = Key(), make.user(is_staff=True)
    set_up(browser(owner), key)
    set_up(browser(other), Key())
    client = browser(owner)
    question, challenge = question_of(client.get(QUESTION).content.decode())
    _theirs, their_challenge = question_of(browser(other).get(QUESTION).content.decode())
    stranger = Key()
    stranger.id = key.id
    phished = Key("https://ihome.example.evil")
    phished.id, phished._key = key.id, key._key
    for answer, signed in (
        (stranger.proves(question), challenge),
        (phished.proves(question), challenge),
        (key.proves(question), their_challenge),
        (key.proves(question), "made:up"),
        (json.dumps({"id": 1}), challenge),
        ("[" * 3000, challenge),
        ("{}", challenge),
    ):
        refused = client.post(QUESTION, {"proof_passkey": answer, "proof_challenge": signed})
        assert refused.status_code == 422
        assert "This passkey was not accepted." in refused.content.decode()
    assert client.get(PAGE).status_code == 302


def test_a_challenge_ends_after_ten_minutes_and_serves_one_purpose(owner: User) -> None:
    key, client = Key(), browser(owner)
    question, challenge = question_of(client.get(NEW).content.decode())
    set_up(client, key)
    late = browser(owner)
    question, challenge = question_of(late.get(QUESTION).content.decode())
    answer = key.proves(question)
    with time_machine.travel(timezone.now() + timedelta(minutes=11)):
        assert late.post(QUESTION, {"proof_passkey": answer, "proof_challenge": challenge}).status_code == 422
    question, making = question_of(client.get(NEW).content.decode())
    assert (
        late.post(QUESTION, {"proof_passkey": key.proves(question), "proof_challenge": making}).status_code
        == 422
    )


def test_a_count_that_does_not_grow_is_refused(owner: User) -> None:
    key, client = Key(), browser(owner)
    key.count = 5
    set_up(client, key)
    elsewhere = browser(owner)
    assert elsewhere.post(QUESTION, proof(elsewhere, key)).status_code == 422
    key.count = 6
    assert elsewhere.post(QUESTION, proof(elsewhere, key)).status_code == 302
    assert Passkey.objects.get().sign_count == 6


def test_SEC13_a_passkey_is_proof_enough_for_ten_more_minutes(owner: User) -> None:
    key, client = Key(), browser(owner)
    set_up(client, key)
    with time_machine.travel(timezone.now() + timedelta(minutes=11)):
        asked = client.get(NEW).content.decode()
        assert "again_password" in asked
        question, challenge = question_of(asked)
        sent = {"again": "GET", "proof_passkey": key.proves(question), "proof_challenge": challenge}
        assert client.post(NEW, sent).url == NEW
        assert "again_password" not in client.get(NEW).content.decode()


def test_removing_one_leaves_the_other_and_the_codes(owner: User) -> None:
    client, key = browser(owner), Key()
    set_up(client, key)
    set_up(client, Key(), name="Stick")
    phone, stick = Passkey.objects.order_by("pk")
    assert client.post(f"{NEW}{phone.pk}/remove/").url == OVERVIEW
    assert list(Passkey.objects.all()) == [stick]
    assert client.get(PAGE).status_code == 200
    assert owner.recovery_codes.count() == 10
    assert client.post(f"{NEW}{stick.pk}/remove/").url == OVERVIEW
    assert owner.recovery_codes.count() == 0
    foreign = make.user(is_staff=True)
    set_up(browser(foreign), key)
    theirs = Passkey.objects.get()
    assert client.post(f"{NEW}{theirs.pk}/remove/").status_code == 404


def test_a_refused_set_up_stores_nothing(owner: User) -> None:
    client = browser(owner)
    question, challenge = question_of(client.get(NEW).content.decode())
    made = Key().made(question)
    for fields in ({"passkey": "{}"}, {"passkey": ""}, {"challenge": "x"}, {"name": ""}):
        typed = {"name": "Phone", "passkey": made, "challenge": challenge, **fields}
        assert client.post(NEW, typed).status_code == 200
    assert not Passkey.objects.exists()


def test_by_an_address_of_numbers_none_is_offered(owner: User) -> None:
    with_app(owner)
    client = browser(owner)
    for host in ("127.0.0.1", "127.0.0.1:8000"):
        assert "data-passkey" not in client.get(QUESTION, headers={"host": host}).content.decode()
    assert not passkeys.of(owner).exists()
