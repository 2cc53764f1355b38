"""Search in a renter's orders: by any number on a receipt or at Alipay, home, city, or a day of the stay."""

import re
from datetime import date

from django.db.models import Q
from django.utils import timezone

from core.dates import is_in_range
from core.numbers import read_number, visible
from orders.money_state import numbered_at_alipay

MAX_QUERY_LENGTH = 100

_DAY = re.compile(r"(?:([0-9]{4}) ?[-/.年] ?)?([0-9]{1,2}) ?[-/.月] ?([0-9]{1,2}) ?[日号]?")
_DIGITS = re.compile(r"(20[0-9]{2})([0-9]{2})([0-9]{2})")
_ENGLISH_DAY = re.compile(r"([0-9]{1,2}) ([a-z]{3,9}),?(?: ([0-9]{4}))?", re.IGNORECASE)
_AMERICAN_DAY = re.compile(r"([a-z]{3,9}) ([0-9]{1,2}),?(?: ([0-9]{4}))?", re.IGNORECASE)
_WEEKDAY = re.compile(r"(mon|tue|wed|thu|fri|sat|sun)[a-z]*,? | ?(周|星期)[一二三四五六日天]", re.IGNORECASE)
_CITY = re.compile(r"[市区县]$| (city|district)$", re.IGNORECASE)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def matching(text: str) -> Q:
    """Return the filter for orders that match `text`; an empty text matches all.

    A day matches the stays that include it; without a year, in last, this and next year.
    """
    if not text:
        return Q()
    number, plain = read_number(text), visible(text).strip()
    if number and number.is_certain:
        return Q(number=number.order) if number.order else numbered_at_alipay(number.printed)
    found = Q(house_title__icontains=text) | Q(house_title_en__icontains=text) | _in_area(plain)
    if digits := re.sub(r"[ #]", "", plain):
        found |= Q(number__contains=digits)
    for day in parse_days(plain):
        found |= Q(check_in__lte=day, check_out__gte=day)
    return found | numbered_at_alipay(number.printed) if number else found


def _in_area(text: str) -> Q:
    """Match the city or district: 厦门市 finds 厦门, and the other way round."""
    name = _CITY.sub("", text) or text
    return Q(house__area__name__icontains=name) | Q(house__area__name_en__icontains=name)


def parse_days(text: str) -> list[date]:
    """Parse "2026-12-05", "12/5", "12月5日 周六" or "Sat 5 Dec" into possible days; else empty.

    Callers compute with them, so a day out of range is none.
    """
    text = _WEEKDAY.sub("", text)
    if match := _DAY.fullmatch(text) or _DIGITS.fullmatch(text):
        year, month, day = match[1], int(match[2]), int(match[3])
    elif match := _ENGLISH_DAY.fullmatch(text):
        year, month, day = match[3], _month(match[2]), int(match[1])
    elif match := _AMERICAN_DAY.fullmatch(text):
        year, month, day = match[3], _month(match[1]), int(match[2])
    else:
        return []
    this_year = timezone.localdate().year
    years = [int(year)] if year else [this_year - 1, this_year, this_year + 1]
    return [found for one in years if (found := _date(one, month, day)) and is_in_range(found)]


def _month(name: str) -> int:
    """Return the month, 1 to 12, by its first three letters; 0 for any other text."""
    return _MONTHS.index(name[:3].lower()) + 1 if name[:3].lower() in _MONTHS else 0


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:  # such as 29 February of a common year
        return None
