"""iCalendar file of a stay (RFC 5545), for the renter's own calendar."""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from icalendar import Alarm, Calendar, Event, Timezone, TimezoneStandard

from core.links import absolute_url
from houses.described import CHECK_IN_FROM, CHECK_OUT_BY
from houses.models import House
from orders.models import Order, OrderEvent

REMINDER = timedelta(days=1)
"""So long before check-in."""
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]+")


def hours_of(house: House) -> tuple[time, time]:
    """Return the hours of check-in and check-out, in Beijing; the usual ones where staff set none."""
    return house.check_in_from or CHECK_IN_FROM, house.check_out_by or CHECK_OUT_BY


def has_file(order: Order) -> bool:
    """Return True for a paid stay that is not over, and for one that was cancelled after it was paid.

    The file of the latter takes the event out of a calendar that has it.
    """
    if order.status == Order.Status.CANCELED and order.check_out >= timezone.localdate():
        return order.events.filter(kind=OrderEvent.Kind.PAID).exists()
    return order.stay_is_on


def calendar_of(order: Order) -> bytes:
    """Return a file with one event, from check-in to check-out.

    The UID of an order never changes and SEQUENCE grows with each change of the stay, so that importing the
    file again updates the event, and that of a cancelled order cancels it.
    """
    calendar = Calendar()
    calendar.add("version", "2.0")
    calendar.add("prodid", "-//ihome//stays//EN")
    calendar.add("method", "PUBLISH")
    calendar.add_component(_beijing())
    calendar.add_component(_event(order))
    return calendar.to_ical()


def _event(order: Order) -> Event:
    house, url = order.house, absolute_url("orders:detail", order.number)
    # Who has cancelled is not to get in: the address and the guide are for those who come.
    guide = [] if order.is_over else [house.shown_arrival, house.shown_rules]
    description = [_("Order %(number)s") % {"number": order.number}, url, *guide]
    check_in_time, check_out_time = hours_of(house)
    event = Event()
    event.add("uid", f"{order.number}@{urlsplit(settings.SITE_URL).hostname}")
    event.add("sequence", _changes(order))
    event.add("dtstamp", timezone.now().astimezone(UTC))
    event.add("dtstart", _at(order.check_in, check_in_time))
    event.add("dtend", _at(order.check_out, check_out_time))
    event.add("summary", _plain(_("Stay: %(house)s") % {"house": order.shown_title}))
    event.add("location", _plain(str(house.area) if order.is_over else f"{house.area} {house.shown_address}"))
    event.add("description", _plain("\n".join(filter(None, description))))
    event.add("url", url)
    event.add("status", "CANCELLED" if order.is_over else "CONFIRMED")
    if not order.is_over:
        event.add_component(_reminder(order))
    return event


def _changes(order: Order) -> int:
    """Count the changes of the stay: new dates or guests, and that it was cancelled."""
    kinds = [OrderEvent.Kind.CHANGED, OrderEvent.Kind.CANCELED]
    return order.events.filter(kind__in=kinds).count()


def _reminder(order: Order) -> Alarm:
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("trigger", -REMINDER)
    alarm.add("description", _plain(_("Stay: %(house)s") % {"house": order.shown_title}))
    return alarm


def _at(day: date, hour: time) -> datetime:
    return datetime.combine(day, hour, timezone.get_default_timezone())


def _beijing() -> Timezone:
    """Return the zone without the summer times that ended in 1991."""
    always: dict[str, Any] = {"tzoffsetfrom": timedelta(hours=8), "tzoffsetto": timedelta(hours=8)}
    standard = TimezoneStandard()
    for name, value in {"dtstart": datetime(1992, 1, 1), "tzname": "CST", **always}.items():  # noqa: DTZ001
        standard.add(name, value)
    zone = Timezone()
    zone.add("tzid", settings.TIME_ZONE)
    zone.add_component(standard)
    return zone


def _plain(text: str) -> str:
    """Return the text without the control characters that a value must not have."""
    return _CONTROL.sub(" ", text.replace("\r\n", "\n"))
