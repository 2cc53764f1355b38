"""Which nights of a house are free. The only writer of BookedNight.

Nights are half-open, [check_in, check_out): one guest leaves and another arrives on the same day.
"""

from datetime import date, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, QuerySet

from houses.models import BookedNight, House


class NightsTaken(Exception):
    """Somebody else holds one of the nights; nothing was written."""


def nights_between(check_in: date, check_out: date) -> list[date]:
    return [check_in + timedelta(days=n) for n in range((check_out - check_in).days)]


def hold(house: House, check_in: date, check_out: date, *, order_number: str = "") -> None:
    """Take the nights for an order, or for staff where no order is named.

    Raises NightsTaken. Belongs inside the transaction that makes the order, which must have locked the
    house row: two people after the same nights then wait for each other instead of deadlocking.
    """
    rows = [
        BookedNight(house=house, night=n, order_number=order_number)
        for n in nights_between(check_in, check_out)
    ]
    try:
        with transaction.atomic():
            BookedNight.objects.bulk_create(rows)
    except IntegrityError as error:
        raise NightsTaken(house, check_in, check_out) from error


def hold_for_staff(night: BookedNight) -> None:
    """Save one night that staff keep free of guests. Raises NightsTaken."""
    hold(night.house, night.night, night.night + timedelta(days=1))
    night.pk = BookedNight.objects.get(house=night.house, night=night.night).pk


def release_for_staff(night: BookedNight) -> None:
    """Free a night that staff hold; one that belongs to an order stays."""
    BookedNight.objects.filter(pk=night.pk, order_number="").delete()


def release(order_number: str) -> None:
    """Free the nights of an order, in the transaction that ends it."""
    if not order_number:
        raise ValueError("nights that staff hold belong to no order")
    BookedNight.objects.filter(order_number=order_number).delete()


def taken(house: House, check_in: date, check_out: date) -> set[date]:
    """The nights of [check_in, check_out) that are not free."""
    held = house.booked_nights.filter(night__gte=check_in, night__lt=check_out)
    return set(held.values_list("night", flat=True))


def free(houses: QuerySet[House], check_in: date, check_out: date) -> QuerySet[House]:
    """Those of `houses` of which nobody holds a night of [check_in, check_out).

    Asks for each night by itself: that is one look into the unique (house, night). Asked for the span,
    MariaDB reads every night that the house ever had.
    """
    held = BookedNight.objects.filter(house=OuterRef("pk"))
    nights = nights_between(check_in, check_out)
    return houses.filter(*(~Exists(held.filter(night=night)) for night in nights))
