"""Order numbers: fourteen digits, unique, and the constraints on orders."""

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from core.money import MAX_FEN
from orders import models
from orders.models import Order
from tests import make

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("now", "day"),
    [
        ("2026-11-22T23:59:59.999+08:00", "261122"),
        ("2026-11-23T00:00:00+08:00", "261123"),
        ("2026-11-22T16:00:00+00:00", "261123"),
        ("2028-02-29T12:00:00+08:00", "280229"),
    ],
)
def test_FMT07_a_number_begins_with_the_day_in_beijing(now: str, day: str) -> None:
    with time_machine.travel(now, tick=False):
        number = make.order().number
    assert number[:6] == day
    assert len(number) == 14
    assert number.isascii()
    assert number.isdigit()


def test_saving_again_keeps_the_number() -> None:
    order = make.order()
    number = order.number
    order.save()
    assert order.number == number


def test_numbers_are_not_sequential() -> None:
    numbers = [int(make.order().number) for _ in range(20)]
    assert len(set(numbers)) == 20
    assert numbers != sorted(numbers)


def test_a_number_that_is_taken_is_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter([7, 7, 7, 8])
    monkeypatch.setattr(models.secrets, "randbelow", lambda below: next(drawn))
    assert [make.order().number[6:], make.order().number[6:]] == ["00000007", "00000008"]


def test_the_database_refuses_a_second_order_with_a_number() -> None:
    number = make.order().number
    with transaction.atomic(), pytest.raises(IntegrityError):
        make.order(number=number)


def test_FMT03_the_largest_amount_fits_and_one_fen_more_does_not() -> None:
    assert make.rows(Order).get(pk=make.order(amount_fen=MAX_FEN).pk).amount_fen == MAX_FEN
    for amount in (MAX_FEN + 1, 0, -1):
        with transaction.atomic(), pytest.raises(IntegrityError):
            make.order(amount_fen=amount)


def test_STA02_an_order_and_the_rows_it_refers_to_cant_be_deleted() -> None:
    payment = make.attempt()
    order = payment.order
    order.events.create(kind="BOOKED")
    for row in (order, order.house, order.renter, order.house.area):
        with pytest.raises(ProtectedError):
            row.delete()
