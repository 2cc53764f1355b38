"""Items of docs/security.md that no other test holds: code that must not be there, and defaults."""

import ast
import math
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.conf import global_settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.sessions.backends.base import VALID_KEY_CHARS
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from tests import make
from tests.test_imports import ROOT

SITE = ("ihome_site", "jobs", "bills", "payments", "orders", "houses", "accounts", "documents", "core")
UNSAFE = {"eval", "exec", "system", "popen", "subprocess", "pickle", "marshal", "shelve", "yaml"}
WEAK = {"md5", "sha1", "MD5", "SHA1"}
IN_BROWSERS = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function"
    r"|localStorage|sessionStorage|indexedDB|postMessage"
)


def names_in(text: str) -> Iterator[str]:
    """Yield modules that are imported, and functions and attributes that are used."""
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Import(names=imported):
                yield from (alias.name.partition(".")[0] for alias in imported)
            case ast.ImportFrom(module=str() as module):
                yield module.partition(".")[0]
            case ast.Call(func=ast.Name(id=name)) | ast.Attribute(attr=name):
                yield name


def hmacs_in(text: str) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Call(func=ast.Name(id="salted_hmac")):
                yield node


def sources() -> Iterator[tuple[Path, str]]:
    for folder in SITE:
        for file in sorted((ROOT / folder).rglob("*.py")):
            if "tests" not in file.parts and "migrations" not in file.parts:
                yield file, file.read_text(encoding="utf-8")


def test_the_site_starts_no_process_and_evaluates_no_text() -> None:
    found = {(file.name, name) for file, text in sources() for name in names_in(text) if name in UNSAFE}
    assert found == set()
    assert UNSAFE & set(names_in("import pickle\nos.system(x)\neval(y)")) == {"pickle", "system", "eval"}


def test_no_weak_hash_is_used() -> None:
    """Django's salted_hmac takes SHA-1 unless it is told otherwise."""
    assert [file.name for file, text in sources() if WEAK & set(names_in(text))] == []
    found = [(file.name, call) for file, text in sources() for call in hmacs_in(text)]
    assert len(found) >= 4
    for name, call in found:
        assert {keyword.arg for keyword in call.keywords} >= {"algorithm"}, name


def test_no_script_writes_html_or_keeps_data_in_the_browser() -> None:
    scripts = sorted((ROOT / "static/js").glob("*.js"))
    assert len(scripts) > 5
    assert [file.name for file in scripts if IN_BROWSERS.search(file.read_text(encoding="utf-8"))] == []


def test_passwords_are_hashed_with_a_million_rounds() -> None:
    """By Django's default, which our settings leave. Those of the tests take a quick one."""
    assert "PASSWORD_HASHERS" not in (ROOT / "ihome_site/settings.py").read_text(encoding="utf-8")
    assert global_settings.PASSWORD_HASHERS[0].endswith(".PBKDF2PasswordHasher")
    assert PBKDF2PasswordHasher.digest().name == "sha256"
    assert PBKDF2PasswordHasher.iterations >= 1_000_000


@pytest.mark.django_db
def test_a_session_id_has_enough_bits(client: Client) -> None:
    client.force_login(make.user())
    key = client.cookies["sessionid"].value
    assert len(key) * math.log2(len(VALID_KEY_CHARS)) > 128


@pytest.mark.django_db
def test_a_session_is_of_no_use_after_the_sign_out(client: Client) -> None:
    client.force_login(make.user())
    key = client.cookies["sessionid"].value
    assert client.get("/accounts/me/").status_code == 200
    client.post("/accounts/logout/")
    thief = Client()
    thief.cookies["sessionid"] = key
    assert thief.get("/accounts/me/").status_code == 302
    assert not Session.objects.filter(pk=key).exists()


@pytest.mark.django_db
def test_a_session_ends_two_weeks_after_the_sign_in_however_often_it_is_written(client: Client) -> None:
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        client.force_login(make.user())
    for days, status in ((7, 200), (13, 200), (14.1, 302)):
        with time_machine.travel(now + timedelta(days=days), tick=False):
            assert client.get("/accounts/me/").status_code == status, days
            session = client.session
            session["written"] = days
            session.save()


@pytest.mark.django_db
@pytest.mark.parametrize("folder", ["/static/", "/static/css/", "/media/", "/media/houses/"])
def test_a_folder_is_not_listed(client: Client, folder: str) -> None:
    assert client.get(folder).status_code == 404


@pytest.mark.django_db
@pytest.mark.parametrize("page", ["/", "/livez", "/accounts/login/", "/payments/notify/"])
def test_trace_is_not_answered_with_the_request(client: Client, page: str) -> None:
    answer = client.trace(page, headers={"X-Canary": "canary-of-a-header"})
    assert "canary-of-a-header" not in answer.content.decode()
    assert answer.headers.get("Content-Type") != "message/http"
