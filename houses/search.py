"""Search for homes: filters and sort orders."""

from collections.abc import Sequence
from datetime import date

from django.db import models
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.utils.translation import gettext_lazy as _

from houses import availability, quotes
from houses.described import Space
from houses.models import Area, House

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
    area: Area | None = None,
    place: Q | None = None,
    stay: tuple[date, date] | None = None,
    guests: int | None = None,
    sort: Sort = Sort.NEW,
    price_from: int | None = None,
    price_to: int | None = None,
    bedrooms: int | None = None,
    facilities: Sequence[int] = (),
    instant: bool = False,
    whole: bool = False,
) -> QuerySet[House]:
    """Return the listed homes that match; for `stay`, those free and allowed for [check_in, check_out).

    Prices are in yuan, of the base price per night. A home must have all of `facilities`.
    """
    limits: dict[str, object] = {
        "area": area,
        "capacity__gte": guests,
        "price_fen__gte": price_from and price_from * FEN_PER_YUAN,
        "price_fen__lte": price_to and price_to * FEN_PER_YUAN,
        "bedrooms__gte": bedrooms,
        "instant_book": instant,
        "space": Space.WHOLE if whole else None,
    }
    homes = House.objects.filter(is_listed=True, **{name: value for name, value in limits.items() if value})
    if place:
        homes = homes.filter(place)
    if facilities:
        homes = _with_all(homes, facilities)
    if stay:
        homes = _for_stay(homes, *stay)
    return homes.order_by(*_ORDER[sort])


def _with_all(homes: QuerySet[House], facilities: Sequence[int]) -> QuerySet[House]:
    """Count them by one lookup in the unique (house, facility), however many are asked for."""
    links = House.facilities.through.objects.filter(house=OuterRef("pk"), facility__in=set(facilities))
    counts = links.order_by().values("house").annotate(n=Count("pk")).values("n")  # type: ignore[misc]
    return homes.alias(found_facilities=Subquery(counts)).filter(found_facilities=len(set(facilities)))


def _for_stay(homes: QuerySet[House], check_in: date, check_out: date) -> QuerySet[House]:
    nights = (check_out - check_in).days
    homes = homes.filter(min_nights__lte=nights, max_nights__gte=nights)
    return availability.free(quotes.allowed(homes, check_in, check_out), check_in, check_out)
