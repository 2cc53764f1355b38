import re
from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.money import MAX_FEN
from core.resolvable import Resolvable
from orders.models import Order, StayChange
from payments.bill_models import BillEntry as BillEntry
from payments.bill_models import ComparedBill as ComparedBill
from payments.outside_columns import MayBeHandedOver, MayBeOutside
from payments.subjects import subject_of as subject_of

UNSURE = Q(status="OPEN") | Q(evidence="RETURN") | Q(status="CLOSED", contradicted_at__isnull=False)

LATE_AFTER = timedelta(days=1)
"""Alipay normally answers in seconds. An attempt or refund that is uncertain for longer needs a human."""

_OUT_TRADE_NO = re.compile(r"[0-9]{14}_[1-9][0-9]{0,5}")


def is_out_trade_no(text: str) -> bool:
    """True if it has the form of our attempts: order number, `_`, count from 1."""
    return _OUT_TRADE_NO.fullmatch(text) is not None


class PaymentQuerySet(models.QuerySet["Payment"]):
    def at_alipay(self) -> "PaymentQuerySet":
        """Without money outside Alipay."""
        return self.filter(channel="ALIPAY")

    def unsure(self) -> "PaymentQuerySet":
        """Attempts to poll: open, settled by a return alone, or closed but contradicted by a return."""
        return self.filter(UNSURE)


class Payment(MayBeOutside):
    """One attempt to pay an order. Its terms are frozen; books/attempts.py writes `status` and money."""

    class Status(models.TextChoices):
        OPEN = "OPEN", _("Open")
        PAID = "PAID", _("Paid")
        SURPLUS = "SURPLUS", _("Extra payment")
        CLOSED = "CLOSED", _("Closed")

    class Product(models.TextChoices):
        WAP = "WAP", _("Phone")
        PAGE = "PAGE", _("Desktop")

    class Evidence(models.TextChoices):
        RETURN = "RETURN", _("Browser return (signed)")
        NOTIFY = "NOTIFY", _("Notification")
        QUERY = "QUERY", _("Query")
        STAFF = "STAFF", _("Staff")

    order = models.ForeignKey(Order, models.PROTECT, related_name="payments", verbose_name=_("order"))
    live_for = models.OneToOneField(
        Order,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="live_payment",
        verbose_name=_("active payment of"),
        help_text=_("An order has at most one active payment; empty once settled or replaced."),
    )
    stay_change = models.ForeignKey(
        StayChange,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="payments",
        verbose_name=_("difference of"),
        help_text=_("The change of a paid stay whose difference this pays; empty if it pays the order."),
    )
    out_trade_no = models.CharField(_("merchant order no."), max_length=32, unique=True)
    product = models.CharField(_("device"), max_length=4, choices=Product, default=Product.PAGE)
    subject = models.CharField(_("subject"), max_length=64, blank=True)
    amount_fen = models.BigIntegerField(_("amount (fen)"))
    expires_at = models.DateTimeField(_("expires at"))
    status = models.CharField(_("status"), max_length=8, choices=Status, default=Status.OPEN)
    trade_no = models.CharField(_("Alipay transaction no."), max_length=64, blank=True)
    received_fen = models.BigIntegerField(_("received (fen)"), default=0)
    refund_reserved_fen = models.BigIntegerField(_("refunded or reserved (fen)"), default=0)
    paid_at = models.DateTimeField(_("paid at"), null=True, blank=True)
    evidence = models.CharField(_("confirmed by"), max_length=6, choices=Evidence, blank=True)
    contradicted_at = models.DateTimeField(
        _("contradicted at"),
        null=True,
        blank=True,
        help_text=_("When Alipay's answer first contradicted a signed browser return."),
    )
    asked_at = models.DateTimeField(_("last query at"), null=True, blank=True)
    next_try_at = models.DateTimeField(_("next query at"), null=True, blank=True)
    billed_on = models.DateField(
        _("billed on"), null=True, blank=True, help_text=_("Date of the Alipay bill that lists it.")
    )
    created_at = models.DateTimeField(_("created at"), default=timezone.now)

    objects = PaymentQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name = _("payment")
        verbose_name_plural = _("payments")
        constraints = [
            models.CheckConstraint(
                condition=Q(amount_fen__gt=0) & Q(amount_fen__lte=MAX_FEN), name="payment_amount_is_positive"
            ),
            models.CheckConstraint(
                condition=Q(refund_reserved_fen__gte=0) & Q(refund_reserved_fen__lte=F("received_fen")),
                name="payment_refunds_stay_below_receipt",
            ),
        ]
        indexes = [
            models.Index(fields=["next_try_at"], name="payment_due"),
            models.Index(fields=["status", "-created_at"], name="payment_by_status"),
            models.Index(fields=["trade_no"], name="payment_by_trade"),
            models.Index(fields=["channel", "-id"], name="payment_by_channel"),
            models.Index(fields=["reference"], name="payment_by_reference"),
            # check_money: all that it reads of most attempts.
            models.Index(
                fields=["order", "status", "received_fen", "refund_reserved_fen"], name="payment_of_order"
            ),
            # The work queue.
            models.Index(fields=["contradicted_at"], name="payment_contradicted"),
            models.Index(fields=["evidence", "paid_at"], name="payment_by_evidence"),
            # Reports.
            models.Index(fields=["paid_at", "received_fen"], name="payment_by_paid_at"),
            models.Index(fields=["billed_on"], name="payment_by_billed_on"),
        ]

    def __str__(self) -> str:
        return self.out_trade_no

    @property
    def is_settled(self) -> bool:
        """True if money was received, whether or not the order needed it."""
        return self.status in (self.Status.PAID, self.Status.SURPLUS)

    @property
    def refundable_fen(self) -> int:
        """Received, and not reserved for any refund."""
        return self.received_fen - self.refund_reserved_fen

    @property
    def refunded_fen(self) -> int:
        """Refunded or on its way: reserved, except what awaits approval. Costs a query."""
        return self.refund_reserved_fen - self.awaiting_approval_fen

    @property
    def awaiting_approval_fen(self) -> int:
        """Reserved for refunds that a second person has yet to approve. Costs a query."""
        proposed = self.refunds.filter(status=Refund.Status.PROPOSED).order_by()
        return sum(proposed.values_list("amount_fen", flat=True))


