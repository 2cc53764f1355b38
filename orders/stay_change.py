"""A dearer change of a paid stay, which waits until its difference is paid. waiting_changes.py writes it."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from houses.quotes import Quote
from orders.price_lines import quote_from


class StayChange(models.Model):
    """The terms are frozen when it is agreed. While it waits, its order also holds the new nights."""

    class Status(models.TextChoices):
        WAITING = "WAITING", _("Waiting for payment")
        MADE = "MADE", _("Paid and made")
        LAPSED = "LAPSED", _("Not paid in time")
        DROPPED = "DROPPED", _("Dropped")

    order = models.ForeignKey(
        "orders.Order", models.PROTECT, related_name="stay_changes", verbose_name=_("order")
    )
    waiting_for = models.OneToOneField(
        "orders.Order",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="waiting_change",
        verbose_name=_("waiting change of"),
        help_text=_("An order has at most one change that waits; empty once it is over."),
    )
    check_in = models.DateField(_("check-in"))
    check_out = models.DateField(_("check-out"))
    guests = models.PositiveSmallIntegerField(_("guests"))
    old_amount_fen = models.BigIntegerField(_("amount before (fen)"))
    amount_fen = models.BigIntegerField(_("amount (fen)"))
    price_lines = models.JSONField(default=list, editable=False)
    pay_by = models.DateTimeField(_("pay by"))
    status = models.CharField(_("status"), max_length=8, choices=Status, default=Status.WAITING)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("requested by")
    )
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("created at"), default=timezone.now)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = _("change of a paid stay")
        verbose_name_plural = _("changes of paid stays")
        constraints = [
            models.CheckConstraint(
                condition=Q(check_out__gt=F("check_in")), name="change_ends_after_it_begins"
            ),
            models.CheckConstraint(condition=Q(amount_fen__gt=F("old_amount_fen")), name="change_is_dearer"),
        ]
        indexes = [
            models.Index(fields=["status", "pay_by"], name="change_pay_by"),
            models.Index(fields=["asked_by", "created_at"], name="change_by_person"),
        ]

    def __str__(self) -> str:
        return f"{self.check_in} – {self.check_out}"

    @property
    def difference_fen(self) -> int:
        return self.amount_fen - self.old_amount_fen

    @property
    def price(self) -> Quote:
        return quote_from(self.price_lines)

    @property
    def paying_ends_at(self) -> datetime:
        """Last moment to press Pay, as for an order."""
        return self.pay_by - timedelta(seconds=SECONDS_TO_PAY)

    @property
    def is_payable(self) -> bool:
        return self.status == self.Status.WAITING and timezone.now() <= self.paying_ends_at

    @property
    def is_overdue(self) -> bool:
        return self.status == self.Status.WAITING and self.pay_by <= timezone.now()

    @property
    def turns_at(self) -> datetime | None:
        """Next time at which the page changes without an event, as for an order."""
        if self.is_overdue:
            return None
        return self.paying_ends_at if self.is_payable else self.pay_by

    @property
    def nights(self) -> int:
        return (self.check_out - self.check_in).days

    @property
    def is_wanted(self) -> bool:
        """Waits, and may still be paid by somebody who is at Alipay already."""
        return self.status == self.Status.WAITING and timezone.now() < self.pay_by


SECONDS_TO_PAY = 60
"""Pay ends so long before a deadline: Alipay requires one at least a minute ahead."""


def waiting_change_of(order: Any) -> StayChange | None:
    """Return the order's change that waits for its difference. One query."""
    return StayChange.objects.filter(waiting_for=order.pk).order_by().first()
