"""Redis is for speed: without it, every page still answers, and nobody is signed out."""

import socket
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.contrib.sessions.backends.base import UpdateError
from django.core.cache import caches
from django.core.cache.backends.redis import RedisCache
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from ihome_site import cache as site_cache
from ihome_site.environment import runs_for_long
from orders.models import Order
from payments.books.invariants import broken_rules
from payments.models import Payment
from tests import alipay, make
from tests.alipay import Gateway

pytestmark = pytest.mark.django_db


def use(settings: Settings, port: int) -> None:
    seconds = {"socket_connect_timeout": 0.1, "socket_timeout": 0.1}
    address = f"redis://127.0.0.1:{port}/0"
    redis = {"BACKEND": "ihome_site.cache.Cache", "LOCATION": address, "OPTIONS": seconds}
    settings.CACHES = {"default": redis}
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"


@pytest.fixture(params=["hangs"])
def away(settings: Settings, request: pytest.FixtureRequest) -> Iterator[None]:
    """Redis takes connections and never answers, or was killed and refuses them."""
    site_cache.breaker.reset()
    with socket.create_server(("127.0.0.1", 0)) as server:
        use(settings, server.getsockname()[1])
        if request.param == "killed":
            server.close()
        yield
    site_cache.breaker.reset()


both_ways = pytest.mark.parametrize("away", ["hangs", "killed"], indirect=True)


@both_ways
def test_CLU02_a_renter_signs_in_and_stays_signed_in(
    away: None, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    client.force_login(make.user())
    began = time.monotonic()
    assert [client.get("/orders/").status_code for _ in range(10)] == [200] * 10
    assert time.monotonic() - began < 5
    errors = [record for record in caplog.records if record.levelname == "ERROR"]
    assert [record.getMessage() for record in errors] == [
        "circuit open for Redis after 5 failures; probing every 10 s"
    ]


@both_ways
def test_OPS03_an_order_is_booked_paid_and_seen_as_paid(away: None, client: Client, gateway: Gateway) -> None:
    client.force_login(make.user())
    house = make.house(instant_book=True)
    day = timezone.localdate() + timedelta(days=20)
    stay = {"check_in": str(day), "check_out": str(day + timedelta(days=1)), "guests": "1"}
    order = client.post(f"/houses/{house.pk}/book/", stay).url
    assert client.post(order.replace("/orders/", "/payments/") + "pay/").status_code == 302
    payment = make.rows(Payment).get()
    form = "application/x-www-form-urlencoded; charset=utf-8"
    assert client.post(alipay.NOTIFY, alipay.notify_body(payment), form).content == b"success"
    assert client.get(alipay.return_url(payment)).status_code == 200
    assert client.get(order).context["order"].status == Order.Status.WAIT_COMMENT
    assert list(broken_rules()) == []


def test_OPS03_twin_sessions_in_redis_alone_are_lost_with_it(
    away: None, client: Client, settings: Settings
) -> None:
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.cache"
    with pytest.raises(UpdateError):
        client.force_login(make.user())


def test_every_method_says_that_nothing_is_there(away: None) -> None:
    cache = caches["default"]
    assert (cache.get("x"), cache.get("x", 5), cache.get_many(["x"])) == (None, 5, {})
    assert (cache.add("x", 1), cache.delete("x"), "x" in cache) == (True, False, False)
    cache.set("x", 1)
    assert cache.set_many({"x": 1}) == []
    cache.delete_many(["x"])
    assert not cache.answers()


def test_what_could_not_be_deleted_does_not_come_back(away: None, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = caches["default"]
    cache.delete("the session of somebody who signed out")
    done: list[str] = []
    monkeypatch.setattr(RedisCache, "clear", lambda cache: done.append("cleared"))
    monkeypatch.setattr(cache._cache, "get", lambda key, default: done.append("read"))
    cache.get("x")
    cache.get("x")
    assert done == ["cleared", "read", "read"]


def test_a_frozen_database_holds_a_thread_for_half_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    if connection.vendor != "mysql":
        pytest.skip("MariaDB only")
    options = connection.settings_dict["OPTIONS"]
    assert (options["connect_timeout"], options["read_timeout"], options["write_timeout"]) == (5, 30, 30)


@pytest.mark.parametrize(
    ("arguments", "is_long"),
    [
        (["manage.py", "migrate"], True),
        (["/srv/ihome/current/manage.py", "check_money"], True),
        (["manage.py", "sweep", "--loop", "10"], False),
        (["gunicorn"], False),
    ],
)
def test_only_a_migration_or_a_check_of_all_rows_may_take_longer(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], is_long: bool
) -> None:
    monkeypatch.setattr("sys.argv", arguments)
    assert runs_for_long() is is_long
