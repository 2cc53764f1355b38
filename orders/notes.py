from django.db import models
from django.utils.translation import gettext_lazy as _

from core.staff_notes import StaffNote


class OrderNote(StaffNote):
    """A note of staff on one order."""

    order = models.ForeignKey("orders.Order", models.PROTECT, related_name="notes", verbose_name=_("order"))

    class Meta(StaffNote.Meta):
        verbose_name = _("note on an order")
        verbose_name_plural = _("notes on orders")
