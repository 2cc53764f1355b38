"""Every transition of an order, from every status."""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import product
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import DatabaseError, transaction
from django.test import Client
from django.utils import timezone

from houses import availability
from houses.models import BookedNight, House
from houses.pages import latest_reviews
from orders import transitions
from orders.models import Order, OrderEvent, Review
from orders.transitions import IllegalTransition
from tests import make

pytestmark = pytest.mark.django_db

Status = Order.Status
BEIJING = ZoneInfo("Asia/Shanghai")

Step = Callable[[Order], object]
# name: (transition, allowed statuses, new status, kind of its event)
STEPS: dict[str, tuple[Step, set[str], str, str]] = {
    "accept": (
        lambda order: transitions.accept(order, by=make.user(is_staff=True)),
        {Status.WAIT_ACCEPT},
        Status.WAIT_PAYMENT,
        "ACCEPTED",
    ),
    "reject": (
        lambda order: transitions.reject(order, by=make.user(is_staff=True), reason="Being painted"),
        {Status.WAIT_ACCEPT},
        Status.REJECTED,
        "REJECTED",
    ),
    "mark_paid": (
        transaction.atomic(lambda order: transitions.mark_paid(order, trade_no="2026", amount_fen=30000)),
        {Status.WAIT_PAYMENT},
        Status.WAIT_COMMENT,
        "PAID",
    ),
    "expire": (
        transitions.expire,
        {Status.WAIT_ACCEPT, Status.WAIT_PAYMENT},
        Status.CANCELED,
        "EXPIRED",
    ),
    "cancel": (
        lambda order: transitions.cancel(order, by=order.renter),
        {Status.WAIT_ACCEPT, Status.WAIT_PAYMENT, Status.WAIT_COMMENT, Status.COMPLETE},
        Status.CANCELED,
        "CANCELED",
    ),
    "review": (
        lambda order: transitions.review(order, by=order.renter, rating=4, text="Quiet"),
        {Status.WAIT_COMMENT},
        Status.COMPLETE,
        "REVIEWED",
    ),
}


def everything(order: Order) -> list[object]:
    """Return all rows that a transition may write."""
    return [
        list(make.rows(Order).filter(pk=order.pk).values()),
        list(make.rows(OrderEvent).values()),
        list(make.rows(Review).values()),
        list(make.rows(BookedNight).values()),
        list(make.rows(House).values()),
    ]


def order_in(status: str) -> Order:
    order = make.order(status=status, pay_by=None)
    availability.hold(order.house, order.check_in, order.check_out, order_number=order.number)
    return order


@pytest.mark.parametrize(("name", "status"), list(product(STEPS, Status)), ids=str)
def test_every_step_from_every_status(name: str, status: str) -> None:
    step, allowed, to, kind = STEPS[name]
    order = order_in(status)
    before = everything(order)
    if status not in allowed:
        with pytest.raises(IllegalTransition):
            step(order)
        assert everything(order) == before
        assert order.status == status
        return
    step(order)
    assert order.status == make.rows(Order).get().status == to
    event = order.events.get()
    assert (event.kind, event.from_status, event.to_status) == (kind, status, to)


def test_every_step_is_in_the_table_above() -> None:
    steps = {
        name
        for name, value in vars(transitions).items()
        if callable(value)
        and getattr(value, "__module__", "") == transitions.__name__
        and name.islower()
        and not name.startswith("_")
    }
    assert steps == {*STEPS, "accept_by", "booked", "last_moment", "note", "remind_at"}


@pytest.mark.parametrize("name", STEPS)
def test_the_row_in_the_database_decides_not_the_object(name: str) -> None:
    """Another request changed the status after this one read the order."""
    step, allowed, *_ = STEPS[name]
    order = order_in(next(iter(allowed)))
    make.rows(Order).update(status=Status.CANCELED)
    before = everything(order)
    with pytest.raises(IllegalTransition):
        step(order)
    assert everything(order) == before


