"""Facts of a home in short: "Whole place · 2 bedrooms · 1 bathroom · 3 beds · 68 m² · floor 5, lift"."""

from collections.abc import Iterator

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, ngettext_lazy, pgettext

from houses.described import BEDS, Described

KINDS_OF_BEDS = {
    "double_beds": ngettext_lazy("%(count)d double bed", "%(count)d double beds", "count"),
    "single_beds": ngettext_lazy("%(count)d single bed", "%(count)d single beds", "count"),
    "bunk_beds": ngettext_lazy("%(count)d bunk bed", "%(count)d bunk beds", "count"),
    "sofa_beds": ngettext_lazy("%(count)d sofa bed", "%(count)d sofa beds", "count"),
    "tatami_beds": ngettext_lazy("%(count)d tatami bed", "%(count)d tatami beds", "count"),
}


def line(home: Described) -> str:
    """Return the known facts, separated by dots; empty if none is known. Lines break only after the dots."""
    facts = " · ".join(filter(None, _facts(home)))
    return facts.replace(" ", "\u00a0").replace("·\u00a0", "· ")


def beds(home: Described) -> list[str]:
    """Return the beds of each kind: "2 double beds"."""
    counts = {name: getattr(home, name) for name in BEDS}
    return [str(KINDS_OF_BEDS[name] % {"count": count}) for name, count in counts.items() if count]


def _facts(home: Described) -> Iterator[str]:
    yield home.get_space_display()
    yield _rooms(home)
    if count := sum(getattr(home, name) for name in BEDS):
        yield ngettext("%(count)d bed", "%(count)d beds", count) % {"count": count}
    if home.size_m2:
        yield _("%(size)d m²") % {"size": home.size_m2}
    yield _floor(home)


def _rooms(home: Described) -> str:
    bedrooms = bathrooms = ""
    if home.bedrooms == 0:
        bedrooms = _("Studio")
    elif home.bedrooms:
        count = home.bedrooms
        bedrooms = ngettext("%(count)d bedroom", "%(count)d bedrooms", count) % {"count": count}
    if home.bathrooms:
        count = home.bathrooms
        bathrooms = ngettext("%(count)d bathroom", "%(count)d bathrooms", count) % {"count": count}
    if bedrooms and bathrooms:
        both = pgettext("rooms of a home", "%(bedrooms)s · %(bathrooms)s")
        return both % {"bedrooms": bedrooms, "bathrooms": bathrooms}
    return bedrooms or bathrooms


def _floor(home: Described) -> str:
    if home.floor is None:
        return {True: _("Lift"), False: _("No lift"), None: ""}[home.has_lift]
    told = {
        True: _("floor %(floor)d, lift"),
        False: _("floor %(floor)d, no lift"),
        None: _("floor %(floor)d"),
    }
    return told[home.has_lift] % {"floor": home.floor}
