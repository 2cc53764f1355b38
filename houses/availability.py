"""Availability of houses by night. The only module that writes BookedNight.

Stays are half-open, [check_in, check_out): one guest may leave and another arrive on the same day.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from core.prepared import MakeValue, Select
from houses.channels import double_sales
from houses.channels.nights import Held, plan
from houses.models import BookedNight, House


class NightsTaken(Exception):
    """At least one of the nights is taken. Nothing was written."""


def nights_between(check_in: date, check_out: date) -> list[date]:
    return [check_in + timedelta(days=n) for n in range((check_out - check_in).days)]


def hold(house: House, check_in: date, check_out: date, *, order_number: str = "", note: str = "") -> None:
    """Take the nights for an order, or for staff if `order_number` is empty. Raises NightsTaken.

    Call it in the transaction that creates the order, with the house row locked: concurrent bookings of the
    same nights then wait for each other instead of deadlocking.
    """
    try:
        _take(house, nights_between(check_in, check_out), order_number, note)
    except IntegrityError as error:
        raise NightsTaken(house, check_in, check_out) from error


def hold_more(house: House, check_in: date, check_out: date, *, order_number: str) -> None:
    """Take the nights of [check_in, check_out) that the order does not hold yet, and keep all others of it.

    Call it in the transaction that agrees on a change, with the house row locked. Raises NightsTaken.
    """
    own = BookedNight.objects.filter(house=house, order_number=_required(order_number))
    held = set(own.values_list("night", flat=True))
    wanted = [night for night in nights_between(check_in, check_out) if night not in held]
    try:
        _take(house, wanted, order_number)
    except IntegrityError as error:
        raise NightsTaken(house, check_in, check_out) from error


def swap(house: House, check_in: date, check_out: date, *, order_number: str) -> None:
    """Take the nights of a changed stay and release those no longer in it. Nights in both stay held.

    Call it in the transaction that changes the order, with the house row locked. Raises NightsTaken.
    """
    hold_more(house, check_in, check_out, order_number=order_number)
    own = BookedNight.objects.filter(house=house, order_number=order_number)
    own.exclude(night__in=nights_between(check_in, check_out)).delete()
    _give_to_channels(order_number)


def _required(order_number: str) -> str:
    if not order_number:
        raise ValueError("no order: nights that staff hold would be released")
    return order_number


@transaction.atomic
def _take(house: House, nights: list[date], order_number: str, note: str = "") -> None:
    rows = [BookedNight(house=house, night=n, order_number=order_number, note=note) for n in nights]
    BookedNight.objects.bulk_create(rows)


def hold_for_staff(night: BookedNight, last: date | None = None) -> None:
    """Save a night that staff block, and those after it until `last` (included). Raises NightsTaken."""
    hold(night.house, night.night, (last or night.night) + timedelta(days=1), note=night.note)
    night.pk = BookedNight.objects.get(house=night.house, night=night.night).pk


@transaction.atomic
def release_for_staff(night: BookedNight) -> None:
    """Delete a night that staff hold. Does nothing to a night of an order or of another channel.

    A night that a channel sold while staff held it becomes its own.
    """
    house = House.objects.select_for_update().get(pk=night.house_id)
    BookedNight.objects.filter(pk=night.pk, order_number="", calendar=None).delete()
    settle_channels(house)


def hold_range_for_staff(house_pk: int, first: date, last: date, *, note: str = "") -> House:
    """Block the nights from `first` to `last` (included), all or none. Call it in a transaction.

    Locks the house first, as a booking does. Raises NightsTaken, and House.DoesNotExist.
    """
    house = House.objects.select_for_update().get(pk=house_pk)
    hold(house, first, last + timedelta(days=1), note=note)
    return house


def release_range_for_staff(house_pk: int, first: date, last: date) -> list[date]:
    """Delete the nights from `first` to `last` (included) that staff hold, and return them.

    Call it in a transaction. Nights of orders and of other channels stay; nights that a channel sold while
    staff held them become its own.
    """
    house = House.objects.select_for_update().get(pk=house_pk)
    held = BookedNight.objects.filter(house=house, night__range=(first, last), order_number="", calendar=None)
    nights = sorted(held.values_list("night", flat=True))
    held.delete()
    settle_channels(house)
    return nights


def release(order_number: str) -> None:
    """Delete the nights of an order. Call it in the transaction that ends the order."""
    BookedNight.objects.filter(order_number=_required(order_number)).delete()
    _give_to_channels(order_number)


def _give_to_channels(order_number: str) -> None:
    """Hold for the channels that sold them, too, the nights that an order has just given up.

    Until their next reading, somebody else could book them.
    """
    sold_twice = House.objects.filter(double_sales__order_number=order_number)
    for key in sorted(set(sold_twice.values_list("pk", flat=True))):
        settle_channels(House.objects.select_for_update().get(pk=key))


def settle_channels(house: House) -> None:
    """Hold and free the nights of other channels, from today on, as their calendars were last read.

    Records nights that were sold twice. Call it in a transaction, with the house row locked.
    """
    today = timezone.localdate()
    calendars = {calendar.pk: calendar for calendar in house.channel_calendars.all()}
    held = {
        row.night: Held(row.order_number, row.calendar_id)
        for row in BookedNight.objects.filter(house=house, night__gte=today)
    }
    decided = plan(calendars.values(), held, today)
    own = BookedNight.objects.filter(house=house, calendar__isnull=False)
    own.filter(night__in=decided.to_free).delete()
    BookedNight.objects.bulk_create(
        BookedNight(house=house, night=night, calendar=calendars[key], note=calendars[key].channel)
        for night, key in decided.to_hold.items()
    )
    names = {key: calendar.channel for key, calendar in calendars.items()}
    double_sales.record(house, decided.clashes, names)


def taken(house: House, check_in: date, check_out: date, *, but_by: str = "") -> set[date]:
    """Return the nights of [check_in, check_out) that are held, except by the order `but_by`. One query."""
    nights = (_TAKEN_BUT if but_by else _TAKEN).all(
        house=house.pk, check_in=check_in, check_out=check_out, but_by=but_by
    )
    return {night for (night,) in nights}


def _taken(value: MakeValue) -> QuerySet[BookedNight, tuple[date]]:
    first, end = (value(BookedNight, "night", name) for name in ("check_in", "check_out"))
    held = BookedNight.objects.filter(house=value(BookedNight, "house"), night__gte=first, night__lt=end)
    return held.values_list("night")


_TAKEN = Select(_taken)
_TAKEN_BUT = Select(
    lambda value: _taken(value).exclude(order_number=value(BookedNight, "order_number", "but_by"))
)


def free(houses: QuerySet[House], nights: Sequence[Any]) -> QuerySet[House]:
    """Filter `houses` to those with all `nights` free.

    One subquery for each night, which is a lookup in the unique index (house, night). With a date range,
    MariaDB would read all nights that the house ever had.
    """
    held = BookedNight.objects.filter(house=OuterRef("pk"))
    return houses.filter(*(~Exists(held.filter(night=night)) for night in nights))
