"""Staff change dates or guests of an order: nights, price, open attempts, and the difference."""

from collections.abc import Callable
from contextlib import suppress
from datetime import date, timedelta
from functools import partial

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.core import mail
from django.db import IntegrityError
from django.test import Client, override_settings
from django.utils import timezone

from accounts import roles
from core.refusal import Refusal
from houses import availability
from houses.availability import NightsTaken
from houses.models import BookedNight, House
from orders import booking, guest_details, invoices, mailing, transitions
from orders.changes import CannotChange, Stay
from orders.models import InvoiceRequest, Order, OrderEvent
from payments import callbacks, checkout, outside, stay_changes
from payments.books.attempts import next_number
from payments.books.invariants import broken_rules
from payments.models import Payment, Refund
from payments.outside import Money
from tests import alipay, make
from tests.alipay import Gateway
from tests.interleaving import before
from tests.races import at_once

pytestmark = pytest.mark.django_db

Status = Order.Status
DAY = timedelta(days=1)
LIST = "/admin/orders/order/"


def booked(**fields: object) -> Order:
    order = make.order(make.user(email="renter@example.com"), **fields)
    availability.hold(order.house, order.check_in, order.check_out, order_number=order.number)
    OrderEvent.objects.create(order=order, kind="BOOKED", mail_due_at=None)
    return order


def pay(order: Order) -> Payment:
    payment = make.attempt(order)
    assert callbacks.receive_notify(alipay.notify_body(payment))
    order.refresh_from_db()
    return payment


def moved(order: Order, first: int = 0, last: int = 0, guests: int = 1) -> Stay:
    """Return the stay of the order with both days moved."""
    return Stay(order.check_in + first * DAY, order.check_out + last * DAY, guests)


def client_of(role: str = roles.MANAGER) -> Client:
    return make.browser_of(make.staff(role))


def look(client: Client, order: Order, stay: Stay, **more: str):
    typed = {
        "check_in": stay.check_in,
        "check_out": stay.check_out,
        "guests": stay.guests,
        "reason": "By phone",
    }
    sent = {"action": "change_stay", "_selected_action": order.pk, "next": f"{LIST}{order.pk}/change/"}
    return client.post(LIST, {**sent, **typed, **more}, follow=True)


def press(client: Client, order: Order, stay: Stay):
    """Look at the amounts, then agree."""
    page = look(client, order, stay)
    preview = page.context.get("preview")
    return look(client, order, stay, agreed=preview.agreed) if preview else page


def change(order: Order, stay: Stay) -> None:
    agreed = stay_changes.preview(order, stay).agreed
    stay_changes.change(order, stay, by=make.user(is_staff=True), agreed=agreed)


def nights_of(order: Order) -> list[date]:
    held = BookedNight.objects.filter(order_number=order.number)
    return sorted(held.values_list("night", flat=True))


def test_an_unpaid_stay_moves_at_the_price_of_today() -> None:
    order = booked()
    House.objects.filter(pk=order.house_id).update(price_fen=20000)
    kept = BookedNight.objects.get(order_number=order.number, night=order.check_in + DAY)
    stay = moved(order, first=1, last=2, guests=2)
    client = client_of()
    page = look(client, order, stay).content.decode()
    assert "￥300.00" in page
    assert "<b>￥600.00</b>" in page
    order.refresh_from_db()
    assert order.check_in == stay.check_in - DAY  # nothing yet
    press(client, order, stay)
    order.refresh_from_db()
    assert (order.check_in, order.check_out, order.guests) == (stay.check_in, stay.check_out, 2)
    assert (order.nights, order.price_per_night_fen) == (stay.nights, 20000)
    assert order.amount_fen == stay.nights * 20000
    assert nights_of(order) == availability.nights_between(stay.check_in, stay.check_out)
    assert BookedNight.objects.filter(pk=kept.pk).exists()
    event = order.events.get(kind="CHANGED")
    assert event.amount_fen == order.amount_fen
    assert event.reason.endswith("By phone") and "→" in event.reason
    assert "￥300.00 → ￥600.00" in LogEntry.objects.get(object_id=str(order.pk)).change_message
    assert list(broken_rules()) == []


def test_SEC13_a_change_that_gives_money_back_asks_again_after_ten_minutes(gateway: Gateway) -> None:
    order, client = booked(), client_of()
    pay(order)
    shorter = moved(order, last=-1)
    preview = look(client, order, shorter).context["preview"]
    with time_machine.travel(timezone.now() + timedelta(minutes=11)):
        page = look(client, order, shorter, agreed=preview.agreed)
    assert "<title>Confirm that it" in page.content.decode()
    assert not Refund.objects.filter(payment__order=order).exists()


