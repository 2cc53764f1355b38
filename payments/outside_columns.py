"""Columns of money that came outside Alipay, for Payment and Refund: how, its reference, and who had it."""

from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


def _reference() -> models.CharField:
    return models.CharField(
        _("reference"),
        max_length=64,
        blank=True,
        default="",
        db_default="",
        help_text=_("Of money outside Alipay: number of the receipt or of the transfer."),
    )


def _staff(label: Any) -> models.ForeignKey:
    return models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=label
    )


class MayBeOutside(models.Model):
    """Payments: `channel` tells money at Alipay from money that staff took."""

    class Channel(models.TextChoices):
        ALIPAY = "ALIPAY", _("Alipay")
        CASH = "CASH", _("Cash")
        TRANSFER = "TRANSFER", _("Bank transfer")

    OUTSIDE = (Channel.CASH, Channel.TRANSFER)
    """Money that came outside Alipay: staff confirm it, and Alipay is never asked about it."""

    channel = models.CharField(
        _("paid with"), max_length=8, choices=Channel, default=Channel.ALIPAY, db_default=Channel.ALIPAY
    )
    reference = _reference()
    recorded_by = _staff(_("received by"))

    class Meta:
        abstract = True

    @property
    def is_outside(self) -> bool:
        return self.channel in self.OUTSIDE


class MayBeHandedOver(models.Model):
    """Refunds: of money outside Alipay, staff who gave it back."""

    reference = _reference()
    handed_by = _staff(_("given back by"))

    class Meta:
        abstract = True
