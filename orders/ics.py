"""iCalendar file of a stay (RFC 5545)."""

import re
from datetime import UTC
from urllib.parse import urlsplit

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from core.links import absolute_url
from orders.models import Order

MAX_LINE_OCTETS = 75
"""RFC 5545, 3.1: without the line break."""


def calendar_of(order: Order) -> bytes:
    """Return a file with one all-day event, from check-in to check-out (DTEND is exclusive).

    The UID of an order never changes, so that importing the file again updates the event.
    """
    house, url = order.house, absolute_url("orders:detail", order.number)
    description = [_("Order %(number)s") % {"number": order.number}, url, house.arrival, house.rules]
    event = [
        ("UID", f"{order.number}@{urlsplit(settings.SITE_URL).hostname}"),
        ("DTSTAMP", f"{timezone.now().astimezone(UTC):%Y%m%dT%H%M%SZ}"),
        ("DTSTART;VALUE=DATE", f"{order.check_in:%Y%m%d}"),
        ("DTEND;VALUE=DATE", f"{order.check_out:%Y%m%d}"),
        ("SUMMARY", _escaped(_("Stay: %(house)s") % {"house": order.house_title})),
        ("LOCATION", _escaped(f"{house.area} {house.address}")),
        ("DESCRIPTION", _escaped("\n".join(filter(None, description)))),
        ("URL", url),
    ]
    lines = [
        ("BEGIN", "VCALENDAR"),
        ("VERSION", "2.0"),
        ("PRODID", "-//ihome//stays//EN"),
        ("BEGIN", "VEVENT"),
        *event,
        ("END", "VEVENT"),
        ("END", "VCALENDAR"),
    ]
    return b"".join(_folded(f"{name}:{value}") for name, value in lines)


def _escaped(text: str) -> str:
    text = re.sub(r"[\x00-\x09\x0b-\x1f\x7f]+", " ", text.replace("\r\n", "\n"))
    return re.sub(r"([\\;,])", r"\\\1", text).replace("\n", "\\n")


def _folded(line: str) -> bytes:
    """Return the line with its line break, folded between characters after MAX_LINE_OCTETS octets."""
    pieces, room = [b""], MAX_LINE_OCTETS
    for character in line:
        octets = character.encode()
        if len(pieces[-1]) + len(octets) > room:
            pieces.append(b"")
            room = MAX_LINE_OCTETS - 1  # one for the leading space of a continuation
        pieces[-1] += octets
    return b"\r\n ".join(pieces) + b"\r\n"
