"""Attacks on the site as a whole: every address, every page, every log line."""

import gzip
import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

import pytest
from django.apps import apps
from django.conf import settings as site
from django.contrib.auth.models import Group
from django.contrib.sessions.models import Session
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory, override_settings
from django.urls import URLPattern, URLResolver, get_resolver, path, re_path
from django.utils import timezone
from django.views.static import serve
from pytest_django import Settings

from accounts.models import User
from houses import availability
from houses.models import House
from ihome_site.messages import _OwnCookie
from ihome_site.requests import Utf8Request
from ihome_site.settings import _pay_origins
from ihome_site.urls import urlpatterns as addresses_of_the_site
from orders.models import Order, Review
from payments.books import message_log
from payments.books.refunds import create
from payments.models import GatewayMessage, Payment, Refund
from tests import alipay, make
from tests.alipay import NOTIFY, PAYCOMPLETE, Gateway
from tests.proving import prove
from tests.settings import KEYS

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]

SECRET_IN_CODE = "a line of code that nobody outside may read"


def boom(request: HttpRequest) -> HttpResponse:
    password_in_a_variable = "a-password-in-a-variable"
    raise RuntimeError(SECRET_IN_CODE, password_in_a_variable)


urlpatterns = [*addresses_of_the_site, path("boom/", boom)]  # for the test of the 500 page


# --- every address ---------------------------------------------------------------------------------


class World(NamedTuple):
    """One row of each model, owned by a superuser, who may open every address."""

    superuser: User
    order: Order
    payment: Payment


@pytest.fixture
def world() -> World:
    superuser = make.user(is_staff=True, is_superuser=True)
    payment = make.attempt(make.order(superuser))
    payment.order.events.create(kind="BOOKED", actor=superuser)
    reviewed = make.order(superuser, house=payment.order.house, status=Order.Status.COMPLETE)
    Review.objects.create(order=reviewed, house=reviewed.house, renter=superuser, rating=5, text="Fine")
    surplus = make.attempt(reviewed, status="SURPLUS", live_for=None, received_fen=30000)
    create(surplus, 30000, reason=Refund.Reason.SURPLUS)
    message_log.record_signed(message_log.Channel.NOTIFY, alipay.notify_body(payment), {})
    reviewed.house.booked_nights.create(night=timezone.localdate())
    Group.objects.create(name="Front desk")
    payment.order.house.channel_calendars.create(channel="Airbnb", token="a-token")
    payment.order.house.double_sales.create(channel="Airbnb", nights="2026-12-05")
    return World(superuser, payment.order, payment)


def every_address(world: World) -> list[str]:
    """Return one address for each URL pattern, with existing rows in its placeholders."""
    return sorted({fill(route, world) for route in routes(get_resolver())})


def routes(resolver: URLResolver, before: str = "/", model: str = "") -> Iterator[tuple[str, str]]:
    for pattern in resolver.url_patterns:
        here = before + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield here, model
        else:
            # The admin puts a model's addresses below app/model/.
            found = re.search(r"admin/(\w+)/(\w+)/$", here)
            yield from routes(pattern, here, f"{found[1]}.{found[2]}" if found else model)


def fill(route_and_model: tuple[str, str], world: World) -> str:
    route, model = route_and_model
    first = apps.get_model(model)._base_manager.order_by("pk").first() if model else None
    values = {
        "number": world.order.number,
        "version": "1",
        "pk": str(world.order.house_id),
        "object_id": str(first.pk) if first else "1",
        "id": str(first.pk) if first else "1",
        "app_label": "orders",
        "content_type_id": "1",
        "path": "houses/none.jpg",
        "url": "nowhere",
        "token": "a-token",
    }
    route = re.sub(r"\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)", lambda match: values[match[1]], route)
    route = re.sub(r"<(?:\w+:)?(\w+)>", lambda match: values[match[1]], route)
    return re.sub(r"[\^$]|\(\?:|\\Z", "", route).replace("//", "/")


def database() -> dict[str, list[tuple[object, ...]]]:
    """Return all rows of all tables but the sessions."""
    models = [model for model in apps.get_models() if model._meta.label != "sessions.Session"]
    with connection.cursor() as cursor:
        return {model._meta.label: rows_of(model, cursor) for model in models}


def rows_of(model: type[Model], cursor: CursorWrapper) -> list[tuple[object, ...]]:
    # Not through the ORM: these are read after every request, and it takes longer than most of them.
    table, key = (connection.ops.quote_name(name) for name in (model._meta.db_table, model._meta.pk.column))
    cursor.execute(f"SELECT * FROM {table} ORDER BY {key}")
    return list(cursor.fetchall())


