"""`kill -9` of a web worker (CRA01), of a sweep (CRA02) and around a mail (CRA03), in real processes.

Each test prepares an order, lets a process die at one point, and then recovers as production does: gunicorn
starts another worker, Alipay repeats its notices, leases expire, one sweep runs.
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.utils import timezone

from houses.models import BookedNight, RefundPolicy
from orders.models import Order, OrderEvent
from payments.models import Payment
from tests import make
from tests.crashes.killing import Point, after, before
from tests.crashes.world import (
    PHONE,
    World,
    event_count,
    mail_of,
    refunded_fen,
    refunds_at,
    state,
    time_passes,
)

Kind = OrderEvent.Kind

STORE_EVENT = "payments.books.message_log.record_signed"
CHECK = "payments.callbacks._attempt_of"
SETTLE = "payments.books.attempts.settle"
UPDATE_ATTEMPT = "payments.books.attempts._record"
UPDATE_ORDER = "orders.transitions._move"
MARK_PAID = "orders.transitions._MOVE_TO_PAID"
FREE_NIGHTS = "houses.availability.release"
CREATE_REFUND = "payments.books.refunds.create"
SAVE_EVENT = "orders.transitions._ADD_EVENT"
COMMIT = "django.db.backends.base.base.BaseDatabaseWrapper.commit"
MARK_CLOSED = "payments.books.attempts.mark_closed"
MARK_SENT = "payments.books.refunds.mark_sent"
MARK_REFUNDED = "payments.books.refunds.mark_done"
GATEWAY_CALL = "payments.alipay.http.post"
CLOSE = "payments.alipay.client.AlipayClient.close"
REFUND = "payments.alipay.client.AlipayClient.refund"
REFUND_QUERY = "payments.alipay.client.AlipayClient.refund_query"
SAVE_ANSWER = "payments.books.message_log.record_answer"
CANCEL = "payments.cancellation.cancel"
STAFF_REFUND = "payments.refunding.request_refund"
EXTERNAL_REFUND = "payments.books.refunds.record_external"
NEW_ATTEMPT = "payments.checkout._lock_and_make"
BOOK = "orders.booking.book"
HOLD_NIGHTS = "houses.availability.hold"
RENDER = "django.template.backends.jinja2.Template.render"
SEND_MAIL = "django.core.mail.EmailMessage.send"
BEFORE_ANSWER = before("tests.crashes.site.answer_leaves")
AFTER_ANSWER = before("tests.crashes.site.answer_has_left")

UNPAID = ("WAIT_PAYMENT", ["OPEN"])
PAID = ("WAIT_COMMENT", ["PAID"])


def points(*found: Point) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("point", found, ids=str)


# --- Web workers ----------------------------------------------------------------------------------


@points(
    before(STORE_EVENT),
    after(STORE_EVENT),
    before(CHECK),
    after(CHECK),
    before(UPDATE_ATTEMPT),
    after(UPDATE_ATTEMPT),
    after(MARK_PAID),
    before(SAVE_EVENT),
    after(SAVE_EVENT),
    before(COMMIT, since=SETTLE),
    after(COMMIT, since=SETTLE),
    BEFORE_ANSWER,
    AFTER_ANSWER,
)
def test_CRA01_notify(world: World, point: Point) -> None:
    order = world.order()
    number = world.go_to_alipay(order)
    world.arm(point)
    world.standin.pay(number)
    world.worker_dies()
    world.notices_are_repeated()
    assert state(order) == PAID  # before any sweep
    world.recover()
    assert world.broken() == []
    assert state(order) == PAID
    assert event_count(order, Kind.PAID) == 1
    assert world.mailed == [mail_of(order, Kind.PAID)]


@points(
    after(COMMIT, since=SETTLE),
    before(GATEWAY_CALL, since=CLOSE),
    after(GATEWAY_CALL, since=CLOSE),
    before(COMMIT, since=MARK_CLOSED),
)
def test_CRA01_notify_while_another_attempt_is_alive(world: World, point: Point) -> None:
    order = world.order()
    first = world.go_to_alipay(order)
    world.standin.open(world.go_to_alipay(order, agent=PHONE))
    world.arm(point)
    world.standin.pay(first)
    world.worker_dies()
    world.recover()
    assert world.broken() == []
    assert state(order) == ("WAIT_COMMENT", ["PAID", "CLOSED"])


@points(
    after(STORE_EVENT),
    after(GATEWAY_CALL),
    before(COMMIT, since=EXTERNAL_REFUND),
    after(COMMIT, since=EXTERNAL_REFUND),
    BEFORE_ANSWER,
)
def test_CRA01_notify_of_a_refund_made_at_alipay(world: World, point: Point) -> None:
    order = world.order()
    number = world.pay(order)
    world.arm(point)
    world.standin.refund(number, 5000, "console-1")
    world.worker_dies()
    world.recover()
    assert world.broken() == []
    assert state(order) == PAID
    assert (refunded_fen(order), event_count(order, Kind.REFUNDED)) == (5000, 1)


@points(
    before(CREATE_REFUND),
    after(CREATE_REFUND),
    before(COMMIT, since=SETTLE),
    after(COMMIT, since=SETTLE),
    BEFORE_ANSWER,
)
def test_CRA01_notify_of_surplus_money(world: World, point: Point) -> None:
    order = world.order()
    number = world.go_to_alipay(order)
    assert world.press("cancel", order).status == 302
    world.arm(point)
    world.standin.pay(number)
    world.worker_dies()
    world.recover()
    assert world.broken() == []
    assert state(order) == ("CANCELED", ["SURPLUS"])
    assert refunded_fen(order) == order.amount_fen
    assert (event_count(order, Kind.SURPLUS), event_count(order, Kind.REFUNDED)) == (1, 1)


@points(
    after(STORE_EVENT),
    before(GATEWAY_CALL),
    after(GATEWAY_CALL),
    after(SAVE_ANSWER),
    before(COMMIT, since=SETTLE),
    after(COMMIT, since=SETTLE),
    BEFORE_ANSWER,
)
def test_CRA01_return(world: World, point: Point) -> None:
    """All notices are lost, and the renter does not return again."""
    order = world.order()
    number = world.go_to_alipay(order)
    world.standin.fault("notify.lost")
    world.standin.pay(number)
    world.arm(point)
    assert world.come_back(order, number) is None
    world.worker_dies()
    world.recover()
    assert world.broken() == []
    assert state(order) == PAID
    assert event_count(order, Kind.PAID) == 1


@points(before(UPDATE_ATTEMPT), before(COMMIT, since=SETTLE), after(COMMIT, since=SETTLE))
def test_CRA01_return_while_alipay_is_silent(world: World, point: Point) -> None:
    order = world.order()
    number = world.go_to_alipay(order)
    world.standin.fault("notify.lost")
    world.standin.fault("query.lost")
    world.standin.pay(number)
    world.arm(point)
    assert world.come_back(order, number) is None
    world.worker_dies()
    world.standin.clear_faults("query.lost")
    world.recover()
    assert world.broken() == []
    assert state(order) == PAID
    assert order.payments.get().evidence == Payment.Evidence.QUERY


@points(before(GATEWAY_CALL), after(GATEWAY_CALL), after(UPDATE_ATTEMPT), after(COMMIT, since=SETTLE))
def test_CRA01_renter_asks_to_check(world: World, point: Point) -> None:
    order = world.order()
    number = world.go_to_alipay(order)
    world.standin.fault("notify.lost")
    world.standin.pay(number)
    world.arm(point)
    assert world.press("check", order) is None
    world.worker_dies()
    world.recover()
    assert world.broken() == []
    assert state(order) == PAID
    assert event_count(order, Kind.PAID) == 1


@points(before(COMMIT, since=NEW_ATTEMPT), after(COMMIT, since=NEW_ATTEMPT), BEFORE_ANSWER)
def test_CRA01_pay(world: World, point: Point) -> None:
    order = world.order()
    world.arm(point)
    assert world.press("pay", order) is None
    world.worker_dies()
    world.recover()
    assert world.broken() == []
    world.pay(order)
    assert state(order) == PAID  # one attempt, whether or not the first press created it
    assert world.broken() == []


@points(
    before(GATEWAY_CALL, since=CLOSE),
    after(GATEWAY_CALL, since=CLOSE),
    before(COMMIT, since=MARK_CLOSED),
    after(COMMIT, since=MARK_CLOSED),
    before(COMMIT, since=NEW_ATTEMPT),
)
def test_CRA01_pay_that_replaces_an_attempt(world: World, point: Point) -> None:
    order = world.order()
    world.standin.open(world.go_to_alipay(order))
    world.arm(point)
    assert world.press("pay", order, agent=PHONE) is None
    world.worker_dies()
    world.recover()
    assert world.broken() == []
    time_passes()  # queries are limited to one in a few seconds
    number = world.go_to_alipay(order, agent=PHONE)
    world.standin.pay(number)
    world.notices_are_tried()
    assert state(order) == ("WAIT_COMMENT", ["CLOSED", "PAID"])
    assert world.broken() == []


@points(
    before(UPDATE_ORDER),
    after(FREE_NIGHTS),
    before(CREATE_REFUND),
    after(CREATE_REFUND),
    before(COMMIT, since=CANCEL),
    after(COMMIT, since=CANCEL),
    BEFORE_ANSWER,
)
def test_CRA01_renter_cancels_a_paid_order(world: World, point: Point) -> None:
    order = world.order(refund_policy=RefundPolicy.STRICT)
    world.pay(order)
    world.arm(point)
    assert world.press("cancel", order, comes_back_fen=15000) is None
    world.worker_dies()
    world.recover()
    assert world.broken() == []
    if point not in (after(COMMIT, since=CANCEL), BEFORE_ANSWER):
        assert (state(order), refunded_fen(order)) == (PAID, 0)
        assert world.press("cancel", order, comes_back_fen=15000).status == 302
        world.sweep()
        assert world.broken() == []
    assert state(order) == ("CANCELED", ["PAID"])
    assert (refunded_fen(order), event_count(order, Kind.REFUNDED)) == (15000, 1)


@points(
    before(GATEWAY_CALL, since=CLOSE),
    after(GATEWAY_CALL, since=CLOSE),
    before(COMMIT, since=MARK_CLOSED),
    after(COMMIT, since=MARK_CLOSED),
    before(FREE_NIGHTS),
    after(COMMIT, since=FREE_NIGHTS),
)
def test_CRA01_renter_cancels_while_the_buyer_is_at_the_cashier(world: World, point: Point) -> None:
    order = world.order()
    world.standin.open(world.go_to_alipay(order))
    world.arm(point)
    assert world.press("cancel", order) is None
    world.worker_dies()
    world.recover()
    assert world.broken() == []
    if point != after(COMMIT, since=FREE_NIGHTS):
        assert state(order)[0] == "WAIT_PAYMENT"
        time_passes()  # queries are limited to one in a few seconds
        assert world.press("cancel", order).status == 302
    assert state(order) == ("CANCELED", ["CLOSED"])
    assert world.broken() == []


@points(before(COMMIT, since=STAFF_REFUND), after(COMMIT, since=STAFF_REFUND), BEFORE_ANSWER)
def test_CRA01_staff_refund(world: World, point: Point) -> None:
    order = world.order()
    number = world.pay(order)
    staff = make.user(is_staff=True, is_superuser=True)
    form = {
        "action": "give_back",
        "_selected_action": order.payments.get().pk,
        "number": f"{number}_R1",
        "amount": "100.00",
        "words": "The heating broke down.",
    }
    world.arm(point)
    assert world.visit(staff, "/admin/payments/payment/", post=form) is None
    world.worker_dies()
    # If the refund was made, the form says so and keeps what was typed.
    assert world.visit(staff, "/admin/payments/payment/", post=form).status in (200, 302)
    world.recover()
    assert world.broken() == []
    assert state(order) == PAID
    assert (refunded_fen(order), event_count(order, Kind.REFUNDED)) == (10000, 1)


@points(
    before(HOLD_NIGHTS),
    after(HOLD_NIGHTS),
    before(COMMIT, since=BOOK),
    after(COMMIT, since=BOOK),
    BEFORE_ANSWER,
)
def test_CRA01_booking(world: World, point: Point) -> None:
    house, renter = make.house(instant_book=True), make.user()
    check_in = timezone.localdate() + timedelta(days=20)
    stay = {"check_in": check_in, "check_out": check_in + timedelta(days=2)}
    world.arm(point)
    assert world.visit(renter, f"/houses/{house.pk}/book/", post=stay) is None
    world.worker_dies()
    world.recover()
    assert world.broken() == []
    again = world.visit(renter, f"/houses/{house.pk}/book/", post=stay)
    assert again.status == 302  # booked now, or redirected to the earlier booking
    order = Order.objects.get()
    assert state(order) == ("WAIT_PAYMENT", [])
    assert (event_count(order, Kind.BOOKED), BookedNight.objects.count()) == (1, 2)


# --- Sweeps ---------------------------------------------------------------------------------------


@points(
    before(GATEWAY_CALL),
    after(GATEWAY_CALL),
    after(SAVE_ANSWER),
    after(UPDATE_ATTEMPT),
    after(MARK_PAID),
    before(COMMIT, since=SETTLE),
    after(COMMIT, since=SETTLE),
)
def test_CRA02_sweep_finds_the_money(world: World, point: Point) -> None:
    """Neither return nor notice arrives."""
    order = world.order()
    number = world.go_to_alipay(order)
    world.standin.fault("notify.lost")
    world.standin.pay(number)
    time_passes()
    world.arm(point)
    world.sweep_dies()
    world.recover()
    assert world.broken() == []
    assert state(order) == PAID
    assert event_count(order, Kind.PAID) == 1


@points(
    before(GATEWAY_CALL, since=CLOSE),
    after(GATEWAY_CALL, since=CLOSE),
    before(COMMIT, since=MARK_CLOSED),
    after(COMMIT, since=MARK_CLOSED),
    before(UPDATE_ORDER),
    before(COMMIT, since=FREE_NIGHTS),
    after(COMMIT, since=FREE_NIGHTS),
)
def test_CRA02_sweep_closes_and_expires(world: World, point: Point) -> None:
    order = world.order()
    world.standin.open(world.go_to_alipay(order))
    Order.objects.update(pay_by=timezone.now())
    time_passes()
    world.arm(point)
    world.sweep_dies()
    world.recover()
    assert world.broken() == []
    assert state(order) == ("CANCELED", ["CLOSED"])
    assert event_count(order, Kind.EXPIRED) == 1


@points(before(FREE_NIGHTS), before(COMMIT, since=FREE_NIGHTS), after(COMMIT, since=FREE_NIGHTS))
def test_CRA02_sweep_expires_an_unanswered_booking(world: World, point: Point) -> None:
    order = world.order(status="WAIT_ACCEPT", pay_by=None, accept_by=timezone.now())
    world.arm(point)
    world.sweep_dies()
    world.recover()
    assert world.broken() == []
    assert state(order) == ("CANCELED", [])
    assert event_count(order, Kind.EXPIRED) == 1


def order_with_half_to_refund(world: World) -> Order:
    """Make a cancelled order with half of the money to refund; Alipay's notices of that are lost."""
    order = world.order(refund_policy=RefundPolicy.STRICT)
    world.pay(order)
    assert world.press("cancel", order, comes_back_fen=15000).status == 302
    world.standin.fault("notify.lost")
    return order


