"""USR07: limits of unpaid orders, which block nights for other renters."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
import time_machine
from django.db import connection
from django.db.models import QuerySet
from django.test import Client
from django.utils import timezone

from accounts.models import User
from houses.models import BookedNight, House
from orders import booking, transitions
from orders.limits import (
    MAX_UNPAID,
    MAX_UNPAID_A_DAY,
    MAX_UNPAID_NIGHTS,
    MAX_UNPAID_PER_HOUSE,
    TooManyUnpaid,
)
from orders.models import Order, OrderEvent
from tests import make
from tests.interleaving import after
from tests.races import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def stay(nth: int) -> dict[str, object]:
    check_in = timezone.localdate() + timedelta(days=9 + nth)
    return {"check_in": check_in, "check_out": check_in + timedelta(days=1), "guests": 1}


def try_to_book(renter: User, house: House, nth: int = 0, *, nights: int = 1) -> str:
    dates = stay(nth)
    dates["check_out"] = dates["check_in"] + timedelta(days=nights)
    try:
        booking.book(house, renter=renter, **dates)
    except TooManyUnpaid:
        return "too many"
    return "booked"


def unpaid(renter: User, count: int) -> list[Order]:
    return [make.order(renter) for _ in range(count)]


def test_USR07_of_a_hundred_bookings_five_hold_nights() -> None:
    renter = make.user()
    houses = [make.house(instant_book=bool(n % 2)) for n in range(10)]
    told = [try_to_book(renter, houses[n % 10], n) for n in range(100)]
    assert told == ["booked"] * MAX_UNPAID + ["too many"] * (100 - MAX_UNPAID)
    assert make.rows(Order).count() == make.rows(BookedNight).count() == MAX_UNPAID
    assert make.rows(OrderEvent).filter(kind="BOOKED").count() == MAX_UNPAID
    assert try_to_book(make.user(), houses[-1], 99) == "booked"


def test_USR07_in_one_house_two() -> None:
    renter, house = make.user(), make.house()
    told = [try_to_book(renter, house, n) for n in range(4)]
    assert told == ["booked"] * MAX_UNPAID_PER_HOUSE + ["too many"] * 2
    assert try_to_book(renter, make.house()) == "booked"
    assert try_to_book(make.user(), house, 3) == "booked"


def test_USR07_fourteen_nights_in_all() -> None:
    renter = make.user()
    make.order(renter, nights=10)
    assert try_to_book(renter, make.house(), nights=MAX_UNPAID_NIGHTS - 9) == "too many"
    assert try_to_book(renter, make.house(), nights=MAX_UNPAID_NIGHTS - 10) == "booked"
    assert try_to_book(renter, make.house()) == "too many"


def test_USR07_a_single_stay_may_be_longer() -> None:
    renter = make.user()
    assert try_to_book(renter, make.house(), nights=MAX_UNPAID_NIGHTS + 1) == "booked"
    assert try_to_book(renter, make.house()) == "too many"


def cancelled(renter: User, count: int, **fields: object) -> list[Order]:
    return [make.order(renter, status=Order.Status.CANCELED, **fields) for _ in range(count)]


def test_USR07_cancelled_bookings_of_a_day_count() -> None:
    renter = make.user()
    cancelled(renter, MAX_UNPAID_A_DAY)
    assert try_to_book(renter, make.house()) == "too many"
    with time_machine.travel(timezone.now() + timedelta(hours=25)):
        assert try_to_book(renter, make.house()) == "booked"


def test_USR07_paid_bookings_of_a_day_dont_count() -> None:
    renter = make.user()
    orders = cancelled(renter, MAX_UNPAID_A_DAY)
    OrderEvent.objects.create(order=orders[0], kind=OrderEvent.Kind.PAID)
    assert try_to_book(renter, make.house()) == "booked"
    assert try_to_book(renter, make.house()) == "too many"


END: dict[str, Callable[[Order, User], object]] = {
    "paid": lambda order, _: transitions.mark_paid(order, trade_no="1", amount_fen=order.amount_fen),
    "cancelled": lambda order, _: transitions.cancel(order, by=order.renter),
    "expired": lambda order, _: transitions.expire(order),
}


@pytest.mark.parametrize("end", END.values(), ids=END.keys())
def test_an_order_that_is_paid_or_over_makes_room(end: Callable[[Order, User], object]) -> None:
    renter = make.user()
    orders = unpaid(renter, MAX_UNPAID)
    assert try_to_book(renter, make.house()) == "too many"
    end(orders[0], renter)
    assert try_to_book(renter, make.house()) == "booked"


def test_USR07_the_booking_page_says_so_and_keeps_the_input(client: Client) -> None:
    renter, house = make.user(), make.house()
    unpaid(renter, MAX_UNPAID)
    client.force_login(renter)
    client.cookies["django_language"] = "en"
    typed = {name: str(value) for name, value in stay(0).items()}
    page = client.post(f"/houses/{house.pk}/book/", typed)
    assert page.status_code == 422
    html = page.content.decode()
    (message,) = page.context["form"].non_field_errors()
    assert message.startswith("You have 5 orders awaiting acceptance or payment. ")
    assert message.endswith(' <a href="/orders/">My orders</a>')
    assert message in html
    for value in typed.values():
        assert f'value="{value}"' in html


# --- Concurrent bookings -------------------------------------------------------------------------------


@pytest.mark.race
def test_USR07_eight_bookings_at_once_and_room_for_one() -> None:
    renter = make.user()
    unpaid(renter, MAX_UNPAID - 1)
    told = at_once(*[partial(try_to_book, renter, make.house()) for _ in range(8)])
    assert sorted(told) == ["booked"] + ["too many"] * 7


def book_while_another_is_counted() -> list[str]:
    """Leave room for one; a rival books right after the first request has counted."""
    renter, told = make.user(), []
    unpaid(renter, MAX_UNPAID - 1)

    def rival() -> None:
        told.append(try_to_book(renter, make.house()))

    with after("orders.limits.check_unpaid", rival, elsewhere=True):
        told.append(try_to_book(renter, make.house()))
    return sorted(told)


@pytest.mark.race
def test_USR07_a_concurrent_booking_waits_and_is_counted() -> None:
    assert book_while_another_is_counted() == ["booked", "too many"]


@pytest.mark.race
def test_USR07_twin_without_the_lock_both_are_booked(monkeypatch: pytest.MonkeyPatch) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("on SQLite the transaction itself is the lock")
    monkeypatch.setattr(QuerySet, "select_for_update", lambda rows, **options: rows.all())
    assert book_while_another_is_counted() == ["booked", "booked"]
