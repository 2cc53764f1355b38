"""Places as people type them: areas in either language, districts, and titles of homes."""

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from django.db.models import Q

from houses.models import Area

MAX_LENGTH = 40
MAX_PARTS = 5
"""Parts of a place that are looked up. The others narrow the search no further."""
_TEXTS = ("title", "title_en", "district", "district_en")
_CITY = "市"


def matching(place: str, areas: Sequence[Area]) -> Q:
    """Return the condition for homes at `place`. All parts must match: "Dali lake", "厦门鼓浪屿"."""
    condition = Q()
    for part in _parts(place, areas):
        condition &= _condition(part, areas)
    return condition


def near(place: str, areas: Iterable[Area]) -> list[Area]:
    """Return the areas whose names are spelled much like `place`."""
    by_name = {name: area for area in areas for name in _names(area)}
    found = get_close_matches(_normal(place), by_name, n=3, cutoff=0.5)
    return list(dict.fromkeys(by_name[name] for name in found))


def _condition(part: str, areas: Iterable[Area]) -> Q:
    named = [area.pk for area in areas if part in _names(area)]
    if named:
        return Q(area__in=named)
    like = [area.pk for area in areas if any(part in name for name in _names(area))]
    condition = Q(area__in=like) if like else Q()
    for text in _TEXTS:
        condition |= Q(**{f"{text}__icontains": part})
    return condition


def _parts(place: str, areas: Iterable[Area]) -> list[str]:
    """Cut at spaces and commas, and after the name of an area: Chinese has no spaces."""
    normal = _normal(place)
    names = {name for area in areas for name in _names(area)}
    if normal in names:
        return [normal]
    parts: list[str] = []
    for word in re.split(r"[\s,，、·]+", normal):
        begins = max((name for name in names if word.startswith(name)), key=len, default="")
        rest = word.removeprefix(begins).removeprefix(_CITY) if _is_chinese(begins) else ""
        parts += [begins, rest] if rest else [begins if begins and word == begins + _CITY else word]
    return [part for part in parts if part][:MAX_PARTS]


def _names(area: Area) -> list[str]:
    return [_normal(name) for name in (area.name, area.name_en) if name]


def _normal(text: str) -> str:
    return " ".join(text.casefold().split())


def _is_chinese(text: str) -> bool:
    return bool(text) and not text.isascii()
