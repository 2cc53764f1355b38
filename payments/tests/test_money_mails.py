"""What mails say of the money of a cancelled order is exact; and what they say together makes sense."""

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
    """The news and the words of each mail that goes out now."""
    before = len(mail.outbox)
    for key in mailing.due():
        mailing.send(key)
    return [(m.subject.partition(": ")[0], " ".join(m.body.split())) for m in mail.outbox[before:]]


def mail_of_the_cancelling() -> str:
    (words,) = (words for news, words in mails() if news == "Order cancelled")
    return words


def test_booked_and_paid_within_one_sweep(renter: User, house: House) -> None:
    pay(book(renter, house, days_ahead=9))
    (booked, words), (paid, _) = mails()
    assert (booked, paid) == ("We have your booking", "Payment received")
    assert "lease pay" not in words


def test_booked_and_cancelled_within_one_sweep(renter: User, house: House) -> None:
    order = book(renter, house, days_ahead=9)
    cancellation.cancel(order, by=renter, agreed={})
    (booked, words), (canceled, end) = mails()
    assert (booked, canceled) == ("We have your booking", "Order cancelled")
    assert "lease pay" not in words
    assert "Nothing was charged." in end


@pytest.mark.parametrize(("days_ahead", "back"), [(9, "￥300.00"), (3, "￥150.00")])
def test_the_sum_that_comes_back_by_the_policy(
    renter: User, house: House, days_ahead: int, back: str
) -> None:
    order = book(renter, house, days_ahead=days_ahead)
    pay(order)
    cancellation.cancel(order, by=renter, agreed={})
    words = mail_of_the_cancelling()
    assert f"Your order is cancelled. {back} is on its way back to the account that it came from" in words
    assert "Nothing was charged" not in words


def test_only_what_this_cancelling_gives_back(renter: User, house: House) -> None:
    """Not what had gone back before, and not money that comes later."""
    order = book(renter, house, days_ahead=9)
    payment, second = pay(order), make.attempt(order, live_for=None)
    payment.refresh_from_db()
    refunding.give_back(
        payment, 5000, number=refunds.next_number(payment), by=make.user(), explanation="Sorry"
    )
    cancellation.cancel(order, by=renter, agreed={})
    assert callbacks.receive_notify(alipay.notify_body(second))
    words = mail_of_the_cancelling()
    assert "￥250.00 is on its way back" in words
    assert words.count("￥") == 1


def test_nothing_comes_back_by_the_policy(renter: User, house: House) -> None:
    house.refund_policy = RefundPolicy.STRICT
    order = book(renter, house, days_ahead=3)
    pay(order)
    cancellation.cancel(order, by=renter, agreed={})
    words = mail_of_the_cancelling()
    assert "By the cancellation rule that you agreed to when you booked, no money comes back." in words
    assert "￥" not in words


def test_all_came_back_before(renter: User, house: House) -> None:
    order = book(renter, house, days_ahead=9)
    payment = pay(order)
    payment.refresh_from_db()
    number = refunds.next_number(payment)
    refunding.give_back(payment, 30000, number=number, by=make.user(), explanation="Sorry")
    cancellation.cancel(order, by=renter, agreed={})
    words = mail_of_the_cancelling()
    assert "No more money comes back than what went back before." in words
    assert "rule" not in words


def test_a_late_payment_is_not_what_the_cancelling_gives_back(
    renter: User, house: House, gateway: Gateway
) -> None:
    order = book(renter, house, days_ahead=9)
    late = make.attempt(order)
    cancellation.cancel(order, by=renter, agreed={})
    assert callbacks.receive_notify(alipay.notify_body(late))
    _, (canceled, words), (surplus, goes_back) = mails()
    assert (canceled, surplus) == ("Order cancelled", "A payment was not used, it goes back")
    assert "￥" not in words
    assert "Money that may still be on its way goes back to you." in words
    assert "We received ￥300.00 that your order did not use" in goes_back


@pytest.mark.parametrize(
    ("comes_back_fen", "limit_fen", "words"),
    [
        (20000, 10**9, "￥200.00 is on its way back"),
        (20000, 0, "No refund is on its way so far. If one is made, we write to you."),
        (0, 10**9, "No refund is on its way so far. If one is made, we write to you."),
    ],
)
def test_staff_cancel(
    renter: User, house: House, settings: Settings, comes_back_fen: int, limit_fen: int, words: str
) -> None:
    """Above the limit a second person has to agree first: nothing is promised until then."""
    settings.STAFF_REFUND_LIMIT_FEN = limit_fen
    order = book(renter, house, days_ahead=9)
    pay(order)
    cancellation.cancel_by_staff(
        order, by=make.user(), reason="The roof leaks", refundable_fen=30000, refund_fen=comes_back_fen
    )
    said = mail_of_the_cancelling()
    assert f"Our staff cancelled your order. {words}" in said
    assert "In their words: The roof leaks" in said


def test_one_that_a_second_person_approves_is_told_of_by_its_sum(
    renter: User, house: House, settings: Settings
) -> None:
    settings.STAFF_REFUND_LIMIT_FEN = 0
    order = book(renter, house, days_ahead=9)
    pay(order)
    cancellation.cancel_by_staff(
        order, by=make.user(), reason="The roof leaks", refundable_fen=30000, refund_fen=20000
    )
    refunding.approve(Refund.objects.get(), by=make.user())
    assert "￥200.00 is on its way back" in mail_of_the_cancelling()