@points(
    before(COMMIT, since=MARK_SENT),
    after(COMMIT, since=MARK_SENT),
    before(GATEWAY_CALL, since=REFUND),
    after(GATEWAY_CALL, since=REFUND),
    after(SAVE_ANSWER, since=REFUND),
    before(COMMIT, since=MARK_REFUNDED),
    after(COMMIT, since=MARK_REFUNDED),
)
def test_CRA02_REF08_sweep_sends_a_refund(world: World, point: Point) -> None:
    order = order_with_half_to_refund(world)
    world.arm(point)
    world.sweep_dies()
    world.recover()
    assert world.broken() == []
    assert state(order) == ("CANCELED", ["PAID"])
    assert (refunded_fen(order), event_count(order, Kind.REFUNDED)) == (15000, 1)


@pytest.mark.parametrize(
    "sent", [before(GATEWAY_CALL, since=REFUND), after(GATEWAY_CALL, since=REFUND)], ids=str
)
@points(before(GATEWAY_CALL, since=REFUND_QUERY), after(GATEWAY_CALL, since=REFUND_QUERY))
def test_CRA02_REF08_sweep_asks_about_a_refund(world: World, sent: Point, point: Point) -> None:
    """A second crash, while the sweep queries a refund that the first crash left open."""
    order = order_with_half_to_refund(world)
    world.arm(sent)
    world.sweep_dies()
    time_passes()
    world.arm(point)
    world.sweep_dies()
    world.recover()
    assert world.broken() == []
    assert (refunded_fen(order), event_count(order, Kind.REFUNDED)) == (15000, 1)


