"""The bills that were compared, and their lines. Differences are in models.py."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class ComparedBill(models.Model):
    """A day whose bill was compared completely with our books."""

    day = models.DateField(primary_key=True)
    compared_at = models.DateTimeField(default=timezone.now)
    # Null: compared before the entries of bills were kept.
    entries = models.PositiveIntegerField(null=True)
    unreadable = models.PositiveIntegerField(default=0, db_default=0)

    def __str__(self) -> str:
        return str(self.day)


class BillEntry(models.Model):
    """A line of the bill of a compared day, as Alipay wrote it. For the accountant; it settles nothing."""

    day = models.DateField(_("bill date"))
    is_refund = models.BooleanField(_("is a refund"))
    business_type = models.CharField(_("business type"), max_length=20, blank=True)
    trade_no = models.CharField(_("Alipay transaction no."), max_length=64, blank=True)
    out_trade_no = models.CharField(_("merchant order no."), max_length=64, blank=True)
    out_request_no = models.CharField(_("refund request no."), max_length=64, blank=True)
    # With the bill's sign: a refund, and a fee that Alipay took, are below zero.
    net_fen = models.BigIntegerField(_("billed (fen)"))
    fee_fen = models.BigIntegerField(_("fee (fen)"), null=True, blank=True)

    class Meta:
        ordering = ["day", "id"]
        verbose_name = _("line of a bill")
        verbose_name_plural = _("lines of bills")
        indexes = [models.Index(fields=["day", "id"], name="entry_by_day")]

    def __str__(self) -> str:
        return f"{self.day} {self.out_request_no or self.out_trade_no or self.trade_no}"