def test_the_renter_is_mailed_and_asked_for_the_new_amount() -> None:
    order = booked()
    change(order, moved(order, last=1))
    assert mailing.send(order.pk) == 1
    assert "请付款" in mail.outbox[0].subject
    assert "￥450.00" in mail.outbox[0].body


def test_guests_alone_leave_price_and_attempt_as_they_are(gateway: Gateway) -> None:
    order = booked()
    payment = make.attempt(order)
    House.objects.filter(pk=order.house_id).update(price_fen=99900)
    change(order, moved(order, guests=3))
    order.refresh_from_db()
    payment.refresh_from_db()
    assert (order.guests, order.amount_fen) == (3, 30000)
    assert (payment.live_for_id, gateway.calls) == (order.pk, [])


def test_a_deadline_does_not_outlast_the_new_check_in() -> None:
    order = booked(pay_by=timezone.now() + 15 * DAY, remind_at=timezone.now() + 14 * DAY)
    stay = Stay(timezone.localdate() + 2 * DAY, timezone.localdate() + 4 * DAY, 1)
    change(order, stay)
    order.refresh_from_db()
    assert timezone.localtime(order.pay_by).date() == stay.check_in
    assert timezone.now() < order.remind_at < order.pay_by  # otherwise nobody would be reminded


@pytest.mark.parametrize("answer", ["waiting", "not_existing"])
def test_the_old_amount_is_closed_at_alipay_first(answer: str, gateway: Gateway) -> None:
    order = booked()
    payment = make.attempt(order)
    says = {"waiting": alipay.waiting(payment), "not_existing": alipay.not_existing()}
    gateway.says = {"query": says[answer], "close": alipay.answer("close", out_trade_no=payment.out_trade_no)}
    change(order, moved(order, last=1))
    payment.refresh_from_db()
    assert payment.live_for_id is None
    order.refresh_from_db()
    assert order.amount_fen == 45000
    checkout.press_pay(order, Payment.Product.WAP)
    assert order.payments.get(live_for=order).amount_fen == 45000
    assert list(broken_rules()) == []


def test_while_alipay_does_not_answer_nothing_changes(gateway: Gateway) -> None:
    order = booked()
    make.attempt(order)
    page = press(client_of(), order, moved(order, last=1)).content.decode()
    assert "Alipay isn&#39;t responding right now" in page
    order.refresh_from_db()
    assert (order.amount_fen, len(nights_of(order))) == (30000, 2)


def test_a_cheaper_paid_stay_gives_the_difference_back(gateway: Gateway) -> None:
    order = booked()
    payment = pay(order)
    answer = press(client_of(), order, moved(order, last=-1))
    assert answer.redirect_chain[-1][0] == f"{LIST}{order.pk}/change/"
    order.refresh_from_db()
    refund = payment.refunds.get()
    assert (order.status, order.amount_fen, order.nights) == (Status.WAIT_COMMENT, 15000, 1)
    assert (refund.amount_fen, refund.reason, refund.status) == (15000, "STAFF", "DUE")
    assert list(broken_rules()) == []
    mailing.send(order.pk)
    assert "￥150.00" in mail.outbox[-1].body


def test_an_invoice_for_another_amount_is_to_be_issued_again(gateway: Gateway) -> None:
    order = booked()
    pay(order)
    invoices.ask(order, title="Wang", tax_number="", email="wang@example.com")
    assert invoices.mark_issued(order.invoice, by=make.user(is_staff=True))
    seen = order.invoice
    change(order, moved(order, guests=2))  # at the same price
    assert InvoiceRequest.objects.get(order=order).issued_at
    change(order, moved(order, last=-1))
    page = client_of().get("/admin/orders/invoicerequest/?issued=0").content.decode()
    assert "To issue again, was ￥300.00" in page and "￥150.00" in page
    assert not invoices.mark_issued(seen, by=make.user(is_staff=True))  # its page showed the old amount
    assert invoices.mark_issued(InvoiceRequest.objects.get(order=order), by=make.user(is_staff=True))


def test_the_difference_of_a_stay_paid_in_cash_goes_back_as_it_came(gateway: Gateway) -> None:
    order = booked(language="en")
    seen = {"status": order.status, "number": next_number(order)}
    outside.confirm(order, Money("CASH", 30000, "R-17"), by=make.user(is_staff=True), **seen)
    order.refresh_from_db()
    change(order, moved(order, last=-1))
    mailing.send(order.pk)
    assert "We'll give ￥150.00 back to you the way you paid it." in mail.outbox[-1].body
    assert "the account you paid from" not in mail.outbox[-1].body


