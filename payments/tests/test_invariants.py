"""check_money finds a violation of each invariant, and none in sound data."""

from collections.abc import Callable
from importlib import import_module

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db.models import F

from houses import availability
from houses.models import BookedNight, House
from orders import transitions
from orders.counters import recount
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
    make.rows(Order).filter(pk=payment.order_id).update(status=Order.Status.CANCELED)
    assert callbacks.receive_notify(alipay.notify_body(payment))
    return payment


def change(payment: Payment, **fields: object) -> Payment:
    make.rows(Payment).filter(pk=payment.pk).update(**fields)
    return payment


def change_order(payment: Payment, **fields: object) -> Payment:
    make.rows(Order).filter(pk=payment.order_id).update(**fields)
    return payment


def trade_of_another_order() -> Payment:
    return change(paid(), trade_no=alipay.trade_no(paid()))


def paid_event_twice() -> Payment:
    payment = paid()
    OrderEvent.objects.create(order=payment.order, kind=OrderEvent.Kind.PAID)
    return payment


def applied_twice() -> Payment:
    payment = paid()
    make.attempt(payment.order, live_for=None, status="PAID", received_fen=30000)
    return payment


def surplus_without_a_refund() -> Payment:
    payment = surplus()
    payment.refunds.all().delete()
    return payment


def surplus_refund_of_a_paid_attempt() -> Payment:
    payment = change(paid(), refund_reserved_fen=30000)
    values = {"out_request_no": "x_R1", "amount_fen": 30000, "reason": Refund.Reason.SURPLUS}
    Refund.objects.create(payment=payment, **values)
    return payment


def given_up_refund_that_still_reserves() -> Payment:
    payment = surplus()
    payment.refunds.update(status=Refund.Status.GIVEN_UP)
    return payment


def surplus_with_a_partial_refund_given_up() -> Payment:
    payment = surplus()
    payment.refunds.update(status=Refund.Status.GIVEN_UP, amount_fen=20000)
    return change(payment, refund_reserved_fen=0)


def night_of_an_order_that_is_over() -> Payment:
    payment = surplus()
    order = payment.order
    availability.hold(order.house, order.check_in, order.check_out, order_number=order.number)
    return payment


def paid_event_without_a_payment() -> Payment:
    payment = make.attempt()
    OrderEvent.objects.create(order=payment.order, kind=OrderEvent.Kind.PAID)
    return payment


def booking_without_its_nights() -> Payment:
    payment = make.attempt()
    OrderEvent.objects.create(order=payment.order, kind=OrderEvent.Kind.BOOKED)
    return payment


def booking_without_one_night() -> Payment:
    order = booking_without_its_nights().order
    availability.hold(order.house, order.check_in, order.check_out, order_number=order.number)
    make.rows(BookedNight).filter(night=order.check_in).delete()
    return order.payments.get()


def refund_without_a_next_try() -> Payment:
    payment = surplus()
    payment.refunds.update(next_try_at=None)
    return payment


@pytest.mark.parametrize(
    ("rule", "harm"),
    [
        ("I2", trade_of_another_order),
        ("I3", lambda: change_order(paid(), amount_fen=1)),
        ("I3", lambda: change_order(make.attempt(), status=Order.Status.WAIT_COMMENT)),
        ("I3", paid_event_twice),
        ("I4", applied_twice),
        ("I4", lambda: change_order(paid(), status=Order.Status.WAIT_PAYMENT)),
        ("I4", lambda: change(surplus(), refund_reserved_fen=0)),
        ("I4", surplus_refund_of_a_paid_attempt),
        ("I4", surplus_with_a_partial_refund_given_up),
        ("I4", lambda: change(paid(), received_fen=0)),
        ("I4", lambda: change(make.attempt(), next_try_at=None)),
        ("I4", refund_without_a_next_try),
        ("I5", surplus_without_a_refund),
        ("I5", given_up_refund_that_still_reserves),
        ("I6", night_of_an_order_that_is_over),
        ("I6", booking_without_its_nights),
        ("I6", booking_without_one_night),
        ("I7", paid_event_without_a_payment),
        ("I7", lambda: change(make.attempt(), received_fen=30000)),
    ],
)
def test_OPS02_a_violation_is_found_with_its_order(
    rule: str, harm: Callable[[], Payment], capsys: pytest.CaptureFixture[str]
) -> None:
    paid(), surplus(), make.attempt()
    payment = harm()
    assert (rule, payment.order.number) in {(broken.rule, broken.about) for broken in broken_rules()}
    with pytest.raises(SystemExit) as ended:
        call_command("check_money")
    assert ended.value.code == 1
    assert payment.order.number in capsys.readouterr().out


@pytest.mark.parametrize("counter", ["order_count", "review_count", "rating_sum"])
@pytest.mark.parametrize("by", [1, -1])
def test_L3_a_counter_that_is_wrong_is_found_with_its_house(
    counter: str, by: int, capsys: pytest.CaptureFixture[str]
) -> None:
    house, other = reviewed().house, reviewed().house
    assert list(broken_rules()) == []
    make.rows(House).filter(pk=house.pk).update(**{counter: F(counter) + by})
    assert [(broken.rule, broken.about) for broken in broken_rules()] == [("I10", f"house {house.pk}")]
    with pytest.raises(SystemExit):
        call_command("check_money")
    assert f"I10 house {house.pk}: " in capsys.readouterr().out
    recount(house)
    assert list(broken_rules()) == []
    other.refresh_from_db()
    assert (other.order_count, other.review_count, other.rating_sum) == (1, 1, 4)


def reviewed() -> Order:
    order = paid().order
    make.end_stay(order)
    order.refresh_from_db()
    transitions.review(order, by=order.renter, rating=4, text="Quiet")
    return order


def test_L3_the_review_of_a_cancelled_order_does_not_count() -> None:
    order = reviewed()
    transitions.cancel(order, by=order.renter)
    assert [broken for broken in broken_rules() if broken.rule == "I10"] == []
    recount(order.house)
    order.house.refresh_from_db()
    assert (order.house.order_count, order.house.review_count) == (0, 0)


def test_L3_the_migration_counts_anew() -> None:
    house = reviewed().house
    make.order(house=house)
    make.rows(House).update(order_count=0, review_count=9, rating_sum=0)
    import_module("orders.migrations.0006_recount_houses").recount(apps, None)
    import_module("orders.migrations.0008_count_paid_stays").count_paid_stays(apps, None)
    assert list(broken_rules()) == []
    house.refresh_from_db()
    assert (house.order_count, house.review_count, house.rating_sum) == (1, 1, 4)


def test_surplus_that_staff_gave_back_another_way_is_no_violation() -> None:
    refund = surplus().refunds.get()
    _give_up(refund, by=make.user(), explanation="paid back in cash")
    assert refund.payment.refunds.get().status == Refund.Status.GIVEN_UP
    assert list(broken_rules()) == []


def test_all_rules_hold(capsys: pytest.CaptureFixture[str]) -> None:
    paid(), surplus(), make.attempt(), make.order()
    call_command("check_money")
    assert capsys.readouterr().out == "all rules hold\n"


def test_OPS02_a_broken_rule_raises_an_alarm_with_its_order(caplog: pytest.LogCaptureFixture) -> None:
    payment = change(paid(), received_fen=1)
    with pytest.raises(SystemExit), caplog.at_level("ERROR"):
        call_command("check_money")
    alarms = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert (
        f"invariant broken: I3 {payment.order.number}: paid, but its attempts did not receive its amount"
        in alarms
    )
