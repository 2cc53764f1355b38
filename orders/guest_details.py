"""Guests' names, arrival time and note of an order. No price and no rule depends on them."""

from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.transactions import durable_transaction
from houses.guest_form import (
    ARRIVAL_TIMES,
    BETWEEN_NAMES,
    MAX_NAME_LENGTH,
    MAX_NAMES_LENGTH,
    MAX_NOTE_LENGTH,
)
from orders.stay_change import waiting_change_of


class HasGuestDetails(models.Model):
    guest_names = models.CharField(
        _("guests' names"), max_length=MAX_NAMES_LENGTH, blank=True, default="", db_default="", editable=False
    )
    arrival_time = models.CharField(
        _("arrival time"),
        max_length=5,
        choices=ARRIVAL_TIMES,
        blank=True,
        default="",
        db_default="",
        editable=False,
    )
    renter_note = models.CharField(
        _("note of the renter"),
        max_length=MAX_NOTE_LENGTH,
        blank=True,
        default="",
        db_default="",
        editable=False,
    )

    class Meta:
        abstract = True

    @property
    def guests_are_editable(self: Any) -> bool:
        """By the renter, until the day of arrival."""
        return not self.is_over and self.check_in >= timezone.localdate()


class GuestName(models.Model):
    """A name of `guest_names` by itself, for the search of staff."""

    order = models.ForeignKey("orders.Order", models.CASCADE, related_name="names_of_guests")
    name = models.CharField(max_length=MAX_NAME_LENGTH, db_index=True)

    class Meta:
        verbose_name = _("name of a guest")
        verbose_name_plural = _("names of guests")


@durable_transaction
def keep(order: Any, *, guest_names: str, arrival_time: str, note: str) -> bool:
    """Write what the renter typed. False, and nothing written, once the stay has begun or is over."""
    row = type(order).objects.select_for_update().get(pk=order.pk)
    if not row.guests_are_editable:
        return False
    type(order).objects.filter(pk=row.pk).update(arrival_time=arrival_time, renter_note=note)
    write_names(row, guest_names)
    return True


def write_names(order: Any, guest_names: str) -> None:
    """Write the names, inside the caller's transaction and lock."""
    type(order).objects.filter(pk=order.pk).update(guest_names=guest_names)
    GuestName.objects.filter(order=order).delete()
    names = _split(guest_names)
    GuestName.objects.bulk_create(GuestName(order=order, name=name[:MAX_NAME_LENGTH]) for name in names)


def most_names(order: Any) -> int:
    """Return the number of guests, of the stay and of a change of it that waits, that names must fit."""
    change = waiting_change_of(order)
    return min(order.guests, change.guests) if change else order.guests


def do_fit(order: Any, guests: int) -> bool:
    """Return True unless more names are given than so many guests."""
    return len(_split(order.guest_names)) <= guests


def _split(guest_names: str) -> list[str]:
    return list(filter(None, guest_names.split(BETWEEN_NAMES)))


def forget_all(orders: models.QuerySet) -> None:
    """Delete what a closed account's bookings say of guests: no law wants it kept."""
    GuestName.objects.filter(order__in=orders).delete()
    typed = orders.exclude(guest_names="", arrival_time="", renter_note="")
    typed.update(guest_names="", arrival_time="", renter_note="")
