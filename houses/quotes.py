"""Price of a stay, line by line. Pages, search, bookings and changes of a stay all ask quote()."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from itertools import groupby

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.utils.translation import get_language

from core.prepared import Select, SelectMany
from houses.availability import nights_between
from houses.models import House, PriceRule

WEEK, MONTH = 7, 28
"""Nights from which the discounts count."""
WEEKEND = (4, 5)
"""Weekdays whose nights are weekend nights: Friday and Saturday."""
NIGHTS, DISCOUNT, CLEANING, GUESTS = "nights", "discount", "cleaning", "guests"


@dataclass(frozen=True)
class Line:
    """Part of a price. `fen` is `each_fen` × `count` × `people`; of a discount, below zero."""

    kind: str
    fen: int
    each_fen: int = 0
    count: int = 1
    people: int = 1
    """Further guests that pay a fee per night."""
    percent: int = 0
    first: date | None = None
    """First of the nights, which follow each other."""
    name: str = ""
    name_en: str = ""

    @property
    def label(self) -> str:
        """Name of the season in the language of the page; empty for ordinary nights."""
        return (self.name_en if get_language() == "en" else "") or self.name


@dataclass(frozen=True)
class Quote:
    lines: tuple[Line, ...]

    @property
    def total_fen(self) -> int:
        return sum(line.fen for line in self.lines)

    @cached_property
    def nights_fen(self) -> int:
        return sum(line.fen for line in self.lines if line.kind == NIGHTS)

    @cached_property
    def average_fen(self) -> int:
        """Average price of a night before discounts and fees, rounded down to a fen."""
        return self.nights_fen // sum(line.count for line in self.lines if line.kind == NIGHTS)

    @cached_property
    def shown_lines(self) -> list[Line]:
        """Lines as people read them: nights of one price and season are added up, also those apart."""
        found: dict[object, Line] = {}
        for line in self.lines:
            key = (line.kind, line.each_fen, line.name, line.name_en)
            found[key] = _joined(found[key], line) if key in found else line
        return list(found.values())

    @property
    def has_runs(self) -> bool:
        """Return True if nights have several prices, so that a line of nights in a row names the first."""
        return sum(line.kind == NIGHTS for line in self.lines) > 1

    @property
    def is_plain(self) -> bool:
        """Return True if it is nights of one price and nothing else."""
        return len(self.lines) == 1


def _joined(line: Line, more: Line) -> Line:
    return replace(line, fen=line.fen + more.fen, count=line.count + more.count, first=None)


@dataclass(frozen=True)
class Rates:
    """Prices of a house as loaded. Pure: asks no database."""

    house: House
    rules: tuple[PriceRule, ...] = ()
    """The rule that counts first, see PriceRule.rank."""

    def rule_of(self, night: date) -> PriceRule | None:
        return next((rule for rule in self.rules if rule.has(night)), None)

    def price_of(self, night: date) -> int:
        priced = self.rule_of(night) or self.house
        weekend = priced.weekend_price_fen if night.weekday() in WEEKEND else None
        return weekend or priced.price_fen

    def min_nights(self, check_in: date) -> int:
        """Return the minimum for a stay that begins on this day."""
        rule = self.rule_of(check_in)
        return max(self.house.min_nights, rule.min_nights if rule else 1)

    def with_rule(self, added: PriceRule, *, without: int | None = None) -> "Rates":
        """Return these rates with one more rule, in the place of the rule with the key `without`."""
        kept = [rule for rule in self.rules if rule.pk != without]
        return replace(self, rules=_ranked([*kept, added]))

    def without_rule(self, key: int) -> "Rates":
        return replace(self, rules=tuple(rule for rule in self.rules if rule.pk != key))


def _ranked(rules: Iterable[PriceRule]) -> tuple[PriceRule, ...]:
    return tuple(sorted(rules, key=lambda rule: rule.rank))


def quote(rates: Rates, check_in: date, check_out: date, guests: int = 1) -> Quote:
    """Return the price of the nights [check_in, check_out), which must be at least one."""
    nights = tuple(_night_lines(rates, nights_between(check_in, check_out)))
    fees = (_discount(rates.house, nights), _cleaning(rates.house), guest_line(rates.house, nights, guests))
    return Quote((*nights, *(line for line in fees if line)))


def _night_lines(rates: Rates, nights: list[date]) -> Iterator[Line]:
    """Make a line for each run of nights that cost the same in the same season."""

    def price_and_name(night: date) -> tuple[int, str, str]:
        rule = rates.rule_of(night)
        return rates.price_of(night), rule.name if rule else "", rule.name_en if rule else ""

    for (each_fen, name, name_en), run in groupby(nights, price_and_name):
        days = list(run)
        count = len(days)
        yield Line(NIGHTS, each_fen * count, each_fen, count, first=days[0], name=name, name_en=name_en)


def _discount(house: House, nights: Iterable[Line]) -> Line | None:
    """Return the greatest discount that the stay is long enough for, rounded down to a whole fen."""
    count, fen = sum(line.count for line in nights), sum(line.fen for line in nights)
    reached = [
        p for least, p in ((WEEK, house.week_discount), (MONTH, house.month_discount)) if count >= least
    ]
    percent = max(reached, default=0)
    taken_off = fen * percent // 100
    return Line(DISCOUNT, -taken_off, percent=percent) if taken_off else None


def _cleaning(house: House) -> Line | None:
    fee = house.cleaning_fee_fen
    return Line(CLEANING, fee, fee) if fee else None


def guest_line(house: House, nights: Iterable[Line], guests: int) -> Line | None:
    """Return the line of the guests above those that the price includes; None without any."""
    count, people, fee = (
        sum(line.count for line in nights),
        guests - house.guests_included,
        house.guest_fee_fen,
    )
    return Line(GUESTS, fee * count * people, fee, count, people) if fee and people > 0 else None


_RULES = SelectMany(
    PriceRule,
    "house",
    lambda value, keys: PriceRule.objects.filter(
        house__pk__in=keys,
        last_night__gte=value(PriceRule, "last_night", "first"),
        first_night__lte=value(PriceRule, "first_night", "last"),
    ),
)
_RULES_FROM = Select(
    lambda value: PriceRule.objects.filter(
        house=value(PriceRule, "house"), last_night__gte=value(PriceRule, "last_night", "first")
    )
)


def rates_of(houses: Iterable[House], first: date, last: date) -> dict[int, Rates]:
    """Load the rates of many houses for the nights from `first` to `last`. One query."""
    by_key = {house.pk: house for house in houses}
    rules: dict[int, list[PriceRule]] = {key: [] for key in by_key}
    for rule in _RULES.all(list(by_key), first=first, last=last):
        rules[rule.house_id].append(rule)
    return {key: Rates(house, _ranked(rules[key])) for key, house in by_key.items()}


def rates_from(house: House, first: date) -> Rates:
    """Load the rates of a house for every night from `first` on. One query."""
    return Rates(house, _ranked(_RULES_FROM.all(house=house.pk, first=first)))


def rates_for(house: House, check_in: date, check_out: date) -> Rates:
    """Load the rates of a house for a stay. One query."""
    return rates_of([house], check_in, check_out)[house.pk]


def for_stay(houses: Iterable[House], check_in: date, check_out: date, guests: int = 1) -> dict[int, Quote]:
    """Return the quotes of many houses by their keys. One query."""
    rates = rates_of(houses, check_in, check_out)
    return {key: quote(each, check_in, check_out, guests) for key, each in rates.items()}


def allowed(houses: QuerySet[House], check_in: object, nights: int) -> QuerySet[House]:
    """Filter `houses` to those whose seasonal minimum, if any, allows so few nights. No further query.

    The rule that counts is looked for only in homes with one that asks for more, which are few and have an
    index: finding it sorts the rules of a home.
    """
    holding = PriceRule.objects.filter(
        Q(("first_night__lte", check_in), ("last_night__gte", check_in)), house=OuterRef("pk")
    ).order_by("nights", "-pk")
    least = Subquery(holding.values("min_nights")[:1])
    asks_for_more = Exists(holding.order_by().filter(min_nights__gt=nights))
    return houses.alias(seasonal_min_nights=least).filter(~asks_for_more | Q(seasonal_min_nights__lte=nights))