POST_ONLY = [
    "/houses/{house}/book/",
    "/orders/{number}/review/",
    "/payments/{number}/pay/",
    "/payments/{number}/check/",
    "/accounts/logout/",
    NOTIFY,
]


def filled(address: str, world: World) -> str:
    return address.format(house=world.order.house_id, number=world.order.number)


def test_every_address_is_found(world: World) -> None:
    """Check every_address() itself: its addresses must lead to pages."""
    addresses = every_address(world)
    assert {filled(address, world) for address in POST_ONLY} <= set(addresses)
    assert {"/", "/orders/", "/accounts/me/", "/admin/", "/livez", "/readyz", PAYCOMPLETE} <= set(addresses)
    assert not [address for address in addresses if re.search(r"[<>()?^$]", address)]
    client = Client()
    client.force_login(world.superuser)
    missing = {address for address in addresses if client.get(address).status_code == 404}
    of_paid_ones = (
        "/orders/{number}/calendar.ics",
        "/orders/{number}/invoice/",
        "/payments/{number}/receipt/",
    )
    known = {
        "/media/houses/none.jpg",
        "/admin/nowhere",
        "/admin/r/1/1/",
        filled("/houses/{house}/photos/", world),  # a house without photos
        *(filled(url, world) for url in of_paid_ones),
    }
    assert missing == known & missing
    assert len(addresses) - len(missing) > 60