@pytest.mark.parametrize("name", STEPS)
def test_a_step_is_taken_once(name: str) -> None:
    step, allowed, *_ = STEPS[name]
    order = order_in(next(iter(allowed)))
    second_copy = make.rows(Order).get()
    step(order)
    with pytest.raises(IllegalTransition):
        step(second_copy)
    assert order.events.count() == 1


@pytest.mark.parametrize("name", STEPS)
def test_status_and_event_are_written_together_or_not_at_all(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    step, allowed, *_ = STEPS[name]
    order = order_in(next(iter(allowed)))
    before = everything(order)

    def fail(event: OrderEvent) -> None:
        raise DatabaseError("disk full")

    monkeypatch.setattr(transitions, "_ADD_EVENT", fail)
    with pytest.raises(DatabaseError):
        step(order)
    monkeypatch.undo()
    assert everything(order) == before


def test_accepting_gives_a_day_to_pay() -> None:
    order = order_in(Status.WAIT_ACCEPT)
    staff = make.user(is_staff=True)
    with time_machine.travel("2026-11-22T12:00:00+08:00", tick=False):
        make.rows(Order).update(check_in="2026-12-01", check_out="2026-12-03")
        order.refresh_from_db()
        transitions.accept(order, by=staff)
    assert order.pay_by == datetime(2026, 11, 23, 12, tzinfo=BEIJING)
    assert order.events.get().actor == staff


@pytest.mark.parametrize("now", ["2026-11-22T12:00:00+08:00", "2026-11-22T23:54:59+08:00"])
def test_accepting_never_gives_time_past_check_in(now: str) -> None:
    order = order_in(Status.WAIT_ACCEPT)
    with time_machine.travel(now, tick=False):
        make.rows(Order).update(check_in="2026-11-23", check_out="2026-11-24")
        order.refresh_from_db()
        transitions.accept(order, by=None)
    assert order.pay_by == datetime(2026, 11, 23, tzinfo=BEIJING)


@pytest.mark.parametrize("late", [{"accept_by": "2026-11-22T12:00:00+08:00"}, {"check_in": "2026-11-21"}])
def test_accepting_too_late(late: dict[str, str]) -> None:
    order = order_in(Status.WAIT_ACCEPT)
    with time_machine.travel("2026-11-22T12:00:00+08:00", tick=False):
        make.rows(Order).update(**late)
        order.refresh_from_db()
        before = everything(order)
        with pytest.raises(IllegalTransition):
            transitions.accept(order, by=make.user(is_staff=True))
    assert everything(order) == before


@pytest.mark.parametrize("reason", ["", "   ", "\n"])
def test_rejecting_needs_a_reason(reason: str) -> None:
    order = order_in(Status.WAIT_ACCEPT)
    before = everything(order)
    with pytest.raises(ValueError, match="reason"):
        transitions.reject(order, by=make.user(is_staff=True), reason=reason)
    assert everything(order) == before


def test_rejecting_releases_the_nights_and_keeps_the_reason() -> None:
    order = order_in(Status.WAIT_ACCEPT)
    other = order_in(Status.WAIT_ACCEPT)
    transitions.reject(order, by=make.user(is_staff=True), reason="Being painted")
    assert set(make.rows(BookedNight).values_list("order_number", flat=True)) == {other.number}
    order.refresh_from_db()
    assert order.closing_reason == order.events.get().reason == "Being painted"


def test_the_paid_event_has_the_amount() -> None:
    order = order_in(Status.WAIT_PAYMENT)
    transitions.mark_paid(order, trade_no="2026112222001", amount_fen=30000)
    order.refresh_from_db()
    assert (order.trade_no, order.events.get().amount_fen) == ("2026112222001", 30000)
    assert make.rows(BookedNight).count() == 2


def test_reviews_add_up_on_the_house() -> None:
    house = make.house()
    for rating in (5, 2):
        order = make.ended(house=house)
        transitions.review(order, by=order.renter, rating=rating, text="Quiet")
    house.refresh_from_db()
    assert (house.review_count, house.rating_sum, house.rating_average) == (2, 7, 3.5)


def test_the_review_of_a_stay_cancelled_later_is_not_counted() -> None:
    house = make.house()
    kept, cancelled = (make.ended(house=house) for _ in range(2))
    transitions.review(kept, by=kept.renter, rating=5, text="Quiet")
    transitions.review(cancelled, by=cancelled.renter, rating=1, text="Never been there")
    assert [review.text for review in latest_reviews(house)] == ["Never been there", "Quiet"]
    transitions.cancel(cancelled, by=cancelled.renter)
    house.refresh_from_db()
    assert (house.review_count, house.rating_sum) == (1, 5)
    assert [review.text for review in latest_reviews(house)] == ["Quiet"]
    assert make.rows(Review).count() == 2  # the row stays


def test_cancelling_leaves_the_reviews_of_other_orders_alone() -> None:
    kept, cancelled = order_in(Status.WAIT_COMMENT), order_in(Status.WAIT_COMMENT)
    for order in (kept, cancelled):
        transitions.review(order, by=order.renter, rating=5, text="Quiet")
    transitions.cancel(cancelled, by=cancelled.renter)
    due = dict(make.rows(Review).values_list("order", "count_due"))
    assert due == {kept.pk: kept.check_out, cancelled.pk: None}


def test_a_review_counts_by_the_stay_that_staff_changed_meanwhile() -> None:
    order = make.ended()
    later = timezone.localdate() + timedelta(days=3)
    make.rows(Order).filter(pk=order.pk).update(check_out=later)
    written = transitions.review(order, by=order.renter, rating=5, text="Quiet")
    assert (written.is_counted, written.count_due) == (False, later)


def test_a_booking_can_be_accepted_on_the_day_of_check_in() -> None:
    order = order_in(Status.WAIT_ACCEPT)
    with time_machine.travel("2026-11-22T12:00:00+08:00", tick=False):
        make.rows(Order).update(check_in="2026-11-22", check_out="2026-11-24")
        order.refresh_from_db()
        transitions.accept(order, by=None)
    assert order.pay_by == datetime(2026, 11, 23, tzinfo=BEIJING)


def test_a_review_with_an_invalid_rating_writes_nothing() -> None:
    order = order_in(Status.WAIT_COMMENT)
    before = everything(order)
    with pytest.raises(DatabaseError), transaction.atomic():
        transitions.review(order, by=order.renter, rating=6, text="Quiet")
    assert everything(order) == before


def test_a_note_changes_no_status() -> None:
    order = order_in(Status.COMPLETE)
    transitions.note(order, OrderEvent.Kind.SURPLUS, amount_fen=1, reason="late")
    event = order.events.get()
    assert (event.from_status, event.to_status, event.amount_fen) == ("", "", 1)
    assert make.rows(Order).get().status == Status.COMPLETE


def test_payable_until_a_minute_before_the_deadline() -> None:
    now = timezone.now()
    for seconds, payable in ((61, True), (60, True), (59.9, False), (0, False), (-60, False)):
        order = Order(status=Status.WAIT_PAYMENT, pay_by=now + timedelta(seconds=seconds))
        assert order.can_be_paid_at(now) is payable
    assert Order(status=Status.WAIT_PAYMENT, pay_by=None).can_be_paid_at(now)
    for status in set(Status) - {Status.WAIT_PAYMENT}:
        assert not Order(status=status, pay_by=now + timedelta(hours=1)).can_be_paid_at(now)


@pytest.mark.parametrize(
    ("instant_book", "promise"),
    [(True, "hold your dates for up to 30 minutes"), (False, "We reply within 24 hours")],
)
def test_the_page_of_a_house_shows_the_deadlines(client: Client, instant_book: bool, promise: str) -> None:
    client.cookies["django_language"] = "en"
    html = client.get(make.house(instant_book=instant_book).get_absolute_url()).content.decode()
    assert promise in html
    actual = (transitions.PAY_WITHIN_AFTER_INSTANT_BOOKING, transitions.ACCEPT_WITHIN)
    assert actual == (timedelta(minutes=30), timedelta(hours=24))
