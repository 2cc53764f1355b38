"""Invariants of money, nights and counters, as queries for violations; numbered as in docs/fault-matrix.md.

I1 (the money that Alipay holds) can't be checked here; the daily bill does. Unique columns ensure most of I2.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from houses.models import BookedNight, House
from orders.counters import miscounted
from orders.models import Order, OrderEvent, Review
from payments.models import Payment, Refund

TOOK_MONEY = [Payment.Status.PAID, Payment.Status.SURPLUS]
GIVEN_UP = Q(refunds__status=Refund.Status.GIVEN_UP)

Question = tuple[str, QuerySet, str]
"""A description of the violation, the rows that have it, and the lookup of what to name: the number of their
order, or the key of a house."""


@dataclass(frozen=True, slots=True)
class Broken:
    rule: str
    about: str
    violation: str

    def __str__(self) -> str:
        return f"{self.rule} {self.about}: {self.violation}"


def broken_rules() -> Iterator[Broken]:
    """Find every order or house that violates a rule, by one query for each question."""
    for rule, (violation, rows, number) in questions():
        for found in rows.values_list(number, flat=True).iterator():
            yield Broken(rule, f"house {found}" if rows.model is House else found, violation)


def questions() -> Iterator[tuple[str, Question]]:
    """All questions, each with the number of its rule."""
    for rule, questions_of_rule in _RULES:
        for question in questions_of_rule():
            yield rule, question


def _one_attempt_per_trade() -> Iterator[Question]:
    trades = Payment.objects.filter(status__in=TOOK_MONEY).exclude(trade_no="").values("trade_no")
    used_twice = trades.annotate(attempts=Count("pk")).filter(attempts__gt=1).values("trade_no")
    yield (
        "another attempt has the same trade_no",
        Payment.objects.filter(trade_no__in=used_twice),
        "order__number",
    )


def _paid_once_in_full() -> Iterator[Question]:
    received = Payment.objects.filter(order=OuterRef("pk"), status=Payment.Status.PAID)
    paid_orders = Order.objects.filter(status__in=Order.PAID)
    shortened = OrderEvent.objects.filter(order=OuterRef("pk"), kind=OrderEvent.Kind.CHANGED)
    yield (
        "paid, but no attempt received its amount",
        paid_orders.exclude(Exists(received.filter(received_fen=OuterRef("amount_fen")))).exclude(
            Exists(received.filter(received_fen__gt=OuterRef("amount_fen"))) & Exists(shortened)
        ),
        "number",
    )
    paid_events = OrderEvent.objects.filter(kind=OrderEvent.Kind.PAID).values("order")
    yield (
        "more than one PAID event in its timeline",
        paid_events.annotate(times=Count("pk")).filter(times__gt=1),
        "order__number",
    )


def _received_is_applied_or_refunded() -> Iterator[Question]:
    settled = Payment.objects.filter(status=Payment.Status.PAID)
    yield (
        "two attempts are PAID",
        settled.values("order").annotate(attempts=Count("pk")).filter(attempts__gt=1),
        "order__number",
    )
    yield (
        "an attempt is PAID, but the order was never paid",
        settled.exclude(order__status__in=[*Order.PAID, Order.Status.CANCELED]),
        "order__number",
    )
    kept = Payment.objects.filter(status=Payment.Status.SURPLUS, refund_reserved_fen__lt=F("received_fen"))
    given_up = Coalesce(Sum("refunds__amount_fen", filter=GIVEN_UP), 0)  # staff gave it back another way
    yield (
        "surplus money is not being refunded",
        kept.annotate(given_up=given_up).filter(
            received_fen__gt=F("refund_reserved_fen") + F("given_up"),
        ),
        "order__number",
    )
    yield (
        "an attempt that is not SURPLUS has a refund as surplus",
        Refund.objects.filter(reason=Refund.Reason.SURPLUS).exclude(payment__status=Payment.Status.SURPLUS),
        "payment__order__number",
    )
    yield (
        "settled, but received nothing",
        Payment.objects.filter(status__in=TOOK_MONEY, received_fen__lte=0),
        "order__number",
    )


def _outside_alipay_by_staff() -> Iterator[Question]:
    outside = Payment.objects.filter(channel__in=Payment.OUTSIDE)
    yield (
        "money outside Alipay that nobody confirmed, or that Alipay is asked about",
        outside.exclude(
            recorded_by__isnull=False,
            evidence=Payment.Evidence.STAFF,
            trade_no="",
            asked_at=None,
            next_try_at=None,
        ),
        "order__number",
    )
    yield (
        "a refund of money outside Alipay was sent to Alipay, or given back by nobody",
        Refund.objects.filter(payment__channel__in=Payment.OUTSIDE).filter(
            Q(next_try_at__isnull=False)
            | Q(tried_at__isnull=False)
            | Q(status=Refund.Status.DONE, handed_by=None)
        ),
        "payment__order__number",
    )


def _nothing_is_left_unscheduled() -> Iterator[Question]:
    yield (
        "an open attempt has no next poll",
        Payment.objects.filter(status=Payment.Status.OPEN, next_try_at=None),
        "order__number",
    )
    yield (
        "a refund on its way has no next try",
        Refund.objects.filter(
            status__in=[Refund.Status.DUE, Refund.Status.SENT],
            next_try_at=None,
            payment__channel=Payment.Channel.ALIPAY,
        ),
        "payment__order__number",
    )


def _refunds_stay_below_received() -> Iterator[Question]:
    moved = Payment.objects.filter(Q(refunds__isnull=False) | Q(refund_reserved_fen__gt=0))
    yield (
        "refunds differ from what is reserved for them, or exceed what was received",
        moved.annotate(refunded=Coalesce(Sum("refunds__amount_fen", filter=~GIVEN_UP), 0)).filter(
            ~Q(refunded=F("refund_reserved_fen")) | Q(refunded__gt=F("received_fen"))
        ),
        "order__number",
    )


def _orders_hold_their_nights() -> Iterator[Question]:
    over = Order.objects.filter(number=OuterRef("order_number"), status__in=Order.OVER)
    yield "over, but still holds a night", BookedNight.objects.filter(Exists(over)), "order_number"
    held = BookedNight.objects.filter(order_number=OuterRef("number")).order_by().values("order_number")
    yield (
        "booked for future nights, but does not hold them all",
        Order.objects.exclude(status__in=Order.OVER)
        .filter(check_in__gt=timezone.localdate())
        .filter(Exists(OrderEvent.objects.filter(order=OuterRef("pk"), kind=OrderEvent.Kind.BOOKED)))
        .annotate(held=Coalesce(Subquery(held.annotate(n=Count("pk")).values("n")), 0))
        .exclude(held=F("nights")),
        "number",
    )


def _paid_stays_paid() -> Iterator[Question]:
    received = Payment.objects.filter(order=OuterRef("order"), status=Payment.Status.PAID)
    yield (
        "a PAID event, but no PAID attempt",
        OrderEvent.objects.filter(kind=OrderEvent.Kind.PAID).exclude(Exists(received)),
        "order__number",
    )
    yield (
        "an attempt received money, but is open or closed",
        Payment.objects.filter(received_fen__gt=0, status__in=[Payment.Status.OPEN, Payment.Status.CLOSED]),
        "order__number",
    )


def _counters_are_what_rows_say() -> Iterator[Question]:
    yield "the house's paid stays, reviews or stars are not what their rows say", miscounted(), "pk"
    took_place = Q(order__status__in=Order.PAID, order__check_out__lte=timezone.localdate())
    yield (
        "its review counts, though the stay has not ended or was cancelled, or the review is hidden",
        Review.objects.counted().exclude(took_place & Q(hidden_at=None)),
        "order__number",
    )
    yield (
        "its review will never count, though the stay is kept and the review is not hidden",
        Review.objects.filter(is_counted=False, count_due=None, hidden_at=None, order__status__in=Order.PAID),
        "order__number",
    )


_RULES = [
    ("I2", _one_attempt_per_trade),
    ("I3", _paid_once_in_full),
    ("I4", _received_is_applied_or_refunded),
    ("I4", _outside_alipay_by_staff),
    ("I4", _nothing_is_left_unscheduled),
    ("I5", _refunds_stay_below_received),
    ("I6", _orders_hold_their_nights),
    ("I7", _paid_stays_paid),
    ("I10", _counters_are_what_rows_say),
]