class Refund(MayBeHandedOver):
    """One refund of a payment. Its number and amount never change."""

    class Status(models.TextChoices):
        PROPOSED = "PROPOSED", _("Awaiting approval")
        DUE = "DUE", _("Queued")
        SENT = "SENT", _("Sent")
        DONE = "DONE", _("Completed")
        REFUSED = "REFUSED", _("Refused by Alipay")
        GIVEN_UP = "GIVEN_UP", _("Given up")

    class Reason(models.TextChoices):
        SURPLUS = "SURPLUS", _("Extra payment")
        CANCELED = "CANCELED", _("Order cancelled")
        STAFF = "STAFF", _("Refunded by staff")
        CHANGED = "CHANGED", _("Stay changed")
        EXTERNAL = "EXTERNAL", _("Made in Alipay's merchant console")

    payment = models.ForeignKey(Payment, models.PROTECT, related_name="refunds", verbose_name=_("payment"))
    out_request_no = models.CharField(_("refund request no."), max_length=64)
    amount_fen = models.BigIntegerField(_("amount (fen)"))
    status = models.CharField(_("status"), max_length=8, choices=Status, default=Status.DUE)
    reason = models.CharField(_("reason"), max_length=10, choices=Reason)
    explanation = models.CharField(
        _("explanation"), max_length=200, blank=True, db_default="", db_column="words"
    )
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("requested by"),
    )
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("approved by"),
    )
    refusal = models.CharField(_("Alipay's refusal reason"), max_length=120, blank=True)
    due_at = models.DateTimeField(
        _("queued at"), null=True, blank=True, help_text=_("When it was released, or retried by staff.")
    )
    tried_at = models.DateTimeField(_("last sent at"), null=True, blank=True)
    next_try_at = models.DateTimeField(_("next attempt at"), null=True, blank=True)
    done_at = models.DateTimeField(_("completed at"), null=True, blank=True)
    billed_on = models.DateField(
        _("billed on"), null=True, blank=True, help_text=_("Date of the Alipay bill that lists it.")
    )
    created_at = models.DateTimeField(_("created at"), default=timezone.now)

    class Meta:
        ordering = ["-id"]
        verbose_name = _("refund")
        verbose_name_plural = _("refunds")
        constraints = [
            # As at Alipay: refunds made in its console may have the same number in several trades.
            models.UniqueConstraint(
                fields=["payment", "out_request_no"], name="refund_number_once_a_payment"
            ),
            models.CheckConstraint(condition=Q(amount_fen__gt=0), name="refund_amount_is_positive"),
        ]
        indexes = [
            models.Index(fields=["status", "next_try_at"], name="refund_due"),
            models.Index(fields=["out_request_no"], name="refund_by_number"),
            models.Index(fields=["done_at", "status", "amount_fen"], name="refund_by_done_at"),
            models.Index(fields=["billed_on"], name="refund_by_billed_on"),
            models.Index(fields=["reference"], name="refund_by_reference"),
        ]

    ON_ITS_WAY = (Status.DUE, Status.SENT)
    """Statuses that the renter sees as on its way, for as long as it is not late."""

    def __str__(self) -> str:
        return self.out_request_no

    @staticmethod
    def late() -> Q:
        """Due for longer than LATE_AFTER: needs a human."""
        long_ago = timezone.now() - LATE_AFTER
        return Q(due_at__lte=long_ago) | Q(due_at=None, created_at__lte=long_ago)


