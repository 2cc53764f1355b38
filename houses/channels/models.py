import secrets
from collections.abc import Iterable
from datetime import date, timedelta

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.resolvable import Resolvable

PATIENCE = timedelta(hours=1)
"""A calendar that can't be read is on the staff's list after so long. What staff must act on is at once."""


def new_token() -> str:
    return secrets.token_urlsafe(24)


def text_of(nights: Iterable[date]) -> str:
    """Return nights as a column keeps them."""
    return " ".join(sorted(night.isoformat() for night in nights))


def nights_in(text: str) -> set[date]:
    return {date.fromisoformat(day) for day in text.split()}


class Trouble(models.TextChoices):
    """Reason why a reading frees no nights."""

    ADDRESS = "ADDRESS", _("Not a public http or https address.")
    PRIVATE = "PRIVATE", _("The address leads into a private network.")
    REDIRECTS = "REDIRECTS", _("The address leads on too often, or to an unprotected one.")
    UNREACHABLE = "UNREACHABLE", _("The channel does not answer.")
    SLOW = "SLOW", _("The channel answers too slowly.")
    LARGE = "LARGE", _("The calendar is too large.")
    STATUS = "STATUS", _("The channel refuses the address. Copy it again from the channel.")
    NOT_CALENDAR = "NOT_CALENDAR", _("This is not a calendar. Copy its iCal address from the channel.")
    PARTIAL = "PARTIAL", _("Some entries can't be read. Compare the nights with the channel.")
    EMPTIED = "EMPTIED", _("The calendar is suddenly empty. If that is right, free its nights.")


class ChannelCalendar(models.Model):
    """The calendar of a home at another channel: theirs, which we read, and ours, which they read."""

    AT_ONCE = (Trouble.ADDRESS, Trouble.PRIVATE, Trouble.PARTIAL, Trouble.EMPTIED)

    house = models.ForeignKey(
        "houses.House", models.PROTECT, related_name="channel_calendars", verbose_name=_("house")
    )
    channel = models.CharField(_("channel"), max_length=40, help_text=_("Such as Airbnb or Booking."))
    url = models.CharField(
        _("their calendar"),
        max_length=1000,
        blank=True,
        help_text=_("The iCal address that the channel shows for this home. If empty, nothing is read."),
    )
    token = models.CharField(max_length=40, default=new_token, editable=False)
    nights = models.TextField(blank=True, default="", editable=False)
    """Nights from today on that the last good reading had as sold there."""
    etag = models.CharField(max_length=300, blank=True, default="", editable=False)
    last_modified = models.CharField(max_length=100, blank=True, default="", editable=False)
    next_try_at = models.DateTimeField(
        _("next try"), null=True, blank=True, default=timezone.now, editable=False
    )
    fetched_at = models.DateTimeField(_("last read"), null=True, blank=True, editable=False)
    """Last good reading, whether or not anything was new."""
    trouble = models.CharField(
        _("trouble"), max_length=12, choices=Trouble, blank=True, default="", editable=False
    )
    detail = models.CharField(max_length=40, blank=True, default="", editable=False)
    troubled_since = models.DateTimeField(_("trouble since"), null=True, blank=True, editable=False)
    told = models.TextField(blank=True, default="", editable=False)
    """Nights that our feed had when the channel last read it, to know them again in theirs."""
    told_at = models.DateTimeField(_("last read ours"), null=True, blank=True, editable=False)

    class Meta:
        ordering = ["-id"]
        verbose_name = _("calendar of another channel")
        verbose_name_plural = _("calendars of other channels")
        constraints = [models.UniqueConstraint(fields=["house", "channel"], name="one_calendar_per_channel")]
        indexes = [
            models.Index(fields=["next_try_at"], name="channel_next_try"),
            models.Index(fields=["trouble", "troubled_since"], name="channel_trouble"),
        ]

    def __str__(self) -> str:
        return f"{self.channel} · {self.house}"

    @property
    def feed_path(self) -> str:
        return reverse("houses:feed", args=[self.house_id, self.token])

    @property
    def trouble_text(self) -> str:
        """The trouble as a sentence for staff; empty if there is none."""
        return f"{self.get_trouble_display()} {self.detail}".strip()

    @classmethod
    def needing_staff(cls) -> Q:
        lasting = Q(troubled_since__lte=timezone.now() - PATIENCE)
        return Q(trouble__in=cls.AT_ONCE) | Q(trouble__gt="") & lasting


class DoubleSale(Resolvable):
    """Nights that a channel sold and that an order, or another channel, holds already.

    Closed by staff with a note, or by itself once one of both has given the nights up.
    """

    house = models.ForeignKey(
        "houses.House", models.PROTECT, related_name="double_sales", verbose_name=_("house")
    )
    calendar = models.ForeignKey(
        ChannelCalendar, models.SET_NULL, null=True, related_name="double_sales", editable=False
    )
    channel = models.CharField(_("channel"), max_length=40)
    order_number = models.CharField(_("order"), max_length=14, blank=True, db_index=True)
    other_channel = models.CharField(_("other channel"), max_length=40, blank=True)
    nights = models.TextField(_("nights sold"))
    created_at = models.DateTimeField(_("found at"), default=timezone.now)

    class Meta:
        ordering = ["-id"]
        verbose_name = _("night sold twice")
        verbose_name_plural = _("nights sold twice")
        indexes = [models.Index(fields=["done_at", "id"], name="double_sale_open")]

    def __str__(self) -> str:
        return f"{self.channel} / {self.order_number or self.other_channel}: {self.days}"

    @property
    def days(self) -> str:
        return ", ".join(self.nights.split())
