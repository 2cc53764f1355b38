"""Mails about the money of a cancelled order: amounts are exact, and the mails agree with each other."""

from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from core.transactions import durable_transaction
from houses.models import House, RefundPolicy
from orders import mailing, transitions
from orders.models import Order
from payments import callbacks, cancellation, refunding
from payments.books import refunds
from payments.models import Payment, Refund
from tests import alipay, make
from tests.alipay import Gateway

pytestmark = pytest.mark.django_db


@pytest.fixture
def renter() -> User:
    return make.user(email="wang@example.com")


@pytest.fixture
def house() -> House:
    return make.house(instant_book=True, refund_policy=RefundPolicy.MODERATE)


def book(renter: User, house: House, *, days_ahead: int) -> Order:
    """Two nights for ￥300.00, accepted at once."""
    check_in = timezone.localdate() + timedelta(days=days_ahead)
    order = make.order(
        renter,
        house=house,
        check_in=check_in,
        check_out=check_in + timedelta(days=2),
        refund_policy=house.refund_policy,
        status=Order.Status.WAIT_ACCEPT,
        language="en",
    )
    durable_transaction(transitions.booked)(order)
    return order


def pay(order: Order) -> Payment:
    payment = make.attempt(order)
    assert callbacks.receive_notify(alipay.notify_body(payment))
    order.refresh_from_db()
    return payment


def mails() -> list[tuple[str, str]]:
    """Subject (without the order) and text of each mail that is due now."""
    before = len(mail.outbox)
    for key in mailing.due():
        mailing.send(key)
    return [(m.subject.partition(": ")[0], " ".join(m.body.split())) for m in mail.outbox[before:]]


def cancellation_mail() -> str:
    (text,) = (text for subject, text in mails() if subject == "Order cancelled")
    return text


def test_booked_and_paid_within_one_sweep(renter: User, house: House) -> None:
    pay(book(renter, house, days_ahead=9))
    (booked, text), (paid, _) = mails()
    assert (booked, paid) == ("We've received your booking", "Payment received")
    assert "lease pay" not in text


def test_booked_and_cancelled_within_one_sweep(renter: User, house: House) -> None:
    order = book(renter, house, days_ahead=9)
    cancellation.cancel(order, by=renter, agreed={})
    (booked, text), (canceled, end) = mails()
    assert (booked, canceled) == ("We've received your booking", "Order cancelled")
    assert "lease pay" not in text
    assert "You were not charged." in end


@pytest.mark.parametrize(("days_ahead", "back"), [(9, "￥300.00"), (3, "￥150.00")])
def test_the_sum_that_comes_back_by_the_policy(
    renter: User, house: House, days_ahead: int, back: str
) -> None:
    order = book(renter, house, days_ahead=days_ahead)
    pay(order)
    cancellation.cancel(order, by=renter, agreed={})
    text = cancellation_mail()
    assert f"Your order has been cancelled. {back} is on its way back to the account you paid from" in text
    assert "You were not charged" not in text


def test_only_the_refund_of_this_cancellation(renter: User, house: House) -> None:
    """Neither earlier refunds nor money that comes later."""
    order = book(renter, house, days_ahead=9)
    payment, second = pay(order), make.attempt(order, live_for=None)
    payment.refresh_from_db()
    refunding.request_refund(
        payment, 5000, number=refunds.next_number(payment), by=make.user(), explanation="Sorry"
    )
    cancellation.cancel(order, by=renter, agreed={})
    assert callbacks.receive_notify(alipay.notify_body(second))
    text = cancellation_mail()
    assert "￥250.00 is on its way back" in text
    assert text.count("￥") == 1


def test_nothing_comes_back_by_the_policy(renter: User, house: House) -> None:
    house.refund_policy = RefundPolicy.STRICT
    order = book(renter, house, days_ahead=3)
    pay(order)
    cancellation.cancel(order, by=renter, agreed={})
    text = cancellation_mail()
    assert "Under the cancellation policy you agreed to when booking, there is no refund." in text
    assert "￥" not in text


def test_all_came_back_before(renter: User, house: House) -> None:
    order = book(renter, house, days_ahead=9)
    payment = pay(order)
    payment.refresh_from_db()
    number = refunds.next_number(payment)
    refunding.request_refund(payment, 30000, number=number, by=make.user(), explanation="Sorry")
    cancellation.cancel(order, by=renter, agreed={})
    text = cancellation_mail()
    assert "There is no further refund beyond what we've already refunded or are refunding." in text
    assert "rule" not in text


def test_a_late_payment_is_not_part_of_the_cancellation_mail(
    renter: User, house: House, gateway: Gateway
) -> None:
    order = book(renter, house, days_ahead=9)
    late = make.attempt(order)
    cancellation.cancel(order, by=renter, agreed={})
    assert callbacks.receive_notify(alipay.notify_body(late))
    _, (canceled, text), (surplus, goes_back) = mails()
    assert (canceled, surplus) == ("Order cancelled", "We're refunding an extra payment")
    assert "￥" not in text
    assert "If a payment is still on its way, we'll refund it." in text
    assert "We received an extra payment of ￥300.00" in goes_back


@pytest.mark.parametrize(
    ("comes_back_fen", "limit_fen", "promise"),
    [
        (20000, 10**9, "￥200.00 is on its way back"),
        (20000, 0, "No refund has been issued so far. If we issue one, we'll email you."),
        (0, 10**9, "No refund has been issued so far. If we issue one, we'll email you."),
    ],
)
def test_staff_cancel(
    renter: User, house: House, settings: Settings, comes_back_fen: int, limit_fen: int, promise: str
) -> None:
    """Above the limit a second person must approve first: nothing is promised until then."""
    settings.STAFF_REFUND_LIMIT_FEN = limit_fen
    order = book(renter, house, days_ahead=9)
    pay(order)
    cancellation.cancel_by_staff(
        order, by=make.user(), reason="The roof leaks", refundable_fen=30000, refund_fen=comes_back_fen
    )
    text = cancellation_mail()
    assert f"We've cancelled your order. {promise}" in text
    assert "Note from us: The roof leaks" in text


def test_a_refund_approved_by_a_second_person_is_in_the_mail(
    renter: User, house: House, settings: Settings
) -> None:
    settings.STAFF_REFUND_LIMIT_FEN = 0
    order = book(renter, house, days_ahead=9)
    pay(order)
    cancellation.cancel_by_staff(
        order, by=make.user(), reason="The roof leaks", refundable_fen=30000, refund_fen=20000
    )
    refunding.approve(make.rows(Refund).get(), by=make.user())
    assert "￥200.00 is on its way back" in cancellation_mail()
