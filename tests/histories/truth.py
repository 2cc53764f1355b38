"""Invariants of the site's books against the stand-in's (I1 to I8 of docs/fault-matrix.md)."""

import functools
from collections import Counter
from collections.abc import Iterator
from datetime import date

from django.db import connection
from django.db.models import Q

from houses.availability import nights_between
from houses.models import BookedNight
from orders.models import Order, OrderEvent, StayChange
from payments.books import invariants
from payments.models import Payment, Refund
from standin import StandIn

SETTLED = (Payment.Status.PAID, Payment.Status.SURPLUS)
PAID_ORDER = (Order.Status.WAIT_COMMENT, Order.Status.COMPLETE)
BY_PEOPLE = Q(reason__in=[Refund.Reason.STAFF, Refund.Reason.EXTERNAL]) | Q(status=Refund.Status.GIVEN_UP)
OVER = (*PAID_ORDER, Order.Status.CANCELED, Order.Status.REJECTED)


class Truth:
    """Follows one history. Methods yield descriptions of broken rules, with the numbers concerned."""

    def __init__(self, standin: StandIn) -> None:
        self._standin = standin
        # (trade number, refund number) of refunds made in Alipay's console
        self.by_hand: set[tuple[str, str]] = set()
        # (order number, fen) of cash that a renter handed over; staff may have pressed more than once
        self.handed_over: list[tuple[str, int]] = []
        self._receipts: dict[str, tuple[int, str]] = {}
        self._paid_orders: set[str] = set()

    def broken_now(self) -> Iterator[str]:
        """Yield rules that are broken now. They hold after every step, even with messages outstanding."""
        yield from _broken_rules()
        trades = {trade["out_trade_no"]: trade for trade in self._standin.trades()}
        payments = list(Payment.objects.select_related("order").order_by("pk"))
        for payment in payments:
            trade = trades.get(payment.out_trade_no)
            if payment.is_outside:
                if trade is not None:
                    yield f"I1 {payment}: came outside Alipay, and Alipay knows of it"
                continue
            if payment.received_fen and (trade is None or trade["received_fen"] != payment.received_fen):
                yield f"I1 {payment}: the books have money that Alipay did not take in"
            if payment.received_fen and trade and trade["trade_no"] != payment.trade_no:
                yield f"I1 {payment}: settled with the number of another trade"
        taken = Counter((p.order.number, p.received_fen) for p in payments if p.is_outside)
        for (number, fen), times in (taken - Counter(self.handed_over)).items():
            yield f"I1 {number}: the books have {fen} fen in cash {times} times too often"
        yield from self._refunds_now(trades)
        yield from _nights_not_held()
        yield from self._paid_stays_paid(payments)

    def _refunds_now(self, trades: dict[str, dict]) -> Iterator[str]:
        ours = {
            (refund.payment.out_trade_no, refund.out_request_no): refund
            for refund in Refund.objects.select_related("payment")
        }
        refunded = {
            (number, refund["out_request_no"]): refund["amount_fen"]
            for number, trade in trades.items()
            for refund in trade["refunds"]
        }
        for key, amount_fen in refunded.items():
            is_unknown_yet = key in self.by_hand and key not in ours
            if not is_unknown_yet and (key not in ours or ours[key].amount_fen != amount_fen):
                yield f"I5 {key[1]}: Alipay gave back what our books don't say"
        for key, refund in ours.items():
            if refund.payment.is_outside:
                if key in refunded:
                    yield f"I5 {refund}: of money outside Alipay, and Alipay gave it back"
                continue
            if refund.status == Refund.Status.DONE and key not in refunded:
                yield f"I5 {refund}: done in our books, and Alipay gave nothing back"

    def _paid_stays_paid(self, payments: list[Payment]) -> Iterator[str]:
        for payment in payments:
            if payment.status in SETTLED:
                receipt = (payment.received_fen, payment.trade_no)
                if self._receipts.setdefault(payment.out_trade_no, receipt) != receipt:
                    yield f"I7 {payment}: its receipt has changed"
            elif payment.out_trade_no in self._receipts:
                yield f"I7 {payment}: was settled and is {payment.status}"
        for number, status in Order.objects.values_list("number", "status"):
            if status in PAID_ORDER:
                self._paid_orders.add(number)
            elif number in self._paid_orders and status != Order.Status.CANCELED:
                yield f"I7 {number}: was paid and is {status}"

    def broken_at_the_end(self, *, gateway_lied: bool) -> Iterator[str]:
        """Yield rules that are broken at the end, when the sweep has finished with Alipay reachable."""
        yield from self.broken_now()
        payments = {payment.out_trade_no: payment for payment in Payment.objects.select_related("order")}
        for trade in self._standin.trades():
            number = trade["out_trade_no"]
            payment = payments[number]
            if trade["received_fen"] != payment.received_fen:
                yield f"I1 {number}: Alipay took in {trade['received_fen']}, we have {payment.received_fen}"
            back_fen = sum(refund["amount_fen"] for refund in trade["refunds"])
            done = payment.refunds.filter(status=Refund.Status.DONE)
            done_fen = sum(done.values_list("amount_fen", flat=True))
            if back_fen != done_fen:
                yield f"I1 {number}: Alipay gave back {back_fen} fen, we have {done_fen}"
            expired = payment.order.events.filter(kind=OrderEvent.Kind.EXPIRED).exists()
            by_hand = any(
                number == trade_number for trade_number, _ in self.by_hand
            )  # Alipay then answers CLOSED
            if trade["received_fen"] and expired and not (gateway_lied or by_hand):
                yield f"{number}: its order expired before Alipay's final answer, and was paid"
        for payment in payments.values():
            if payment.status == Payment.Status.OPEN or payment.live_for_id:
                yield f"{payment}: is still open"
            if payment.contradicted_at:
                yield f"{payment}: is still contradicted"
        for refund in Refund.objects.exclude(status__in=[Refund.Status.DONE, Refund.Status.GIVEN_UP]):
            yield f"{refund}: is {refund.status}"
        for change in StayChange.objects.filter(status=StayChange.Status.WAITING):
            yield f"{change.order}: a change of it still waits"
        for order in Order.objects.all():
            yield from _wrong_at_the_end(order)

    def is_recorded(self, out_trade_no: str) -> bool:
        """Return True if another database connection sees the money: it is committed."""
        table = Payment._meta.db_table
        other = connection.copy()
        try:
            with other.cursor() as cursor:
                cursor.execute(f"SELECT received_fen FROM {table} WHERE out_trade_no = %s", [out_trade_no])
                row = cursor.fetchone()
        finally:
            other.close()
        return row is not None and row[0] > 0


