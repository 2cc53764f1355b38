"""Search of staff in orders, and in what belongs to orders, by the shape of what is typed."""

import re
from datetime import date
from typing import ClassVar

from django.db.models import Q, QuerySet
from django.http import HttpRequest

from accounts.models import User
from accounts.search import NumberSearch
from core.numbers import read_number, visible
from houses.models import House
from orders.models import GuestName, Order
from orders.money_state import BY_REFUND, BY_TRADE, keys_by_reference
from orders.search import parse_days
from orders.stays import LONGEST_STAY

MAX_NAMES = 500
"""Renters or homes that one word may match. With more, the word is too common to find anything."""
MAX_ORDERS = 1000
"""Newest orders whose payments or refunds are found by a name."""

NUMBER_LOOKUPS_BY_ORDER = {
    "mobile": "order__renter__mobile",
    "order": "order__number",
    "trade": f"order__{BY_TRADE}",
    "refund": f"order__{BY_REFUND}",
}
"""`number_lookups` of what belongs to an order."""

_BEGINNING = re.compile(r"[0-9]{5,13}")
_TAIL = re.compile(r"[0-9]{4}")


class OrderSearch(NumberSearch):
    """Mixin: find by number, mobile number or its last four digits, renter, home, day of the stay.

    What staff noted of money outside Alipay is found by its beginning, with its blanks.

    Several words narrow the search: `临海小屋 12月5日`. `order_path` leads from the rows to their orders.
    """

    order_path: ClassVar[str] = ""

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, search_term: str
    ) -> tuple[QuerySet, bool]:
        text = visible(search_term).strip()
        if not text:
            return queryset, False
        found = self.with_number(queryset, text)
        if found is None:
            number, which = read_number(text), Q(pk__in=keys_by_reference(text, MAX_NAMES))
            if not (number and number.is_certain):
                which |= _matching(text)
            found = queryset.filter(self._of_orders(which))
        return found, False

    def _of_orders(self, which: Q) -> Q:
        if not self.order_path:
            return which
        return Q((f"{self.order_path}__in", _keys(Order.objects.filter(which), MAX_ORDERS)))


def _matching(text: str) -> Q:
    """Match orders that fit every word. A day may have blanks in it: 12月5日 周六."""
    if days := parse_days(text):
        return _including(days)
    which = Q()
    for word in text.split():
        which &= _fitting(word)
    return which


def _fitting(word: str) -> Q:
    if days := parse_days(word):
        return _including(days)
    if _TAIL.fullmatch(word):
        return Q(renter__in=_keys(User.objects.filter(mobile__endswith=word)))
    if _BEGINNING.fullmatch(word):
        return Q(number__range=(word.ljust(14, "0"), word.ljust(14, "9")))
    by_name = Q(renter__in=_keys(User.objects.filter(name__icontains=word)))
    guests = GuestName.objects.filter(name__istartswith=word).order_by("-order_id")
    by_name |= Q(pk__in=list(guests.values_list("order_id", flat=True)[:MAX_NAMES]))
    return by_name | Q(house__in=_keys(House.objects.filter(title__icontains=word)))


def _including(days: list[date]) -> Q:
    which = Q(pk__in=[])
    for day in days:
        which |= Q(check_in__range=(day - LONGEST_STAY, day), check_out__gte=day)
    return which


def _keys(rows: QuerySet, at_most: int = MAX_NAMES) -> list[int]:
    """Read the newest keys first: with a subquery, MariaDB reads all orders and looks each of them up."""
    return list(rows.order_by("-pk").values_list("pk", flat=True)[:at_most])
