"""Bystanders (B1): another renter's orders beside every test of money, statuses, nights and counters.

They are paid, being refunded and unpaid, with mails to come, messages that nobody judged, lines of a bill and
an invoice that is wanted.
Nothing about them is due. No column of them may change: a statement that lost its WHERE changes them, which
a test with one order can't see.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache

import pytest
from django.db import connection, models, transaction
from django.db.backends.utils import CursorWrapper
from django.utils import timezone

from accounts.models import User
from houses.models import Area, BookedNight, House
from orders.models import InvoiceRequest, Order, OrderEvent, Review
from payments.models import BillLine, GatewayMessage, Payment, Refund
from tests.database_use import uses_database

ROOMS = ("bills", "houses", "jobs", "orders", "payments")
MODELS = (
    User,
    Area,
    House,
    Order,
    OrderEvent,
    BookedNight,
    Review,
    Payment,
    Refund,
    GatewayMessage,
    BillLine,
    InvoiceRequest,
)

Kind, Paid, Back = OrderEvent.Kind, Payment.Status, Refund.Status
Rows = dict[type[models.Model], list[tuple[object, ...]]]

STAYS: list[tuple[str, list[str], dict[str, int], list[str]]] = [
    # status of the order, statuses of its attempts, its refunds in fen, its timeline
    ("WAIT_ACCEPT", [], {}, [Kind.BOOKED]),
    ("WAIT_PAYMENT", [Paid.CLOSED, Paid.OPEN], {}, [Kind.BOOKED, Kind.ACCEPTED]),
    ("WAIT_COMMENT", [Paid.PAID], {}, [Kind.BOOKED, Kind.PAID]),
    ("COMPLETE", [Paid.PAID, Paid.SURPLUS], {Back.DONE: 30000}, [Kind.BOOKED, Kind.PAID, Kind.REVIEWED]),
    ("CANCELED", [Paid.PAID], {Back.SENT: 10000, Back.DUE: 20000}, [Kind.BOOKED, Kind.PAID, Kind.CANCELED]),
    (
        "WAIT_COMMENT",
        [Paid.PAID],
        {Back.DONE: 5000},
        [Kind.BOOKED, Kind.PAID, Kind.REFUNDED],
    ),
]
WAITING_FOR_MAIL = (Kind.ACCEPTED, Kind.REFUNDED)
FAR_AWAY = timedelta(days=15_000)
"""Their stays begin, or ended, and all that is due falls due, beyond the days that a test travels to."""


@pytest.fixture(autouse=True)
def bystanders(request: pytest.FixtureRequest) -> Iterator[None]:
    """Insert them before the test, and compare every column after it."""
    if not _is_watched(request.node):
        yield
        return
    request.getfixturevalue("_django_db_helper")  # here, or every test would name the database
    insert()
    before = rows()
    yield
    changed = [model.__name__ for model, found in rows().items() if found != before[model]]
    assert not changed, f"the test changed rows of another renter: {changed}"


def _is_watched(test: pytest.Item) -> bool:
    room = test.path.relative_to(test.config.rootpath).parts[0]
    return room in ROOMS and uses_database(test) and test.get_closest_marker("whole_table") is None


def rows() -> Rows:
    """Return all columns of the bystanders, whose keys are below zero."""
    with connection.cursor() as cursor:
        return {model: _rows_of(model, cursor) for model in MODELS}


def _rows_of(model: type[models.Model], cursor: CursorWrapper) -> list[tuple[object, ...]]:
    cursor.execute(_selection(model))
    return list(cursor.fetchall())


@cache
def _selection(model: type[models.Model]) -> str:
    # Django would spend most of the time of a short test on writing these statements.
    columns = ", ".join(connection.ops.quote_name(field.column) for field in model._meta.concrete_fields)
    return f"SELECT {columns} FROM {model._meta.db_table} WHERE id < 0 ORDER BY id"


def insert() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        for statement, values in _statements():
            cursor.executemany(statement, values)


@cache
def _statements() -> list[tuple[str, list[list[object]]]]:
    """Write the INSERTs once for each process: Django takes as long for them as for a short test."""
    return [_insertion(model, instances) for model, instances in _make(timezone.now()).items()]


def _insertion(model: type[models.Model], instances: list[models.Model]) -> tuple[str, list[list[object]]]:
    # A column with a default of the database's own gets that, and one that it computes can't be written.
    fields = [
        field
        for field in model._meta.concrete_fields
        if field.db_default is models.NOT_PROVIDED and not field.generated
    ]
    columns = ", ".join(connection.ops.quote_name(field.column) for field in fields)
    places = ", ".join(["%s"] * len(fields))
    values = [
        [field.get_db_prep_save(field.pre_save(row, add=True), connection) for field in fields]
        for row in instances
    ]
    return f"INSERT INTO {model._meta.db_table} ({columns}) VALUES ({places})", values


def _make(now: datetime) -> dict[type[models.Model], list[models.Model]]:
    """Make the rows, in the order in which they refer to each other."""
    renter = User(pk=-1, mobile="19999999999", name="Bystander", password="!")
    area = Area(pk=-1, name="Elsewhere")
    house = House(pk=-1, title="Elsewhere", area=area, address="1 Far Road", price_fen=15000, is_listed=False)
    made: dict[type[models.Model], list[models.Model]] = {model: [] for model in MODELS}

    def add(row: models.Model) -> None:
        row.pk = -1 - len(made[type(row)])
        made[type(row)].append(row)

    for row in (renter, area, house):
        add(row)
    for n, (status, attempts, refunds, events) in enumerate(STAYS):
        order = _order(n, status, renter, house, now)
        add(order)
        for kind in events:
            mail_due_at = now + FAR_AWAY if kind in WAITING_FOR_MAIL else None
            add(OrderEvent(order=order, kind=kind, created_at=now, mail_due_at=mail_due_at))
        if status not in Order.OVER:
            for night in (order.check_in, order.check_in + timedelta(days=1)):
                add(BookedNight(house=house, night=night, order_number=order.number))
        for count, paid in enumerate(attempts, 1):
            add(_attempt(order, count, paid, now))
        _add_refunds(add, made[Payment][-1:], refunds, now)
        if status == "COMPLETE":
            add(Review(order=order, house=house, renter=renter, rating=4, text="Fine", created_at=now))
    add(
        BookedNight(house=house, night=timezone.localdate(now) + FAR_AWAY - timedelta(days=1))
    )  # held by staff
    for payment in made[Payment]:
        add(
            GatewayMessage(
                channel="NOTIFY",
                raw=b"a",
                signature_ok=True,
                verdict="KNOWN",
                payment=payment,
                received_at=now,
            )
        )
    _add_unfinished(add, now)
    add(InvoiceRequest(order=made[Order][-1], title="Elsewhere", email="a@elsewhere.example", asked_at=now))
    house.order_count = len([order for order in made[Order] if order.is_paid])
    house.review_count, house.rating_sum = 1, 4
    return made


def _add_unfinished(add, now: datetime) -> None:
    """Add messages that nobody judged, too old and too new for the sweep, and lines of a bill far ahead.

    Staff resolved the messages, so that only one line is in the work queue.
    """
    for received_at in (now - FAR_AWAY, now + FAR_AWAY):
        add(
            GatewayMessage(
                channel="NOTIFY", raw=b"a", signature_ok=True, received_at=received_at, done_at=now
            )
        )
    bill_date = timezone.localdate(now) + FAR_AWAY
    for key, done_at in (("open", None), ("closed by a run", now)):
        add(BillLine(bill_date=bill_date, bill_fen=100, key=key, created_at=now, done_at=done_at))


def _order(n: int, status: str, renter: User, house: House, now: datetime) -> Order:
    # The stay that is reviewed has ended: its review counts.
    far = -FAR_AWAY if status == "COMPLETE" else FAR_AWAY
    check_in = timezone.localdate(now) + far + timedelta(days=7 * n)
    return Order(
        number=f"9901010000000{n}",
        renter=renter,
        house=house,
        house_title=house.title,
        check_in=check_in,
        check_out=check_in + timedelta(days=2),
        nights=2,
        price_per_night_fen=15000,
        amount_fen=30000,
        status=status,
        created_at=now,
        accept_by=now + FAR_AWAY,
        pay_by=now + FAR_AWAY,
    )


def _attempt(order: Order, count: int, status: str, now: datetime) -> Payment:
    took_money = status in (Paid.PAID, Paid.SURPLUS)
    return Payment(
        order=order,
        live_for=order if status == Paid.OPEN else None,
        out_trade_no=f"{order.number}_{count}",
        subject=f"爱家租房 订单 {order.number}",
        amount_fen=30000,
        expires_at=now + FAR_AWAY,
        status=status,
        trade_no=f"20990101{order.number}{count}" if took_money else "",
        received_fen=30000 if took_money else 0,
        paid_at=now + FAR_AWAY if took_money else None,
        evidence="" if not took_money else "RETURN" if order.status == "COMPLETE" else "QUERY",
        next_try_at=now + FAR_AWAY,
        created_at=now,
    )


def _add_refunds(add, payments: list[Payment], refunds: dict[str, int], now: datetime) -> None:
    for payment in payments:
        payment.refund_reserved_fen = sum(refunds.values())
        for n, (status, fen) in enumerate(refunds.items(), 1):
            add(
                Refund(
                    payment=payment,
                    out_request_no=f"{payment.out_trade_no}_R{n}",
                    amount_fen=fen,
                    status=status,
                    reason="SURPLUS" if payment.status == Paid.SURPLUS else "CANCELED",
                    due_at=now + FAR_AWAY,
                    next_try_at=None if status == Back.DONE else now + FAR_AWAY,
                    done_at=now if status == Back.DONE else None,
                    created_at=now,
                )
            )
