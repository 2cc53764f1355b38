"""Cards of homes, in the search and among favourites."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from houses import quotes
from houses.described import LONG_TEXTS
from houses.models import House
from houses.quotes import Quote


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
    rows = House.objects.select_related("area").prefetch_related("photos")
    by_id = rows.defer(*LONG_TEXTS).in_bulk(ids)
    houses = [by_id[pk] for pk in ids if pk in by_id]
    prices = quotes.for_stay(houses, *stay, guests) if stay else {}
    return [Card(house, prices.get(house.pk), house.pk in kept) for house in houses]