# --- Mails ----------------------------------------------------------------------------------------


def test_CRA03_killed_before_the_mail_is_sent(world: World) -> None:
    order = world.order()
    world.pay(order)
    world.arm(before(SEND_MAIL))
    world.sweep_dies()
    world.sweep()
    assert world.mailed == []  # the lease of the dead sweep is still valid
    world.recover()
    world.recover()
    assert world.mailed == [mail_of(order, Kind.PAID)]


def test_CRA03_killed_after_the_mail_is_sent(world: World) -> None:
    """It is unknown whether the mail was sent: it is sent once more, with the same Message-ID."""
    order = world.order()
    world.pay(order)
    world.arm(after(SEND_MAIL))
    world.sweep_dies()
    world.recover()
    world.recover()
    assert world.mailed == [mail_of(order, Kind.PAID)] * 2


# --- Out of memory ------------------------------------------------------------------------------


@points(before(RENDER), after(RENDER))
def test_CRA06_killed_in_the_middle_of_a_page_while_others_pay(world: World, point: Point) -> None:
    """The kernel takes the whole worker, whatever its other threads are at."""
    orders = [world.order() for _ in range(3)]
    numbers = [world.go_to_alipay(order) for order in orders]
    reader = world.order().renter
    world.arm(point)
    with ThreadPoolExecutor(len(numbers)) as pool:
        paying = pool.map(world.standin.pay, numbers)
        assert world.visit(reader, "/orders/") is None
        list(paying)
    world.worker_dies()
    world.notices_are_repeated()
    assert [state(order) for order in orders] == [PAID] * 3
    assert world.visit(reader, "/orders/").status == 200
    world.recover()
    assert world.broken() == []


