"""Columns of rows in the work queue that staff resolve with a note."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Resolvable(models.Model):
    """Needs a human until staff resolve it with a note (staff/resolution.py) or its cause is gone."""

    done_at = models.DateTimeField(_("resolved at"), null=True, blank=True)
    done_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("resolved by"),
    )
    outcome = models.CharField(_("resolution"), max_length=200, blank=True, db_default="")

    class Meta:
        abstract = True
