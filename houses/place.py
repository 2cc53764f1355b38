"""Place of a home: coordinates, the rough place that everybody may see, and links to maps.

Coordinates are GCJ-02, the datum of every street map of mainland China: Amap's, and what Apple and Google
draw there. So all links take them as they are. WGS-84, which GPS and satellite pictures use, is some hundred
metres off; staff may type it, and it is converted before it is stored.
"""

import re
from dataclasses import dataclass
from math import cos, pi, radians, sin, sqrt
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

_NUMBER = r"(-?[0-9]{1,3}(?:\.[0-9]{1,15})?)"
_PAIR = re.compile(rf"\s*{_NUMBER}°?\s*[,，;\s]\s*{_NUMBER}°?\s*")
LATITUDES, LONGITUDES = (3.8, 53.6), (73.5, 135.1)
"""Of China. They don't overlap, so that a pair may be typed in either order."""

ROUGH = 2
"""Digits of the rough place: the centre of a square kilometre, whose corners are within ROUGH_METRES."""
ROUGH_METRES = 800

_AXIS, _ECCENTRICITY = 6378245.0, 0.00669342162296594323
"""Ellipsoid of GCJ-02 (Krasovsky 1940)."""


@dataclass(frozen=True)
class Point:
    latitude: float
    longitude: float

    def __str__(self) -> str:
        """Spell it as Amap's coordinate picker does: the longitude first."""
        return f"{self.longitude:.6f},{self.latitude:.6f}"

    @property
    def rough(self) -> "Point":
        return Point(round(self.latitude, ROUGH), round(self.longitude, ROUGH))


def parse(text: str) -> Point | None:
    """Parse "118.103886,24.437912", in either order. None unless it is a place in China."""
    if not (match := _PAIR.fullmatch(text)):
        return None
    latitude, longitude = sorted(map(float, match.groups()))
    is_in_china = LATITUDES[0] <= latitude <= LATITUDES[1] and LONGITUDES[0] <= longitude <= LONGITUDES[1]
    return Point(latitude, longitude) if is_in_china else None


class CoordinatesField(forms.CharField):
    """Cleans to the spelling of Point."""

    def to_python(self, value: Any) -> str:
        text = super().to_python(value) or ""
        if not text:
            return text
        if (point := parse(text)) is None:
            raise ValidationError(
                _("Enter a longitude and a latitude in China, e.g. 118.103886,24.437912."), code="invalid"
            )
        return str(point)


def from_gps(point: Point) -> Point:
    """Convert WGS-84 to GCJ-02, with the published approximation: right within a few metres."""
    x, y = point.longitude - 105.0, point.latitude - 35.0
    slope = 1 - _ECCENTRICITY * sin(radians(point.latitude)) ** 2
    metres_per_latitude = radians(_AXIS * (1 - _ECCENTRICITY) / (slope * sqrt(slope)))
    metres_per_longitude = radians(_AXIS / sqrt(slope) * cos(radians(point.latitude)))
    return Point(
        point.latitude + _metres_north(x, y) / metres_per_latitude,
        point.longitude + _metres_east(x, y) / metres_per_longitude,
    )


def _metres_north(x: float, y: float) -> float:
    curve = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x))
    return curve + _waves((20, 6 * x), (20, 2 * x), (20, y), (40, y / 3), (160, y / 12), (320, y / 30))


def _metres_east(x: float, y: float) -> float:
    curve = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x))
    return curve + _waves((20, 6 * x), (20, 2 * x), (20, x), (40, x / 3), (150, x / 12), (300, x / 30))


def _waves(*waves: tuple[float, float]) -> float:
    return sum(height * sin(at * pi) for height, at in waves) * 2.0 / 3.0


def maps(point: Point, name: str) -> dict[str, str]:
    """Return links to a point in maps, by the map. They open its app on a phone that has it."""
    amap = {"position": str(point), "name": name, "src": "ihome", "coordinate": "gaode", "callnative": 1}
    both = f"{point.latitude:.6f},{point.longitude:.6f}"
    return {
        "amap": f"https://uri.amap.com/marker?{urlencode(amap)}",
        "apple": f"https://maps.apple.com/?{urlencode({'ll': both, 'q': name})}",
        "google": f"https://www.google.com/maps/search/?{urlencode({'api': 1, 'query': both})}",
    }
