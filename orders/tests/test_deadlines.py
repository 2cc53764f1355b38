"""Staff extend a deadline: bounded, told to the renter, and the sweep keeps to the new one."""

from datetime import datetime, timedelta

import pytest
from django.conf import settings
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts import roles
from jobs import sweep
from orders import deadlines, mailing
from orders.deadlines import CannotExtend, extend, stamp_of
from orders.models import Order
from payments.books import attempts
from tests import make

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


@pytest.fixture
def desk() -> Client:
    return make.browser_of(make.staff(roles.FRONT_DESK))


def press(desk: Client, order: Order, **typed: str):
    chosen = {"action": "extend_deadline", "_selected_action": [order.pk]}
    return desk.post("/admin/orders/order/", {**chosen, **typed}, follow=True)


def typed(order: Order, **fields: str) -> dict[str, str]:
    return {"seen": stamp_of(order), "hours": "", "until": "", "words": "", **fields}


def later(order: Order, by: timedelta = HOUR) -> None:
    now = deadlines.deadline_of(order)
    assert now is not None
    extend(order, max(now, timezone.now()) + by, seen=stamp_of(order), by=make.user(), reason="")


def waiting(**fields: object) -> Order:
    """An order whose booking staff have not answered for too long."""
    an_hour_ago = timezone.now() - HOUR
    return make.order(**{"status": "WAIT_ACCEPT", "pay_by": None, "accept_by": an_hour_ago, **fields})


def test_hours_more_to_pay(desk: Client) -> None:
    order = make.order(make.user(email="wang@example.com"), language="en")
    before = order.pay_by
    assert before is not None
    page = press(desk, order, **typed(order, hours="2", words="Take your time"))
    assert "Deadline extended" in page.content.decode()
    order.refresh_from_db()
    assert order.pay_by == before + 2 * HOUR
    assert order.remind_at is not None
    assert before < order.remind_at < order.pay_by
    event = order.events.get()
    assert (event.kind, event.reason.endswith("Take your time")) == ("EXTENDED", True)
    mailing.send(order.pk)
    [message] = mail.outbox
    assert message.subject.startswith("You have more time to pay")
    assert "to pay ￥300.00" in message.body


@pytest.mark.same_statements
@pytest.mark.parametrize("hours", ["", "2"], ids=["none chosen", "as the page comes"])
@pytest.mark.parametrize("language", ["zh-hans", "en"])
@pytest.mark.parametrize(
    "pattern",
    [
        *("%Y-%m-%dT18:30", " %Y-%m-%d 18:30", "%Y/%m/%d 18:30", "%Y.%m.%d 18:30", "%Y%m%d 18:30"),
        *("%Y年%m月%d日 18:30", "%Y年%m月%d日18：30", "%Y／%m／%d　１８：３０"),
    ],
)
def test_D5_a_date_and_time_without_a_picker(desk: Client, pattern: str, language: str, hours: str) -> None:
    order = waiting()
    desk.cookies[settings.LANGUAGE_COOKIE_NAME] = language
    day = timezone.localdate() + timedelta(days=2)
    press(desk, order, **typed(order, until=day.strftime(pattern), hours=hours))
    order.refresh_from_db()
    assert order.accept_by is not None
    assert timezone.localtime(order.accept_by) == timezone.make_aware(
        datetime.combine(day, datetime.min.time())
    ) + timedelta(hours=18, minutes=30)


@pytest.mark.parametrize(
    ("until", "told"),
    [
        ("2020-01-01T10:00", "must be later than"),
        ("9999-12-31T23:59", "Enter a valid date/time."),
        ("tomorrow", "Enter a valid date/time."),
        ("", "Choose hours, or type a date and time."),
    ],
)
def test_times_that_make_no_sense(until: str, told: str, desk: Client) -> None:
    order = make.order()
    page = press(desk, order, **typed(order, until=until))
    assert page.status_code == 200
    assert told in page.content.decode()
    assert page.context["form"]["until"].value() == until
    assert not order.events.exists()


