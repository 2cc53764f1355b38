from typing import ClassVar

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

MAX_LENGTH = 40_000


class Kind(models.TextChoices):
    TERMS = "terms", _("Terms of service")
    PRIVACY = "privacy", _("Privacy policy")
    ABOUT = "about", _("About us")
    HELP = "help", _("Help")


AGREED = (Kind.TERMS, Kind.PRIVACY)
"""Renters agree to these when they sign up and when they book."""


class Version(models.Model):
    """A text that staff published. Never changed: the next replaces it. Number 1 is in documents/texts/."""

    kind = models.CharField(_("document"), max_length=10, choices=Kind)
    number = models.PositiveIntegerField(_("version"))
    text = models.TextField(_("text in Chinese"), max_length=MAX_LENGTH)
    text_en = models.TextField(_("text in English"), max_length=MAX_LENGTH)
    changed = models.CharField(_("what changed, in Chinese"), max_length=200, blank=True)
    changed_en = models.CharField(_("what changed, in English"), max_length=200, blank=True)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("by")
    )
    created_at = models.DateTimeField(_("published"), default=timezone.now)

    class Meta:
        ordering = ["-id"]
        verbose_name = _("document")
        verbose_name_plural = _("documents")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["kind", "number"], name="document_version_is_unique")
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.number}"

    def get_absolute_url(self) -> str:
        return reverse(f"documents:{self.kind}_version", args=[self.number])


class Agreement(models.Model):
    """A renter's agreement to a version of a document. Written by documents/agreements.py."""

    class Place(models.TextChoices):
        SIGN_UP = "SIGN_UP", _("at sign-up")
        BOOKING = "BOOKING", _("at a booking")

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="agreements", verbose_name=_("account")
    )
    kind = models.CharField(_("document"), max_length=10, choices=Kind)
    number = models.PositiveIntegerField(_("version"))
    language = models.CharField(_("language"), max_length=10)
    place = models.CharField(_("agreed"), max_length=10, choices=Place)
    order_number = models.CharField(_("order"), max_length=14, blank=True, default="")
    created_at = models.DateTimeField(_("time"), default=timezone.now)

    class Meta:
        ordering = ["-id"]
        verbose_name = _("agreement")
        verbose_name_plural = _("agreements")
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["user", "kind", "number"], name="agreement_by_person"),
            models.Index(fields=["order_number"], name="agreement_by_order"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.number}"
