"""Reviews. Only those of stays that took place are shown, and counted in the house's sums."""

from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from houses.models import MARKS, House
from houses.stored_photos import StoredPhoto

EDITABLE_FOR = timedelta(days=14)
"""So long after check-out the renter may still edit the review."""


def _stars(name: Any, **options: Any) -> models.PositiveSmallIntegerField:
    return models.PositiveSmallIntegerField(
        name, validators=[MinValueValidator(1), MaxValueValidator(5)], **options
    )


class ReviewQuerySet(models.QuerySet["Review"]):
    def counted(self) -> "ReviewQuerySet":
        """Exclude reviews of stays ahead or cancelled later, and hidden ones."""
        return self.filter(is_counted=True)


class Review(models.Model):
    """The renter's words on a stay. review_sums.py writes `is_counted` and `count_due` once it exists."""

    order = models.OneToOneField(
        "orders.Order", models.PROTECT, related_name="review", verbose_name=_("order")
    )
    house = models.ForeignKey(House, models.PROTECT, related_name="reviews", verbose_name=_("house"))
    renter = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("renter")
    )
    rating = _stars(_("rating"))
    cleanliness = _stars(MARKS["cleanliness"], null=True, blank=True)
    location = _stars(MARKS["location"], null=True, blank=True)
    host = _stars(MARKS["host"], null=True, blank=True)
    accuracy = _stars(MARKS["accuracy"], null=True, blank=True)
    text = models.TextField(_("review text"), max_length=1000)
    created_at = models.DateTimeField(_("submitted at"), default=timezone.now)
    edited_at = models.DateTimeField(_("edited at"), null=True, blank=True)
    # The version before counted each review at once; its rows get the default.
    is_counted = models.BooleanField(_("shown and counted"), default=True, db_default=True, editable=False)
    count_due = models.DateField(
        _("counts from"),
        null=True,
        blank=True,
        editable=False,
        help_text=_("Empty once it no longer applies."),
    )
    hidden_at = models.DateTimeField(_("hidden at"), null=True, blank=True)
    hidden_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("hidden by"),
    )
    hidden_reason = models.CharField(_("reason"), max_length=200, blank=True, default="", db_default="")
    reply = models.TextField(_("our reply"), max_length=1000, blank=True, default="", db_default="")
    replied_at = models.DateTimeField(_("replied at"), null=True, blank=True)
    replied_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("reply by"),
    )

    objects = ReviewQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name = _("review")
        verbose_name_plural = _("reviews")
        permissions = [("hide_review", _("Can hide reviews"))]
        constraints = [
            models.CheckConstraint(
                condition=Q(rating__gte=1) & Q(rating__lte=5), name="review_has_one_to_five_stars"
            )
        ]
        indexes = [
            models.Index(fields=["count_due"], name="review_count_due"),
            models.Index(fields=["hidden_at", "-id"], name="review_hidden"),  # for the list of staff
        ]

    def __str__(self) -> str:
        return f"{self.order_id}: {self.rating}"

    @property
    def marks(self) -> list[tuple[Promise, int]]:
        """Name and stars of each mark that was given."""
        return [(name, stars) for field, name in MARKS.items() if (stars := getattr(self, field))]

    @staticmethod
    def edited_while_hidden() -> Q:
        """Hidden, and edited since: staff look at it again."""
        return Q(hidden_at__isnull=False, edited_at__gt=F("hidden_at"))

    @property
    def was_edited_while_hidden(self) -> bool:
        return bool(self.hidden_at and self.edited_at and self.edited_at > self.hidden_at)

    @property
    def reply_is_older(self) -> bool:
        """True if the renter changed the review after our reply."""
        return bool(self.replied_at and self.edited_at and self.edited_at > self.replied_at)

    @property
    def editable_until(self) -> date:
        """Return the last day. Costs a query unless `order` is joined."""
        return self.order.check_out + EDITABLE_FOR

    @property
    def is_editable(self) -> bool:
        return self.order.is_paid and timezone.localdate() <= self.editable_until


MAX_PHOTOS = 6


class ReviewPhoto(StoredPhoto):
    review = models.ForeignKey(Review, models.CASCADE, related_name="photos", verbose_name=_("review"))

    class Meta(StoredPhoto.Meta):
        pass

    def __str__(self) -> str:
        return f"{self.review_id}/{self.position}"