# --- Twins: the same crashes without a guard ------------------------------------------------


def test_CRA01_twin_success_before_the_commit(world: World) -> None:
    order = world.order()
    number = world.go_to_alipay(order)
    world.arm(before("tests.crashes.site.answer_has_left", wrong="success_before_the_commit"))
    world.standin.pay(number)
    world.worker_dies()
    assert any(problem.startswith("I8") for problem in world.broken())
    world.notices_are_repeated()
    assert state(order) == UNPAID  # Alipay repeats nothing: only a sweep could find the money


def test_CRA01_twin_settling_without_a_transaction(world: World) -> None:
    order = world.order()
    number = world.go_to_alipay(order)
    world.arm(after(UPDATE_ATTEMPT, wrong="settle_without_a_transaction"))
    world.standin.pay(number)
    world.worker_dies()
    world.recover()
    assert any("was never paid" in problem for problem in world.broken())
    assert state(order) == ("WAIT_PAYMENT", ["PAID"])


def test_CRA02_twin_a_refund_under_a_number_that_is_not_on_disk(world: World) -> None:
    order = order_with_half_to_refund(world)
    world.arm(after(GATEWAY_CALL, since=REFUND, wrong="refund_under_a_number_that_is_not_on_disk"))
    world.sweep_dies()
    world.recover()
    assert any(problem.startswith("I1 refunds") for problem in world.broken())
    assert sum(refunds_at(world.standin).values()) == 2 * refunded_fen(order)


def test_CRA03_twin_a_mail_that_is_marked_before_it_is_sent(world: World) -> None:
    order = world.order()
    world.pay(order)
    world.arm(before(SEND_MAIL, wrong="mark_mails_before_they_are_sent"))
    world.sweep_dies()
    world.recover()
    assert event_count(order, Kind.PAID) == 1
    assert world.mailed == []
