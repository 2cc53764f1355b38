"""Columns that describe a home: rooms, beds, place, arrival, and its texts in two languages."""

from datetime import time

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from houses import place

LONG_TEXTS = (
    *("description", "description_en", "rules", "rules_en"),
    *("arrival", "arrival_en", "nearby", "nearby_en"),
)
"""Columns that lists of homes defer."""

BEDS = ("double_beds", "single_beds", "bunk_beds", "sofa_beds", "tatami_beds")
"""Columns with the number of beds of each kind."""

CHECK_IN_FROM, CHECK_OUT_BY = time(15), time(12)
"""Suggested by the form of a new home."""


def in_page_language(row: models.Model, name: str) -> str:
    """Return a text in English on English pages, if staff wrote it; else in Chinese."""
    english = getattr(row, f"{name}_en") if get_language() == "en" else ""
    return english or getattr(row, name)


class Space(models.TextChoices):
    WHOLE = "WHOLE", _("Whole place")
    ROOM = "ROOM", _("Private room")


class Entry(models.TextChoices):
    SELF = "SELF", _("Self check-in")
    MET = "MET", _("Someone meets you")


def _beds(name: object) -> models.PositiveSmallIntegerField:
    return models.PositiveSmallIntegerField(
        name,  # type: ignore[arg-type]
        default=0,
        db_default=0,
        validators=[MaxValueValidator(30)],
    )


def _english(name: object, length: int) -> models.CharField:
    return models.CharField(name, max_length=length, blank=True, default="", db_default="")  # type: ignore[arg-type]


def _long(name: object, length: int, help_text: object = "") -> models.TextField:
    return models.TextField(
        name,  # type: ignore[arg-type]
        max_length=length,
        blank=True,
        default="",
        db_default="",
        help_text=help_text,  # type: ignore[arg-type]
    )


class Described(models.Model):
    """Description of a home. Empty, or None, is unknown: pages leave it out."""

    title: models.CharField  # of House

    title_en = _english(_("English title"), 200)
    description_en = _long(_("English description"), 4000)
    rules_en = _long(_("English house rules"), 2000, _("One per line."))
    arrival_en = _long(_("English check-in guide"), 2000)
    address_en = _english(_("English address"), 200)

    space = models.CharField(
        _("rented as"), max_length=5, choices=Space, blank=True, default="", db_default=""
    )
    bedrooms = models.PositiveSmallIntegerField(
        _("bedrooms"),
        null=True,
        blank=True,
        validators=[MaxValueValidator(30)],
        help_text=_("0 for a studio."),
    )
    bathrooms = models.PositiveSmallIntegerField(
        _("bathrooms"), null=True, blank=True, validators=[MaxValueValidator(30)]
    )
    size_m2 = models.PositiveSmallIntegerField(
        _("floor space (m²)"),
        null=True,
        blank=True,
        validators=[MinValueValidator(5), MaxValueValidator(2000)],
    )
    double_beds = _beds(_("double beds"))
    single_beds = _beds(_("single beds"))
    bunk_beds = _beds(_("bunk beds"))
    sofa_beds = _beds(_("sofa beds"))
    tatami_beds = _beds(_("tatami beds"))
    floor = models.SmallIntegerField(
        _("floor"),
        null=True,
        blank=True,
        validators=[MinValueValidator(-3), MaxValueValidator(150)],
        help_text=_("1 is the ground floor."),
    )
    has_lift = models.BooleanField(_("lift"), null=True, blank=True)

    district = models.CharField(
        _("district"),
        max_length=40,
        blank=True,
        default="",
        db_default="",
        help_text=_("Shown to everybody."),
    )
    district_en = _english(_("English district"), 40)
    nearby = _long(_("nearby"), 500, _("One per line, e.g. the nearest station. Shown to everybody."))
    nearby_en = _long(_("nearby, in English"), 500)
    coordinates = models.CharField(
        _("coordinates"),
        max_length=24,
        blank=True,
        default="",
        db_default="",
        help_text=_("As Amap's coordinate picker gives them (GCJ-02), e.g. 118.103886,24.437912."),
    )

    check_in_from = models.TimeField(_("check-in from"), null=True, blank=True)
    check_out_by = models.TimeField(_("check-out by"), null=True, blank=True)
    entry = models.CharField(
        _("getting in"), max_length=4, choices=Entry, blank=True, default="", db_default=""
    )
    quiet_from = models.TimeField(_("quiet hours from"), null=True, blank=True)
    quiet_until = models.TimeField(_("quiet hours until"), null=True, blank=True)

    class Meta:
        abstract = True

    @property
    def point(self) -> place.Point | None:
        return place.parse(self.coordinates)

    @property
    def maps(self) -> dict[str, str]:
        """Links to the home itself, for those who have paid."""
        point = self.point
        return place.maps(point, self.title) if point else {}

    @property
    def has_times(self) -> bool:
        """Tell whether anything is known about arriving, leaving and quiet hours."""
        return bool(self.check_in_from or self.check_out_by or self.entry or self.quiet_from)

    @property
    def shown_title(self) -> str:
        return in_page_language(self, "title")

    @property
    def shown_description(self) -> str:
        return in_page_language(self, "description")

    @property
    def shown_rules(self) -> str:
        return in_page_language(self, "rules")

    @property
    def shown_arrival(self) -> str:
        return in_page_language(self, "arrival")

    @property
    def shown_address(self) -> str:
        return in_page_language(self, "address")

    @property
    def shown_district(self) -> str:
        return in_page_language(self, "district")

    @property
    def shown_nearby(self) -> str:
        return in_page_language(self, "nearby")
