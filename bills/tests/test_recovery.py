"""A restored backup that lost hours: bookings wait for the bill, which brings orders back."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
import time_machine
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone, translation

from accounts import roles
from accounts.guests import UNKNOWN_NUMBER
from houses import availability
from houses.models import BookedNight
from orders import booking, mailing, transitions
from orders.changes import stay_of
from orders.lost_orders import make_again
from orders.models import Order, OrderEvent, Recovery
from orders.recovery import BookingsHeld, refuse_while_held
from payments import callbacks, checkout, stay_changes
from payments.alipay.answers import BEIJING
from payments.books.attempts import Received, settle
from payments.books.invariants import broken_rules
from payments.models import BillLine, Payment, subject_of
from payments.subjects import StayTold, stay_told
from standin import StandIn
from standin.tests.merchant import fetch
from tests import make

pytestmark = pytest.mark.whole_table  # mails of all renters, orders of all days

LOST_FROM = datetime(2026, 11, 22, 2, 30, tzinfo=BEIJING)
NOON = datetime(2026, 11, 22, 12, tzinfo=BEIJING)
EVENING = datetime(2026, 11, 22, 20, tzinfo=BEIJING)
MORNING_AFTER = datetime(2026, 11, 23, 10, 30, tzinfo=BEIJING)
STAY = {"check_in": date(2026, 12, 5), "check_out": date(2026, 12, 7)}

Kind = BillLine.Kind


@pytest.fixture(autouse=True)
def evening() -> Iterator[None]:
    with time_machine.travel(EVENING), translation.override("en"):
        yield


def begin(lost_from: str = "2026-11-21T18:30:00Z") -> None:
    call_command("begin_recovery", lost_from)


def reconcile(*days: str) -> tuple[int, str]:
    """The exit status of reconcile_bill, and what it complains of."""
    try:
        call_command("reconcile_bill", *days)
    except SystemExit as stop:
        return int(stop.code or 0), ""
    except CommandError as error:
        return error.returncode, str(error)
    return 0, ""


def paid_at_alipay(standin: StandIn, order: Order) -> Payment:
    availability.hold(order.house, order.check_in, order.check_out, order_number=order.number)
    assert fetch(checkout.press_pay(order, Payment.Product.PAGE)).status == 302
    payment = order.payments.get()
    standin.pay(payment.out_trade_no)
    return payment


def lose(payment: Payment) -> None:
    """As a dump that is older than the booking."""
    availability.release(payment.order.number)
    payment.delete()
    make.rows(OrderEvent).filter(order=payment.order_id).delete()
    make.rows(Order).get(pk=payment.order_id).delete()


@pytest.mark.django_db(transaction=True)
def test_the_bill_brings_back_what_a_restore_lost(standin: StandIn) -> None:
    """One paid order is lost, and the cancellation of another one: its refund is only at Alipay."""
    standin.fault("notify.lost")
    with time_machine.travel(NOON):
        lost = paid_at_alipay(standin, make.order(**STAY))
        canceled = paid_at_alipay(standin, make.order())
        callbacks.receive_notify(standin.signed_notify(canceled.out_trade_no).encode())
        standin.refund(canceled.out_trade_no, 30000, f"{canceled.out_trade_no}_R1")
        lose(lost)
    begin()
    house, renter = lost.order.house, make.user()

    status, said = reconcile()
    assert (status, "2026-11-22 is to come, by about 09:00 (in Beijing) on 2026-11-23" in said) == (2, True)
    with pytest.raises(BookingsHeld, match="paused until about 23 Nov, 11:00"):
        booking.book(house, renter=renter, guests=1, **STAY)

    with time_machine.travel(MORNING_AFTER):
        assert reconcile()[0] == 1
        order = make.rows(Order).get(number=lost.order.number)
        assert (order.renter.mobile, order.status) == (UNKNOWN_NUMBER, Order.Status.WAIT_COMMENT)
        assert (order.check_in, order.check_out, order.amount_fen) == (*STAY.values(), 30000)
        assert make.rows(BookedNight).filter(order_number=order.number).count() == 2
        open_lines = make.rows(BillLine).filter(done_at=None).order_by("is_refund")
        assert list(open_lines.values_list("kind", "payment")) == [
            (Kind.RECOVERED, order.payments.get().pk),
            (Kind.STANDS, canceled.pk),
        ]
        assert list(broken_rules()) == []
        recovery = make.rows(Recovery).get()
        assert recovery.billed_at and recovery.done_at and recovery.done_by is None
        refuse_while_held()  # no more
        with pytest.raises(availability.NightsTaken):
            booking.book(house, renter=renter, guests=1, **STAY)
        transitions.cancel(make.rows(Order).get(pk=canceled.order_id), by=make.staff(roles.MANAGER))
        assert reconcile("2026-11-22") == (1, "")
        assert open_lines.get().kind == Kind.RECOVERED


@pytest.mark.django_db
def test_staff_lift_the_hold_and_the_bill_is_still_waited_for(client: Client) -> None:
    begin()
    home, renter = make.house(instant_book=True), make.user()
    client.force_login(renter)
    client.cookies["django_language"] = "en"
    wanted = {**STAY, "guests": 1}
    refused = client.post(f"/houses/{home.pk}/book/", wanted)
    assert (refused.status_code, "bookings are paused" in refused.content.decode()) == (422, True)

    row = make.rows(Recovery).get()
    manager = make.browser_of(make.staff(roles.MANAGER))
    assert "No bookings: restored from a backup" in manager.get("/admin/").content.decode()
    page, lift = f"/admin/orders/recovery/{row.pk}/change/", {"action": "lift", "_selected_action": [row.pk]}
    assert "are reconciled, by about 23 Nov, 11:00" in manager.get(page).content.decode()
    assert "can be booked at once" in manager.post("/admin/orders/recovery/", lift).content.decode()
    manager.post("/admin/orders/recovery/", {**lift, "how": "Nothing was booked in these hours."})
    assert "Nights can be booked again." in manager.get(page).content.decode()
    row.refresh_from_db()
    assert (row.done_by is None, row.billed_at) == (False, None)
    assert client.post(f"/houses/{home.pk}/book/", wanted).status_code == 302
    assert reconcile()[0] == 2


@pytest.mark.django_db
def test_after_the_expected_time_no_time_is_named() -> None:
    begin()
    with (
        time_machine.travel(MORNING_AFTER + timedelta(hours=1)),
        pytest.raises(BookingsHeld, match="few more"),
    ):
        refuse_while_held()


@pytest.mark.django_db
def test_a_stay_takes_no_more_nights_meanwhile() -> None:
    order = make.order(**STAY)
    availability.hold(order.house, order.check_in, order.check_out, order_number=order.number)
    begin()
    staff = make.staff(roles.MANAGER)
    longer = replace(stay_of(order), check_out=date(2026, 12, 8))
    with pytest.raises(stay_changes.CannotChange, match="paused"):
        stay_changes.change(order, longer, by=staff, agreed=stay_changes.preview(order, longer).agreed)
    shorter = replace(stay_of(order), check_out=date(2026, 12, 6))
    stay_changes.change(order, shorter, by=staff, agreed=stay_changes.preview(order, shorter).agreed)


@pytest.mark.django_db
def test_nothing_is_mailed_twice() -> None:
    """Neither what was due at the dump, nor what follows anew from Alipay. A person's own step is mailed."""
    mailed = {"email": "wang@example.com", "email_verified_at": NOON}
    with time_machine.travel(LOST_FROM - timedelta(hours=1)):
        order = make.order(make.user(**mailed))
        transitions.note(order, OrderEvent.Kind.BOOKED, actor=order.renter)
    begin()
    settle(make.attempt(order), Received("2026112200", order.amount_fen, NOON, "QUERY"))
    assert mailing.due() == [order.pk]
    assert (mailing.send(order.pk), mail.outbox) == (0, [])
    order.refresh_from_db()
    transitions.cancel(order, by=order.renter)
    assert mailing.send(order.pk) == 1
    with time_machine.travel(MORNING_AFTER):
        make.rows(Recovery).update(billed_at=timezone.now())
        later = make.order(order.renter, created_at=timezone.now())
        transitions.note(later, OrderEvent.Kind.PAID, amount_fen=1)
        assert mailing.send(later.pk) == 1


