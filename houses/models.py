import re
from pathlib import Path
from typing import Any

from django.contrib.staticfiles import finders
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.functional import Promise, cached_property
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from core.links import address
from core.prepared import Select
from houses import facts
from houses.channels.models import ChannelCalendar as ChannelCalendar
from houses.channels.models import DoubleSale as DoubleSale
from houses.described import Described, in_page_language
from houses.favourites import Favourite as Favourite
from houses.price_rules import Fees
from houses.price_rules import PriceRule as PriceRule
from houses.stored_photos import StoredPhoto


class Label(models.Model):
    """Short name that staff enter in Chinese and English; shown in the language of the page."""

    name = models.CharField(_("name"), max_length=40, unique=True)
    name_en = models.CharField(
        _("English name"),
        max_length=40,
        blank=True,
        default="",
        db_default="",
        help_text=_("If empty, English pages show the Chinese name."),
    )

    class Meta:
        abstract = True
        ordering = ["id"]

    def __str__(self) -> str:
        return (self.name_en if get_language() == "en" else "") or self.name


class Area(Label):
    class Meta(Label.Meta):
        verbose_name = _("area")
        verbose_name_plural = _("areas")


ICONS = {
    "wifi": _("Wi-Fi"),
    "kitchen": _("kitchen"),
    "washer": _("washing machine"),
    "aircon": _("air conditioning"),
    "heating": _("heating"),
    "bath": _("bath"),
    "tv": _("television"),
    "parking": _("parking"),
    "lift": _("lift"),
    "desk": _("desk"),
    "garden": _("garden"),
    "view": _("view from the window"),
    "tea": _("tea"),
    "child": _("children"),
    "pets": _("pets"),
    "luggage": _("luggage"),
}
"""Names of the pictures in static/img/icons.svg."""


def facility_icons() -> list[tuple[str, str | Promise]]:
    """Return the choices for icons: the symbols of the sprite whose ids begin with `facility-`."""
    sprite = Path(str(finders.find("img/icons.svg"))).read_text(encoding="utf-8")
    names = re.findall(r'<symbol id="facility-([a-z-]+)"', sprite)
    return [(name, ICONS.get(name, name)) for name in names]


class Facility(Label):
    """Amenity of a house, such as a kitchen."""

    icon = models.CharField(_("icon"), max_length=20, choices=facility_icons)

    class Meta(Label.Meta):
        verbose_name = _("amenity")
        verbose_name_plural = _("amenities")


class RefundPolicy(models.TextChoices):
    """Refund for a cancelled stay. Orders store the code, so its meaning must never change."""

    FLEXIBLE = "FLEXIBLE", _("Flexible: full refund until the day before check-in")
    MODERATE = "MODERATE", _("Moderate: full refund until 5 days before check-in, then 50%")
    # xgettext:no-python-format
    STRICT = "STRICT", _("Strict: 50% refund until 7 days before check-in, then none")


MAX_NIGHTS = 90
"""Upper limit of `max_nights`, for all houses."""

PRIOR_REVIEWS, PRIOR_STARS = 5, 4
"""`rating_rank` is the average, in thousandths, as if each home also had these reviews. One review of five
stars then ranks below twenty with an average of 4.9, and a home without reviews among those with four."""


MARKS: dict[str, Any] = {
    "cleanliness": _("Cleanliness"),
    "location": _("Location"),
    "host": _("Host"),
    "accuracy": _("As described"),
}
"""Stars of a review beside its overall ones. Each has a count and a sum below."""


def _counter(name: Any) -> models.PositiveIntegerField:
    return models.PositiveIntegerField(name, default=0, db_default=0, editable=False)


