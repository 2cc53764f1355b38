"""Requests for an invoice (发票) of a paid order. Staff issue it at the tax bureau and mail it."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class InvoiceRequest(models.Model):
    """An invoice that the renter wants. They may correct it until it is issued."""

    order = models.OneToOneField(
        "orders.Order", models.PROTECT, related_name="invoice", verbose_name=_("order")
    )
    title = models.CharField(_("invoice title"), max_length=100)
    tax_number = models.CharField(_("tax number"), max_length=20, blank=True)
    email = models.EmailField(_("email"))
    asked_at = models.DateTimeField(_("requested at"), default=timezone.now)
    issued_at = models.DateTimeField(_("issued at"), null=True, blank=True)
    issued_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("issued by"),
    )
    issued_fen = models.BigIntegerField(_("issued for (fen)"), null=True, editable=False)
    """Kept where it is to be issued again, because the stay and its price were changed since."""

    class Meta:
        ordering = ["-id"]
        verbose_name = _("invoice request")
        verbose_name_plural = _("invoice requests")
        indexes = [models.Index(fields=["issued_at", "-id"], name="invoice_issued")]

    def __str__(self) -> str:
        return self.title

    @property
    def typed(self) -> dict[str, str]:
        return {"title": self.title, "tax_number": self.tax_number, "email": self.email}


def ask(order: Any, **typed: str) -> bool:
    """Save what the renter wants. False if the invoice is issued already, otherwise the newer one counts."""
    values = {**typed, "asked_at": timezone.now()}
    request, is_new = InvoiceRequest.objects.get_or_create(order=order, defaults=values)
    return is_new or bool(_open(request).update(**values))


def mark_issued(request: InvoiceRequest, *, by: Any) -> bool:
    """Note that the invoice is issued. False if it was before, or if renter or price changed it since."""
    unchanged = _open(request).filter(_as_read(request))
    amount = request.order.amount_fen
    return bool(unchanged.update(issued_at=timezone.now(), issued_by=by, issued_fen=amount))


def reopen(order: Any) -> None:
    """Let an invoice that was issued for another amount be corrected and issued again."""
    issued = InvoiceRequest.objects.filter(order=order, issued_at__isnull=False)
    issued.exclude(issued_fen=order.amount_fen).update(issued_at=None, issued_by=None)


def _open(request: InvoiceRequest) -> models.QuerySet[InvoiceRequest]:
    return InvoiceRequest.objects.filter(pk=request.pk, issued_at=None)


def _as_read(request: InvoiceRequest) -> Q:
    return Q(**request.typed, order__amount_fen=request.order.amount_fen)
