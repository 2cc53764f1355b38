"""Traces of sign-ins, wrong passwords and codes: what is written, how much of it, and who sees it."""

import importlib
from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from django.conf import settings as site
from django.contrib.auth.models import Group
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import access_log, busy, codes, guessing, roles
from accounts.models import AccessEvent, User
from accounts.tests.test_guessing import PASSWORD, RENTERS, attempt, browser, many
from core.places import Places
from core.rate_limits import Limit
from jobs import cleanup
from tests import make
from tests.races import at_once

pytestmark = pytest.mark.django_db

Kind = AccessEvent.Kind
LIST = "/admin/accounts/accessevent/"
UNKNOWN = "13900001234"


@pytest.fixture(autouse=True)
def _early_in_a_quarter_of_an_hour() -> Iterator[None]:
    """Otherwise the next one may begin within a test, with rows of its own."""
    now = timezone.now()
    with time_machine.travel(now.replace(minute=now.minute // 15 * 15 + 1)):
        yield


@pytest.fixture
def person() -> User:
    return make.user()


def rows() -> list[tuple[str, str, str, str, int]]:
    found = AccessEvent.objects.order_by("id")
    return [(row.kind, row.number, row.address, row.reason, row.count) for row in found]


def masked(user: User) -> str:
    return f"{user.mobile[:3]}****{user.mobile[-4:]}"


def staff_browser(role: str) -> Client:
    client = browser()
    client.force_login(make.staff(role))
    return client


# --- what is written ------------------------------------------------------------------------------------


def test_a_sign_in_and_wrong_passwords_are_rows_of_the_account(person: User) -> None:
    guesser = browser("203.0.113.7")
    for _ in range(3):
        attempt(guesser, f"+86 {person.mobile}")
    assert attempt(guesser, person.mobile, PASSWORD) == "in"
    assert rows() == [
        (Kind.WRONG_PASSWORD, masked(person), "203.0.113.7", "", 3),
        (Kind.SIGNED_IN, masked(person), "203.0.113.7", "", 1),
    ]
    assert {row.user for row in AccessEvent.objects.all()} == {person}


def test_an_unknown_number_is_masked_and_no_number_is_left_out() -> None:
    attempt(browser(), UNKNOWN)
    attempt(browser(), "a password typed too early")
    assert rows() == [
        (Kind.WRONG_PASSWORD, "139****1234", "198.51.100.1", "", 1),
        (Kind.WRONG_PASSWORD, "", "198.51.100.1", "", 1),
    ]
    assert not AccessEvent.objects.exclude(user=None).exists()


def test_a_pause_names_its_limit(person: User) -> None:
    for address in many(12):
        attempt(browser(address), person.mobile)
    assert rows()[-1] == (Kind.PAUSED, masked(person), "203.0.113.10", guessing.BY_NUMBER.name, 2)


def test_codes_sent_refused_and_wrong_are_rows(person: User) -> None:
    client, page = browser(), "/accounts/login/code/"
    asked = client.post(page, {"username": person.mobile})
    client.post(page, {"username": person.mobile})
    form = asked.context["form"]
    typed = {name: form[name].value() or "" for name in ("username", "proof", "draft")}
    for _ in range(4):
        client.post(page, {**typed, "code": "000000"})
    kinds = [(kind, reason, count) for kind, _number, _address, reason, count in rows()]
    assert kinds == [
        (Kind.CODE_SENT, codes.Purpose.SIGN_IN, 1),
        (Kind.CODE_REFUSED, codes.AGAIN.name, 1),
        (Kind.WRONG_CODE, codes.Purpose.SIGN_IN, 3),
        (Kind.PAUSED, codes.TRIES.name, 1),
    ]


def test_every_limit_and_purpose_has_a_sentence() -> None:
    limits = [value for module in (codes, guessing) for value in vars(module).values()]
    names = {limit.name for limit in limits if isinstance(limit, Limit)} - {codes.USED.name}
    assert len(names) > 6
    names |= {codes.ASKED, codes.ASKED_DAILY, codes.BUDGET, *codes.Purpose}
    assert names <= set(access_log.REASONS)


@pytest.mark.django_db(transaction=True)
def test_a_refusal_undoes_no_row(person: User) -> None:
    attempt(browser(), person.mobile)
    assert [row[0] for row in rows()] == [Kind.WRONG_PASSWORD]
    assert not connection.in_atomic_block


# --- how much of it ---------------------------------------------------------------------------------------


def test_a_flood_from_many_addresses_is_eleven_rows(person: User) -> None:
    for address in many(40):
        attempt(browser(address), person.mobile)
    assert [row[4] for row in rows()] == [1] * 10 + [30]


def test_a_flood_for_many_numbers_has_an_upper_limit(monkeypatch: pytest.MonkeyPatch, person: User) -> None:
    monkeypatch.setattr(access_log, "ROWS", Limit("rows of the access log", 20, timedelta(minutes=15)))
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        for n, address in enumerate(many(30)):
            attempt(browser(address), f"139{n:08d}")
        assert len(rows()) == 20
        assert attempt(browser(), person.mobile, PASSWORD) == "in"
        assert len(rows()) == 21
    with time_machine.travel(now + timedelta(minutes=16), tick=False):
        attempt(browser(), UNKNOWN)
        assert len(rows()) == 22


@pytest.mark.parametrize("kind", [Kind.SIGNED_IN, Kind.NUMBER_CHANGED, Kind.EMAIL_CONFIRMED])
def test_a_flood_hides_nothing_that_owners_do(
    monkeypatch: pytest.MonkeyPatch, person: User, rf: RequestFactory, kind: str
) -> None:
    monkeypatch.setattr(access_log, "ROWS", Limit("rows of the access log", 0, timedelta(minutes=15)))
    access_log.note(rf.get("/"), Kind.WRONG_PASSWORD, person.mobile)
    access_log.note(rf.get("/"), kind, person.mobile)
    assert [row[0] for row in rows()] == [kind]


def test_the_next_quarter_of_an_hour_has_rows_of_its_own(person: User) -> None:
    now = timezone.now()
    for minutes in (0, 0, 15):
        with time_machine.travel(now + timedelta(minutes=minutes), tick=False):
            attempt(browser(), person.mobile)
    assert [row[4] for row in rows()] == [2, 1]


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_sign_ins_at_once_are_all_counted(person: User, monkeypatch: pytest.MonkeyPatch) -> None:
    for places in ("AT_DOORS", "HASHING"):
        monkeypatch.setattr(busy, places, Places(at_once=5))

    def sign_in() -> None:
        assert attempt(browser(), person.mobile, PASSWORD) == "in"

    at_once(*[sign_in] * 5)
    assert [row[4] for row in rows()] == [5]


def test_a_trace_costs_the_same_with_and_without_an_account(person: User) -> None:
    def statements(mobile: str) -> list[int]:
        found = []
        for _ in range(3):
            with CaptureQueriesContext(connection) as queries:
                attempt(browser(), mobile)
            found.append(len(queries))
        return found

    attempt(browser(), "13900000001")  # makes the counts of the address and of the rows
    known = statements(person.mobile)
    assert known == statements(UNKNOWN)
    assert known[1] == known[2] <= 12


def test_rows_of_half_a_year_ago_are_deleted_hourly(person: User) -> None:
    now = timezone.now()
    for days in (access_log.KEPT.days + 1, access_log.KEPT.days - 1):
        with time_machine.travel(now - timedelta(days=days), tick=False):
            attempt(browser(), person.mobile)
    with time_machine.travel(now, tick=False):
        assert cleanup.prune("sign-ins and codes") == 1
    assert len(rows()) == 1


# --- who sees it ------------------------------------------------------------------------------------------


def test_managers_search_by_number_and_day_and_read_reasons_in_words(person: User) -> None:
    for address in many(11):
        attempt(browser(address), person.mobile)
    attempt(browser(), UNKNOWN)
    manager = staff_browser(roles.MANAGER)
    found = manager.get(LIST, {"q": person.mobile, "kind__exact": Kind.PAUSED}).content.decode()
    assert "too many wrong passwords for this number" in found
    unknown = manager.get(LIST, {"q": UNKNOWN}).context["cl"].queryset
    assert [row.number for row in unknown] == ["139****1234"]
    today = timezone.localdate()
    day = {"last_at__year": today.year, "last_at__month": today.month, "last_at__day": today.day}
    assert manager.get(LIST, {**day, "q": person.mobile}).context["cl"].result_count == 11
    yesterday = today - timedelta(days=1)
    day = {
        "last_at__year": yesterday.year,
        "last_at__month": yesterday.month,
        "last_at__day": yesterday.day,
    }
    assert manager.get(LIST, day).context["cl"].result_count == 0


def test_an_account_links_to_its_rows_for_who_may_see_them(person: User) -> None:
    attempt(browser(), person.mobile)
    page = staff_browser(roles.MANAGER).get(f"/admin/accounts/user/{person.pk}/change/").content.decode()
    address = f"{LIST}?user__id__exact={person.pk}"
    assert f'href="{address}"' in page
    assert staff_browser(roles.MANAGER).get(address).context["cl"].result_count == 1
    assert staff_browser(roles.FRONT_DESK).get(address).status_code == 403


def test_the_migration_lets_managers_see_and_leaves_other_groups() -> None:
    roles.add_missing()
    manager, desk = (Group.objects.get(name=name) for name in (roles.MANAGER, roles.FRONT_DESK))
    manager.permissions.clear()
    before = set(desk.permissions.all())
    apps = MigrationLoader(connection).project_state().apps
    importlib.import_module("accounts.migrations.0011_access_events").let_managers_see(apps, None)
    assert [row.codename for row in manager.permissions.all()] == ["view_accessevent"]
    assert set(desk.permissions.all()) == before


def test_renters_see_their_own_last_sign_ins(person: User) -> None:
    attempt(browser("203.0.113.7"), person.mobile)
    attempt(browser("203.0.113.8"), make.user().mobile)
    own = browser()
    assert attempt(own, person.mobile, PASSWORD) == "in"
    page = own.get("/accounts/me/").content.decode()
    assert page.index("198.51.100.1") < page.index("203.0.113.7")
    assert "Wrong password" in page
    assert "203.0.113.8" not in page


def test_a_household_s_ipv6_addresses_are_one_row() -> None:
    for n in range(1, 4):
        browser(f"2001:db8:0:1::{n:x}").post(RENTERS, {"username": UNKNOWN, "password": "wrong"})
    assert rows() == [(Kind.WRONG_PASSWORD, "139****1234", "2001:db8:0:1::1", "", 3)]
    assert site.TRUST_PROXY is False