@pytest.mark.django_db
@pytest.mark.parametrize("is_taken", [True, False])
def test_an_order_whose_home_or_nights_are_not_to_be_had_stays_a_line_for_staff(is_taken: bool) -> None:
    home = make.house()
    if is_taken:
        availability.hold(home, **STAY)
    wanted = {"house_key": home.pk if is_taken else home.pk + 999, **STAY}
    assert make_again("26112200000001", amount_fen=1, booked_at=NOON, **wanted) is None
    assert not make.rows(Order).exists()


@pytest.mark.django_db
def test_the_subject_tells_home_and_nights_of_its_own_order_only() -> None:
    order = make.order(**STAY)
    line = f"2026,{order.number}_1,交易,{subject_of(order)},…,remark of a buyer {subject_of(make.order())}"
    assert stay_told(line, order.number) == StayTold(order.house_id, *STAY.values())
    order.check_in -= timedelta(days=1)
    assert stay_told(f"{line} {subject_of(order)}", order.number) is None
    assert stay_told("爱家租房 订单 26112200000001", "26112200000001") is None


@pytest.mark.django_db
@pytest.mark.parametrize("time", ["yesterday", "2027-11-22T00:00:00"])
def test_a_time_that_is_none_is_refused(time: str) -> None:
    with pytest.raises(CommandError):
        begin(time)
