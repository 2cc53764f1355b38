"""Changes of seasonal prices: what they change by night, shown before, and agreed to under the lock."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import Any

from django.core import signing
from django.utils import timezone
from django.utils.translation import gettext as _

from core.refusal import Refusal
from core.templatetags.ihome import day, yuan
from houses import quotes
from houses.availability import nights_between
from houses.models import BookedNight, House, PriceRule
from houses.quotes import Rates

SALT = "houses.price_changes"


@dataclass(frozen=True)
class Run:
    """Nights that follow each other and change from one price, or minimum of nights, to another."""

    first: date
    last: date
    count: int
    old_fen: int
    new_fen: int
    old_least: int
    new_least: int
    """Minimum of nights for stays that begin in these."""

    @property
    def is_change(self) -> bool:
        return self.old_fen != self.new_fen or self.has_other_least

    @property
    def has_other_least(self) -> bool:
        return self.old_least != self.new_least


@dataclass(frozen=True)
class Preview:
    runs: list[Run]
    booked_orders: int
    """Orders with nights in the range, which keep their price."""
    agreed: str
    """Sent back by the form, to show that just this was seen."""

    @property
    def changes(self) -> list[Run]:
        return [run for run in self.runs if run.is_change]


class PricesChanged(Refusal):
    """Something else than was seen would change now. Nothing was written."""


def preview(house: House, rule: PriceRule | None, *, former: PriceRule | None = None) -> Preview:
    """Return what it changes to add `rule`, or to put it in the place of `former`; None: to delete that.

    Nights that are over don't count. Three queries at most.
    """
    if rule and former:
        rule.pk = former.pk  # it keeps its rank among rules of the same length
    ranges = [each for each in (rule, former) if each]
    first = max(min(each.first_night for each in ranges), timezone.localdate())
    last = max(each.last_night for each in ranges)
    before = quotes.rates_from(house, first)
    kept = before.without_rule(former.pk) if former else before
    after = kept.with_rule(rule) if rule else kept
    nights = [n for n in nights_between(first, last + timedelta(days=1)) if any(r.has(n) for r in ranges)]
    runs = list(_runs(before, after, nights))
    held = BookedNight.objects.filter(house=house, night__range=(first, last)).exclude(order_number="")
    count = held.order_by().values("order_number").distinct().count()
    there = [each for each in before.rules if each.first_night <= last and each.last_night >= first]
    return Preview(runs, count, _digest(house, rule, former, there, runs))


def _runs(before: Rates, after: Rates, nights: Iterable[date]) -> Iterable[Run]:
    indexed = enumerate(nights)

    def key(item: tuple[int, date]) -> tuple[int, ...]:
        number, night = item
        prices = (before.price_of(night), after.price_of(night))
        return night.toordinal() - number, *prices, before.min_nights(night), after.min_nights(night)

    for (_gap, *values), group in groupby(indexed, key):
        days = [night for _number, night in group]
        yield Run(days[0], days[-1], len(days), *values)


def _digest(
    house: House, rule: PriceRule | None, former: PriceRule | None, there: list[PriceRule], runs: list[Run]
) -> str:
    """Sign all that was seen.

    With the rules of these nights: one that changes no price, pressed twice, would be there twice.
    """
    rules = [[each.pk, *_values(each)] for each in there]
    seen: list[Any] = [house.pk, former and former.pk, _values(rule), _values(former), rules, runs]
    return signing.Signer(salt=SALT).signature(repr(seen))


def _values(rule: PriceRule | None) -> list[Any]:
    names = ("name", "name_en", "first_night", "last_night", "price_fen", "weekend_price_fen", "min_nights")
    return [getattr(rule, name) for name in names] if rule else []


def write(house_pk: int, rule: PriceRule | None, *, former_pk: int | None = None, agreed: str) -> Preview:
    """Save `rule`, or delete the former one if it is None. Call it in a transaction.

    Locks the house, as a booking does: a price is never changed between quote and order. Raises PricesChanged
    if the change is no longer that of the preview `agreed`.
    """
    house = House.objects.select_for_update().get(pk=house_pk)
    former = PriceRule.objects.filter(pk=former_pk, house=house).first() if former_pk else None
    if former_pk and not former:
        raise PricesChanged(_("This seasonal price was deleted in the meantime."))
    seen = preview(house, rule, former=former)
    if seen.agreed != agreed:
        raise PricesChanged(_("Prices have changed in the meantime. Please check again what this changes."))
    if rule:
        rule.pk, rule.house = former_pk, house
        rule.save()
    elif former:
        former.delete()
    return seen


def told(rule: PriceRule) -> str:
    """Return a line such as `元旦: 12月31日 – 1月2日 ￥1,188.00`, for the history of the house."""
    price = yuan(rule.price_fen)
    if rule.weekend_price_fen:
        price = f"{price} / {yuan(rule.weekend_price_fen)}"
    return f"{rule.name}: {day(rule.first_night)} – {day(rule.last_night)} {price}"
