"""Active filters of a search, each with the search that drops it."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.templatetags.ihome import day
from houses.search_form import SearchForm


@dataclass(frozen=True)
class Chip:
    label: str
    without: str
    """Query of the search without this filter, from its "?" on."""


def chips_of(form: SearchForm, query: QueryDict) -> list[Chip]:
    """Return a chip for each filter that narrows the search. Refused fields have none."""
    return [
        *(Chip(label, _without(query, *names)) for label, names in _labels(form)),
        *_facilities(form, query),
    ]


def _labels(form: SearchForm) -> Iterator[tuple[str, tuple[str, ...]]]:
    asked = form.accepted
    if form.stay:
        yield " – ".join(map(day, form.stay)), ("check_in", "check_out")
    if guests := asked.get("guests"):
        yield ngettext("%(count)d guest", "%(count)d guests", guests) % {"count": guests}, ("guests",)
    for name in ("area", "place"):
        if name in asked:
            yield str(asked[name]), (name,)
    if "price_from" in asked or "price_to" in asked:
        yield _price(asked.get("price_from"), asked.get("price_to")), ("price_from", "price_to")
    if rooms := asked.get("bedrooms"):
        yield ngettext("%(count)d+ bedroom", "%(count)d+ bedrooms", rooms) % {"count": rooms}, ("bedrooms",)
    for name in ("whole", "instant"):
        if name in asked:
            yield str(form.fields[name].label), (name,)


def _price(lowest: int | None, highest: int | None) -> str:
    if lowest is None:
        return _("up to ￥%(highest)d a night") % {"highest": highest}
    if highest is None:
        return _("from ￥%(lowest)d a night") % {"lowest": lowest}
    return _("￥%(lowest)d–%(highest)d a night") % {"lowest": lowest, "highest": highest}


def _facilities(form: SearchForm, query: QueryDict) -> Iterator[Chip]:
    chosen = form.accepted.get("facilities", [])
    names = {facility.pk: str(facility) for facility in form.known_facilities}
    for key in chosen:
        others = [str(other) for other in chosen if other != key]
        yield Chip(names[key], _without(query, "facilities", facilities=others))


def _without(query: QueryDict, *names: str, **kept: list[str]) -> str:
    """Return the query without these names and without the page, spelled as the tag `querystring` does."""
    others = query.copy()
    for name in ("page", *names):
        others.pop(name, None)
    for name, values in kept.items():
        if values:
            others.setlist(name, values)
    return f"?{others.urlencode()}"
