import secrets
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.links import address
from core.money import MAX_FEN
from houses.described import in_page_language
from houses.models import House, HousePhoto, RefundPolicy
from houses.quotes import Quote
from houses.refund_policy import Terms, terms_of
from orders.guest_details import GuestName as GuestName
from orders.guest_details import HasGuestDetails
from orders.invoices import InvoiceRequest as InvoiceRequest
from orders.notes import OrderNote as OrderNote
from orders.price_lines import cleaning_fen, quote_of
from orders.recovery import Recovery as Recovery
from orders.reviews import Review as Review
from orders.reviews import ReviewPhoto as ReviewPhoto
from orders.stay_change import SECONDS_TO_PAY as SECONDS_TO_PAY
from orders.stay_change import StayChange as StayChange


def new_number() -> str:
    """Return a new number: yymmdd in Beijing and eight random digits, neither guessable nor countable."""
    return f"{timezone.localdate():%y%m%d}{secrets.randbelow(10**8):08d}"


class OrderQuerySet(models.QuerySet["Order"]):
    def placed_by(self, user: object) -> "OrderQuerySet":
        return self.filter(renter=user)


class Order(HasGuestDetails, models.Model):
    """A booked stay, with the terms at the time of booking. Only transitions.py writes `status`."""

    class Status(models.TextChoices):
        WAIT_ACCEPT = "WAIT_ACCEPT", _("Awaiting acceptance")
        WAIT_PAYMENT = "WAIT_PAYMENT", _("Payment due")
        WAIT_COMMENT = "WAIT_COMMENT", _("To review")
        COMPLETE = "COMPLETE", _("Completed")
        CANCELED = "CANCELED", _("Cancelled")
        REJECTED = "REJECTED", _("Not accepted")

    class Outside(models.TextChoices):
        CASH = "CASH", _("Cash")
        TRANSFER = "TRANSFER", _("Bank transfer")

    UNPAID = (Status.WAIT_ACCEPT, Status.WAIT_PAYMENT)
    """Holds its nights; no money received yet."""
    PAID = (Status.WAIT_COMMENT, Status.COMPLETE)
    """Holds its nights; money received."""
    OVER = (Status.CANCELED, Status.REJECTED)
    """Holds no nights and can't be paid."""

    number = models.CharField(_("order number"), max_length=14, unique=True, editable=False)
    renter = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="orders", verbose_name=_("renter")
    )
    house = models.ForeignKey(House, models.PROTECT, related_name="orders", verbose_name=_("house"))
    house_title = models.CharField(_("home title when booked"), max_length=200)
    house_title_en = models.CharField(
        _("English home title when booked"), max_length=200, blank=True, default="", db_default=""
    )
    check_in = models.DateField(_("check-in"))
    check_out = models.DateField(_("check-out"))
    nights = models.PositiveSmallIntegerField(_("nights"))
    guests = models.PositiveSmallIntegerField(_("guests"), default=1)
    price_per_night_fen = models.BigIntegerField(_("price per night (fen)"))
    amount_fen = models.BigIntegerField(_("amount (fen)"))
    # Lines of the price: orders/price_lines.py reads and writes them.
    price_lines = models.JSONField(default=list, db_default=[], editable=False)
    refund_policy = models.CharField(
        _("cancellation policy"), max_length=10, choices=RefundPolicy, default=RefundPolicy.FLEXIBLE
    )
    status = models.CharField(_("status"), max_length=12, choices=Status, default=Status.WAIT_ACCEPT)
    accept_by = models.DateTimeField(_("accept by"), null=True, blank=True)
    pay_by = models.DateTimeField(_("pay by"), null=True, blank=True)
    remind_at = models.DateTimeField(
        _("reminder due at"),
        null=True,
        blank=True,
        editable=False,
        help_text=_("Empty once it no longer applies."),
    )
    trade_no = models.CharField(_("Alipay transaction no."), max_length=64, blank=True)
    paid_outside = models.CharField(
        _("paid outside Alipay"), max_length=8, choices=Outside, blank=True, default="", db_default=""
    )
    language = models.CharField(
        _("email language"),
        max_length=10,
        choices=settings.LANGUAGES,
        default="zh-hans",
        db_default="zh-hans",
    )
    closing_reason = models.CharField(_("closing reason"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("booked at"), default=timezone.now)

    objects = OrderQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        constraints = [
            models.CheckConstraint(
                condition=Q(check_out__gt=F("check_in")), name="order_ends_after_it_begins"
            ),
            models.CheckConstraint(
                condition=Q(amount_fen__gt=0) & Q(amount_fen__lte=MAX_FEN), name="order_amount_can_be_paid"
            ),
        ]
        indexes = [
            # Keyset pagination of My orders; lists in the admin; reminders.
            models.Index(fields=["renter", "-created_at", "-id"], name="order_of_renter"),
            models.Index(fields=["renter", "status", "-created_at", "-id"], name="order_of_renter_by_status"),
            # Stays ahead, the next first; the counts by stage, from the index alone.
            models.Index(
                fields=["renter", "check_in", "id", "status", "check_out"], name="order_of_renter_by_stay"
            ),
            models.Index(fields=["status", "-created_at", "-id"], name="order_by_status"),
            models.Index(fields=["-created_at", "-id"], name="order_newest"),
            models.Index(fields=["remind_at"], name="order_remind_at"),
            # Deadlines, for the sweep and for staff; arrivals and departures, for staff.
            models.Index(fields=["status", "accept_by", "id"], name="order_accept_by"),
            models.Index(fields=["status", "pay_by", "id"], name="order_pay_by"),
            models.Index(fields=["check_in", "id"], name="order_by_check_in"),
            models.Index(fields=["check_out", "id", "check_in", "status"], name="order_in_house"),
            models.Index(fields=["house", "check_in", "check_out"], name="order_of_house"),
            # Reports: all columns that they sum. Reading the rows themselves would take minutes.
            models.Index(fields=["created_at", "house", "check_in", "status"], name="order_booking_report"),
            models.Index(
                fields=["check_in", "check_out", "status", "house", "nights", "amount_fen"],
                name="order_stay_report",
            ),
        ]

    def __str__(self) -> str:
        return self.number

    def save(self, *args: Any, **kwargs: Any) -> None:
        while not self.number:
            number = new_number()
            # Among 10,000 orders of one day, two would share a number every other day.
            self.number = "" if Order.objects.filter(number=number).exists() else number
        super().save(*args, **kwargs)

    def get_absolute_url(self) -> str:
        return address("orders:detail", self.number)

    @property
    def quote(self) -> Quote:
        """Price as it was agreed, line by line."""
        return quote_of(self)

    @property
    def terms(self) -> Terms:
        """Refund if the renter pays and then cancels."""
        return terms_of(self.refund_policy, self.check_in, has_cleaning_fee=cleaning_fen(self) > 0)

    @property
    def shown_title(self) -> str:
        """Title when booked, in English on English pages if the home had one."""
        return in_page_language(self, "house_title")

    @property
    def paying_ends_at(self) -> datetime | None:
        """Last moment to press Pay. A renter who is already at Alipay has until `pay_by`."""
        return self.pay_by and self.pay_by - timedelta(seconds=SECONDS_TO_PAY)

    def can_be_paid_at(self, now: datetime) -> bool:
        """Return True while Pay may be pressed. An order without `pay_by` has no deadline."""
        ends_at = self.paying_ends_at
        return self.status == self.Status.WAIT_PAYMENT and (ends_at is None or now <= ends_at)

    @property
    def is_payable(self) -> bool:
        return self.can_be_paid_at(timezone.now())

    @property
    def is_overdue(self) -> bool:
        """Past `pay_by` but not expired yet: Alipay is asked first whether money came."""
        late = self.pay_by is not None and self.pay_by <= timezone.now()
        return self.status == self.Status.WAIT_PAYMENT and late

    @property
    def turns_at(self) -> datetime | None:
        """Next time at which the page changes without an event: Pay ends, then `pay_by`. None: never."""
        if self.status != self.Status.WAIT_PAYMENT or self.is_overdue:
            return None
        return self.paying_ends_at if self.is_payable else self.pay_by

    @property
    def is_reviewable(self) -> bool:
        return self.status == self.Status.WAIT_COMMENT

    @property
    def has_ended(self) -> bool:
        """The day of check-out has come. Reviews are shown from then on."""
        return self.check_out <= timezone.localdate()

    @property
    def is_paid(self) -> bool:
        return self.status in self.PAID

    @property
    def is_paid_both_ways(self) -> bool:
        """Part of it came through Alipay, part outside."""
        return bool(self.trade_no and self.paid_outside)

    @property
    def is_over(self) -> bool:
        return self.status in self.OVER

    @property
    def stay_is_ahead(self) -> bool:
        return self.is_paid and self.check_in > timezone.localdate()

    @property
    def stay_is_on(self) -> bool:
        """Paid, and check-out has not passed."""
        return self.is_paid and self.check_out >= timezone.localdate()

    @property
    def stay_stamp(self) -> str:
        """Dates and guests, as a button of staff sends them back: the renter may change them meanwhile."""
        return f"{self.check_in} {self.check_out} {self.guests}"

    @property
    def is_changeable_by_renter(self) -> bool:
        """Dates and guests: before payment until check-in, then until the day before it."""
        is_open = self.status in self.UNPAID and not self.is_overdue
        return self.stay_is_ahead or (is_open and self.check_in >= timezone.localdate())

    @property
    def is_cancellable(self) -> bool:
        """Cancellable by the renter: any time before payment, then until the day before check-in."""
        return self.status in self.UNPAID or self.stay_is_ahead

    @property
    def review_or_none(self) -> Review | None:
        return getattr(self, "review", None)

    @property
    def waiting_change_or_none(self) -> StayChange | None:
        return getattr(self, "waiting_change", None)

    @property
    def invoice_or_none(self) -> InvoiceRequest | None:
        return getattr(self, "invoice", None)

    @property
    def cover(self) -> HousePhoto | None:
        return self.house.cover


class OrderEvent(models.Model):
    """Event in the timeline of an order, which the renter reads. Also the outbox of mails.

    mailing.py writes `mail_due_at` (next try; empty when done or not for mail), `mailed_at`,
    `mail_failed_at`, and `mail_resent_at` when staff have it mailed again.
    """

    class Kind(models.TextChoices):
        BOOKED = "BOOKED", _("Booked")
        ACCEPTED = "ACCEPTED", _("Accepted")
        EXTENDED = "EXTENDED", _("Deadline extended")
        REMINDED = "REMINDED", _("Payment reminder sent")
        CHANGED = "CHANGED", _("Stay changed")
        CHANGE_WAITS = "CHANGE_WAITS", _("Change to be paid")
        CHANGE_OFF = "CHANGE_OFF", _("Change not made")
        PAID_MORE = "PAID_MORE", _("Difference paid")
        REJECTED = "REJECTED", _("Not accepted")
        PAID = "PAID", _("Paid")
        REVIEWED = "REVIEWED", _("Reviewed")
        CANCELED = "CANCELED", _("Cancelled")
        EXPIRED = "EXPIRED", _("Expired")
        SURPLUS = "SURPLUS", _("Extra payment")
        REFUND_DUE = "REFUND_DUE", _("Refund started")
        REFUND_OFF = "REFUND_OFF", _("Refund cancelled")
        REFUNDED = "REFUNDED", _("Refunded")
        REPLIED = "REPLIED", _("Reply to your review")
        HIDDEN = "HIDDEN", _("Review hidden")
        SHOWN = "SHOWN", _("Review shown again")

    order = models.ForeignKey(Order, models.PROTECT, related_name="events", verbose_name=_("order"))
    kind = models.CharField(_("event"), max_length=12, choices=Kind)
    from_status = models.CharField(_("from status"), max_length=12, choices=Order.Status, blank=True)
    to_status = models.CharField(_("to status"), max_length=12, choices=Order.Status, blank=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("by"),
    )
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    amount_fen = models.BigIntegerField(_("amount (fen)"), null=True, blank=True)
    created_at = models.DateTimeField(_("time"), default=timezone.now)
    mail_due_at = models.DateTimeField(
        _("email due at"), null=True, blank=True, default=timezone.now, editable=False
    )
    mailed_at = models.DateTimeField(_("emailed at"), null=True, blank=True, editable=False)
    mail_failed_at = models.DateTimeField(_("email given up at"), null=True, blank=True, editable=False)
    mail_resent_at = models.DateTimeField(_("email resent at"), null=True, blank=True, editable=False)

    class Meta:
        ordering = ["-id"]
        verbose_name = _("order event")
        verbose_name_plural = _("order events")
        indexes = [
            models.Index(fields=["mail_due_at"], name="event_mail_due"),
            models.Index(fields=["order", "kind"], name="event_of_order"),
            models.Index(fields=["created_at"], name="event_by_time"),
            models.Index(fields=["actor", "created_at"], name="event_by_person"),
        ]

    def __str__(self) -> str:
        return self.get_kind_display()
