"""Invariants of money, nights and counters, as queries for violations; numbered as in docs/fault-matrix.md.

I1 (the money that Alipay holds) can't be checked here; the daily bill does. Unique columns ensure most of I2.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from core.pieces import pieces
from houses.models import BookedNight, House
from orders.counters import miscounted, suspects
from orders.models import Order, OrderEvent, Review, StayChange
from payments.models import Payment, Refund

TOOK_MONEY = [Payment.Status.PAID, Payment.Status.SURPLUS]
GIVEN_UP = Q(refunds__status=Refund.Status.GIVEN_UP)


class Question(NamedTuple):
    violation: str
    rows: QuerySet
    """Rows that have it."""
    number: str
    """The lookup of what to name: the number of their order, or the key of a house."""
    narrow: Callable[[QuerySet], Iterator[QuerySet]] | None = None
    """Quicker way to these rows than reading the whole table."""

    @property
    def key(self) -> str:
        """The row's own key, or that of the order or payment on the way to the number. Each has an index."""
        parent, is_related, _rest = self.number.partition("__")
        return parent if is_related else "pk"

    def pieces(self) -> Iterator[QuerySet]:
        return self.narrow(self.rows) if self.narrow else pieces(self.rows, by=self.key)

    def names(self, rows: QuerySet) -> Iterable[str]:
        """Read keys first: a join to the orders would read the number of each one that is sound, too."""
        keys = list(rows.values_list(self.key, flat=True))
        if not keys:
            return []
        parents = self.rows.model._default_manager.filter(**{f"{self.key}__in": keys})
        return parents.order_by().values_list(self.number, flat=True).distinct()


@dataclass(frozen=True, slots=True)
class Broken:
    rule: str
    about: str
    violation: str

    def __str__(self) -> str:
        return f"{self.rule} {self.about}: {self.violation}"


def broken_rules() -> Iterator[Broken]:
    """Find every order or house that violates a rule. Takes no locks: it may run while the site serves.

    A statement answers a question for a range of orders, or for one house, as they are at that moment.
    """
    for rule, question in questions():
        for rows in question.pieces():
            for name in question.names(rows):
                about = f"house {name}" if rows.model is House else name
                yield Broken(rule, about, question.violation)


def questions() -> Iterator[tuple[str, Question]]:
    """All questions, each with the number of its rule."""
    for rule, questions_of_rule in _RULES:
        for question in questions_of_rule():
            yield rule, question


def _one_attempt_per_trade() -> Iterator[Question]:
    took_money = Payment.objects.filter(status__in=TOOK_MONEY)
    others = took_money.filter(trade_no=OuterRef("trade_no")).exclude(pk=OuterRef("pk"))
    yield Question(
        "another attempt has the same trade_no",
        took_money.exclude(trade_no="").filter(Exists(others)),
        "order__number",
        _of_trades_named_twice,
    )


def _of_trades_named_twice(rows: QuerySet) -> Iterator[QuerySet]:
    """Read the index of the trade numbers alone."""
    trades = Payment.objects.filter(trade_no__gt="").order_by().values("trade_no")
    twice = trades.annotate(attempts=Count("pk")).filter(attempts__gt=1)
    return (rows.filter(trade_no=trade) for trade in twice.values_list("trade_no", flat=True))


def _paid_once_in_full() -> Iterator[Question]:
    applied = Payment.objects.filter(order=OuterRef("pk"), status=Payment.Status.PAID).order_by()
    received = applied.values("order").annotate(fen=Sum("received_fen")).values("fen")
    paid_orders = Order.objects.filter(status__in=Order.PAID).annotate(
        received=Coalesce(Subquery(received), 0)
    )
    shortened = OrderEvent.objects.filter(order=OuterRef("pk"), kind=OrderEvent.Kind.CHANGED)
    yield Question(
        "paid, but its attempts did not receive its amount",
        paid_orders.exclude(received=F("amount_fen")).exclude(
            Q(received__gt=F("amount_fen")) & Exists(shortened)
        ),
        "number",
    )
    paid_events = OrderEvent.objects.filter(kind=OrderEvent.Kind.PAID).values("order")
    yield Question(
        "more than one PAID event in its timeline",
        paid_events.annotate(times=Count("pk")).filter(times__gt=1),
        "order__number",
    )


def _received_is_applied_or_refunded() -> Iterator[Question]:
    settled = Payment.objects.filter(status=Payment.Status.PAID)
    yield Question(
        "two attempts are PAID",
        settled.values("order", "stay_change").annotate(attempts=Count("pk")).filter(attempts__gt=1),
        "order__number",
    )
    yield Question(
        "the difference of a change is PAID, but the change was not made",
        settled.filter(stay_change__isnull=False).exclude(stay_change__status=StayChange.Status.MADE),
        "order__number",
    )
    yield Question(
        "a change was made, but nobody paid its difference",
        StayChange.objects.filter(status=StayChange.Status.MADE).exclude(
            Exists(settled.filter(stay_change=OuterRef("pk")))
        ),
        "order__number",
    )
    yield Question(
        "an attempt is PAID, but the order was never paid",
        Order.objects.exclude(status__in=[*Order.PAID, Order.Status.CANCELED]).filter(
            Exists(settled.filter(order=OuterRef("pk")))
        ),
        "number",
    )
    kept = Payment.objects.filter(status=Payment.Status.SURPLUS, refund_reserved_fen__lt=F("received_fen"))
    given_up = Coalesce(Sum("refunds__amount_fen", filter=GIVEN_UP), 0)  # staff gave it back another way
    yield Question(
        "surplus money is not being refunded",
        kept.annotate(given_up=given_up).filter(
            received_fen__gt=F("refund_reserved_fen") + F("given_up"),
        ),
        "order__number",
    )
    yield Question(
        "an attempt that is not SURPLUS has a refund as surplus",
        Refund.objects.filter(reason=Refund.Reason.SURPLUS).exclude(payment__status=Payment.Status.SURPLUS),
        "payment__order__number",
    )
    yield Question(
        "settled, but received nothing",
        Payment.objects.filter(status__in=TOOK_MONEY, received_fen__lte=0),
        "order__number",
    )