class House(Described, Fees):
    """A home that is rented by the night."""

    title = models.CharField(_("title"), max_length=200)
    area = models.ForeignKey(Area, models.PROTECT, related_name="houses", verbose_name=_("area"))
    address = models.CharField(_("address"), max_length=200)
    description = models.TextField(_("description"), max_length=4000, blank=True)
    rules = models.TextField(
        _("house rules"), max_length=2000, blank=True, default="", db_default="", help_text=_("One per line.")
    )
    arrival = models.TextField(
        _("check-in guide"),
        max_length=2000,
        blank=True,
        default="",
        db_default="",
        help_text=_("How to get there and get in. Shown to renters who have paid."),
    )
    facilities = models.ManyToManyField(
        Facility, blank=True, related_name="houses", verbose_name=_("amenities")
    )
    price_fen = models.BigIntegerField(
        _("price per night (fen)"), validators=[MinValueValidator(1), MaxValueValidator(10_000_000)]
    )
    capacity = models.PositiveSmallIntegerField(
        _("maximum guests"), default=2, validators=[MinValueValidator(1), MaxValueValidator(99)]
    )
    min_nights = models.PositiveSmallIntegerField(
        _("minimum nights"), default=1, validators=[MinValueValidator(1)]
    )
    max_nights = models.PositiveSmallIntegerField(
        _("maximum nights"), default=30, validators=[MaxValueValidator(MAX_NIGHTS)]
    )
    instant_book = models.BooleanField(
        _("instant booking"), default=False, help_text=_("Bookings are confirmed without staff.")
    )
    refund_policy = models.CharField(
        _("cancellation policy"), max_length=10, choices=RefundPolicy, default=RefundPolicy.FLEXIBLE
    )
    is_listed = models.BooleanField(
        _("listed"), default=True, help_text=_("Shown in search and open for booking.")
    )
    created_at = models.DateTimeField(_("added"), default=timezone.now, editable=False)

    # Denormalised, written by orders/: lists would have to count rows.
    order_count = models.PositiveIntegerField(_("paid stays"), default=0, editable=False)
    review_count = models.PositiveIntegerField(_("review count"), default=0, editable=False)
    rating_sum = models.PositiveIntegerField(_("total stars"), default=0, editable=False)
    # Kept by the database, so that whoever writes the counters need not know it.
    rating_rank = models.GeneratedField(
        expression=(F("rating_sum") * 1000 + PRIOR_REVIEWS * PRIOR_STARS * 1000)
        / (F("review_count") + PRIOR_REVIEWS),
        output_field=models.IntegerField(),
        db_persist=True,
        editable=False,
    )
    cleanliness_count = _counter(_("reviews with stars for cleanliness"))
    cleanliness_sum = _counter(_("stars for cleanliness"))
    location_count = _counter(_("reviews with stars for the location"))
    location_sum = _counter(_("stars for the location"))
    host_count = _counter(_("reviews with stars for the host"))
    host_sum = _counter(_("stars for the host"))
    accuracy_count = _counter(_("reviews with stars for the description"))
    accuracy_sum = _counter(_("stars for the description"))

    class Meta:
        ordering = ["-id"]
        verbose_name = _("house")
        verbose_name_plural = _("houses")
        constraints = [
            models.CheckConstraint(condition=Q(price_fen__gt=0), name="house_price_is_positive"),
            models.CheckConstraint(
                condition=Q(min_nights__gte=1) & Q(max_nights__gte=F("min_nights")),
                name="house_nights_make_a_range",
            ),
        ]
        # One for each sort order of the search; "newest" uses the primary key.
        indexes = [
            models.Index(fields=["price_fen", "id"], name="house_by_price"),
            models.Index(fields=["order_count", "id"], name="house_by_bookings"),
            models.Index(fields=["rating_rank", "id"], name="house_by_rating"),
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return address("houses:detail", self.pk)

    @property
    def rating_average(self) -> float | None:
        """Average of 1 to 5 stars; None without reviews."""
        return self.rating_sum / self.review_count if self.review_count else None

    @property
    def facts(self) -> str:
        """Rooms, beds, floor space and floor in one line; empty if unknown."""
        return facts.line(self)

    @property
    def beds(self) -> list[str]:
        return facts.beds(self)

    @property
    def mark_averages(self) -> list[tuple[Promise, float]]:
        """Name and average of each mark that a review has."""
        sums = (
            (name, getattr(self, f"{mark}_sum"), getattr(self, f"{mark}_count"))
            for mark, name in MARKS.items()
        )
        return [(name, stars / count) for name, stars, count in sums if count]

    @cached_property
    def cover(self) -> "HousePhoto | None":
        """First photo. Costs a query unless `photos` is prefetched, or covers.attach() has set it."""
        is_there = "photos" in getattr(self, "_prefetched_objects_cache", ())
        return next(iter(self.photos.all()), None) if is_there else _COVER.first(house=self.pk)


class HousePhoto(StoredPhoto):
    house = models.ForeignKey(House, models.CASCADE, related_name="photos", verbose_name=_("house"))
    caption = models.CharField(_("caption"), max_length=100, blank=True, default="", db_default="")
    caption_en = models.CharField(_("English caption"), max_length=100, blank=True, default="", db_default="")

    class Meta(StoredPhoto.Meta):
        pass

    def __str__(self) -> str:
        return f"{self.house_id}/{self.position}"

    @property
    def shown_caption(self) -> str:
        return in_page_language(self, "caption")


_COVER = Select(lambda value: HousePhoto.objects.filter(house=value(HousePhoto, "house"))[:1])


class BookedNight(models.Model):
    """A night of a house that is taken. Its unique constraint is what prevents double booking."""

    house = models.ForeignKey(House, models.PROTECT, related_name="booked_nights", verbose_name=_("house"))
    night = models.DateField(_("night"), help_text=_("The date the night begins."))
    order_number = models.CharField(
        _("order"), max_length=14, blank=True, db_index=True, help_text=_("Empty if staff blocked the night.")
    )
    note = models.CharField(
        _("note"),
        max_length=60,
        blank=True,
        default="",
        db_default="",
        help_text=_("Why staff block the night. Only staff see it."),
    )
    calendar = models.ForeignKey(
        "houses.ChannelCalendar",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="booked_nights",
        editable=False,
        verbose_name=_("calendar of another channel"),
    )
    """The channel that sold the night; `note` has its name."""

    class Meta:
        ordering = ["house", "night"]
        verbose_name = _("booked or blocked night")
        verbose_name_plural = _("booked or blocked nights")
        constraints = [models.UniqueConstraint(fields=["house", "night"], name="one_booking_per_night")]
        # For the search, if reading one night of all houses is cheaper than a lookup for each house.
        indexes = [models.Index(fields=["night", "house"], name="houses_of_a_night")]

    def __str__(self) -> str:
        return f"{self.house_id} {self.night}"
