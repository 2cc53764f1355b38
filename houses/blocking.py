"""Rules and history of the nights that staff block. houses/availability.py writes them."""

from datetime import date

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _

MAX_DAYS_HELD_AHEAD = 731  # two years, one of which may be a leap year
"""Latest night that staff can hold, in days from today."""


def check_night(night: date) -> None:
    """Raise ValidationError unless staff can block the night."""
    today = timezone.localdate()
    if night < today:
        raise ValidationError(_("This date has passed."))
    if (night - today).days > MAX_DAYS_HELD_AHEAD:
        raise ValidationError(_("Nights can be blocked up to two years ahead."))


def blocked_entry(first: date, last: date, note: str) -> str:
    """Return the entry in the history of the house."""
    if first == last:
        told = _("Blocked the night %(night)s.") % {"night": first}
    else:
        told = _("Blocked the nights %(first)s to %(last)s.") % {"first": first, "last": last}
    return f"{told} {note}".strip()


def released_entry(nights: list[date]) -> str:
    """Return the entry in the history of the house, or what staff are told."""
    if len(nights) == 1:
        return _("Released the night %(night)s.") % {"night": nights[0]}
    return _("Released the nights %(nights)s.") % {"nights": ", ".join(map(str, nights))}