def _outside_alipay_by_staff() -> Iterator[Question]:
    outside = Payment.objects.filter(channel__in=Payment.OUTSIDE)
    yield Question(
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
    yield Question(
        "a refund of money outside Alipay was sent to Alipay, or given back by nobody",
        Refund.objects.filter(payment__channel__in=Payment.OUTSIDE).filter(
            Q(next_try_at__isnull=False)
            | Q(tried_at__isnull=False)
            | Q(status=Refund.Status.DONE, handed_by=None)
        ),
        "payment__order__number",
    )


def _nothing_is_left_unscheduled() -> Iterator[Question]:
    yield Question(
        "an open attempt has no next poll",
        Payment.objects.filter(status=Payment.Status.OPEN, next_try_at=None),
        "order__number",
    )
    yield Question(
        "a refund on its way has no next try",
        Refund.objects.filter(
            status__in=[Refund.Status.DUE, Refund.Status.SENT],
            next_try_at=None,
            payment__channel=Payment.Channel.ALIPAY,
        ),
        "payment__order__number",
    )


def _refunds_stay_below_received() -> Iterator[Question]:
    violation = "refunds differ from what is reserved for them, or exceed what was received"
    refunds = Refund.objects.exclude(status=Refund.Status.GIVEN_UP)
    refunded = refunds.filter(payment=OuterRef("pk")).order_by().values("payment")
    yield Question(
        violation,
        Payment.objects.filter(refund_reserved_fen__gt=0)
        .annotate(refunded=Coalesce(Subquery(refunded.annotate(sum=Sum("amount_fen")).values("sum")), 0))
        .filter(~Q(refunded=F("refund_reserved_fen")) | Q(refunded__gt=F("received_fen"))),
        "order__number",
    )
    yield Question(violation, refunds.filter(payment__refund_reserved_fen=0), "payment__order__number")


def _orders_hold_their_nights() -> Iterator[Question]:
    nights = BookedNight.objects.filter(order_number=OuterRef("number")).order_by()
    over = Order.objects.filter(status__in=Order.OVER)
    yield Question("over, but still holds a night", over.filter(Exists(nights)), "number")
    held = nights.values("order_number")
    yield Question(
        "booked for future nights, but does not hold them all",
        Order.objects.exclude(status__in=Order.OVER)
        .filter(check_in__gt=timezone.localdate())
        .filter(Exists(OrderEvent.objects.filter(order=OuterRef("pk"), kind=OrderEvent.Kind.BOOKED)))
        .annotate(held=Coalesce(Subquery(held.annotate(n=Count("pk")).values("n")), 0))
        .exclude(held=F("nights"))
        .exclude(held__gte=F("nights"), waiting_change__isnull=False),  # it holds the new nights, too
        "number",
    )
    waiting = StayChange.objects.filter(status=StayChange.Status.WAITING)
    yield Question(
        "a change waits, but its order does not know, or the other way round",
        StayChange.objects.exclude(Q(status=StayChange.Status.WAITING, waiting_for=F("order"))).exclude(
            ~Q(status=StayChange.Status.WAITING), waiting_for=None
        ),
        "order__number",
    )
    yield Question(
        "over, but a change of it waits", waiting.filter(order__status__in=Order.OVER), "order__number"
    )


def _paid_stays_paid() -> Iterator[Question]:
    received = Payment.objects.filter(order=OuterRef("order"), status=Payment.Status.PAID)
    yield Question(
        "a PAID event, but no PAID attempt",
        OrderEvent.objects.filter(kind=OrderEvent.Kind.PAID).exclude(Exists(received)),
        "order__number",
    )
    yield Question(
        "an attempt received money, but is open or closed",
        Payment.objects.filter(received_fen__gt=0, status__in=[Payment.Status.OPEN, Payment.Status.CLOSED]),
        "order__number",
    )


def _counters_are_what_rows_say() -> Iterator[Question]:
    yield Question(
        "the house's paid stays, reviews or stars are not what their rows say",
        miscounted(),
        "pk",
        lambda rows: (rows.filter(pk=house) for house in suspects()),
    )
    took_place = Q(order__status__in=Order.PAID, order__check_out__lte=timezone.localdate())
    over = Order.objects.filter(pk=OuterRef("order")).exclude(status__in=Order.PAID)
    yield Question(
        "its review counts, though the stay has not ended or was cancelled, or the review is hidden",
        Review.objects.counted().exclude(took_place & Q(hidden_at=None)),
        "order__number",
    )
    yield Question(
        "its review will never count, though the stay is kept and the review is not hidden",
        Review.objects.filter(is_counted=False, count_due=None, hidden_at=None).exclude(Exists(over)),
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
