"""Search for homes: filters and sort orders."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any

from django.db import models
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.utils.translation import gettext_lazy as _

from core.prepared import MakeValue, Select
from houses import availability, quotes
from houses.availability import nights_between
from houses.described import Space
from houses.models import Area, BookedNight, Facility, House

FEN_PER_YUAN = 100


class Sort(models.TextChoices):
    NEW = "new", _("Newest")
    PRICE = "price", _("Lowest price")
    PRICE_DOWN = "price_down", _("Highest price")
    BOOKED = "booked", _("Most booked")
    RATED = "rated", _("Best rated")


# Each ends in the id, for stable pages. House.Meta.indexes has an index for each.
_ORDER = {
    Sort.NEW: ("-id",),
    Sort.PRICE: ("price_fen", "id"),
    Sort.PRICE_DOWN: ("-price_fen", "-id"),
    Sort.BOOKED: ("-order_count", "-id"),
    Sort.RATED: ("-rating_rank", "-id"),
}


def find(
    *,
    place: Q | None = None,
    stay: tuple[date, date] | None = None,
    facilities: Sequence[int] = (),
    sort: Sort = Sort.NEW,
    **filters: Any,
) -> QuerySet[House]:
    """Return the listed homes that match; for `stay`, those free and allowed for [check_in, check_out).

    A home must have all of `facilities`. `filters`: those of _limits().
    """
    homes, nights = House.objects.filter(place or Q()), nights_between(*stay) if stay else []
    return _matching(homes, _limits(**filters), list(set(facilities)), nights, sort)


def keys(at_most: int, *, place: Q | None = None, sort: Sort = Sort.NEW, **filters: Any) -> list[int]:
    """Return the keys of the first homes that find() would return.

    By a prepared statement for each set of filters that is used, but for typed places: they are conditions of
    their own.
    """
    if place:
        return list(find(place=place, sort=sort, **filters).values_list("pk", flat=True)[:at_most])
    facilities, stay = sorted(set(filters.pop("facilities", ()))), filters.pop("stay", None)
    nights = nights_between(*stay) if stay else []
    limits = _limits(**filters)
    statement = _prepared(tuple(limits), len(facilities), len(nights), sort, at_most)
    values = {**limits, **_numbered("facility", facilities), **_numbered("night", nights)}
    return [key for (key,) in statement.all(**values)]


def _limits(
    *,
    area: Area | None = None,
    guests: int | None = None,
    price_from: int | None = None,
    price_to: int | None = None,
    bedrooms: int | None = None,
    instant: bool = False,
    whole: bool = False,
) -> dict[str, object]:
    """Return the lookups of House of these filters, without those that are not set.

    Prices are in yuan, of the base price per night.
    """
    limits: dict[str, object] = {
        "area": area and area.pk,
        "capacity__gte": guests,
        "price_fen__gte": price_from and price_from * FEN_PER_YUAN,
        "price_fen__lte": price_to and price_to * FEN_PER_YUAN,
        "bedrooms__gte": bedrooms,
        "instant_book": instant,
        "space": Space.WHOLE if whole else None,
    }
    return {name: value for name, value in limits.items() if value}


def _matching(
    homes: QuerySet[House],
    limits: Mapping[str, object],
    facilities: Sequence[object],
    nights: Sequence[object],
    sort: Sort,
) -> QuerySet[House]:
    homes = homes.filter(*limits.items(), is_listed=True)
    if nights:
        homes = _for_stay(homes, nights)
    if facilities:
        homes = _with_all(homes, facilities)
    return homes.order_by(*_ORDER[sort])


@lru_cache(maxsize=100)  # whoever tries all filters only has them written anew
def _prepared(
    limits: Sequence[str], facilities: int, nights: int, sort: Sort, at_most: int
) -> Select[tuple[int]]:
    def described(value: MakeValue) -> Any:
        bound = {lookup: value(House, lookup.partition("__")[0], lookup) for lookup in limits}
        amenities = [value(Facility, "pk", f"facility{n}") for n in range(facilities)]
        days = [value(BookedNight, "night", f"night{n}") for n in range(nights)]
        return _matching(House.objects.all(), bound, amenities, days, sort).values_list("pk")[:at_most]

    return Select(described)


def _numbered(name: str, values: Iterable[object]) -> dict[str, object]:
    return {f"{name}{at}": value for at, value in enumerate(values)}


def _with_all(homes: QuerySet[House], facilities: Sequence[Any]) -> QuerySet[House]:
    """Count them by one lookup in the unique (house, facility), however many are asked for."""
    links = House.facilities.through.objects.filter(house=OuterRef("pk"), facility__pk__in=facilities)
    counts = links.order_by().values("house").annotate(n=Count("pk")).values("n")  # type: ignore[misc]
    return homes.alias(found_facilities=Subquery(counts)).filter(found_facilities=len(facilities))


def _for_stay(homes: QuerySet[House], nights: Sequence[object]) -> QuerySet[House]:
    homes = homes.filter(min_nights__lte=len(nights), max_nights__gte=len(nights))
    return quotes.allowed(availability.free(homes, nights), nights[0], len(nights))