@pytest.mark.parametrize("origin", ["https://evil.example", "null", None])
def test_SEC01_a_post_from_another_site_does_nothing(
    world: World, gateway: Gateway, origin: str | None
) -> None:
    """The browser sends the session cookie, but the other site can't send the token."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(world.superuser)
    headers = {"Origin": origin} if origin else {"Referer": "https://evil.example/page"}
    before = database()
    accepted = {}
    for address in every_address(world):
        answer = client.post(
            address, {"rating": "5", "text": "x", "action": "accept_bookings"}, headers=headers
        )
        if answer.status_code not in (403, 405):
            accepted[address] = answer.status_code
    assert set(accepted) <= {NOTIFY, "/admin/nowhere"}
    assert database() == {**before, "payments.GatewayMessage": database()["payments.GatewayMessage"]}
    assert gateway.calls == []


def test_SEC01_twin_the_same_post_with_the_token_is_accepted(world: World) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(world.superuser)
    html = client.get(world.order.get_absolute_url()).content.decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', html)[1]
    pay = f"/payments/{world.order.number}/pay/"
    assert client.post(pay).status_code == 403
    answer = client.post(pay, {"csrfmiddlewaretoken": token}, headers={"Origin": "http://testserver"})
    assert answer.url.startswith(site.ALIPAY_GATEWAY_URL)


@pytest.mark.parametrize("method", ["get", "head", "options"])
def test_SEC02_safe_methods_change_nothing(world: World, gateway: Gateway, method: str) -> None:
    client = Client()
    client.force_login(world.superuser)
    addresses = every_address(world)
    claims = {"action": "accept_bookings", "rating": "5", "text": "x", "another": "1", "language": "en"}
    before = database()
    for address in addresses:
        # The return page records any parameters, so it gets none.
        data = claims if method == "get" and address != PAYCOMPLETE else None
        answer = getattr(client, method)(address, data)
        assert answer.status_code < 500, address
        after = database()
        if address.endswith((".csv", ".xlsx")) and method == "get":
            before["admin.LogEntry"] = after["admin.LogEntry"]  # who downloaded it
        if address.endswith("a-token.ics") and method == "get":
            before["houses.ChannelCalendar"] = after["houses.ChannelCalendar"]  # what it was told
        assert after == before, address
    assert gateway.calls == []
    assert client.session["_auth_user_id"] == str(world.superuser.pk)
    assert "django_language" not in client.cookies


@pytest.mark.parametrize("address", POST_ONLY)
@pytest.mark.parametrize("method", ["get", "head", "put", "patch", "delete"])
def test_SEC02_post_only_addresses_accept_no_other_method(world: World, address: str, method: str) -> None:
    client = Client()
    for _ in range(2):
        assert getattr(client, method)(filled(address, world)).status_code == 405
        client.force_login(world.superuser)


@pytest.mark.parametrize("method", ["put", "patch", "delete", "options", "post"])
def test_odd_methods_cause_no_5xx(world: World, gateway: Gateway, method: str) -> None:
    client = Client()
    client.force_login(world.superuser)
    for address in every_address(world):
        if "logout" not in address:
            assert getattr(client, method)(address).status_code < 500, address


# --- headers and markup -----------------------------------------------------------


def every_page(world: World) -> Iterator[tuple[str, HttpResponse]]:
    """Yield HTML answers of all kinds: signed in and out, refused forms, errors."""
    visitor, renter = Client(raise_request_exception=False), Client(raise_request_exception=False)
    renter.force_login(world.superuser)
    number, house = world.order.number, world.order.house
    for client in (visitor, renter):
        for address in every_address(world):
            if "logout" not in address:
                yield address, client.get(address)
    for status in Order.Status:
        Order.objects.filter(pk=world.order.pk).update(status=status)
        yield status, renter.get(f"/orders/{number}/")
        yield status, renter.get("/orders/")
    Order.objects.filter(pk=world.order.pk).update(status=Order.Status.WAIT_COMMENT)
    yield "review refused", renter.post(f"/orders/{number}/review/")
    yield "booking refused", renter.post(f"/houses/{house.pk}/book/")
    yield "sign-in refused", visitor.post("/accounts/login/", {"username": "1", "password": "x"})
    yield "sign-up refused", visitor.post("/accounts/signup/", {"username": "1", "password": "x"})
    Order.objects.filter(pk=world.order.pk).update(status=Order.Status.WAIT_PAYMENT)
    inside_wechat = {"User-Agent": "Mozilla/5.0 MicroMessenger/8.0.48"}
    yield "way out of WeChat", renter.get(f"/payments/{number}/way-out/", headers=inside_wechat)
    yield "my page refused", renter.post("/accounts/me/", {"email": "x"})
    yield "none found", renter.get("/orders/", {"q": "nowhere"})
    yield "paid", renter.get(alipay.return_url(world.payment))
    yield "receipt", renter.get(f"/payments/{number}/receipt/")
    yield "paid, signed out", visitor.get(alipay.return_url(world.payment))
    yield "400", visitor.get("/", headers={"Host": "evil.example"})
    yield "403", Client(enforce_csrf_checks=True).post("/accounts/login/")
    yield "404", visitor.get("/nowhere/")
    yield "500", visitor.get("/boom/")


_pages: list[tuple[str, HttpResponse]] = []


@pytest.fixture
def pages(request: pytest.FixtureRequest) -> list[tuple[str, HttpResponse]]:
    """The answers of every_page(), which a process asks for once: tests only read them."""
    if not _pages:
        _pages.extend(found_pages(*map(request.getfixturevalue, ("world", "gateway"))))
    return _pages


def found_pages(world: World, gateway: Gateway) -> list[tuple[str, HttpResponse]]:
    gateway.says["query"] = alipay.paid(world.payment)
    with override_settings(ROOT_URLCONF=__name__):
        found = [
            (name, page) for name, page in every_page(world) if "text/html" in page.headers["Content-Type"]
        ]
    statuses = {page.status_code for _, page in found}
    assert {200, 302, 400, 403, 404, 405, 422, 500} <= statuses | {302, 405}
    assert len(found) > 100
    return found


def directives(page: HttpResponse) -> dict[str, list[str]]:
    parts = (part.split() for part in page.headers["Content-Security-Policy"].split(";") if part.strip())
    return {name: values for name, *values in parts}


def test_SEC04_no_page_can_be_put_in_a_frame(pages: list[tuple[str, HttpResponse]]) -> None:
    for name, page in pages:
        assert directives(page)["frame-ancestors"] == ["'none'"], name
        if page.status_code != 400:
            assert page.headers["X-Frame-Options"] == "DENY", name


def test_SEC04_the_page_of_a_bad_request_cannot_either() -> None:
    assert Client().get("/", headers={"Host": "evil.example"}).headers.get("X-Frame-Options") == "DENY"


def test_every_page_carries_the_policy(pages: list[tuple[str, HttpResponse]]) -> None:
    for name, page in pages:
        policy = directives(page)
        assert policy["default-src"] == ["'self'"], name
        assert policy["object-src"] == policy["base-uri"] == ["'none'"], name
        assert "script-src" not in policy
        assert "style-src" not in policy
        assert "unsafe" not in page.headers["Content-Security-Policy"], name
        assert policy["form-action"][0] == "'self'"
        assert page.headers["X-Content-Type-Options"] == "nosniff", name
        assert page.headers["Referrer-Policy"] in ("same-origin", "strict-origin"), name


@pytest.fixture
def files(tmp_path: Path, settings: Settings) -> Iterator[None]:
    """Provide a static file for WhiteNoise to serve, and uploaded ones."""
    (tmp_path / "css").mkdir()
    (tmp_path / "css" / "x.css").write_text("a { color: red }")
    (tmp_path / "x.webp").write_bytes(b"RIFF")
    (tmp_path / "x.txt").write_text("爱家")
    settings.STATIC_ROOT = str(tmp_path)
    photo = re_path("^media/(?P<path>.+)$", serve, {"document_root": tmp_path})
    with override_settings(ROOT_URLCONF=(photo, *urlpatterns)):
        yield


@pytest.mark.usefixtures("files")
def test_every_answer_carries_the_headers() -> None:
    visitor = Client(raise_request_exception=False)
    answers = {
        "a static file": visitor.get("/static/css/x.css"),
        "a photo": visitor.get("/media/x.webp"),
        "text": visitor.get("/media/x.txt"),
        "no static file": visitor.get("/static/css/none.css"),
        "another host": visitor.get("/", headers={"Host": "evil.example"}),
        "a redirect": visitor.get("/orders/"),
        "a health check": visitor.get("/livez"),
        "a notice": visitor.post(NOTIFY, "a=1", content_type="application/x-www-form-urlencoded"),
        "too many fields": visitor.get("/?" + "&".join("a" * 1200)),
        "an error": visitor.get("/boom/"),
        "the admin": visitor.get("/admin/"),
        "a page": visitor.get("/"),
    }
    assert {answer.status_code for answer in answers.values()} == {200, 302, 400, 404, 500}
    for name, answer in answers.items():
        assert directives(answer)["frame-ancestors"] == ["'none'"], name
        assert answer.headers["X-Frame-Options"] == "DENY", name
        assert answer.headers["X-Content-Type-Options"] == "nosniff", name
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin", name
        assert "camera=()" in answer.headers["Permissions-Policy"], name
        if answer.headers["Content-Type"].startswith("text/"):
            assert re.search(r'; charset="?utf-8"?$', answer.headers["Content-Type"]), name


def test_a_refused_host_on_https_carries_the_headers(settings: Settings) -> None:
    """Django reads the host early there, for the redirect."""
    settings.SECURE_SSL_REDIRECT = True
    for host, status in (("evil.example", 400), ("testserver", 301)):
        answer = Client().get("/", headers={"Host": host})
        assert answer.status_code == status
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert directives(answer)["default-src"] == ["'self'"]


class Inline(HTMLParser):
    """Collects markup that the Content-Security-Policy would block."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.inside: str | None = None

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = dict(attributes)
        self.inside = None
        if tag == "style" or "style" in values or any(name.startswith("on") for name in values):
            self.found.append(self.get_starttag_text() or tag)
        if tag == "script" and "src" not in values and values.get("type") != "application/json":
            self.found.append("script")
        if tag == "link" and values.get("rel") == "canonical":
            return  # an absolute address of our own, which browsers don't fetch
        for name in ("href", "src", "action", "formaction"):
            if re.match(r"\s*(javascript|data|https?):|\s*//", values.get(name) or "", re.IGNORECASE):
                self.found.append(f"{tag} {name}={values[name]}")


