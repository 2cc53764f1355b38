"""Log of acts: all sources as one list by time, page by page, at a constant number of queries."""

from datetime import datetime, timedelta

import pytest
from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts import roles
from accounts.models import AccessEvent, AccountEvent, User
from desk import log
from houses.models import House
from orders.models import Order, OrderEvent
from tests import make

pytestmark = pytest.mark.django_db

QUERIES = 15
START = datetime(2026, 11, 20, 12, tzinfo=timezone.get_default_timezone())


@pytest.fixture
def manager() -> User:
    user = make.staff(roles.MANAGER)
    user.name = "Manager"
    user.save()
    return user


@pytest.fixture
def desk(manager: User) -> Client:
    client = make.browser_of(manager)
    AccessEvent.objects.all().delete()
    return client


def changed(house: House, by: User, at: datetime, text: str = "Price: 300.00 → 320.00") -> None:
    entry = LogEntry.objects.create(
        user=by,
        content_type=ContentType.objects.get_for_model(House),
        object_id=str(house.pk),
        object_repr=str(house),
        action_flag=CHANGE,
        change_message=f'[{{"changed": {{"fields": ["{text}"]}}}}]',
    )
    LogEntry.objects.filter(pk=entry.pk).update(action_time=at)


def one_of_each(by: User, at: datetime, step: timedelta = timedelta(minutes=1)) -> Order:
    order = make.order(renter=by)
    changed(order.house, by, at)
    order.events.create(kind="BOOKED", actor=by, created_at=at + step)
    AccountEvent.objects.create(kind="ADDED", user=by, account=by.pk, actor=by, created_at=at + 2 * step)
    key = f"{at}{AccessEvent.objects.count()}"
    AccessEvent.objects.create(kind="SIGNED_IN", user=by, address="-", key=key, last_at=at + 3 * step)
    return order


def texts(client: Client, query: str = "") -> list[str]:
    return [entry.text for entry in client.get(f"/admin/log/?{query}").context["entries"]]


def everything(client: Client, query: str = "") -> list[log.Entry]:
    """The entries of all pages."""
    found: list[log.Entry] = []
    while True:
        context = client.get(f"/admin/log/?{query}").context
        found += context["entries"]
        if not (query := context["next_page"]):
            return found


def test_all_sources_are_one_list_newest_first(desk: Client, manager: User) -> None:
    order = one_of_each(manager, START)
    page = desk.get("/admin/log/")
    assert [entry.text for entry in page.context["entries"]] == [
        "Signed in",
        "Account added",
        "Booked",
        "Changed Price: 300.00 → 320.00.",
    ]
    assert order.number in page.content.decode()
    assert f"/admin/houses/house/{order.house_id}/change/" in page.content.decode()


def test_steps_of_nobody_are_left_out(desk: Client) -> None:
    make.order().events.create(kind="EXPIRED", actor=None)
    assert texts(desk) == []


def test_pages_have_each_entry_once_also_within_one_moment(
    desk: Client, manager: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "PAGE", 3)
    for number in range(4):
        one_of_each(manager, START + timedelta(minutes=number // 2), step=timedelta(0))
    found = everything(desk)
    assert len(found) == 16
    assert [entry.at for entry in found] == sorted((entry.at for entry in found), reverse=True)


def test_a_page_skips_nothing_where_two_sources_meet(
    desk: Client, manager: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        one_of_each(manager, START + timedelta(seconds=number), step=timedelta(0))
    whole = [(entry.at, entry.text, entry.url) for entry in everything(desk)]
    for size in range(1, 6):
        monkeypatch.setattr(log, "PAGE", size)
        assert [(entry.at, entry.text, entry.url) for entry in everything(desk)] == whole


def test_filters_by_person_day_kind_and_row(desk: Client, manager: User) -> None:
    other = make.user(name="Otto")
    order = one_of_each(other, START)
    one_of_each(manager, START + timedelta(days=1))
    assert len(texts(desk)) == 8
    assert len(texts(desk, "person=Otto")) == 4
    assert len(texts(desk, f"person=%2B86+{other.mobile}")) == 4
    assert texts(desk, "person=Nobody") == []
    assert len(texts(desk, "day=2026-11-21")) == 4
    assert texts(desk, "day=2026-11-22") == []
    assert texts(desk, "kind=orders&person=Otto") == ["Booked"]
    assert texts(desk, f"row=orders.order-{order.pk}") == ["Booked"]
    assert texts(desk, f"row=houses.house-{order.house_id}") == ["Changed Price: 300.00 → 320.00."]
    assert texts(desk, f"row=accounts.user-{other.pk}") == ["Signed in", "Account added"]


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("day=yesterday", "is no day"),
        ("day=9999-99-99", "is no day"),
        ("day=9999-12-31", "is no day"),
        ("row=orders.order-x", "no such row"),
        ("row=nothing-1", "no such row"),
        ("row=orders.order", "no such row"),
    ],
)
def test_what_can_t_be_looked_for_is_told(desk: Client, query: str, told: str) -> None:
    page = desk.get(f"/admin/log/?{query}")
    assert page.status_code == 200
    assert told in page.content.decode()


@pytest.mark.parametrize("after", ["x", "1_2", "nan_0_1", "inf_0_1", "1e99_0_1", "-1_-1_-1", "1_99_1"])
def test_an_odd_place_is_no_error(desk: Client, after: str) -> None:
    assert desk.get(f"/admin/log/?after={after}").status_code == 200


def test_rows_that_are_gone_stay_in_the_log(desk: Client, manager: User) -> None:
    gone = make.user(name="Gone")
    AccountEvent.objects.create(kind="CLOSED", user=None, account=gone.pk, actor=manager)
    LogEntry.objects.create(user=manager, object_id="1", object_repr="Old", action_flag=ADDITION)
    found = everything(desk)
    assert {entry.about for entry in found} == {f"#{gone.pk}", "Old"}


def test_more_rows_cost_no_more_queries(
    desk: Client, manager: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    one_of_each(manager, START)
    desk.get("/admin/log/")
    with django_assert_num_queries(QUERIES):
        desk.get("/admin/log/")
    for number in range(5):
        one_of_each(make.user(), START + timedelta(hours=number))
    with django_assert_num_queries(QUERIES):
        desk.get("/admin/log/")


def test_only_the_sources_that_the_role_may_see(manager: User) -> None:
    one_of_each(manager, START)
    auditor = make.user(is_staff=True)
    client = Client()
    client.force_login(auditor)
    assert client.get("/admin/log/").status_code == 403
    auditor.user_permissions.add(make_permission())
    AccessEvent.objects.exclude(user=manager).delete()
    assert len(client.get("/admin/log/").context["entries"]) == 2


def make_permission() -> Model:
    from django.contrib.auth.models import Permission

    return Permission.objects.get(codename="view_accountevent")


def test_the_log_is_reached_from_people(desk: Client) -> None:
    assert 'href="/admin/log/"' in desk.get("/admin/accounts/user/").content.decode()


def test_every_source_has_an_index_by_time_and_by_person() -> None:
    with connection.cursor() as cursor:
        for source in log.SOURCES:
            found = connection.introspection.get_constraints(cursor, source.model._meta.db_table)
            indexed = [each["columns"] for each in found.values() if each["index"]]
            person = source.model._meta.get_field(source.person).column
            assert [source.at] in indexed, source.name
            assert [person, source.at] in indexed, source.name
    assert OrderEvent in {source.model for source in log.SOURCES}
