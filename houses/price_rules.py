"""Prices of seasons and holidays: ranges of nights with a price of their own."""

from datetime import date
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

MAX_PRICE_FEN = 10_000_000
MAX_DISCOUNT = 90
"""In percent, so that no stay is free."""


def _price(label: Any, **options: Any) -> Any:
    limits = [MinValueValidator(1), MaxValueValidator(MAX_PRICE_FEN)]
    return models.BigIntegerField(label, validators=limits, **options)


def _fee(label: Any) -> Any:
    limits = [MinValueValidator(0), MaxValueValidator(MAX_PRICE_FEN)]
    return models.BigIntegerField(label, default=0, db_default=0, validators=limits)


def _discount(label: Any) -> Any:
    limits = [MaxValueValidator(MAX_DISCOUNT)]
    return models.PositiveSmallIntegerField(label, default=0, db_default=0, validators=limits)


class Fees(models.Model):
    """Base of House: all that a stay costs besides the price per night and the seasons."""

    weekend_price_fen = _price(
        _("weekend price per night (fen)"),
        null=True,
        blank=True,
        help_text=_("Friday and Saturday nights. If empty, they cost the same as the others."),
    )
    # xgettext:no-python-format
    week_discount = _discount(_("discount from 7 nights (%)"))
    # xgettext:no-python-format
    month_discount = _discount(_("discount from 28 nights (%)"))
    cleaning_fee_fen = _fee(_("cleaning fee per stay (fen)"))
    guests_included = models.PositiveSmallIntegerField(
        _("guests included in the price"), default=1, db_default=1, validators=[MinValueValidator(1)]
    )
    guest_fee_fen = _fee(_("fee per further guest and night (fen)"))

    class Meta:
        abstract = True


class PriceRule(models.Model):
    """Price of a house for a range of nights. Where ranges overlap, the shorter one counts.

    So a holiday may lie within a season. Of two that are equally long, the newer one counts.
    """

    house = models.ForeignKey(
        "houses.House", models.CASCADE, related_name="price_rules", verbose_name=_("house")
    )
    name = models.CharField(_("name"), max_length=40)
    name_en = models.CharField(
        _("English name"),
        max_length=40,
        blank=True,
        default="",
        help_text=_("If empty, English pages show the Chinese name."),
    )
    first_night = models.DateField(_("first night"))
    last_night = models.DateField(_("last night"))
    price_fen = _price(_("price per night (fen)"))
    weekend_price_fen = _price(_("weekend price per night (fen)"), null=True, blank=True)
    min_nights = models.PositiveSmallIntegerField(
        _("minimum nights"),
        default=1,
        validators=[MinValueValidator(1)],
        help_text=_("For stays that begin in these nights. The home's own minimum holds, too."),
    )
    # The length of the range, by which a query finds the shortest one.
    nights = models.PositiveSmallIntegerField(editable=False)

    class Meta:
        ordering = ["first_night", "id"]
        verbose_name = _("seasonal price")
        verbose_name_plural = _("seasonal prices")
        constraints = [
            models.CheckConstraint(condition=Q(price_fen__gt=0), name="rule_price_is_positive"),
            models.CheckConstraint(
                condition=Q(last_night__gte=F("first_night")), name="rule_ends_after_it_begins"
            ),
        ]
        indexes = [
            models.Index(fields=["house", "last_night", "first_night"], name="rules_of_a_house"),
            # For the search: homes that ask for more nights than a stay has.
            models.Index(
                fields=["min_nights", "last_night", "first_night", "house"], name="rules_by_minimum"
            ),
        ]

    def __str__(self) -> str:
        return (self.name_en if get_language() == "en" else "") or self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.nights = (self.last_night - self.first_night).days + 1
        super().save(*args, **kwargs)

    @property
    def rank(self) -> tuple[int, int]:
        """The rule with the least rank counts: the shortest, then the newest."""
        return (self.last_night - self.first_night).days, -(self.pk or 2**62)

    def has(self, night: date) -> bool:
        return self.first_night <= night <= self.last_night
