"""Cards of homes, in the search and among favourites."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from core.prepared import SelectMany
from houses import covers, quotes
from houses.described import LONG_TEXTS
from houses.models import House
from houses.quotes import Quote

_HOUSES = SelectMany(
    House,
    "pk",
    lambda value, keys: (
        House.objects.filter(pk__in=keys)
        .select_related("area")
        .defer(*LONG_TEXTS)
        .annotate(cover_key=covers.key_of("pk"))
        .order_by()
    ),
)


@dataclass(frozen=True)
class Card:
    house: House
    quote: Quote | None = None
    """Price of the stay that was searched for."""
    is_kept: bool = False
    """Whether the visitor has it among the favourites."""


def cards_of(
    ids: Sequence[int],
    stay: tuple[date, date] | None = None,
    guests: int = 1,
    *,
    kept: Collection[int] = (),
) -> list[Card]:
    """Load the homes in the order of `ids`: two queries, and one for the prices of a stay."""
    by_id = {house.pk: house for house in _HOUSES.all(ids)}
    houses = [by_id[pk] for pk in ids if pk in by_id]
    covers.attach((house, house.cover_key) for house in houses)
    prices = quotes.for_stay(houses, *stay, guests) if stay else {}
    return [Card(house, prices.get(house.pk), house.pk in kept) for house in houses]