def _broken_rules() -> Iterator[str]:
    """Yield books.invariants.broken_rules(), as one query that is compiled once: it runs after every step."""
    sql, params = _all_rules()
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        for rule, description, number in cursor.fetchall():
            yield f"{rule} {number}: {description}"


@functools.cache
def _all_rules() -> tuple[str, list[object]]:
    parts, params = [], []
    for rule, (description, rows, number, _narrow) in invariants.questions():
        sql, values = rows.values_list(number).query.sql_with_params()
        parts.append(f"SELECT %s, %s, broken.* FROM ({sql}) AS broken")
        params += [rule, description, *values]
    return " UNION ALL ".join(parts), params


def _nights_not_held() -> Iterator[str]:
    held = Counter(BookedNight.objects.order_by().values_list("order_number", flat=True))
    live = Order.objects.exclude(status__in=[Order.Status.CANCELED, Order.Status.REJECTED])
    for order in live.select_related("waiting_change").order_by():
        if held[order.number] != len(_nights_of(order)):
            yield f"I6 {order}: does not hold its nights"


def _nights_of(order: Order) -> set[date]:
    """Return the nights of the order, and those of a change of it that waits."""
    nights = set(nights_between(order.check_in, order.check_out))
    if change := order.waiting_change_or_none:
        nights |= set(nights_between(change.check_in, change.check_out))
    return nights


def _wrong_at_the_end(order: Order) -> Iterator[str]:
    """Check the renter's balance: the price once if the stay is kept, nothing if it was never paid."""
    if sum(line["fen"] for line in order.price_lines) != order.amount_fen:
        yield f"{order}: its lines don't add up to {order.amount_fen} fen"
    if order.status not in OVER:
        yield f"{order}: is still {order.status}"
    kept_fen = sum(order.payments.values_list("received_fen", flat=True)) - sum(
        Refund.objects.filter(payment__order=order, status=Refund.Status.DONE).values_list(
            "amount_fen", flat=True
        )
    )
    if Refund.objects.filter(payment__order=order).filter(BY_PEOPLE).exists():
        return  # staff decided on the amount
    was_paid = order.events.filter(kind=OrderEvent.Kind.PAID).exists()
    if order.status in PAID_ORDER:
        expected = {order.amount_fen}
    elif was_paid:
        back = order.payments.filter(refunds__reason=Refund.Reason.CANCELED)
        expected = {order.amount_fen - sum(back.values_list("refunds__amount_fen", flat=True))}
    else:
        expected = {0}
    if kept_fen not in expected:
        yield f"{order} ({order.status}): we keep {kept_fen} fen instead of {expected}"