def test_a_week_at_most_and_not_past_check_in(desk: Client) -> None:
    order = make.order()
    next_month = timezone.localdate() + timedelta(days=9)
    page = press(desk, order, **typed(order, until=f"{next_month}T10:00"))
    assert "at the latest" in page.content.decode()
    tomorrow = timezone.localdate() + timedelta(days=1)
    soon = make.order(check_in=tomorrow, check_out=tomorrow + timedelta(days=1), nights=1)
    press(desk, soon, **typed(soon, hours="48"))
    assert not make.rows(Order).filter(events__kind="EXTENDED").exists()


@pytest.mark.parametrize("status", ["WAIT_COMMENT", "COMPLETE", "CANCELED", "REJECTED"])
def test_only_unpaid_orders(status: str, desk: Client) -> None:
    order = make.order(status=status)
    assert not deadlines.can_be_extended(order)
    assert "extended" in press(desk, order, **typed(order, hours="2")).content.decode()
    assert not order.events.exists()


def test_STA03_a_stale_form_is_told_and_keeps_what_was_typed(desk: Client) -> None:
    order = make.order()
    stale = typed(order, hours="6", words="Take your time")
    later(order)
    page = press(desk, order, **stale)
    assert "has changed meanwhile" in page.content.decode()
    assert page.context["form"]["words"].value() == "Take your time"
    assert order.events.count() == 1
    order.refresh_from_db()
    assert page.context["form"]["seen"].value() == stamp_of(order)


def rival(monkeypatch: pytest.MonkeyPatch, order: Order) -> datetime:
    """Another node extends between the check and the write. Return its deadline."""
    theirs = timezone.now() + 5 * HOUR
    monkeypatch.setattr(
        deadlines,
        "_require_in_bounds",
        lambda *args: Order.objects.filter(pk=order.pk).update(pay_by=theirs),
    )
    return theirs


def test_STA03_two_at_once_without_a_common_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    order = make.order()
    rival(monkeypatch, order)
    with pytest.raises(CannotExtend):
        later(order)


def test_twin_STA03_without_comparing(monkeypatch: pytest.MonkeyPatch) -> None:
    order = make.order()
    theirs = rival(monkeypatch, order)
    monkeypatch.setattr(
        deadlines, "_write", lambda row, old, new: Order.objects.filter(pk=row.pk).update(pay_by=new)
    )
    later(order)
    order.refresh_from_db()
    assert order.pay_by != theirs  # lost


def test_the_sweep_reads_the_deadline_again_before_it_ends_a_booking() -> None:
    order = waiting()
    [key] = sweep._orders_not_accepted()
    later(order)
    assert not sweep._expire_unaccepted(key)
    order.refresh_from_db()
    assert order.status == "WAIT_ACCEPT"


def test_twin_the_sweep_without_reading_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    order = waiting()
    [key] = sweep._orders_not_accepted()
    later(order)
    monkeypatch.setattr(sweep, "_not_accepted", lambda: Order.objects.filter(status="WAIT_ACCEPT"))
    assert sweep._expire_unaccepted(key)


def test_an_overdue_order_can_be_paid_again() -> None:
    order = make.order(pay_by=timezone.now() - HOUR)
    stale = Order.objects.get(pk=order.pk)
    later(order)
    assert not attempts.expire_unpaid(stale)
    order.refresh_from_db()
    assert order.is_payable


def test_no_mail_once_it_is_no_longer_true() -> None:
    order = make.order(make.user(email="wang@example.com"))
    later(order)
    Order.objects.filter(pk=order.pk).update(status="WAIT_COMMENT")
    mailing.send(order.pk)
    assert mail.outbox == []
    assert order.events.get().mail_due_at is None


def test_staff_may_be_late_and_say_so() -> None:
    order = waiting(renter=make.user(email="wang@example.com"), language="en")
    later(order, by=3 * HOUR)
    mailing.send(order.pk)
    assert "We need a little longer" in mail.outbox[0].body
