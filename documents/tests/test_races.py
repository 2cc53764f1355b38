"""Two of staff publish the next version of a document at the same instant."""

import time

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client

from documents import admin as documents_admin
from documents.models import Version
from tests import make
from tests.races import at_once

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

ADD = "/admin/documents/version/add/?kind=about"


def both_publish() -> list[int]:
    """Return the statuses of the two answers, sorted."""
    cache.clear()
    browsers = [Client(raise_request_exception=False) for _ in range(2)]
    for browser in browsers:
        browser.force_login(make.user(is_staff=True, is_superuser=True))
    typed = {"kind": "about", "base": "1", "text": "新", "text_en": "New"}
    return sorted(at_once(*[lambda b=b: b.post(ADD, typed).status_code for b in browsers]))


def test_of_two_who_publish_at_once_the_second_is_told() -> None:
    assert both_publish() == [200, 302]
    assert Version.objects.count() == 1


def test_twin_without_the_lock_the_second_gets_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("on SQLite the transaction itself is the lock")

    def read(kind: str) -> int:
        newest = (
            Version.objects.filter(kind=kind).order_by("-number").values_list("number", flat=True).first()
        )
        time.sleep(0.3)  # both have read before one writes
        return newest or 1

    monkeypatch.setattr(documents_admin, "_newest_number", read)
    assert both_publish() == [302, 500]