def test_no_page_needs_what_the_policy_forbids(pages: list[tuple[str, HttpResponse]]) -> None:
    """No inline script or style, no handler in an attribute, nothing from another host."""
    for name, page in pages:
        parser = Inline()
        parser.feed(page.content.decode())
        assert parser.found == [], name


def test_the_search_for_inline_code_finds_it() -> None:
    parser = Inline()
    parser.feed(
        "<p style='x'><b onclick='x'></b><script>x</script><style>x</style><a href=' JavaScript:x'></a>"
        "<script src='//cdn.example/x.js'></script><script src='/static/x.js'></script>"
    )
    assert len(parser.found) == 6


def test_SEC14_no_page_with_somebodys_order_is_kept_by_browsers(world: World, gateway: Gateway) -> None:
    """Each answer to the renter that has the order's number in it, also a refused form."""
    number, house = world.order.number, world.order.house.get_absolute_url()
    client = Client(raise_request_exception=False)
    client.force_login(world.superuser)
    stay = {"check_in": str(world.order.check_in), "check_out": str(world.order.check_out), "guests": "1"}
    availability.hold(world.order.house, world.order.check_in, world.order.check_out, order_number=number)
    answers = {address: client.get(address) for address in every_address(world) if "logout" not in address}
    answers["the home, with the stay"] = client.get(house, stay)
    answers["booking refused"] = client.post(f"{house}book/", {**stay, "guests": "99"})
    Order.objects.filter(pk=world.order.pk).update(status=Order.Status.WAIT_COMMENT)
    answers["review refused"] = client.post(f"/orders/{number}/review/", {"rating": "", "text": ""})
    Payment.objects.filter(pk=world.payment.pk).update(
        status="PAID", live_for=None, received_fen=30000, paid_at=timezone.now()
    )
    answers["paid"] = client.get(alipay.return_url(world.payment))
    answers["a receipt"] = client.get(f"/payments/{number}/receipt/")
    answers["a calendar"] = client.get(f"/orders/{number}/calendar.ics")
    telling = {
        name for name, answer in answers.items() if number in answer.getvalue().decode(errors="replace")
    }
    refused = {"booking refused", "review refused", f"/payments/{number}/cancel/"}
    assert {"the home, with the stay", "paid", "a receipt", "a calendar", "/orders/", *refused} <= telling
    for name in telling | {
        f"/payments/{number}/status/",
        PAYCOMPLETE,
        "/accounts/me/",
        "/accounts/password/",
    }:
        assert answers[name].status_code in (200, 405, 422), name
        kept = answers[name].headers.get("Cache-Control", "")
        assert "no-store" in kept, name
        assert "private" in kept, name
    assert "no-store" not in client.get(house).headers.get("Cache-Control", "")


