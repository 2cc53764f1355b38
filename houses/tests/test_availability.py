"""Availability: half-open stays, one holder for each night."""

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from hypothesis import given
from hypothesis import strategies as st

from houses import availability
from houses.availability import NightsTaken, nights_between
from houses.models import BookedNight, House
from tests import make

MAY = date(2027, 5, 1)


def may(day: int) -> date:
    return MAY.replace(day=day)


def held(house: House) -> list[int]:
    return [night.day for night in house.booked_nights.order_by("night").values_list("night", flat=True)]


@pytest.fixture
def house(db: None) -> House:
    """A house with a stay from 10 to 15 May: the nights of the 10th to the 14th are taken."""
    made = make.house()
    availability.hold(made, may(10), may(15), order_number="26112200000001")
    return made


@given(st.dates(max_value=date(9000, 1, 1)), st.integers(min_value=0, max_value=400))
def test_a_stay_has_one_night_for_each_day_before_check_out(check_in: date, days: int) -> None:
    nights = nights_between(check_in, check_in + timedelta(days=days))
    assert len(nights) == len(set(nights)) == days
    assert check_in + timedelta(days=days) not in nights
    assert days == 0 or min(nights) == check_in


def test_FMT07_29_february_is_a_night() -> None:
    assert nights_between(date(2028, 2, 28), date(2028, 3, 1)) == [date(2028, 2, 28), date(2028, 2, 29)]
    assert nights_between(date(2027, 2, 28), date(2027, 3, 1)) == [date(2027, 2, 28)]


@pytest.mark.parametrize(
    ("check_in", "check_out"),
    [(10, 15), (9, 11), (14, 15), (14, 16), (10, 11), (11, 13), (5, 20), (9, 16)],
    ids="{}".format,
)
def test_BOK02_any_shared_night_is_refused(house: House, check_in: int, check_out: int) -> None:
    with transaction.atomic(), pytest.raises(NightsTaken):
        availability.hold(house, may(check_in), may(check_out), order_number="26112200000002")
    assert held(house) == [10, 11, 12, 13, 14]


@pytest.mark.parametrize(("check_in", "check_out"), [(15, 17), (8, 10), (16, 17), (1, 2)], ids="{}".format)
def test_BOK02_check_in_on_the_day_of_another_check_out(house: House, check_in: int, check_out: int) -> None:
    availability.hold(house, may(check_in), may(check_out), order_number="26112200000002")
    assert set(held(house)) == {10, 11, 12, 13, 14, *range(check_in, check_out)}


def test_another_house_has_its_own_nights(house: House) -> None:
    availability.hold(make.house(), may(10), may(15), order_number="26112200000002")
    assert make.rows(BookedNight).count() == 10


def test_the_database_refuses_a_second_holder(house: House) -> None:
    with transaction.atomic(), pytest.raises(IntegrityError):
        BookedNight.objects.create(house=house, night=may(12))


def test_releasing_frees_the_nights_of_one_order_alone(house: House) -> None:
    availability.hold(house, may(15), may(16), order_number="26112200000002")
    availability.release("26112200000001")
    assert held(house) == [15]


def test_releasing_no_order_would_free_what_staff_hold(house: House) -> None:
    with pytest.raises(ValueError, match="no order"):
        availability.release("")


def test_taken_returns_only_nights_of_the_stay(house: House) -> None:
    assert availability.taken(house, may(14), may(20)) == {may(14)}
    assert availability.taken(house, may(15), may(20)) == set()


def test_staff_hold_and_release_a_night(house: House) -> None:
    night = BookedNight(house=house, night=may(20))
    availability.hold_for_staff(night)
    assert held(house)[-1] == 20
    availability.release_for_staff(night)
    assert held(house) == [10, 11, 12, 13, 14]


def test_BOK05_staff_neither_take_nor_release_the_night_of_an_order(house: House) -> None:
    with transaction.atomic(), pytest.raises(NightsTaken):
        availability.hold_for_staff(BookedNight(house=house, night=may(12)))
    availability.release_for_staff(house.booked_nights.get(night=may(12)))
    assert held(house) == [10, 11, 12, 13, 14]


@pytest.mark.parametrize(("first", "last"), [(15, 15), (15, 18), (7, 9)], ids="{}".format)
def test_staff_hold_a_range_of_nights_with_a_note(house: House, first: int, last: int) -> None:
    availability.hold_range_for_staff(house.pk, may(first), may(last), note="Boiler")
    nights = house.booked_nights.filter(order_number="", note="Boiler").order_by("night")
    assert [night.night.day for night in nights] == list(range(first, last + 1))


@pytest.mark.parametrize(("first", "last"), [(14, 16), (8, 10), (8, 20), (12, 12)], ids="{}".format)
def test_BOK05_a_range_with_a_night_of_an_order_is_refused_whole(house: House, first: int, last: int) -> None:
    with transaction.atomic(), pytest.raises(NightsTaken):
        availability.hold_range_for_staff(house.pk, may(first), may(last))
    assert held(house) == [10, 11, 12, 13, 14]


def test_BOK05_releasing_a_range_frees_only_what_staff_hold(house: House) -> None:
    other = make.house()
    for home in (house, other):
        availability.hold_range_for_staff(home.pk, may(15), may(17))
    assert availability.release_range_for_staff(house.pk, may(12), may(16)) == [may(15), may(16)]
    assert held(house) == [10, 11, 12, 13, 14, 17]
    assert held(other) == [15, 16, 17]
    assert availability.release_range_for_staff(house.pk, may(12), may(16)) == []


def test_a_house_with_booked_nights_can_not_be_deleted(house: House) -> None:
    with pytest.raises(ProtectedError):
        house.delete()
