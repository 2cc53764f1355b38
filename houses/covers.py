"""Covers of many homes: the first photo of each, without loading the others."""

from collections.abc import Iterable

from django.db.models import OuterRef, Subquery

from core.prepared import SelectMany
from houses.models import House, HousePhoto

_PHOTOS = SelectMany(HousePhoto, "pk", lambda value, keys: HousePhoto.objects.filter(pk__in=keys).order_by())


def key_of(house: str) -> Subquery:
    """Return the key of the cover for each row of a queryset. `house`: the column of the home."""
    photos = HousePhoto.objects.filter(house=OuterRef(house)).order_by("position", "pk")
    return Subquery(photos.values("pk")[:1])


def attach(covers: Iterable[tuple[House, int | None]]) -> None:
    """Give homes their covers, by the keys of these. One query."""
    homes = list(covers)
    found = {photo.pk: photo for photo in _PHOTOS.all([key for _house, key in homes if key])}
    for house, key in homes:
        house.cover = found.get(key) if key else None