def test_pages_are_compressed() -> None:
    page = Client().get("/", headers={"Accept-Encoding": "gzip"})
    assert page.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(page.content).startswith(b"<!doctype html>")


def test_cookies_are_httponly_and_samesite(world: World) -> None:
    client = Client(enforce_csrf_checks=True)
    html = client.get("/").content.decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', html)[1]
    form = {"username": world.superuser.mobile, "password": "a-good-password", "csrfmiddlewaretoken": token}
    client.post("/i18n/setlang/", {**form, "language": "en"})
    client.post(f"/orders/{world.order.number}/review/", {**form, "text": "x"})
    client.post("/accounts/login/", form)
    client.post(f"/payments/{world.order.number}/check/", headers={"Origin": "http://testserver"})
    assert set(client.cookies) == {
        *("sessionid", "csrftoken", "django_language", "messages", "review"),
        site.DEVICE_COOKIE_NAME,
    }
    for name, cookie in client.cookies.items():
        assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/"), name
        assert cookie["domain"] == "", name


# --- script injection ---------------------------------------------------------------------

PAYLOAD = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{ 7 }}{% now 'Y' %}"
ARRIVAL = "The key is below"
RAW = ("<script>alert", "<img src=x", "<img SRC=X")


def test_SEC08_scripts_in_any_field_are_shown_as_text(world: World, gateway: Gateway) -> None:
    superuser, order = world.superuser, world.order
    short = PAYLOAD[:40]
    House.objects.update(
        title=PAYLOAD, address=PAYLOAD, description=PAYLOAD, arrival=f"{ARRIVAL} {PAYLOAD}", rules=PAYLOAD
    )
    order.house.area.__class__.objects.update(name=short)
    User.objects.update(name=short)
    Review.objects.update(text=PAYLOAD)
    Order.objects.update(house_title=PAYLOAD, closing_reason=PAYLOAD, trade_no=PAYLOAD[:64])
    order.events.model.objects.update(reason=PAYLOAD)
    GatewayMessage.objects.update(raw=PAYLOAD.encode(), detail=PAYLOAD)
    client = Client()
    client.force_login(superuser)
    shown = {}
    pages = [(address, client.get(address)) for address in every_address(world) if "logout" not in address]
    for status in Order.Status:
        Order.objects.update(status=status)
        pages += [(status, client.get("/orders/")), (status, client.get(order.get_absolute_url()))]
    Order.objects.update(status=Order.Status.WAIT_PAYMENT)
    gateway.says["query"] = alipay.paid(world.payment)
    pages.append(("paid", client.get(alipay.return_url(world.payment))))
    order_row = {"action": "reject_bookings", "_selected_action": str(order.pk)}
    pages.append(("rejecting", client.post("/admin/orders/order/", order_row)))
    for name, page in pages:
        if page.get("Content-Disposition", "").startswith("attachment"):  # no browser shows it
            continue
        html = page.content.decode(errors="replace")
        for raw in RAW:
            assert raw not in html, name
        shown[name] = "&lt;script&gt;alert(1)" in html
        shown[f"arrival in {name}"] = f"{ARRIVAL} &lt;script&gt;alert(1)" in html
    for name in (
        *("/", order.house.get_absolute_url(), "/orders/", order.get_absolute_url(), "/accounts/me/", "paid"),
        *("rejecting", "/admin/orders/order/", "/admin/orders/review/", "/admin/payments/gatewaymessage/"),
        *("arrival in WAIT_COMMENT", "arrival in COMPLETE"),
        *(f"/admin/orders/order/{Order.objects.earliest('pk').pk}/change/", *Order.Status),
    ):
        assert shown[name], name


