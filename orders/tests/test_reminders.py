"""Reminders to pay: once for each order, while there is time."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.utils import timezone

from core.transactions import durable_transaction
from orders import mailing, reminders, transitions
from orders.models import Order, OrderEvent
from payments import queries
from payments.models import Payment
from tests import alipay, make
from tests.alipay import Gateway
from tests.races import at_once

NOON = "2026-11-22T12:00:00+08:00"


def accepted(pay_within: timedelta, **fields: object) -> Order:
    """Create an order and accept it."""
    order = make.order(
        make.user(email="wang@example.com"),
        status="WAIT_ACCEPT",
        pay_by=None,
        accept_by=timezone.now() + timedelta(hours=24),
        **fields,
    )
    durable_transaction(transitions.accept)(order, by=None, pay_within=pay_within)
    return order


def remind_all() -> int:
    """Send all due reminders; return their number."""
    return sum(reminders.remind(key) for key in reminders.due())


def told(order: Order) -> int:
    return order.events.filter(kind="REMINDED").count()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("pay_within", "left"),
    [
        (timedelta(minutes=30), timedelta(minutes=10)),
        (timedelta(hours=3), timedelta(hours=1)),
        (timedelta(hours=6), timedelta(hours=2)),
        (timedelta(hours=24), timedelta(hours=2)),
    ],
    ids=str,
)
def test_the_reminder_comes_with_a_third_left_but_no_more_than_two_hours(
    transactional_db: None, pay_within: timedelta, left: timedelta
) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        order = accepted(pay_within)
        clock.shift(pay_within - left - timedelta(seconds=1))
        assert (remind_all(), told(order)) == (0, 0)
        clock.shift(1)
        assert (remind_all(), told(order)) == (1, 1)
        clock.shift(1)
        assert (remind_all(), told(order)) == (0, 1)


def test_orders_that_cant_be_paid_are_not_reminded(transactional_db: None) -> None:
    for status in sorted(set(Order.Status) - {"WAIT_PAYMENT"}):
        make.rows(Order).filter(pk=accepted(timedelta(minutes=30)).pk).update(status=status)
    short = accepted(timedelta(seconds=150))
    with time_machine.travel(timezone.now() + timedelta(minutes=25)):
        assert reminders.due() != []
        assert remind_all() == 0
        assert reminders.due() == []
    assert told(short) == 0


def test_no_reminder_in_the_last_minute(transactional_db: None) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        order = accepted(timedelta(minutes=30))
        clock.shift(timedelta(minutes=29, seconds=1))
        assert (remind_all(), told(order)) == (0, 0)


def test_a_deadline_shortened_by_check_in_moves_the_reminder(transactional_db: None) -> None:
    with time_machine.travel("2026-11-22T23:00:00+08:00", tick=False):
        tomorrow = timezone.localdate() + timedelta(days=1)
        order = accepted(
            timedelta(hours=24), check_in=tomorrow, check_out=tomorrow + timedelta(days=1), nights=1
        )
    assert order.remind_at == datetime.fromisoformat("2026-11-22T23:40:00+08:00")


def test_the_reminder_is_mailed_with_amount_and_deadline(transactional_db: None) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        order = accepted(timedelta(minutes=30), language="en")
        mail_all()
        clock.shift(timedelta(minutes=20))
        remind_all()
        assert (mail_all(), mail_all()) == (1, 0)
    message = mail.outbox[-1]
    assert message.subject == f"Payment reminder: {order.house_title}"
    assert "￥300.00" in message.body
    assert "12:30" in message.body


def test_a_reminder_that_would_come_too_late_is_not_mailed(transactional_db: None) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        accepted(timedelta(minutes=30))
        mail_all()
        clock.shift(timedelta(minutes=20))
        remind_all()
        clock.shift(timedelta(minutes=10))
        assert mail_all() == 0
    assert not make.rows(OrderEvent).filter(mail_due_at__isnull=False).exists()


class TestWhileConfirming:
    """After a genuine return from Alipay, the site tells the renter not to pay again."""

    @pytest.fixture
    def clock(self) -> Iterator[time_machine.Traveller]:
        with time_machine.travel(NOON, tick=False) as clock:
            yield clock

    @pytest.fixture
    def payment(self, transactional_db: None, clock: time_machine.Traveller) -> Payment:
        payment = make.attempt(accepted(timedelta(minutes=30), language="en"))
        mail_all()
        clock.shift(timedelta(minutes=20))
        return payment

    def come_back(self, payment: Payment, gateway: Gateway) -> None:
        gateway.says["query"] = alipay.waiting(payment)
        assert Client().get(alipay.return_url(payment)).context["state"] == "confirming"

    def test_the_reminder_waits_until_the_attempt_is_closed(
        self, payment: Payment, gateway: Gateway, clock: time_machine.Traveller
    ) -> None:
        self.come_back(payment, gateway)
        assert (remind_all(), reminders.due()) == (0, [])
        clock.shift(timedelta(minutes=2))
        assert remind_all() == 0
        payment.status, payment.live_for = Payment.Status.CLOSED, None  # Alipay's verdict
        payment.save()
        clock.shift(timedelta(minutes=2))
        assert (remind_all(), told(payment.order)) == (1, 1)
        assert mail_all() == 1
        clock.shift(timedelta(minutes=2))
        assert remind_all() == 0

    def test_no_reminder_after_the_deadline(
        self, payment: Payment, gateway: Gateway, clock: time_machine.Traveller
    ) -> None:
        self.come_back(payment, gateway)
        assert remind_all() == 0
        clock.shift(timedelta(minutes=10))
        assert (remind_all(), told(payment.order), reminders.due()) == (0, 0, [])
        clock.shift(timedelta(minutes=10))
        assert reminders.due() == []

    def test_a_reminder_from_before_the_return_is_not_mailed(
        self, payment: Payment, gateway: Gateway
    ) -> None:
        gateway.says["query"] = alipay.waiting(payment)
        queries.query_trade(payment)
        assert remind_all() == 1
        self.come_back(payment, gateway)
        assert mail_all() == 0

    def test_T2_the_reminder_waits_while_nobody_knows(
        self, payment: Payment, gateway: Gateway, clock: time_machine.Traveller
    ) -> None:
        queries.query_trade(payment)  # no answer
        assert remind_all() == 0
        clock.shift(timedelta(minutes=2))
        gateway.says["query"] = alipay.waiting(payment)
        queries.query_trade(payment)
        assert (remind_all(), told(payment.order)) == (1, 1)


def mail_all() -> int:
    return sum(mailing.send(key) for key in mailing.due())


@pytest.fixture
def late(transactional_db: None) -> list[Order]:
    """Create orders whose reminder is due."""
    orders = [accepted(timedelta(minutes=30)) for _ in range(5)]
    make.rows(Order).update(remind_at=timezone.now() - timedelta(seconds=1))
    return orders


def sweep_eight_times_at_once() -> None:
    keys = reminders.due()
    at_once(*[lambda: [reminders.remind(key) for key in keys]] * 8)


@pytest.mark.race
def test_eight_sweeps_remind_each_once(late: list[Order]) -> None:
    sweep_eight_times_at_once()
    assert [told(order) for order in late] == [1] * 5


@pytest.mark.race
def test_twin_without_the_claim_they_are_reminded_again(
    late: list[Order], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reminders, "_claim", lambda order: True)
    sweep_eight_times_at_once()
    assert max(told(order) for order in late) > 1
