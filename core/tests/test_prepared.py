"""Prepared statements beside the querysets that they stand for: the same SQL, the same rows."""

from datetime import timedelta
from threading import Thread

import pytest
from django.db import IntegrityError, connection
from django.db.models import Count
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.prepared import Insert, Select, SelectMany, Update
from houses.models import House
from orders.models import Order, OrderEvent
from payments.models import Payment
from tests import make

pytestmark = pytest.mark.django_db

BY_NUMBER = Select(
    lambda value: (
        Order.objects.select_related("house__area", "renter")
        .annotate(attempts=Count("payments"))
        .filter(number=value(Order, "number"), created_at__lte=value(Order, "created_at", "now"))
    )
)
CANCEL = Update(
    lambda value: (
        Order.objects.filter(pk=value(Order, "pk", "key"), status=Order.Status.WAIT_PAYMENT),
        {"status": Order.Status.CANCELED, "pay_by": value(Order, "pay_by")},
    )
)
HOMES = SelectMany(
    House,
    "pk",
    lambda value, keys: House.objects.filter(pk__in=keys, price_fen__gte=value(House, "price_fen")),
)
NEW_EVENT = Insert(OrderEvent)


def test_rows_are_those_of_the_queryset() -> None:
    order, _other = make.order(), make.order()
    now = timezone.now()
    with CaptureQueriesContext(
        connection,
    ) as sent:
        (found,) = BY_NUMBER.all(number=order.number, now=now)
        plain = (
            Order.objects.select_related("house__area", "renter")
            .annotate(attempts=Count("payments"))
            .get(number=order.number, created_at__lte=now)
        )
    assert found == plain
    columns = [field.attname for field in Order._meta.concrete_fields]
    assert [getattr(found, name) for name in columns] == [getattr(plain, name) for name in columns]
    with CaptureQueriesContext(connection) as none:
        assert (found.house.area.name, found.renter.mobile) == (plain.house.area.name, plain.renter.mobile)
        assert found.attempts == plain.attempts == 0
    assert not none.captured_queries
    # get() has a limit of its own.
    ours, djangos = (query["sql"] for query in sent.captured_queries)
    assert djangos.startswith(ours)


@pytest.mark.parametrize("count", [1, 24, 25])
def test_rows_of_many_keys(count: int) -> None:
    homes = [make.house() for _ in range(count + 1)]
    keys = [home.pk for home in homes[:-1]]
    assert {home.pk for home in HOMES.all(keys, price_fen=1)} == set(keys)
    assert HOMES.all(keys, price_fen=10**9) == []


@pytest.mark.parametrize(("price_fen", "is_found"), [(2**63, False), (-(2**63) - 1, True)])
def test_a_number_that_no_column_holds_finds_what_a_queryset_finds(price_fen: int, is_found: bool) -> None:
    home = make.house()
    assert HOMES.all([home.pk], price_fen=price_fen) == [home] * is_found
    assert list(House.objects.filter(pk=home.pk, price_fen__gte=price_fen)) == [home] * is_found


def test_no_keys_send_nothing() -> None:
    with CaptureQueriesContext(connection) as sent:
        assert HOMES.all([], price_fen=1) == []
    assert not sent.captured_queries


def test_a_row_that_is_not_there() -> None:
    assert BY_NUMBER.first(number="0" * 14, now=timezone.now()) is None


def test_a_changed_instance_is_saved_as_any_other() -> None:
    order = make.order()
    found = BY_NUMBER.first(number=order.number, now=timezone.now())
    assert found is not None
    found.closing_reason = "changed"
    found.save(update_fields=["closing_reason"])
    order.refresh_from_db()
    assert order.closing_reason == "changed"


def test_an_update_changes_the_rows_of_its_queryset_alone() -> None:
    order, other, now = make.order(), make.order(), timezone.now() + timedelta(days=1)
    with CaptureQueriesContext(connection) as sent:
        assert CANCEL(key=order.pk, pay_by=now) == 1
        assert CANCEL(key=order.pk, pay_by=now) == 0
        Order.objects.filter(pk=order.pk, status=Order.Status.WAIT_PAYMENT).update(
            status=Order.Status.CANCELED, pay_by=now
        )
    order.refresh_from_db()
    other.refresh_from_db()
    assert (order.status, order.pay_by, other.status) == ("CANCELED", now, "WAIT_PAYMENT")
    first, _second, djangos = (query["sql"] for query in sent.captured_queries)
    assert first == djangos


def test_an_inserted_row_is_the_one_that_save_writes() -> None:
    order, now = make.order(), timezone.now()
    values = {
        "order": order,
        "kind": OrderEvent.Kind.PAID,
        "amount_fen": 30000,
        "created_at": now,
        "mail_due_at": now,
    }
    with CaptureQueriesContext(connection) as sent:
        ours = NEW_EVENT(OrderEvent(**values))
        djangos = OrderEvent.objects.create(**values)
    assert ours.pk and ours.pk + 1 == djangos.pk
    columns = [field.attname for field in OrderEvent._meta.concrete_fields if field.attname != "id"]
    stored = OrderEvent.objects.get(pk=ours.pk)
    assert [getattr(stored, name) for name in columns] == [getattr(djangos, name) for name in columns]
    ours_sql, djangos_sql = (query["sql"].split(" RETURNING")[0] for query in sent.captured_queries)
    assert ours_sql == djangos_sql
    ours.reason = "changed"
    ours.save()
    assert OrderEvent.objects.get(pk=ours.pk).reason == "changed"


def test_a_row_that_exists_is_an_integrity_error() -> None:
    order = make.order()
    with pytest.raises(IntegrityError):
        Insert(Order)(Order(**{field.attname: getattr(order, field.attname) for field in Order._meta.fields}))


def test_a_value_that_is_not_given_is_an_error() -> None:
    with pytest.raises(KeyError):
        CANCEL(key=1)


def test_a_prefetch_would_be_lost_and_is_refused() -> None:
    statement = Select(lambda value: Payment.objects.prefetch_related("refunds"))
    with pytest.raises(AssertionError):
        statement.all()


@pytest.mark.parametrize("value", ["%s", "100%", "'; --", "\\"])
def test_values_are_never_text_of_the_statement(value: str) -> None:
    order = make.order(closing_reason=value)
    by_reason = Select(lambda value: Order.objects.filter(closing_reason=value(Order, "closing_reason")))
    assert [row.pk for row in by_reason.all(closing_reason=value) if row.pk > 0] == [order.pk]


def test_the_text_is_written_once() -> None:
    described = []
    statement = Select(lambda value: described.append(1) or Order.objects.filter(pk=value(Order, "pk")))
    for _ in range(3):
        statement.all(pk=1)
    thread = Thread(target=lambda: (statement.sql, connection.close()))
    thread.start()
    thread.join()
    assert described == [1]