def test_a_paid_stay_that_costs_the_same_moves_nothing(gateway: Gateway) -> None:
    order = booked()
    payment = pay(order)
    change(order, moved(order, first=5, last=5))
    assert payment.refunds.count() == 0
    assert list(broken_rules()) == []


def test_a_dearer_paid_stay_waits_for_its_difference(gateway: Gateway) -> None:
    order, client = booked(), client_of(roles.FRONT_DESK)
    pay(order)
    stay = moved(order, last=1)
    assert "￥150.00" in look(client, order, stay).content.decode()
    page = press(client, order, stay).content.decode()
    assert "once the difference of ￥150.00 is paid" in page
    assert "Drop the change that waits" in page and "Change stay…" not in page
    assert "To be paid by the renter" not in page
    order.refresh_from_db()
    assert (order.amount_fen, len(nights_of(order))) == (30000, 3)
    mailing.send(order.pk)
    assert "请补付差价" in mail.outbox[-1].subject
    assert "￥150.00" in mail.outbox[-1].body and "By phone" in mail.outbox[-1].body
    dropped = {"action": "drop_change", "_selected_action": order.pk, "next": f"{LIST}{order.pk}/change/"}
    page = client.post(LIST, dropped, follow=True).content.decode()
    assert "Change stay…" in page and "Drop the change that waits" not in page
    assert len(nights_of(order)) == 2


def test_staff_take_names_out_with_the_guests() -> None:
    order, client = booked(guests=2), client_of()
    guest_details.keep(order, guest_names="王小明、Ann Lee", arrival_time="", note="")
    stay = moved(order, last=1)
    assert "more names than the 1 guest" in look(client, order, stay).content.decode()
    agreed = look(client, order, stay, guest_names="Ann Lee").context["preview"].agreed
    look(client, order, stay, guest_names="Ann Lee", agreed=agreed)
    order.refresh_from_db()
    assert (order.guests, order.guest_names) == (1, "Ann Lee")
    assert list(order.names_of_guests.values_list("name", flat=True)) == ["Ann Lee"]


@override_settings(STAFF_REFUND_LIMIT_FEN=100)
def test_above_the_limit_a_second_person_approves(gateway: Gateway) -> None:
    order = booked()
    payment = pay(order)
    page = press(client_of(), order, moved(order, last=-1)).content.decode()
    assert payment.refunds.get().status == "PROPOSED"
    assert "awaits approval by another staff member" in page


@override_settings(STAFF_REFUND_LIMIT_FEN=100)
def test_also_of_a_stay_of_their_own(gateway: Gateway) -> None:
    order, client = booked(refund_policy="STRICT"), client_of()
    payment = pay(order)
    make.rows(Order).filter(pk=order.pk).update(renter=client.session["_auth_user_id"])
    press(client, order, moved(order, last=-1))
    refund = payment.refunds.get()
    assert (refund.status, refund.reason, refund.asked_by_id) == (
        "PROPOSED",
        "STAFF",
        int(client.session["_auth_user_id"]),
    )


def test_the_front_desk_changes_what_moves_no_money(gateway: Gateway) -> None:
    order, client = booked(), client_of(roles.FRONT_DESK)
    payment = pay(order)
    assert "does not include refunds" in press(client, order, moved(order, last=-1)).content.decode()
    assert payment.refunds.count() == 0
    press(client, order, moved(order, first=1, last=1))
    order.refresh_from_db()
    assert order.events.filter(kind="CHANGED").count() == 1


def test_taken_nights_are_refused_beside_the_dates() -> None:
    order = booked()
    availability.hold(order.house, order.check_out, order.check_out + DAY)
    page = press(client_of(), order, moved(order, last=1)).content.decode()
    assert "Some of these nights are unavailable" in page
    assert "By phone" in page
    order.refresh_from_db()
    assert (order.amount_fen, len(nights_of(order))) == (30000, 2)


def test_a_stay_that_has_begun_can_be_cut_short(gateway: Gateway) -> None:
    today = timezone.localdate()
    order = booked(check_in=today - DAY, check_out=today + 2 * DAY, nights=3, amount_fen=45000)
    payment = pay(order)
    press(client_of(), order, moved(order, last=-1))
    assert payment.refunds.get().amount_fen == 15000


def test_a_stay_reviewed_before_it_is_changed_and_its_review_waits_with_it() -> None:
    order = booked(check_in=timezone.localdate() + DAY, check_out=timezone.localdate() + 3 * DAY)
    pay(order)
    review = transitions.review(order, by=order.renter, rating=5, text="Fine")
    assert (order.status, review.count_due) == ("COMPLETE", order.check_out)
    press(client_of(), order, moved(order, first=1, last=1))
    review.refresh_from_db()
    order.refresh_from_db()
    assert review.count_due == order.check_out == timezone.localdate() + 4 * DAY


