"""Staff extend the deadline of a change that waits for its difference, and the renter is told."""

from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone, translation

from accounts import roles
from orders import deadlines, mailing, waiting_changes
from orders.deadlines import CannotExtend
from orders.models import Order, StayChange
from payments.books import attempts
from payments.tests.test_changes_after_payment import change, paid, press_pay, tell_paid
from payments.tests.test_stay_changes import moved
from tests import make
from tests.alipay import Gateway

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


@pytest.fixture
def desk() -> Client:
    return make.browser_of(make.staff(roles.FRONT_DESK))


@pytest.fixture
def order(gateway: Gateway) -> Order:
    found = paid(language="en")
    change(found, moved(found, last=1))
    return Order.objects.get(pk=found.pk)


def waiting(order: Order) -> StayChange:
    return order.stay_changes.get()


def press(desk: Client, order: Order, **typed: str):
    sent = {"action": "extend_deadline", "_selected_action": [order.pk], "until": "", "words": "", **typed}
    return desk.post("/admin/orders/order/", sent, follow=True)


def later(order: Order, by: timedelta = HOUR) -> None:
    until = waiting(order).pay_by + by
    deadlines.extend(order, until, seen=deadlines.stamp_of(order), by=make.user(), reason="")


def test_staff_see_it_extend_it_and_the_renter_is_told(desk: Client, order: Order) -> None:
    before = waiting(order).pay_by
    [listed] = [one for one in desk.get("/admin/").context["lists"] if one.kind.name == "changes"]
    assert listed.rows == list(desk.get(listed.url).context["cl"].queryset) == [order]
    page = desk.get(f"/admin/orders/order/{order.pk}/change/").content.decode()
    assert "extend_deadline" in page
    form = press(desk, order, hours="", seen=deadlines.stamp_of(order)).content.decode()
    assert "￥150.00" in form and "Choose hours" in form
    press(desk, order, hours="2", words="Take your time", seen=deadlines.stamp_of(order))
    assert waiting(order).pay_by == before + 2 * HOUR
    mailing.send(order.pk)
    message = mail.outbox[-1]
    assert message.subject.startswith("You have more time to pay")
    assert "to pay the difference of ￥150.00" in message.body
    assert "Take your time" in message.body
    tell_paid(press_pay(order))
    assert waiting(order).status == "MADE"


def test_the_list_of_orders_has_its_deadline(desk: Client, order: Order) -> None:
    page = desk.get("/admin/orders/order/").content.decode()
    with translation.override("en"):
        assert deadlines.shown(waiting(order).pay_by) in page


def test_never_past_the_beginning_of_the_stay_nor_a_week_ahead(order: Order) -> None:
    order.check_in = timezone.localdate() + timedelta(days=3)
    assert timezone.localdate(deadlines.latest(order)) == order.check_in
    order.check_in = waiting(order).check_in = timezone.localdate() - timedelta(days=1)
    assert deadlines.latest(order) <= timezone.now() + timedelta(days=1)


def test_STA03_a_stale_form_is_told_and_keeps_what_was_typed(desk: Client, order: Order) -> None:
    seen = deadlines.stamp_of(order)
    later(order)
    page = press(desk, order, hours="6", words="Take your time", seen=seen)
    assert "has changed meanwhile" in page.content.decode()
    assert page.context["form"]["words"].value() == "Take your time"
    assert order.events.filter(kind="EXTENDED").count() == 1


def test_a_change_that_is_over_has_no_deadline(desk: Client, order: Order) -> None:
    tell_paid(press_pay(order))
    assert "can&#x27;t be extended" in press(desk, order, hours="2", seen="x").content.decode()


def rival(monkeypatch: pytest.MonkeyPatch, order: Order) -> None:
    """The sweep ends the change between the check and the write."""

    def end(*args: object) -> None:
        StayChange.objects.filter(order=order).update(status="LAPSED", waiting_for=None)

    monkeypatch.setattr(deadlines, "_require_in_bounds", end)


def test_STA03_extended_and_ended_at_once_without_a_common_lock(
    monkeypatch: pytest.MonkeyPatch, order: Order
) -> None:
    rival(monkeypatch, order)
    with pytest.raises(CannotExtend):
        later(order)


def test_twin_STA03_without_comparing(monkeypatch: pytest.MonkeyPatch, order: Order) -> None:
    rival(monkeypatch, order)
    monkeypatch.setattr(
        waiting_changes,
        "set_deadline",
        lambda change, until: StayChange.objects.filter(pk=change.pk).update(pay_by=until),
    )
    later(order)  # told that it was extended
    assert waiting(order).status == "LAPSED"


def test_the_sweep_reads_the_deadline_again_before_it_ends_a_change(order: Order) -> None:
    StayChange.objects.filter(order=order).update(pay_by=timezone.now() - HOUR)
    late = waiting(order)
    later(Order.objects.get(pk=order.pk), by=3 * HOUR)
    assert not attempts.lapse_change(late)
    assert waiting(order).status == "WAITING"