@pytest.mark.parametrize(
    ("method", "address", "data"),
    [
        ("get", "/?page={x}&area={x}&sort={x}", {}),
        ("get", "/orders/?status={x}&before={x}", {}),
        ("get", "/accounts/login/?next={x}", {}),
        ("get", "/accounts/signup/?next={x}", {}),
        ("get", PAYCOMPLETE + "?out_trade_no={x}&{x}={x}", {}),
        ("get", "/nowhere/{x}/", {}),
        ("post", "/accounts/login/", {"username": PAYLOAD, "password": PAYLOAD, "next": PAYLOAD}),
        ("post", "/accounts/signup/", {"username": PAYLOAD, "email": PAYLOAD, "next": PAYLOAD}),
        ("post", "/houses/{house}/book/", {"check_in": PAYLOAD, "check_out": PAYLOAD, "guests": PAYLOAD}),
        ("post", "/orders/{number}/review/", {"rating": PAYLOAD, "text": PAYLOAD}),
    ],
)
def test_SEC08_scripts_in_an_address_or_a_form_are_shown_as_text(
    world: World, method: str, address: str, data: dict[str, str]
) -> None:
    client = Client()
    address = address.format(
        x=urlencode({"": PAYLOAD})[1:], house=world.order.house_id, number=world.order.number
    )
    Order.objects.update(status=Order.Status.WAIT_COMMENT)
    for signed_in in (False, True):
        if signed_in:
            client.force_login(world.superuser)
        page = getattr(client, method)(address, data or None)
        assert page.status_code < 500
        assert not [raw for raw in RAW if raw in page.content.decode()]


# --- error pages --------------------------------------------------------------------


@override_settings(ROOT_URLCONF=__name__)
def test_SEC09_error_pages_reveal_nothing(world: World, settings: Settings) -> None:
    assert settings.DEBUG is False
    client = Client(raise_request_exception=False)
    client.force_login(world.superuser)
    answers = {
        500: client.get("/boom/", {"q": "what-was-asked"}),
        404: client.get("/nowhere/"),
        400: client.get("/", headers={"Host": "evil.example"}),
        403: Client(enforce_csrf_checks=True).post("/accounts/login/"),
    }
    secrets = [
        *(SECRET_IN_CODE, "a-password-in-a-variable", "RuntimeError", "Traceback", "boom", __name__),
        *("what-was-asked", "evil.example", "site-packages", "urlconf", "Django", "csrf_exempt", "DEBUG"),
        *(
            str(site.BASE_DIR),
            settings.SECRET_KEY,
            str(KEYS),
            site.DATABASES["default"]["NAME"],
            "CSRF cookie",
        ),
    ]
    for status, answer in answers.items():
        assert answer.status_code == status
        html = answer.content.decode()
        assert not [secret for secret in secrets if str(secret) in html], status
        assert 'class="button"' in html  # and offers a link to go on


@override_settings(ROOT_URLCONF=__name__)
def test_SEC09_the_error_is_in_our_log(caplog: pytest.LogCaptureFixture) -> None:
    Client(raise_request_exception=False).get("/boom/")
    assert SECRET_IN_CODE in caplog.text


# --- keys and canaries --------------------------------------------------------------------------------

# A PEM body, also with the marks of a diff before its lines, and DER of RSA keys as bare base64.
KEY_MATERIAL = re.compile(
    rb"-----BEGIN[ A-Z]* KEY-----(?:\\n|\s|[+\- ])+[A-Za-z0-9+/=]{40,}|\bMII[A-Za-z0-9+/]{60,}"
)


def test_SEC10_the_search_for_keys_finds_one() -> None:
    pem = (KEYS / "app_private_key.pem").read_bytes().partition(b"-----BEGIN")
    pem = pem[1] + pem[2]
    for text in (pem, pem.replace(b"\n", b"\n+"), pem.replace(b"\n", b"\\n"), b"".join(pem.split()[3:-3])):
        assert KEY_MATERIAL.search(text)


