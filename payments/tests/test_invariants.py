"""The checker of the rules finds each of them broken, and nothing where nothing is."""

from collections.abc import Callable

import pytest
from django.core.management import call_command

from houses import availability
from houses.models import BookedNight
from orders.models import Order, OrderEvent
from payments import callbacks
from payments.books.invariants import broken_rules
from payments.models import Payment, Refund
from payments.refunding import _give_up
from tests import alipay, make

pytestmark = pytest.mark.django_db


def paid() -> Payment:
    payment = make.attempt()
    assert callbacks.receive_notify(alipay.notify_body(payment))
    return payment


def surplus() -> Payment:
    payment = make.attempt()
    Order.objects.filter(pk=payment.order_id).update(status=Order.Status.CANCELED)
    assert callbacks.receive_notify(alipay.notify_body(payment))
    return payment


def change(payment: Payment, **fields: object) -> Payment:
    Payment.objects.filter(pk=payment.pk).update(**fields)
    return payment


def change_order(payment: Payment, **fields: object) -> Payment:
    Order.objects.filter(pk=payment.order_id).update(**fields)
    return payment


def receipt_of_another_order() -> Payment:
    return change(paid(), trade_no=alipay.trade_no(paid()))


def told_twice() -> Payment:
    payment = paid()
    OrderEvent.objects.create(order=payment.order, kind=OrderEvent.Kind.PAID)
    return payment


def applied_twice() -> Payment:
    payment = paid()
    make.attempt(payment.order, live_for=None, status="PAID", received_fen=30000)
    return payment


def forgotten_refund() -> Payment:
    payment = surplus()
    payment.refunds.all().delete()
    return payment


def surplus_of_a_needed_receipt() -> Payment:
    payment = change(paid(), refund_reserved_fen=30000)
    values = {"out_request_no": "x_R1", "amount_fen": 30000, "reason": Refund.Reason.SURPLUS}
    Refund.objects.create(payment=payment, **values)
    return payment


def given_up_refund_that_still_reserves() -> Payment:
    payment = surplus()
    payment.refunds.update(status=Refund.Status.GIVEN_UP)
    return payment


def surplus_of_which_only_a_part_was_given_up() -> Payment:
    payment = surplus()
    payment.refunds.update(status=Refund.Status.GIVEN_UP, amount_fen=20000)
    return change(payment, refund_reserved_fen=0)


def night_of_an_order_that_is_over() -> Payment:
    payment = surplus()
    order = payment.order
    availability.hold(order.house, order.check_in, order.check_out, order_number=order.number)
    return payment


def told_of_a_payment_that_is_gone() -> Payment:
    payment = make.attempt()
    OrderEvent.objects.create(order=payment.order, kind=OrderEvent.Kind.PAID)
    return payment


def nights_of_a_booking_are_gone() -> Payment:
    payment = make.attempt()
    OrderEvent.objects.create(order=payment.order, kind=OrderEvent.Kind.BOOKED)
    return payment


def one_night_of_a_booking_is_gone() -> Payment:
    order = nights_of_a_booking_are_gone().order
    availability.hold(order.house, order.check_in, order.check_out, order_number=order.number)
    BookedNight.objects.filter(night=order.check_in).delete()
    return order.payments.get()


def refund_that_nobody_sends() -> Payment:
    payment = surplus()
    payment.refunds.update(next_try_at=None)
    return payment


@pytest.mark.parametrize(
    ("rule", "harm"),
    [
        ("I2", receipt_of_another_order),
        ("I3", lambda: change_order(paid(), amount_fen=1)),
        ("I3", lambda: change_order(make.attempt(), status=Order.Status.WAIT_COMMENT)),
        ("I3", told_twice),
        ("I4", applied_twice),
        ("I4", lambda: change_order(paid(), status=Order.Status.WAIT_PAYMENT)),
        ("I4", lambda: change(surplus(), refund_reserved_fen=0)),
        ("I4", surplus_of_a_needed_receipt),
        ("I4", surplus_of_which_only_a_part_was_given_up),
        ("I4", lambda: change(paid(), received_fen=0)),
        ("I4", lambda: change(make.attempt(), next_try_at=None)),
        ("I4", refund_that_nobody_sends),
        ("I5", forgotten_refund),
        ("I5", given_up_refund_that_still_reserves),
        ("I6", night_of_an_order_that_is_over),
        ("I6", nights_of_a_booking_are_gone),
        ("I6", one_night_of_a_booking_is_gone),
        ("I7", told_of_a_payment_that_is_gone),
        ("I7", lambda: change(make.attempt(), received_fen=30000)),
    ],
)
def test_OPS02_a_broken_rule_is_found_with_its_order(
    rule: str, harm: Callable[[], Payment], capsys: pytest.CaptureFixture[str]
) -> None:
    paid(), surplus(), make.attempt()
    payment = harm()
    assert (rule, payment.order.number) in {(broken.rule, broken.order_number) for broken in broken_rules()}
    with pytest.raises(SystemExit) as ended:
        call_command("check_money")
    assert ended.value.code == 1
    assert payment.order.number in capsys.readouterr().out


def test_surplus_that_staff_gave_back_another_way_breaks_no_rule() -> None:
    refund = surplus().refunds.get()
    _give_up(refund, by=make.user(), explanation="paid back in cash")
    assert refund.payment.refunds.get().status == Refund.Status.GIVEN_UP
    assert list(broken_rules()) == []


def test_all_rules_hold(capsys: pytest.CaptureFixture[str]) -> None:
    paid(), surplus(), make.attempt(), make.order()
    call_command("check_money")
    assert capsys.readouterr().out == "all rules hold\n"