class GatewayMessage(Resolvable):
    """A row of the message log: a return, notice or answer as it came, and the verdict on it."""

    class Channel(models.TextChoices):
        RETURN = "RETURN", _("Browser return")
        NOTIFY = "NOTIFY", _("Notification")
        ANSWER = "ANSWER", _("API response")

    class Verdict(models.TextChoices):
        UNJUDGED = "UNJUDGED", _("Recorded, processing not finished")
        BAD = "BAD", _("Not from Alipay: malformed or bad signature")
        OTHER_APP = "OTHER_APP", _("Genuine, but for another app or seller")
        UNKNOWN_NUMBER = "UNKNOWN_NUMBER", _("Genuine, but unknown order no.")
        WRONG_AMOUNT = ("WRONG_AMOUNT", _("Genuine, but the amount differs from the payment"))
        SETTLED = "SETTLED", _("Payment confirmed")
        KNOWN = "KNOWN", _("Genuine, nothing new")
        ASKED = "ASKED", _("Genuine, but Alipay's own answer differs")
        REFUND_NOTICE = "REFUND_NOTICE", _("Refund notice to check")
        UNEXPECTED = "UNEXPECTED", _("Genuine, but not understood")

    NEEDS_STAFF = [
        Verdict.UNJUDGED,
        Verdict.OTHER_APP,
        Verdict.UNKNOWN_NUMBER,
        Verdict.WRONG_AMOUNT,
        Verdict.REFUND_NOTICE,
        Verdict.UNEXPECTED,
    ]

    channel = models.CharField(_("channel"), max_length=6, choices=Channel)
    raw = models.BinaryField(_("raw content"))
    signature_ok = models.BooleanField(_("signature valid"))
    verdict = models.CharField(_("result"), max_length=14, choices=Verdict, default=Verdict.UNJUDGED)
    detail = models.CharField(_("details"), max_length=300, blank=True)
    payment = models.ForeignKey(
        Payment, models.PROTECT, null=True, blank=True, related_name="messages", verbose_name=_("payment")
    )
    told_fen = models.BigIntegerField(_("amount in the message (fen)"), null=True, blank=True)
    digest = models.CharField(max_length=64, unique=True, null=True, editable=False)  # noqa: DJ001  many have none
    received_at = models.DateTimeField(_("received at"), default=timezone.now)

    class Meta:
        ordering = ["-id"]
        verbose_name = _("Alipay message")
        verbose_name_plural = _("Alipay messages")
        indexes = [models.Index(fields=["verdict", "-id"], name="message_by_verdict")]

    def __str__(self) -> str:
        return f"{self.get_channel_display()} {self.pk}"


class BillLine(Resolvable):
    """A difference between Alipay's daily bill and our books, for staff to resolve."""

    class Kind(models.TextChoices):
        NOT_OURS = "NOT_OURS", _("Only in Alipay's bill")
        NOT_IN_BILL = "NOT_IN_BILL", _("Only in our records")
        AMOUNT = "AMOUNT", _("Amounts differ")
        RECOVERED = "RECOVERED", _("Order made again, renter unknown")
        STANDS = "STANDS", _("Refunded, but the order stands")

    bill_date = models.DateField(_("bill date"))
    kind = models.CharField(_("discrepancy"), max_length=11, choices=Kind)
    is_refund = models.BooleanField(_("is a refund"), default=False)
    out_trade_no = models.CharField(_("merchant order no."), max_length=64, blank=True)
    trade_no = models.CharField(_("Alipay transaction no."), max_length=64, blank=True)
    out_request_no = models.CharField(_("refund request no."), max_length=64, blank=True)
    # Alipay's word for an entry that is neither payment nor refund, such as 转账. `db_default`: the version
    # before writes lines without it.
    business_type = models.CharField(_("business type"), max_length=20, blank=True, default="", db_default="")
    bill_fen = models.BigIntegerField(_("billed (fen)"), null=True, blank=True)
    our_fen = models.BigIntegerField(_("recorded here (fen)"), null=True, blank=True)
    payment = models.ForeignKey(
        Payment, models.PROTECT, null=True, blank=True, related_name="bill_lines", verbose_name=_("payment")
    )
    raw = models.TextField(_("raw bill line"), blank=True)
    key = models.CharField(max_length=200, unique=True, editable=False)
    created_at = models.DateTimeField(_("found at"), default=timezone.now)

    class Meta:
        ordering = ["-id"]
        verbose_name = _("bill discrepancy")
        verbose_name_plural = _("bill discrepancies")
        indexes = [
            models.Index(fields=[number], name=f"line_by_{number}")
            for number in ("out_trade_no", "trade_no", "out_request_no")
        ]

    def __str__(self) -> str:
        number = self.out_request_no or self.out_trade_no or self.trade_no or self.business_type
        return f"{self.bill_date} {number}"