def test_SEC10_no_key_in_the_history() -> None:
    if not (Path(site.BASE_DIR) / ".git").exists():
        pytest.skip("not a git checkout")
    log = ["git", "-c", f"safe.directory={site.BASE_DIR}", "log", "-p", "--all", "--no-color", "--text"]
    history = subprocess.run(log, cwd=site.BASE_DIR, capture_output=True, timeout=60)
    assert history.returncode == 0, history.stderr
    assert b"payments/alipay/keys.py" in history.stdout
    assert [match[0][:60] for match in KEY_MATERIAL.finditer(history.stdout)] == []


CANARIES = {
    "buyer_id": "2088CANARY0000001",
    "buyer_logon_id": "canary***@example.com",
    "buyer_open_id": "CANARYOPENID",
    "seller_email": "canary-seller@example.com",
    "fund_bill_list": '[{"amount":"300.00","fundChannel":"CANARYCARD"}]',
    "passback_params": "CANARYPASSBACK",
}
PASSWORD = "canary-password-1"


def test_SEC10_no_canary_in_any_log(
    client: Client, gateway: Gateway, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """Sign up and in, pay, return, get notices and refusals, check: with marked data, all logged."""
    caplog.set_level(logging.DEBUG)
    prove(client, "/accounts/signup/", {"username": "13912345678", "password": PASSWORD})
    client.post("/accounts/logout/")
    client.post("/accounts/login/", {"username": "13912345678", "password": "canary-wrong-password"})
    client.post("/accounts/login/", {"username": "13912345678", "password": PASSWORD})
    signatures: list[str] = []
    for settled_by in ("return", "notify", "check", "nothing genuine"):
        order = make.order(User.objects.get(mobile="13912345678"))
        pay = client.post(f"/payments/{order.number}/pay/")
        signatures += re.findall(r"[?&]sign=([^&]+)", pay.url)
        payment = order.payments.get()
        gateway.says["query"] = alipay.paid(
            payment, buyer_user_id=CANARIES["buyer_id"], buyer_logon_id=CANARIES["buyer_logon_id"]
        )
        notice = alipay.notify_params(payment, **CANARIES)
        back = alipay.return_params(payment)
        if settled_by == "nothing genuine":
            messages = [({**back, "sign": "canary" * 50}), ({**notice, "sign": "canary" * 50})]
        else:
            messages = [alipay.signed(back), alipay.signed(notice)]
        signatures += [message["sign"] for message in messages]
        if settled_by != "notify":
            client.get(PAYCOMPLETE, messages[0])
        if settled_by == "check":
            client.post(f"/payments/{order.number}/check/")
        client.post(NOTIFY, urlencode(messages[1]), "application/x-www-form-urlencoded")
        assert client.get(order.get_absolute_url()).status_code == 200
    assert Order.objects.filter(status="WAIT_COMMENT").count() == 3
    # The refusals are logged, without the data.
    assert "signed with none of the known keys" in caplog.text or "not base64" in caplog.text

    out = capsys.readouterr()
    logged = caplog.text + out.out + out.err + "".join(repr(record.args) for record in caplog.records)
    assert "_1" in logged
    secrets = [*CANARIES.values(), PASSWORD, "canary-wrong-password", "CANARY", "canarycanary"]
    secrets += [piece for signature in signatures for piece in (signature[:24], signature[-24:])]
    secrets += [line for file in KEYS.glob("*.pem") for line in file.read_text().split() if len(line) > 20]
    secrets += [site.SECRET_KEY, str(client.session.session_key)]
    assert not [secret for secret in secrets if secret in logged]


def test_SEC10_the_access_log_leaves_the_query_out() -> None:
    """The query contains a return's signature. %(U)s is the path only; %(r)s and %(q)s include the query."""
    text = (Path(site.BASE_DIR) / "deploy" / "gunicorn.conf.py").read_text(encoding="utf-8")
    (form,) = re.findall(r"^access_log_format = (.+)$", text, re.MULTILINE)
    assert "%(U)s" in form
    for carrier in ("%(r)s", "%(q)s", "%(f)s", "{referer}", "{cookie}"):
        assert carrier not in form


SETTINGS_OF_HTTPS = [
    *("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "LANGUAGE_COOKIE_SECURE"),
    *("SECURE_SSL_REDIRECT", "SECURE_HSTS_SECONDS"),
]
COOKIES = [
    *("settings.SESSION_COOKIE_NAME", "settings.CSRF_COOKIE_NAME", "settings.LANGUAGE_COOKIE_NAME"),
    *("review_draft.COOKIE", "_OwnCookie.cookie_name"),
]


@pytest.mark.parametrize(
    ("url", "secure"), [("https://ihome.example", True), ("http://ihome.example", False)]
)
def test_an_https_site_redirects_to_https_and_has_secure_cookies(url: str, secure: bool) -> None:
    """Checked in a fresh process: these settings are computed at startup."""
    code = (
        "import django; django.setup()\n"
        "from django.conf import settings\n"
        "from ihome_site.messages import _OwnCookie\n"
        "from orders import review_draft\n"
        f"print([bool(getattr(settings, name)) for name in {SETTINGS_OF_HTTPS}])\n"
        f"print([name.startswith('__Host-') for name in [{', '.join(COOKIES)}]])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=site.BASE_DIR,
        env={**os.environ, "SITE_URL": url, "DJANGO_SETTINGS_MODULE": "ihome_site.settings"},
        capture_output=True,
        text=True,
        timeout=30,
    )
    expected = [[secure] * len(SETTINGS_OF_HTTPS), [secure] * len(COOKIES)]
    assert done.stdout.splitlines() == [str(line) for line in expected], done.stderr


@pytest.mark.parametrize("signs_in", [False, True])
def test_messages_of_a_stranger_leave_no_session(
    world: World, monkeypatch: pytest.MonkeyPatch, signs_in: bool
) -> None:
    """Once the cookie is full, the rest goes into the session, but only into that of a user."""
    monkeypatch.setattr(_OwnCookie, "max_cookie_size", 100)
    browser = Client(enforce_csrf_checks=True)
    browser.get("/accounts/login/")
    if signs_in:
        browser.force_login(world.superuser)
    for _ in range(3):
        browser.post(f"/payments/{world.order.number}/check/", headers={"Origin": "http://testserver"})
    kept = [session.get_decoded() for session in Session.objects.all()]
    assert ["_messages" in session for session in kept] == [True] * signs_in


def test_the_policy_lets_pay_lead_only_to_alipay() -> None:
    assert _pay_origins("https://openapi.alipay.com/gateway.do") == ["https://*.alipay.com"]
    sandbox = "https://openapi-sandbox.dl.alipaydev.com/gateway.do"
    assert _pay_origins(sandbox) == ["https://*.alipaydev.com"]
    assert set(_pay_origins("http://127.0.0.1:8001/gateway.do")) == {
        "http://127.0.0.1:8001",
        "http://localhost:8001",
    }
    assert _pay_origins("https://notalipay.com/")[0] == "https://notalipay.com"


def test_an_order_that_is_long_past_is_no_error(world: World) -> None:
    Order.objects.update(
        pay_by=timezone.now() - timedelta(days=900), created_at=timezone.now() - timedelta(days=900)
    )
    client = Client()
    client.force_login(world.superuser)
    for address in ("/orders/", world.order.get_absolute_url()):
        assert client.get(address).status_code == 200


@pytest.mark.parametrize(
    "content_type", ["text/plain; charset=hex", "text/plain; charset*=x''%00", "a; charset=idna"]
)
@pytest.mark.parametrize("address", ["/", "/payments/paycomplete/", "/payments/notify/", "/nowhere/"])
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.django_db(transaction=True)  # the handler closes connections
def test_a_bad_charset_causes_no_5xx(method: str, address: str, content_type: str) -> None:
    handler, answers = WSGIHandler(), []
    handler.request_class = Utf8Request
    environ = RequestFactory()._base_environ(
        REQUEST_METHOD=method, PATH_INFO=address, QUERY_STRING="a=%E4", CONTENT_TYPE=content_type
    )
    handler(environ, lambda status, headers: answers.append(status))
    assert answers
    assert answers[0] < "500"


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["check_in", "search"])
@pytest.mark.parametrize("checks", [True, False], ids=["no token", "any token"])
def test_a_form_that_is_not_utf_8_is_refused(name: str, checks: bool) -> None:
    browser = Client(enforce_csrf_checks=checks)
    browser.cookies["csrftoken"] = "a" * 32
    part = f'--B\r\nContent-Disposition: form-data; name="{name}"\r\n\r\ncheck_in=\\ud800\r\n--B--\r\n'
    kind = "multipart/form-data; boundary=B; charset=raw_unicode_escape"
    answer = browser.generic(
        "POST", make.house().get_absolute_url() + "book/", part, kind, headers={"Origin": "http://testserver"}
    )
    assert (answer.status_code, answer.content) == (400, b"Send forms in UTF-8.\n")


@pytest.mark.django_db
def test_a_malformed_form_at_an_unknown_address_is_a_404() -> None:
    browser = Client(enforce_csrf_checks=True, raise_request_exception=False)
    browser.cookies["csrftoken"] = "a" * 32
    assert browser.generic("POST", "/nowhere/", b"a=1", "multipart/form-data").status_code == 404
