"""Deterministic races: the rival acts exactly at the point that could do harm. The twins have no guard."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from houses import availability
from houses.models import BookedNight
from orders import transitions
from orders.models import Order, OrderEvent
from orders.transitions import IllegalTransition
from payments import callbacks, cancellation, checkout, queries
from payments.books import attempts
from payments.books.attempts import Received
from payments.books.invariants import broken_rules
from payments.cancellation import CannotCancel
from payments.checkout import CannotPay
from payments.models import Payment
from tests import alipay, make
from tests.alipay import Gateway
from tests.interleaving import after, before

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]

Status = Order.Status

Outcome = tuple[str, str, list[int]]

PAID: Outcome = (Status.WAIT_COMMENT, "PAID", [])
GOES_BACK: Outcome = (Status.CANCELED, "SURPLUS", [30000])
FORGOTTEN: Outcome = (Status.CANCELED, "PAID", [])
"""The order is over, its nights are free, and the money is not refunded."""


def held(order: Order) -> Order:
    availability.hold(order.house, order.check_in, order.check_out, order_number=order.number)
    return order


@pytest.fixture
def payment(gateway: Gateway) -> Payment:
    """An attempt to pay an order that can still be paid."""
    return make.attempt(held(make.order()))


@pytest.fixture
def late(gateway: Gateway) -> Payment:
    """A closed attempt of an order that was not paid in time."""
    late = make.attempt(held(make.order(pay_by=timezone.now() - timedelta(seconds=1))))
    attempts.mark_closed(late)
    return late


def outcome(payment: Payment) -> Outcome:
    """Status of the order, status of the attempt, and the amounts of its refunds."""
    payment.refresh_from_db()
    refunds = list(payment.refunds.values_list("amount_fen", flat=True))
    return make.rows(Order).get(pk=payment.order_id).status, payment.status, refunds


def money_comes(payment: Payment) -> Callable[[], object]:
    body = alipay.notify_body(payment)
    return lambda: callbacks.receive_notify(body)


def cancel(order: Order) -> None:
    """Cancel for the renter, who saw that nothing was paid."""
    cancellation.cancel(make.rows(Order).get(pk=order.pk), by=order.renter, agreed={"refund_fen": "0"})


def press_pay(order: Order) -> str:
    return checkout.press_pay(make.rows(Order).get(pk=order.pk), "WAP")


@pytest.fixture
def without_locks_and_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orders.models.OrderQuerySet.select_for_update", lambda rows, **options: rows)
    monkeypatch.setattr(cancellation, "_cancel", cancellation._cancel.__wrapped__)
    monkeypatch.setattr(attempts, "settle", attempts.settle.__wrapped__)
    monkeypatch.setattr(attempts, "expire_unpaid", attempts.expire_unpaid.__wrapped__)
    monkeypatch.setattr(checkout, "_lock_and_make", checkout._lock_and_make.__wrapped__)


# --- Cancelled in one tab, paid in the other --------------------------------------------------------------


def test_CON04_paid_right_before_the_cancelling_decides(payment: Payment) -> None:
    with before("payments.cancellation._cancel", money_comes(payment)), pytest.raises(CannotCancel):
        cancel(payment.order)
    assert outcome(payment) == PAID
    assert make.rows(BookedNight).count() == 2


def test_CON04_paid_while_the_cancelling_has_decided_and_not_yet_acted(payment: Payment) -> None:
    with before("payments.cancellation._end", money_comes(payment), elsewhere=True):
        cancel(payment.order)
    assert outcome(payment) == GOES_BACK
    assert list(broken_rules()) == []


def test_CON04_paid_right_after_the_cancelling(payment: Payment) -> None:
    with after("payments.cancellation._cancel", money_comes(payment)):
        cancel(payment.order)
    assert outcome(payment) == GOES_BACK
    assert list(broken_rules()) == []


def test_CON04_cancelled_while_the_money_is_recorded(payment: Payment) -> None:
    refused = []

    def try_to_cancel() -> None:
        with pytest.raises(CannotCancel):
            cancel(payment.order)
        refused.append(True)

    with before("payments.books.attempts._record", try_to_cancel, elsewhere=True):
        money_comes(payment)()
    assert refused
    assert outcome(payment) == PAID


def test_CON04_without_the_lock_the_status_that_was_read_decides(
    payment: Payment, without_locks_and_transactions: None
) -> None:
    with before("payments.cancellation._end", money_comes(payment)), pytest.raises(CannotCancel):
        cancel(payment.order)
    assert outcome(payment) == PAID
    assert make.rows(BookedNight).count() == 2


def test_CON04_twin_without_lock_and_comparison_the_money_is_forgotten(
    payment: Payment, without_locks_and_transactions: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    compare_and_set = transitions.cancel

    def from_any_status(order: Order, **kw: Any) -> None:
        order.refresh_from_db(fields=["status"])
        compare_and_set(order, **kw)

    monkeypatch.setattr(transitions, "cancel", from_any_status)
    with before("payments.cancellation._end", money_comes(payment)):
        cancel(payment.order)
    assert outcome(payment) == FORGOTTEN


def test_CON04_pay_is_pressed_while_it_is_cancelled(gateway: Gateway) -> None:
    order = held(make.order())
    with before("payments.cancellation._cancel", lambda: press_pay(order)):
        cancel(order)
    payment = make.rows(Payment).get()
    assert (payment.status, payment.live_for) == ("OPEN", None)
    assert payment.next_try_at <= timezone.now()  # the sweep closes it, and late money is refunded
    assert money_comes(payment)()
    assert outcome(payment) == GOES_BACK


def test_CON04_it_is_cancelled_while_pay_is_pressed(gateway: Gateway) -> None:
    order = held(make.order())
    with before("payments.checkout._lock_and_make", lambda: cancel(order)), pytest.raises(CannotPay):
        press_pay(order)
    assert not make.rows(Payment).exists()


def test_CON04_twin_an_attempt_is_live_for_an_order_that_is_over(
    gateway: Gateway, without_locks_and_transactions: None
) -> None:
    order = held(make.order())
    with before("payments.books.attempts.next_number", lambda: cancel(order)):
        press_pay(order)
    assert make.rows(Payment).get().live_for == make.rows(Order).get(status=Status.CANCELED)


# --- The deadline passes while the money comes ------------------------------------------------------------


def expire(payment: Payment) -> bool:
    return attempts.expire_unpaid(make.rows(Order).get(pk=payment.order_id))


def test_CON05_paid_right_before_the_expiry(late: Payment) -> None:
    with before("payments.books.attempts.expire_unpaid", money_comes(late)):
        assert not expire(late)
    assert outcome(late) == PAID
    assert make.rows(BookedNight).count() == 2


def test_CON05_paid_while_the_expiry_has_decided_and_not_yet_acted(late: Payment) -> None:
    with before("orders.transitions.expire", money_comes(late), elsewhere=True):
        assert expire(late)
    assert outcome(late) == GOES_BACK
    assert list(broken_rules()) == []


def test_CON05_expired_while_the_money_is_recorded(late: Payment) -> None:
    expired = []
    with before("payments.books.attempts._record", lambda: expired.append(expire(late)), elsewhere=True):
        money_comes(late)()
    assert expired == [False]
    assert outcome(late) == PAID
    assert make.rows(BookedNight).count() == 2


def test_CON05_the_compare_and_set_decides_without_locks(
    late: Payment, without_locks_and_transactions: None
) -> None:
    with before("orders.transitions.expire", money_comes(late)), pytest.raises(IllegalTransition):
        expire(late)
    assert outcome(late) == PAID
    assert make.rows(BookedNight).count() == 2


def test_CON05_twin_without_guards_the_money_is_forgotten(
    late: Payment, without_locks_and_transactions: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def move_without_comparing(order: Order, kind: str, *, to: str, **rest: object) -> None:
        make.rows(Order).filter(pk=order.pk).update(status=to)
        OrderEvent.objects.create(order=order, kind=kind, to_status=to)

    monkeypatch.setattr(transitions, "_move", move_without_comparing)
    with before("orders.transitions.expire", money_comes(late)):
        expire(late)
    assert outcome(late) == FORGOTTEN
    assert not make.rows(BookedNight).exists()


# --- Two workers query one attempt ------------------------------------------------------------------------


def ask(payment: Payment) -> object:
    return queries.query_trade(make.rows(Payment).get(pk=payment.pk))


def is_settled_once(payment: Payment) -> bool:
    kinds = list(make.rows(OrderEvent).values_list("kind", flat=True))
    return outcome(payment) == PAID and kinds == ["PAID"] and list(broken_rules()) == []


def test_QRY09_the_second_worker_does_not_ask(payment: Payment, gateway: Gateway) -> None:
    gateway.says["query"] = alipay.paid(payment)
    with before("payments.queries._query", lambda: ask(payment)):
        ask(payment)
    assert gateway.count("query") == 1
    assert is_settled_once(payment)


def both_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "MIN_QUERY_INTERVAL", timedelta(seconds=-60))


@pytest.mark.parametrize("point", ["rows.lock_order_and_live", "attempts._record", "attempts._apply"])
def test_QRY09_both_ask_and_the_money_is_recorded_once(
    payment: Payment, gateway: Gateway, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    both_ask(monkeypatch)
    gateway.says["query"] = alipay.paid(payment)
    with before(f"payments.books.{point}", lambda: ask(payment), elsewhere=True):
        ask(payment)
    assert gateway.count("query") == 2
    assert is_settled_once(payment)


def check_then_act(payment: Payment, received: Received) -> bool:
    """Replaces attempts._record, without its compare-and-set."""
    if make.rows(Payment).get(pk=payment.pk).is_settled:
        return False
    act(payment, received)
    return True


def act(payment: Payment, received: Received) -> None:
    make.rows(Payment).filter(pk=payment.pk).update(status="PAID", received_fen=received.amount_fen)


def test_QRY09_twin_check_then_act(
    payment: Payment, gateway: Gateway, monkeypatch: pytest.MonkeyPatch, without_locks_and_transactions: None
) -> None:
    both_ask(monkeypatch)
    gateway.says["query"] = alipay.paid(payment)
    monkeypatch.setattr(attempts, "_record", check_then_act)
    with before(f"{__name__}.act", lambda: ask(payment)):
        ask(payment)
    assert not is_settled_once(payment)
