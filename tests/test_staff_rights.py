"""Every address and action of the admin, for each kind of visitor, is as docs/staff.md says.

Both come from the registry and the URL resolver: a page or action without a row in the table fails.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.test import Client, RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from accounts import events, roles
from accounts.models import AccessEvent, AccountEvent, User
from documents.models import Agreement, Version
from houses.models import Area, BookedNight, ChannelCalendar, DoubleSale, Facility, House
from orders.models import InvoiceRequest, Order, OrderEvent, Recovery, Review
from payments.books import message_log
from payments.books.refunds import create
from payments.models import BillLine, GatewayMessage, Payment, Refund
from tests import alipay, make
from tests.alipay import Gateway
from tests.test_security import database

pytestmark = pytest.mark.django_db

TABLE = Path(__file__).resolve().parent.parent / "docs/staff.md"
VISITORS = ["nobody", "renter", roles.FRONT_DESK, roles.FINANCE, roles.MANAGER, "superuser"]
Rows = dict[type[Model], Model]


@pytest.fixture
def rows(gateway: Gateway) -> Rows:
    """One row of each model of the admin; the account is that of new staff without rights or password."""
    roles.add_missing()
    payment = make.attempt(make.order(), status="SURPLUS", live_for=None, received_fen=30000)
    order, house = payment.order, payment.order.house
    newcomer = make.user(is_staff=True)
    newcomer.set_unusable_password()
    newcomer.save()
    line = BillLine(bill_date=timezone.localdate(), kind="NOT_OURS", out_trade_no="1", trade_no="2")
    line.save()
    made = [
        *(newcomer, Group.objects.get(name=roles.FRONT_DESK), house.area, house, order, payment, line),
        events.note(newcomer, AccountEvent.Kind.ADDED, by=None),
        AccessEvent.objects.create(kind=AccessEvent.Kind.SIGNED_IN, user=newcomer, address="-", key="1"),
        Agreement.objects.create(user=newcomer, kind="terms", number=1, place="SIGN_UP"),
        Version.objects.create(kind="terms", number=2, text="Fine", text_en="Fine", author=order.renter),
        Facility.objects.create(name="Kitchen", icon="kitchen"),
        BookedNight.objects.create(house=house, night=timezone.localdate()),
        ChannelCalendar.objects.create(house=house, channel="Airbnb", url="https://example.com/"),
        DoubleSale.objects.create(house=house, channel="Airbnb", order_number="1", nights="2026-12-05"),
        OrderEvent.objects.create(order=order, kind="BOOKED"),
        Recovery.objects.create(lost_from=timezone.now()),
        Review.objects.create(order=order, house=house, renter=order.renter, rating=5, text="Fine"),
        InvoiceRequest.objects.create(order=order, title="Wang", email="wang@example.com"),
        create(payment, 30000, reason=Refund.Reason.SURPLUS),
        message_log.record_signed(GatewayMessage.Channel.NOTIFY, alipay.notify_body(payment), {}),
    ]
    return {type(row): row for row in made}


def browser_of(visitor: str) -> Client:
    browser = Client()
    browser.cookies["django_language"] = "en"
    if visitor == "renter":
        browser.force_login(make.user())
    elif visitor == "superuser":
        browser.force_login(make.user(is_staff=True, is_superuser=True))
    elif visitor != "nobody":
        browser.force_login(make.staff(visitor))
    return browser


# --- found in the admin -------------------------------------------------------------------------------


def addresses(resolver: URLResolver | None = None, before: str = "/admin/") -> Iterator[tuple[str, str]]:
    """Yield route and name of each URL pattern of the admin."""
    if resolver is None:
        [resolver] = [found for found in get_resolver().url_patterns if str(found.pattern) == "admin/"]
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLPattern):
            yield before + str(pattern.pattern), pattern.name or ""
        else:
            yield from addresses(pattern, before + str(pattern.pattern))


def list_of(model: type[Model]) -> str:
    return f"/admin/{model._meta.app_label}/{model._meta.model_name}/"


def leads_to_sign_in(answer: Any) -> bool:
    return answer.status_code == 302 and "/login/" in answer.url


def rights_on(browser: Client, row: Model, known: set[str]) -> str:
    """Return such as `see, change`. Adds the addresses to `known`; what is refused must change nothing."""
    start, route = list_of(type(row)), f"{list_of(type(row))}<path:object_id>/"
    known |= {start, f"{start}add/", route, *(f"{route}{step}/" for step in ("change", "delete", "history"))}
    page = {step: f"{start}{row.pk}/{step}/" for step in ("change", "delete", "history")}
    got = {name: browser.get(url) for name, url in {**page, "list": start, "add": f"{start}add/"}.items()}
    if any(leads_to_sign_in(answer) for answer in got.values()):
        assert all(leads_to_sign_in(answer) for answer in got.values())
        return "sign-in"
    seen = {got[name].status_code for name in ("list", "change", "history")}
    assert len(seen) == 1, f"{start} {seen}"
    may = {
        "see": seen == {200},
        "add": got["add"].status_code == 200,
        "change": seen == {200} and got["change"].context["has_change_permission"],
        "delete": got["delete"].status_code == 200,
    }
    for step in ("add", "change", "delete"):
        if not may[step]:
            assert is_refused(browser, page.get(step, f"{start}add/"), {"post": "yes"}), f"{start} {step}"
    return ", ".join(step for step, allowed in may.items() if allowed) or "-"


def is_refused(browser: Client, url: str, typed: dict[str, object]) -> bool:
    before = without_traces()
    answer = browser.post(url, typed)
    return answer.status_code == 403 and without_traces() == before


def without_traces() -> dict[str, object]:
    traces = ("accounts.AccountEvent", "accounts.AccessEvent")
    return {label: rows for label, rows in database().items() if label not in traces}


def actions() -> Iterator[tuple[type[Model], str]]:
    request = RequestFactory().get("/")
    request.user = User(is_active=True, is_staff=True, is_superuser=True)
    for model, model_admin in admin.site._registry.items():
        for name in model_admin.get_actions(request):
            yield model, name


def may_act(browser: Client, row: Model, action: str) -> str:
    before = without_traces()
    chosen = {"action": action, "_selected_action": [str(row.pk)]}
    answer = browser.post(list_of(type(row)), chosen)
    if leads_to_sign_in(answer):
        return "sign-in"
    is_list = answer.status_code == 200 and "cl" in answer.context  # as if nothing had been pressed
    told = browser.get(answer.url).content.decode() if answer.status_code == 302 else ""
    if answer.status_code != 403 and not is_list and "No action selected." not in told:
        return "yes"
    assert without_traces() == before, action
    return "-"


FILLED = {
    "/admin/autocomplete/": "/admin/autocomplete/?app_label=houses&model_name=bookednight&field_name=house",
}
"""Addresses that need more than their route."""


def filled(route: str, rows: Rows) -> str:
    kind = ContentType.objects.get_for_model(House).pk
    url = re.sub(r"\^\(\?P<app_label>.*", "orders/", FILLED.get(route, route))
    url = url.replace("<path:content_type_id>", str(kind)).replace("<int:content_type_id>", str(kind))
    owner = rows[Order if route.startswith("/admin/orders/order/") else User]
    url = url.replace("<path:object_id>", str(rows[House].pk)).replace("<id>", str(owner.pk))
    return re.sub(r"\(\?P<url>.*", "nowhere", url)


def may_open(browser: Client, route: str, rows: Rows) -> str:
    answer = browser.get(filled(route, rows))
    if leads_to_sign_in(answer):
        return "sign-in"
    return "-" if answer.status_code in (403, 404) else "yes"


def found_for(visitor: str, rows: Rows) -> dict[str, str]:
    browser = browser_of(visitor)
    known: set[str] = set()
    found = {list_of(model): rights_on(browser, rows[model], known) for model in admin.site._registry}
    for route, _name in addresses():
        if route not in known:
            label = re.sub(r"\^\(\?P<app_label>.*", "<app>/", re.sub(r"\(\?P<url>.*", "<other>", route))
            found[label.replace("path:", "").replace("int:", "")] = may_open(browser, route, rows)
    for model, name in actions():
        found[f"{list_of(model)} {name}"] = may_act(browser, rows[model], name)
    return found


# --- as the document says -----------------------------------------------------------------------------


def written_for(visitor: str) -> dict[str, str]:
    text = TABLE.read_text(encoding="utf-8")
    lines = re.findall(r"^\| `(/admin/[^|]*)` \|(.*)\|$", text, re.MULTILINE)
    cells = {key.replace("` `", " "): [cell.strip() for cell in rest.split("|")] for key, rest in lines}
    return {key: row[-len(VISITORS) :][VISITORS.index(visitor)] for key, row in cells.items()}


ON_EACH_DATABASE = "superuser"  # opens every page; rights are the same on every database
ANY_DATABASE = [pytest.param(each, marks=pytest.mark.any_database) for each in VISITORS[:-1]]


@pytest.mark.parametrize("visitor", [*ANY_DATABASE, ON_EACH_DATABASE])
def test_ACC04_every_address_and_action_is_as_the_table_says(visitor: str, rows: Rows) -> None:
    assert found_for(visitor, rows) == written_for(visitor)


def test_every_model_of_the_admin_has_a_row_here(rows: Rows) -> None:
    assert set(rows) == set(admin.site._registry)
    assert {Area, House, Order, Payment} <= set(rows)


def test_ACC04_a_page_without_a_row_would_be_found() -> None:
    found = {route for route, _name in addresses()}
    assert {"/admin/", "/admin/accounts/user/<id>/password/", "/admin/orders/order/add/"} <= found
    assert len(found) > 80
    assert len(list(actions())) > 10
