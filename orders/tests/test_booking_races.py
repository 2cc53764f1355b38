"""BOK01: eight renters book the same night concurrently, with the guards and without them."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date, timedelta
from functools import partial
from threading import Barrier, BrokenBarrierError

import pytest
from django.db import OperationalError, connection
from django.db.models import QuerySet
from django.forms import ModelForm
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from core.transactions import durable_transaction
from houses import availability
from houses.admin import BookedNightForm
from houses.availability import NightsTaken
from houses.models import BookedNight, House
from orders import booking, review_sums, transitions
from orders.models import Order, OrderEvent, Review
from tests import make
from tests.interleaving import before
from tests.races import at_once

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

RENTERS = 8


@pytest.fixture
def no_early_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip the check before the transaction, as if all had read before the first commit."""
    monkeypatch.setattr(availability, "taken", lambda *stay, **days: set())


def rush(house: House) -> list[str]:
    """Book two nights by RENTERS at once, half of them a day earlier, with one night in common.

    Returns the results, sorted.
    """
    night = timezone.localdate() + timedelta(days=9)

    def try_to_book(renter: User, check_in: date) -> str:
        stay = {"check_in": check_in, "check_out": check_in + timedelta(days=2)}
        try:
            booking.book(house, renter=renter, guests=1, **stay)
        except NightsTaken:
            return "taken"
        return "booked"

    acts = [partial(try_to_book, make.user(), night - timedelta(days=n % 2)) for n in range(RENTERS)]
    return sorted(at_once(*acts))


def one_won(house: House, told: list[str]) -> bool:
    """True if there is one order with one event and its two nights, and the other renters got "taken"."""
    house.refresh_from_db()
    orders = make.rows(Order).values_list("number", flat=True)
    return (
        told == ["booked"] + ["taken"] * (RENTERS - 1)
        and len(orders) == 1
        and make.rows(OrderEvent).count() == 1
        and list(make.rows(BookedNight).values_list("order_number", flat=True)) == [orders[0]] * 2
    )


@contextmanager
def without_the_unique_night() -> Iterator[None]:
    (constraint,) = constraints = BookedNight._meta.constraints
    BookedNight._meta.constraints = []  # SQLite rebuilds the table from these
    with connection.schema_editor() as editor:
        editor.remove_constraint(BookedNight, constraint)
    try:
        yield
    finally:
        make.rows(BookedNight).all().delete()
        BookedNight._meta.constraints = constraints
        with connection.schema_editor() as editor:
            editor.add_constraint(BookedNight, constraint)


@pytest.mark.usefixtures("no_early_refusal")
def test_BOK01_one_wins_and_the_others_are_refused() -> None:
    house = make.house()
    told = rush(house)
    assert one_won(house, told), told


