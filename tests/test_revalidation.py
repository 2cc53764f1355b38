"""Pages of visitors who are not signed in: 304 where nothing changed, and nobody's page for somebody else."""

import gzip
import re
from typing import Any

import pytest
from django.test import Client

from houses.models import House
from tests import make

pytestmark = pytest.mark.django_db


def get_again(client: Client, address: str, tag: str, **headers: str) -> Any:
    return client.get(address, headers={"If-None-Match": tag, **headers})


def test_a_page_that_the_browser_has_is_not_sent_again() -> None:
    house = make.house()
    visitor = Client()
    for address in ("/", "/?guests=2", house.get_absolute_url()):
        page = visitor.get(address)
        again = get_again(visitor, address, page.headers["ETag"])
        assert (again.status_code, again.content) == (304, b""), address
        assert again.headers["Cache-Control"] == "private, no-cache"
        assert {"Cookie", "Accept-Language"} <= set(again.headers["Vary"].split(", "))
        assert "default-src" in again.headers["Content-Security-Policy"]


def test_a_changed_page_is_sent() -> None:
    house = make.house()
    visitor = Client()
    tag = visitor.get("/").headers["ETag"]
    House.objects.filter(pk=house.pk).update(price_fen=12300)
    page = get_again(visitor, "/", tag)
    assert page.status_code == 200
    assert "123" in page.content.decode()


def test_another_language_and_another_cookie_have_another_tag() -> None:
    visitor = Client()
    tag = visitor.get("/").headers["ETag"]
    assert get_again(visitor, "/", tag, **{"Accept-Language": "en"}).status_code == 200
    assert get_again(Client(), "/", tag).status_code == 200
    visitor.cookies["django_language"] = "en"
    assert get_again(visitor, "/", tag).status_code == 200


def test_the_form_of_a_page_that_was_kept_is_accepted() -> None:
    visitor = Client(enforce_csrf_checks=True)
    page = visitor.get("/")
    assert get_again(visitor, "/", page.headers["ETag"]).status_code == 304
    (token,) = set(re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page.content.decode()))
    form = {"csrfmiddlewaretoken": token, "language": "en", "next": "/"}
    assert visitor.post("/i18n/setlang/", form).status_code == 302


def test_pages_with_a_session_or_not_to_be_kept_have_no_tag() -> None:
    renter = Client()
    renter.force_login(make.user())
    assert "ETag" not in renter.get("/").headers
    visitor = Client()
    for address in ("/accounts/login/", "/livez", "/houses/0/"):
        assert "ETag" not in visitor.get(address).headers, address
    assert "no-store" in visitor.get("/accounts/login/").headers["Cache-Control"]


def test_a_compressed_page_keeps_its_tag() -> None:
    visitor = Client()
    plain = visitor.get("/")
    packed = visitor.get("/", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["ETag"] == plain.headers["ETag"]
    assert gzip.decompress(packed.content).startswith(b"<!doctype html>")
    again = get_again(visitor, "/", plain.headers["ETag"], **{"Accept-Encoding": "gzip"})
    assert again.status_code == 304