def test_a_review_that_counts_ends_the_changes() -> None:
    today = timezone.localdate()
    order = booked(status="COMPLETE", check_in=today - 2 * DAY, check_out=today)
    with pytest.raises(CannotChange):
        change(order, moved(order, last=1))


@pytest.mark.parametrize("status", ["CANCELED", "REJECTED"])
def test_what_is_over_can_not_be_changed(status: str) -> None:
    order = booked(status=status)
    assert "no longer possible" in look(client_of(), order, moved(order, last=1)).content.decode()
    with pytest.raises(CannotChange):
        change(order, moved(order, last=1))


def test_pressed_twice_it_is_one_change() -> None:
    order, client = booked(), client_of()
    stay = moved(order, last=1)
    press(client, order, stay)
    assert (
        "This is the stay as it is now." in look(client, order, stay, agreed="0-30000-45000").content.decode()
    )
    assert order.events.filter(kind="CHANGED").count() == 1


# --- meanwhile ------------------------------------------------------------------------------------------


def paid_while_it_is_changed() -> tuple[str, int]:
    """The money comes after the attempts were looked at; return status, and refunds that nobody agreed to."""
    order = booked()
    stay, payment = moved(order, last=-1), None
    agreed = stay_changes.preview(order, stay).agreed

    def money_comes() -> None:
        nonlocal payment
        payment = make.attempt(order)
        assert callbacks.receive_notify(alipay.notify_body(payment))

    with before("payments.stay_changes._change", money_comes), suppress(Refusal):
        stay_changes.change(order, stay, by=make.user(is_staff=True), agreed=agreed)
    order.refresh_from_db()
    assert payment
    return order.status, payment.refunds.count()


def test_money_that_comes_meanwhile_stops_the_change(gateway: Gateway) -> None:
    assert paid_while_it_is_changed() == (Status.WAIT_COMMENT, 0)


def test_twin_without_comparing_money_is_refunded_that_nobody_saw(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stay_changes, "_is_as_agreed", lambda now, agreed: True)
    assert paid_while_it_is_changed() == (Status.WAIT_COMMENT, 1)


def pay_pressed_while_it_is_changed() -> tuple[str, str]:
    """The renter presses Pay after the attempts were closed, and pays; return both statuses."""
    order = booked()
    with (
        before("payments.stay_changes._change", partial(checkout.press_pay, order, "WAP")),
        suppress(Refusal),
    ):
        change(order, moved(order, last=1))
    payment = order.payments.get()
    assert callbacks.receive_notify(alipay.notify_body(payment))
    order.refresh_from_db()
    payment.refresh_from_db()
    assert list(broken_rules()) == []
    return order.status, payment.status


def test_pay_pressed_meanwhile_stops_the_change(gateway: Gateway) -> None:
    assert pay_pressed_while_it_is_changed() == (Status.WAIT_COMMENT, "PAID")


def test_twin_without_looking_again_the_renter_pays_in_vain(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stay_changes, "_new_attempts", lambda order, now, closed: False)
    assert pay_pressed_while_it_is_changed() == (Status.WAIT_PAYMENT, "SURPLUS")


def changed_while_somebody_books(order: Order, change: Callable[[Order, Stay], None]) -> list[str]:
    """Change a stay to a night that somebody books at the same instant; return who got it."""
    renter, night, told = make.user(), order.check_out, list[str]()

    def act(name: str, step: partial[object]) -> None:
        with suppress(NightsTaken, CannotChange):
            step()
            told.append(name)

    at_once(
        partial(act, "changed", partial(change, order, moved(order, last=1))),
        partial(
            act,
            "booked",
            partial(
                booking.book, order.house, renter=renter, guests=1, check_in=night, check_out=night + DAY
            ),
        ),
    )
    return told


@pytest.mark.django_db(transaction=True)
@pytest.mark.race
def test_BOK01_of_a_change_and_a_booking_one_gets_the_night() -> None:
    for _ in range(3):
        assert len(changed_while_somebody_books(booked(), change)) == 1
        assert list(broken_rules()) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.race
def test_BOK01_twin_of_a_change_without_the_unique_night(monkeypatch: pytest.MonkeyPatch) -> None:
    take = availability._take

    def take_what_is_left(house: House, nights: list[date], order_number: str, note: str = "") -> None:
        for night in nights:
            with suppress(IntegrityError):
                take(house, [night], order_number, note)

    monkeypatch.setattr(availability, "_take", take_what_is_left)
    monkeypatch.setattr(availability, "taken", lambda *stay, **days: set())
    assert sorted(changed_while_somebody_books(booked(), change)) == ["booked", "changed"]
    assert "I6" in {broken.rule for broken in broken_rules()}
