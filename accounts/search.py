"""Search in the admin by any number that is printed somewhere, by an index."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import ClassVar

from django.contrib.admin import ModelAdmin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from accounts.mobile import clean_mobile, is_mobile
from core.numbers import PrintedNumber, read_number, visible

_NOT_IN_A_MOBILE = re.compile(r"^[^0-9+]+")

OrderFinder = Callable[[str], list[str]]
_order_finders: list[OrderFinder] = []


def register_order_finder(find: OrderFinder) -> None:
    """Let `find` return the numbers of the orders that a number at Alipay belongs to.

    Rooms below `payments` cannot look a trade up; they look up its order.
    """
    if find not in _order_finders:
        _order_finders.append(find)


class NumberSearch(ModelAdmin):
    """Mixin: the search box takes a number or mobile number in any usual spelling.

    `number_lookups` has an indexed lookup for each kind of number that the rows have: "mobile", "order",
    "attempt", "refund", "trade". The most exact one that finds rows wins. If none does, the number may be
    Alipay's, and its order is looked up. Only if that finds nothing, too, `search_fields` are scanned.
    """

    number_lookups: ClassVar[Mapping[str, str]] = {}

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, search_term: str
    ) -> tuple[QuerySet, bool]:
        found = self.with_number(queryset, search_term)
        if found is not None:
            return found, False
        number = read_number(search_term)
        text = number.printed if number and number.is_certain else clean_mobile(search_term)
        return super().get_search_results(request, queryset, text)

    def with_number(self, queryset: QuerySet, typed: str) -> QuerySet | None:
        """Return the rows with the number that was typed; None if it is no number of any row."""
        number = read_number(typed)
        mobile = clean_mobile(_NOT_IN_A_MOBILE.sub("", visible(typed)))
        for kind, value in _kinds_of(mobile, number):
            if kind not in self.number_lookups:
                continue
            # A subquery, because a join could show a row twice.
            rows = queryset.model._default_manager.filter(self.where(kind, value)).order_by()
            found = queryset.filter(pk__in=rows.values("pk"))
            if found.exists():
                return found
        return None

    def where(self, kind: str, value: str) -> Q:
        return Q((self.number_lookups[kind], value))


def _kinds_of(mobile: str, number: PrintedNumber | None) -> Iterator[tuple[str, str]]:
    """Yield kind and value, the most exact first. A number of others may be of any kind."""
    if is_mobile(mobile):
        yield "mobile", mobile
    if number is None:
        return
    ours = (("refund", number.refund), ("attempt", number.attempt), ("order", number.order))
    yield from ((kind, value) for kind, value in ours if value)
    yield from ((kind, number.printed) for kind in ("trade", "refund", "attempt"))
    if not number.order:
        yield from (("order", order) for find in _order_finders for order in find(number.printed))
