"""What must hold of money and nights after everything, as queries; numbered as in docs/fault-matrix.md.

I1 (what Alipay took in) can't be asked here: the daily bill is for that. Of I2, unique columns hold the most.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from houses.models import BookedNight
from orders.models import Order, OrderEvent
from payments.models import Payment, Refund

TOOK_MONEY = [Payment.Status.PAID, Payment.Status.SURPLUS]
GIVEN_UP = Q(refunds__status=Refund.Status.GIVEN_UP)


Question = tuple[str, QuerySet, str]
"""What is wrong, the rows of which it is true, and where their order's number is."""


@dataclass(frozen=True, slots=True)
class Broken:
    rule: str
    order_number: str
    words: str

    def __str__(self) -> str:
        return f"{self.rule} {self.order_number}: {self.words}"


def broken_rules() -> Iterator[Broken]:
    """Every order of which a rule is broken: a handful of queries, one pass over a table each at most."""
    for rule, (words, rows, number) in questions():
        for found in rows.values_list(number, flat=True).iterator():
            yield Broken(rule, found, words)


def questions() -> Iterator[tuple[str, Question]]:
    """Each with the rule that it is about."""
    for rule, ask in _RULES:
        for question in ask():
            yield rule, question


def _one_receipt_for_one_trade() -> Iterator[Question]:
    trades = Payment.objects.filter(status__in=TOOK_MONEY).exclude(trade_no="").values("trade_no")
    used_twice = trades.annotate(receipts=Count("pk")).filter(receipts__gt=1).values("trade_no")
    yield (
        "its receipt is that of another attempt, too",
        Payment.objects.filter(trade_no__in=used_twice),
        "order__number",
    )


def _paid_once_in_full() -> Iterator[Question]:
    receipt = Payment.objects.filter(order=OuterRef("pk"), status=Payment.Status.PAID)
    paid_orders = Order.objects.filter(status__in=Order.PAID)
    yield (
        "paid, without a receipt over its amount",
        paid_orders.exclude(Exists(receipt.filter(received_fen=OuterRef("amount_fen")))),
        "number",
    )
    told = OrderEvent.objects.filter(kind=OrderEvent.Kind.PAID).values("order")
    yield (
        "told more than once that it was paid",
        told.annotate(times=Count("pk")).filter(times__gt=1),
        "order__number",
    )


def _receipts_are_applied_or_go_back() -> Iterator[Question]:
    settled = Payment.objects.filter(status=Payment.Status.PAID)
    yield (
        "two receipts were applied to it",
        settled.values("order").annotate(receipts=Count("pk")).filter(receipts__gt=1),
        "order__number",
    )
    yield (
        "a receipt was applied to it, but it was never paid",
        settled.exclude(order__status__in=[*Order.PAID, Order.Status.CANCELED]),
        "order__number",
    )
    kept = Payment.objects.filter(status=Payment.Status.SURPLUS, refund_reserved_fen__lt=F("received_fen"))
    given_up = Coalesce(Sum("refunds__amount_fen", filter=GIVEN_UP), 0)  # staff said in words what instead
    yield (
        "money that it did not need is not on its way back",
        kept.annotate(given_up=given_up).filter(
            received_fen__gt=F("refund_reserved_fen") + F("given_up"),
        ),
        "order__number",
    )
    yield (
        "money that it needed goes back as surplus",
        Refund.objects.filter(reason=Refund.Reason.SURPLUS).exclude(payment__status=Payment.Status.SURPLUS),
        "payment__order__number",
    )
    yield (
        "settled, but no money is written down",
        Payment.objects.filter(status__in=TOOK_MONEY, received_fen__lte=0),
        "order__number",
    )


def _nothing_is_forgotten() -> Iterator[Question]:
    yield (
        "nobody will ask about an open attempt of it again",
        Payment.objects.filter(status=Payment.Status.OPEN, next_try_at=None),
        "order__number",
    )
    yield (
        "nobody will bring a refund of it to its end",
        Refund.objects.filter(status__in=[Refund.Status.DUE, Refund.Status.SENT], next_try_at=None),
        "payment__order__number",
    )


def _refunds_stay_below_receipts() -> Iterator[Question]:
    moved = Payment.objects.filter(Q(refunds__isnull=False) | Q(refund_reserved_fen__gt=0))
    yield (
        "its refunds are not what was reserved for them, or more than came in",
        moved.annotate(refunded=Coalesce(Sum("refunds__amount_fen", filter=~GIVEN_UP), 0)).filter(
            ~Q(refunded=F("refund_reserved_fen")) | Q(refunded__gt=F("received_fen"))
        ),
        "order__number",
    )


def _nights_go_with_their_order() -> Iterator[Question]:
    over = Order.objects.filter(number=OuterRef("order_number"), status__in=Order.OVER)
    yield "is over and holds a night", BookedNight.objects.filter(Exists(over)), "order_number"
    held = BookedNight.objects.filter(order_number=OuterRef("number")).order_by().values("order_number")
    yield (
        "was booked, is ahead, and does not hold its nights",
        Order.objects.exclude(status__in=Order.OVER)
        .filter(check_in__gt=timezone.localdate())
        .filter(Exists(OrderEvent.objects.filter(order=OuterRef("pk"), kind=OrderEvent.Kind.BOOKED)))
        .annotate(held=Coalesce(Subquery(held.annotate(n=Count("pk")).values("n")), 0))
        .exclude(held=F("nights")),
        "number",
    )


def _paid_stays_paid() -> Iterator[Question]:
    receipt = Payment.objects.filter(order=OuterRef("order"), status=Payment.Status.PAID)
    yield (
        "was told that it is paid, and has no receipt any more",
        OrderEvent.objects.filter(kind=OrderEvent.Kind.PAID).exclude(Exists(receipt)),
        "order__number",
    )
    yield (
        "money came in, but the attempt is open or closed",
        Payment.objects.filter(received_fen__gt=0, status__in=[Payment.Status.OPEN, Payment.Status.CLOSED]),
        "order__number",
    )


_RULES = [
    ("I2", _one_receipt_for_one_trade),
    ("I3", _paid_once_in_full),
    ("I4", _receipts_are_applied_or_go_back),
    ("I4", _nothing_is_forgotten),
    ("I5", _refunds_stay_below_receipts),
    ("I6", _nights_go_with_their_order),
    ("I7", _paid_stays_paid),
]