@pytest.mark.usefixtures("no_early_refusal")
def test_BOK01_the_unique_row_decides_without_the_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on two nodes of a cluster, which don't see each other's locks."""
    monkeypatch.setattr(QuerySet, "select_for_update", lambda rows, **options: rows.all())
    house = make.house()
    told = rush(house)
    assert one_won(house, told), told


@pytest.mark.usefixtures("no_early_refusal")
def test_BOK01_twin_without_the_unique_night_the_house_is_booked_twice() -> None:
    house = make.house()
    with without_the_unique_night():
        told = rush(house)
        doubly_booked = make.rows(BookedNight).count() - len(set(make.rows(BookedNight).values_list("night")))
        assert not one_won(house, told), told
        assert doubly_booked > 0


def test_the_unique_night_is_back_after_the_twin() -> None:
    with connection.cursor() as cursor:
        known = connection.introspection.get_constraints(cursor, BookedNight._meta.db_table)
    assert [
        name for name, facts in known.items() if facts["unique"] and facts["columns"] == ["house_id", "night"]
    ]


AT_ONCE = 16
"""Threads of gunicorn on two cores; further requests queue."""


def post_bookings(house: House, people: int) -> Counter[int]:
    """Post the booking form for the same two nights by `people` renters; return the HTTP statuses."""
    night = timezone.localdate() + timedelta(days=9)
    stay = {"check_in": night, "check_out": night + timedelta(days=2), "guests": 1}
    browsers = []
    for _ in range(people):
        browser = Client(raise_request_exception=False)
        browser.force_login(make.user())
        browsers.append(browser)
    queue = iter(browsers)  # shared by the threads

    def post_next() -> Counter[int]:
        return Counter(browser.post(reverse("book", args=[house.pk]), stay).status_code for browser in queue)

    return sum(at_once(*[post_next] * AT_ONCE), Counter())


def test_BOK04_five_hundred_want_one_house() -> None:
    """One booking, a refusal with a message for each of the others, and no server error."""
    house = make.house(instant_book=True)
    people = 500 if connection.vendor == "mysql" else 100  # SQLite lets one write at a time anyway
    assert post_bookings(house, people) == {302: 1, 422: people - 1}
    assert make.rows(Order).count() == 1
    assert make.rows(BookedNight).count() == 2


@pytest.mark.usefixtures("no_early_refusal")
def test_BOK04_twin_without_the_unique_night_several_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QuerySet, "select_for_update", lambda rows, **options: rows.all())
    house = make.house(instant_book=True)
    with without_the_unique_night():
        post_bookings(house, 50)
        assert make.rows(Order).count() > 1


def pressed_at_once(house: House, renter: User, times: int) -> set[int]:
    """Book the same stay several times at once as one renter; return the keys of the orders."""
    night = timezone.localdate() + timedelta(days=9)
    stay = {"check_in": night, "check_out": night + timedelta(days=2)}
    act = partial(booking.book, house, renter=renter, guests=1, **stay)
    return {order.pk for order in at_once(*[act] * times)}


@pytest.mark.usefixtures("no_early_refusal")
def test_BOK01_pressed_twice_is_one_order_and_no_refusal() -> None:
    assert len(pressed_at_once(make.house(), make.user(), 8)) == 1
    assert make.rows(Order).count() == 1


@pytest.mark.usefixtures("no_early_refusal")
def test_BOK01_twin_without_looking_for_the_own_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(booking, "_booked_before", lambda *stay, **days: None)
    with pytest.raises(NightsTaken):
        pressed_at_once(make.house(), make.user(), 8)


def held_by_staff_while_somebody_books() -> list[str]:
    """Book a night just before staff hold it; return the result for the renter."""
    house, night = make.house(), timezone.localdate() + timedelta(days=9)
    desk, renter, told = Client(), make.user(), list[str]()
    desk.force_login(make.user(is_staff=True, is_superuser=True))

    def book() -> None:
        try:
            stay = {"check_in": night, "check_out": night + timedelta(days=1)}
            booking.book(house, renter=renter, guests=1, **stay)
            told.append("booked")
        except NightsTaken:
            told.append("taken")

    with before("houses.availability.hold_for_staff", book, elsewhere=True):
        added = desk.post(
            reverse("admin:houses_bookednight_add"), {"house": str(house.pk), "night": str(night)}
        )
    assert added.status_code == 302
    assert make.rows(BookedNight).get().order_number == ""
    return told


def test_BOK05_staff_hold_a_night_while_somebody_books_it() -> None:
    assert held_by_staff_while_somebody_books() == ["taken"]


def test_BOK05_twin_staff_who_do_not_lock_the_house(monkeypatch: pytest.MonkeyPatch) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("on SQLite the transaction itself is the lock")
    monkeypatch.setattr(BookedNightForm, "clean", ModelForm.clean)
    with pytest.raises(NightsTaken):
        held_by_staff_while_somebody_books()


def rush_with_staff(house: House) -> list[str]:
    """Book two nights by four renters while four of staff block a range with the same nights."""
    night = timezone.localdate() + timedelta(days=9)

    def book(renter: User) -> str:
        stay = {"check_in": night, "check_out": night + timedelta(days=2)}
        booking.book(house, renter=renter, guests=1, **stay)
        return "booked"

    @durable_transaction
    def block() -> str:
        availability.hold_range_for_staff(house.pk, night - timedelta(days=1), night + timedelta(days=3))
        return "blocked"

    def told(act: Callable[[], str]) -> str:
        try:
            return act()
        except NightsTaken:
            return "taken"

    acts = [partial(told, partial(book, make.user())) for _ in range(4)] + [partial(told, block)] * 4
    return sorted(at_once(*acts))


def a_whole_range_won(house: House, told: list[str]) -> bool:
    """True if one got all of their nights and the others none."""
    nights = house.booked_nights.count()
    return told in (["blocked"] + ["taken"] * 7, ["booked"] + ["taken"] * 7) and nights == (
        5 if "blocked" in told else 2
    )


@pytest.mark.usefixtures("no_early_refusal")
def test_BOK05_a_range_is_held_whole_or_not_at_all_while_others_book() -> None:
    house = make.house()
    told = rush_with_staff(house)
    assert a_whole_range_won(house, told), told


@pytest.mark.usefixtures("no_early_refusal")
def test_BOK05_twin_a_range_without_the_unique_night_is_held_and_booked() -> None:
    house = make.house()
    with without_the_unique_night():
        told = rush_with_staff(house)
        assert not a_whole_range_won(house, told), told


def test_DBX02_reviews_of_one_house_at_once_do_not_deadlock(caplog: pytest.LogCaptureFixture) -> None:
    assert reviews_at_once(make.house()) == (8, 40)
    assert "failed, retrying" not in caplog.text


def test_DBX02_twin_saving_the_review_before_the_house(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("one writer at a time can't deadlock")
    house, rest, two = make.house(), review_sums.add, Barrier(2)

    def after_a_shared_lock(review: Review, times: int) -> None:
        with connection.cursor() as cursor:  # as the foreign key check does
            cursor.execute("SELECT id FROM houses_house WHERE id = %s LOCK IN SHARE MODE", [house.pk])
        with suppress(BrokenBarrierError):  # for all but the first two
            two.wait(timeout=30)
            two.abort()
        rest(review, times)

    monkeypatch.setattr(review_sums, "add", after_a_shared_lock)
    with suppress(OperationalError):  # some run out of tries
        reviews_at_once(house)
    assert "1213" in caplog.text


def reviews_at_once(house: House) -> tuple[int, int]:
    """Review a house by eight renters at once; return its review count and sum of stars."""
    orders = [make.ended(house=house) for _ in range(8)]
    review = durable_transaction(transitions.review)
    at_once(*[partial(review, order, by=order.renter, rating=5, text="Quiet") for order in orders])
    house.refresh_from_db()
    return house.review_count, house.rating_sum
