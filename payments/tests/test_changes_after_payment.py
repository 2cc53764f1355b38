"""A dearer change of a paid stay: agreed on with its nights held, made once the difference is paid."""

from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime, timedelta
from functools import partial

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from core.refusal import Refusal
from houses import availability
from houses.availability import NightsTaken
from jobs.sweep import sweep_once
from orders import booking, mailing, transitions, waiting_changes
from orders.changes import CannotChange, Stay
from orders.models import Order, OrderEvent, StayChange
from payments import callbacks, cancellation, checkout_of_change, outside, stay_changes
from payments.books import attempts, refunds
from payments.books.attempts import next_number
from payments.books.invariants import broken_rules
from payments.checkout import CannotPay
from payments.models import Payment, Refund
from payments.outside import Money
from payments.tests.test_stay_changes import changed_while_somebody_books, moved, nights_of
from tests import alipay, make
from tests.alipay import Gateway
from tests.interleaving import before
from tests.races import at_once

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def booked(**fields: object) -> Order:
    """Make an order of two nights at 150 yuan each, to be paid."""
    house = make.house(price_fen=15000, instant_book=True)
    order = make.order(make.user(email="lin@example.com"), **{"house": house, **fields})
    availability.hold(order.house, order.check_in, order.check_out, order_number=order.number)
    OrderEvent.objects.create(order=order, kind="BOOKED", mail_due_at=None)
    return order


def paid(**fields: object) -> Order:
    """Make such an order, paid through Alipay."""
    order = booked(**fields)
    tell_paid(make.attempt(order))
    order.refresh_from_db()
    return order


def tell_paid(payment: Payment) -> None:
    assert callbacks.receive_notify(alipay.notify_body(payment))


def change(order: Order, stay: Stay) -> None:
    """Agree as the renter."""
    agreed = stay_changes.preview_for_renter(order, stay).agreed
    stay_changes.change_for_renter(order, stay, agreed=agreed)


def change_by_staff(order: Order, stay: Stay) -> None:
    agreed = stay_changes.preview(order, stay).agreed
    stay_changes.change(order, stay, by=make.user(is_staff=True), agreed=agreed)


def press_pay(order: Order, **how: bool) -> Payment:
    checkout_of_change.press_pay(order, "PAGE", **how)
    return make.rows(Payment).get(live_for=order)


def now(order: Order) -> tuple[int, int, int, list[str]]:
    """Return nights and amount of the order, nights it holds, and the statuses of its changes."""
    order.refresh_from_db()
    statuses = list(order.stay_changes.order_by("id").values_list("status", flat=True))
    return order.nights, order.amount_fen, len(nights_of(order)), statuses


def kinds(order: Order) -> list[str]:
    return list(order.events.order_by("id").values_list("kind", flat=True))


def kept_fen(order: Order) -> int:
    """Received for the order, less what is refunded or on its way back."""
    return sum(p.received_fen - p.refund_reserved_fen for p in order.payments.all())


@pytest.mark.parametrize("agree", [change, change_by_staff])
def test_a_dearer_stay_waits_for_its_difference(agree, gateway: Gateway) -> None:
    order = paid()
    agree(order, moved(order, first=1, last=2))
    assert now(order) == (2, 30000, 4, ["WAITING"])
    assert list(broken_rules()) == []
    payment = press_pay(order)
    assert (payment.out_trade_no, payment.amount_fen) == (f"{order.number}_2", 15000)
    tell_paid(payment)
    assert now(order) == (3, 45000, 3, ["MADE"])
    assert order.check_in == nights_of(order)[0]
    assert kinds(order)[-3:] == ["CHANGE_WAITS", "PAID_MORE", "CHANGED"]
    assert order.quote.total_fen == order.amount_fen == kept_fen(order)
    assert list(broken_rules()) == []


def test_the_price_that_was_agreed_is_the_one_that_counts(gateway: Gateway) -> None:
    order = paid()
    change(order, moved(order, last=1))
    type(order.house).objects.filter(pk=order.house_id).update(price_fen=99900)
    tell_paid(press_pay(order))
    assert now(order) == (3, 45000, 3, ["MADE"])


def test_told_twice_it_is_made_once(gateway: Gateway) -> None:
    order = paid()
    change(order, moved(order, last=1))
    payment = press_pay(order)
    tell_paid(payment)
    gateway.says = {"query": alipay.paid(payment)}
    tell_paid(payment)
    assert kinds(order).count("CHANGED") == 1
    assert kept_fen(order) == 45000


@pytest.mark.parametrize(("agree", "within"), [(change, 15), (change_by_staff, 24 * 60)])
def test_it_lapses_and_frees_the_nights(agree, within: int, gateway: Gateway) -> None:
    order = paid()
    agree(order, moved(order, last=2))
    pay_by = order.stay_changes.get().pay_by
    assert abs(pay_by - timezone.now() - timedelta(minutes=within)) < timedelta(minutes=1)
    with time_machine.travel(pay_by - timedelta(seconds=1)):
        sweep_once()
    assert now(order) == (2, 30000, 4, ["WAITING"])
    with time_machine.travel(pay_by + timedelta(seconds=1)):
        sweep_once()
    assert now(order) == (2, 30000, 2, ["LAPSED"])
    assert kinds(order)[-1] == "CHANGE_OFF"
    assert list(broken_rules()) == []
    change(order, moved(order, last=1))  # and another may be agreed on


def test_it_does_not_lapse_before_alipays_last_word(gateway: Gateway) -> None:
    order = paid()
    change(order, moved(order, last=1))
    payment = press_pay(order)
    with time_machine.travel(payment.expires_at + timedelta(minutes=1)):
        sweep_once()
        assert now(order)[3] == ["WAITING"]
        tell_paid(payment)
    assert now(order) == (3, 45000, 3, ["MADE"])


def test_it_lapses_once_alipay_has_closed_the_attempt(gateway: Gateway) -> None:
    order = paid()
    change(order, moved(order, last=1))
    payment = press_pay(order)
    gateway.says = {"query": alipay.closed(payment)}
    with time_machine.travel(payment.expires_at + timedelta(minutes=3)):
        Payment.objects.filter(pk=payment.pk).update(next_try_at=timezone.now())
        sweep_once()
    assert now(order) == (2, 30000, 2, ["LAPSED"])
    tell_paid(payment)  # in spite of that
    assert now(order) == (2, 30000, 2, ["LAPSED"])
    assert kept_fen(order) == 30000
    assert make.rows(Refund).get().reason == "SURPLUS"
    assert list(broken_rules()) == []


def test_the_sweep_closes_an_attempt_that_nobody_needs(gateway: Gateway) -> None:
    order = paid()
    change(order, moved(order, last=1))
    payment = press_pay(order)
    gateway.says = {"query": alipay.waiting(payment), "close": alipay.answer("close", out_trade_no="1")}
    Payment.objects.filter(pk=payment.pk).update(next_try_at=timezone.now())
    sweep_once()
    assert gateway.count("close") == 0
    with time_machine.travel(order.stay_changes.get().pay_by + timedelta(seconds=1)):
        Payment.objects.filter(pk=payment.pk).update(next_try_at=timezone.now())
        sweep_once()
    assert gateway.count("close") == 1


def test_the_second_change_is_refused_while_one_waits(gateway: Gateway) -> None:
    order = paid()
    change(order, moved(order, last=1))
    for act in (change, change_by_staff):
        with pytest.raises(CannotChange, match=r"waiting|等待"):
            act(order, moved(order, last=-1))
    assert now(order) == (2, 30000, 3, ["WAITING"])


def test_dropped_it_frees_the_nights(gateway: Gateway) -> None:
    order = paid()
    change(order, moved(order, last=1))
    payment = press_pay(order)
    gateway.says = {"query": alipay.not_existing()}
    stay_changes.drop(order, by=order.renter)
    assert now(order) == (2, 30000, 2, ["DROPPED"])
    with pytest.raises(CannotPay):
        press_pay(order)
    tell_paid(payment)  # the link was still open
    assert kept_fen(order) == 30000
    assert list(broken_rules()) == []


@time_machine.travel(date(2027, 3, 1))
@pytest.mark.parametrize(("by", "goes_back"), [("Alipay", "to the account"), ("staff", "outside Alipay")])
def test_the_mail_of_money_for_a_change_that_is_over_names_it(
    by: str, goes_back: str, gateway: Gateway
) -> None:
    order = paid(language="en", check_in=date(2027, 3, 5), check_out=date(2027, 3, 7))
    change(order, moved(order, last=1))
    payment = press_pay(order)
    attempts.drop_change(order.stay_changes.get(), by=order.renter)
    tell_paid(payment)
    event = order.events.get(kind="SURPLUS")
    event.actor = None if by == "Alipay" else make.user(is_staff=True)
    body = " ".join(mailing.message_of(event).body.split())
    assert "￥150.00 for the change of your stay to Fri 5 Mar – Mon 8 Mar, 1 guest. The change" in body
    assert goes_back in body
    assert ("already closed" in body, "Note from us" in body) == (False, False)


def test_dropped_while_it_is_paid_it_is_made(gateway: Gateway) -> None:
    order = paid()
    change(order, moved(order, last=1))
    gateway.says = {"query": alipay.paid(press_pay(order))}
    with pytest.raises(CannotChange):
        stay_changes.drop(order, by=order.renter)
    assert now(order) == (3, 45000, 3, ["MADE"])


def test_paid_twice_the_second_is_surplus(gateway: Gateway) -> None:
    order = paid()
    change(order, moved(order, last=1))
    first = press_pay(order)
    gateway.says = {"query": alipay.not_existing()}
    second = press_pay(order, another=True)
    assert first.pk != second.pk
    tell_paid(first)
    second.refresh_from_db()
    assert second.live_for_id is None
    tell_paid(second)
    assert now(order) == (3, 45000, 3, ["MADE"])
    assert kept_fen(order) == 45000
    assert list(broken_rules()) == []


def test_late_money_for_the_order_leaves_the_live_attempt_of_the_change(gateway: Gateway) -> None:
    order = paid()
    late = make.attempt(order, live_for=None)
    change(order, moved(order, last=1))
    live = press_pay(order)
    tell_paid(late)
    live.refresh_from_db()
    assert live.live_for_id == order.pk
    tell_paid(live)
    assert now(order) == (3, 45000, 3, ["MADE"])
    assert kept_fen(order) == 45000


def test_cash_pays_the_difference(gateway: Gateway) -> None:
    order = paid()
    change_by_staff(order, moved(order, last=1))
    seen = {"status": order.status, "number": next_number(order)}
    outcome = outside.confirm(order, Money("CASH", 15000, "R-17"), by=make.user(is_staff=True), **seen)
    assert outcome is attempts.Outcome.APPLIED
    assert now(order) == (3, 45000, 3, ["MADE"])
    assert list(broken_rules()) == []


@pytest.mark.parametrize("first", ["Alipay", "cash"])
def test_paid_in_both_ways_each_goes_back_as_it_came(first: str, gateway: Gateway, client: Client) -> None:
    order = paid() if first == "Alipay" else booked()
    if first == "cash":
        take_cash(order, 30000)
    change(order, moved(order, last=1))
    if first == "cash":
        tell_paid(press_pay(order))
    else:
        take_cash(order, 15000)
    client.force_login(order.renter)
    client.cookies["django_language"] = "en"
    page = client.get(f"/payments/{order.number}/cancel/").content.decode()
    assert "Each payment goes back the way it came" in page
    shorter = moved(Order.objects.get(pk=order.pk), last=-1)
    typed = {"check_in": shorter.check_in, "check_out": shorter.check_out, "guests": 1}
    page = client.post(f"/payments/{order.number}/change/", typed).content.decode()
    assert "Each payment goes back the way it came" in page


def take_cash(order: Order, fen: int) -> None:
    seen = {"status": order.status, "number": next_number(order)}
    outside.confirm(order, Money("CASH", fen, "R-17"), by=make.user(is_staff=True), **seen)
    order.refresh_from_db()


def test_cash_of_another_amount_is_surplus_and_the_change_waits_on(gateway: Gateway) -> None:
    order = paid()
    change(order, moved(order, last=1))
    seen = {"status": order.status, "number": next_number(order)}
    outcome = outside.confirm(order, Money("CASH", 14999, "R-17"), by=make.user(is_staff=True), **seen)
    assert outcome is attempts.Outcome.SURPLUS
    assert now(order)[3] == ["WAITING"]


# --- refunds of several payments ---------------------------------------------------------------------------


def longer(**fields: object) -> Order:
    """Make a stay of 300 yuan that became one of 450: two payments."""
    order = paid(**fields)
    change(order, moved(order, last=1))
    tell_paid(press_pay(order))
    order.refresh_from_db()
    return order


def refunded(order: Order) -> list[tuple[str, int, str]]:
    rows = Refund.objects.filter(payment__order=order).order_by("id")
    return [(row.out_request_no[14:], row.amount_fen, row.status) for row in rows]


def test_a_cancellation_gives_both_payments_back(gateway: Gateway) -> None:
    order = longer()
    assert cancellation.preview(order).refund_fen == 45000
    cancellation.cancel(order, by=order.renter, agreed={"refund_fen": "45000"})
    assert refunded(order) == [("_2_R1", 15000, "DUE"), ("_1_R1", 30000, "DUE")]
    assert order.events.get(kind="REFUND_DUE").amount_fen == 45000
    assert nights_of(order) == []
    assert list(broken_rules()) == []


def test_the_policy_counts_what_was_paid_in_all(gateway: Gateway) -> None:
    order = longer(refund_policy="STRICT")
    cancellation.cancel(order, by=order.renter, agreed={})
    assert refunded(order) == [("_2_R1", 15000, "DUE"), ("_1_R1", 7500, "DUE")]


def test_a_shorter_stay_takes_from_the_newest_payment_first(gateway: Gateway) -> None:
    order = longer()
    change(order, moved(order, last=-2))
    assert refunded(order) == [("_2_R1", 15000, "DUE"), ("_1_R1", 15000, "DUE")]
    assert {refund.reason for refund in make.rows(Refund)} == {"CHANGED"}
    assert now(order)[:3] == (1, 15000, 1)
    assert kept_fen(order) == 15000
    assert list(broken_rules()) == []


def test_staff_are_shown_each_payments_share(gateway: Gateway) -> None:
    order = longer(refund_policy="STRICT")
    newest, first = refunds.paid_for(order)
    assert [cancellation.share_of_payment(payment) for payment in (newest, first)] == [15000, 7500]


def test_parts_count_together_for_the_limit(gateway: Gateway, settings) -> None:
    settings.STAFF_REFUND_LIMIT_FEN = 20000
    order = longer()
    staff = make.user(is_staff=True)
    cancellation.cancel_by_staff(order, by=staff, reason="Roof", refundable_fen=45000, refund_fen=45000)
    assert refunded(order) == [("_2_R1", 15000, "DUE"), ("_1_R1", 30000, "PROPOSED")]
    assert order.events.get(kind="REFUND_DUE").amount_fen == 15000


def test_proposals_of_any_payment_give_way_to_a_cancellation(gateway: Gateway, settings) -> None:
    settings.STAFF_REFUND_LIMIT_FEN = 0
    order = longer()
    for payment in refunds.paid_for(order):
        refunds.create(payment, 10000, reason="STAFF", asked_by=make.user(is_staff=True))
    cancellation.cancel(order, by=order.renter, agreed={"refund_fen": "45000"})
    due = [part for part in refunded(order) if part[2] == "DUE"]
    assert [part[1] for part in due] == [15000, 30000]
    assert list(broken_rules()) == []


# --- the renter's own change, and the policy ----------------------------------------------------------------


def test_a_renter_changes_until_the_day_before_check_in(gateway: Gateway) -> None:
    order = paid(check_in=timezone.localdate() + DAY, check_out=timezone.localdate() + 3 * DAY)
    change(order, moved(order, last=-1))
    assert kept_fen(order) == 15000
    with time_machine.travel(timezone.now() + DAY), pytest.raises(CannotChange):
        change(order, moved(order, last=1))


@pytest.mark.parametrize(
    ("first", "last", "may"), [(0, -1, False), (1, 1, False), (0, 1, True), (-1, 0, True)]
)
def test_after_the_day_of_the_policy_only_staff_shorten_or_move_it(
    first: int, last: int, may: bool, gateway: Gateway
) -> None:
    begins = timezone.localdate() + 3 * DAY
    order = paid(refund_policy="MODERATE", check_in=begins, check_out=begins + 2 * DAY)
    stay = moved(order, first=first, last=last)
    if may:
        change(order, stay)
        return
    with pytest.raises(CannotChange, match=r"full|全额"):
        change(order, stay)
    change_by_staff(order, stay)


def test_who_never_pays_may_not_hold_nights_again_and_again(gateway: Gateway) -> None:
    order = paid()
    for _ in range(5):
        change(order, moved(order, last=1))
        stay_changes.drop(order, by=order.renter)
    with pytest.raises(Refusal, match=r"several times|多次"):
        change(order, moved(order, last=1))


# --- meanwhile ----------------------------------------------------------------------------------------------


def cancelled_while_it_is_paid() -> tuple[str, int, list[str]]:
    """The difference is paid after the cancellation looked at the attempts. Return what is left."""
    order = paid()
    change(order, moved(order, last=1))
    payment = press_pay(order)
    agreed = {"refund_fen": "30000"}
    with before("payments.cancellation._cancel", partial(tell_paid, payment)), suppress(Refusal):
        cancellation.cancel(order, by=order.renter, agreed=agreed)
    order.refresh_from_db()
    return order.status, kept_fen(order), now(order)[3]


def test_a_difference_paid_meanwhile_stops_the_cancellation(gateway: Gateway) -> None:
    assert cancelled_while_it_is_paid() == ("WAIT_COMMENT", 45000, ["MADE"])
    assert list(broken_rules()) == []


def paid_after_the_cancellation() -> list[str]:
    order = paid()
    change(order, moved(order, last=1))
    payment = press_pay(order)
    cancellation.cancel(order, by=order.renter, agreed={})
    tell_paid(payment)
    return sorted(broken.violation for broken in broken_rules())


def test_a_difference_that_comes_after_the_cancellation_is_surplus(gateway: Gateway) -> None:
    assert paid_after_the_cancellation() == []
    assert {(p.status, p.refundable_fen) for p in make.rows(Payment)} == {("PAID", 0), ("SURPLUS", 0)}


def test_twin_without_ending_the_change_it_waits_for_ever(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting_changes, "end", lambda order, **how: False)
    assert "over, but a change of it waits" in paid_after_the_cancellation()


def lapsed_while_it_is_paid() -> tuple[int, int, int, list[str]]:
    """The sweep and the notice meet after the deadline."""
    order = paid()
    change(order, moved(order, last=1))
    payment, waiting = press_pay(order), order.stay_changes.get()
    with time_machine.travel(waiting.pay_by + timedelta(minutes=3)):
        at_once(partial(attempts.lapse_change, waiting), partial(tell_paid, payment))
    return now(order)


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_of_lapse_and_payment_the_payment_wins(gateway: Gateway) -> None:
    for _ in range(3):
        assert lapsed_while_it_is_paid() == (3, 45000, 3, ["MADE"])
        assert list(broken_rules()) == []


def agreed_twice_at_once() -> list[str]:
    """Two changes of one order, agreed on at one instant. Return what broke."""
    order, broken = paid(), list[str]()
    stays = {last: moved(order, last=last) for last in (1, 2)}
    agreed = {last: stay_changes.preview_for_renter(order, stay).agreed for last, stay in stays.items()}

    def agree(last: int) -> None:
        try:
            stay_changes.change_for_renter(order, stays[last], agreed=agreed[last])
        except CannotChange:
            pass
        except Exception as error:
            broken.append(type(error).__name__)

    at_once(partial(agree, 1), partial(agree, 2))
    assert now(order)[3] == ["WAITING"]
    assert list(broken_rules()) == []
    return broken


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_of_two_changes_at_once_one_waits(gateway: Gateway) -> None:
    assert agreed_twice_at_once() == []


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_twin_without_looking_the_unique_column_refuses(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting_changes, "waiting_change_of", lambda order: None)
    assert agreed_twice_at_once() == ["IntegrityError"]


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_BOK01_of_an_agreed_change_and_a_booking_one_gets_the_night(gateway: Gateway) -> None:
    for _ in range(3):
        assert len(changed_while_somebody_books(paid(), change)) == 1
        assert list(broken_rules()) == []


def booked_while_it_waits() -> tuple[int, int, int, list[str]]:
    """Somebody books the night between the agreement and the payment."""
    order = paid()
    change(order, moved(order, last=1))
    night = order.check_out
    stay = {"check_in": night, "check_out": night + DAY}
    with suppress(NightsTaken):
        booking.book(order.house, renter=make.user(), guests=1, **stay)
    tell_paid(press_pay(order))
    return now(order)


def test_nobody_else_gets_the_night_while_it_is_paid(gateway: Gateway) -> None:
    assert booked_while_it_waits() == (3, 45000, 3, ["MADE"])


def test_twin_without_holding_the_nights_it_is_paid_in_vain(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(availability, "hold_more", lambda *stay, **order: None)
    monkeypatch.setattr(availability, "swap", _swap_as_before)
    assert booked_while_it_waits() == (2, 30000, 2, ["WAITING"])


def _swap_as_before(house, check_in: date, check_out: date, *, order_number: str) -> None:
    raise NightsTaken(house, check_in, check_out)


def test_an_order_that_an_older_version_changed_meanwhile_is_left_alone(gateway: Gateway) -> None:
    order = paid()
    change(order, moved(order, last=1))
    payment = press_pay(order)
    make.rows(Order).filter(pk=order.pk).update(amount_fen=20000)
    tell_paid(payment)
    assert now(order)[3] == ["WAITING"]
    assert make.rows(Payment).get(pk=payment.pk).status == "SURPLUS"


def test_a_change_of_a_stay_that_is_on_is_paid_by_tonight(gateway: Gateway) -> None:
    today = timezone.localdate()
    order = paid(check_in=today - DAY, check_out=today + DAY)
    change_by_staff(order, moved(order, last=1))
    assert order.stay_changes.get().pay_by == transitions.last_moment(today)


def test_paid_in_the_last_minutes_of_the_stay_it_is_made_after_midnight(gateway: Gateway) -> None:
    order = paid()
    with time_machine.travel(midnight_after(order.check_out) - timedelta(minutes=10)):
        change_by_staff(order, moved(order, last=1))
        payment = press_pay(order)
    with time_machine.travel(midnight_after(order.check_out) + timedelta(minutes=1)):
        tell_paid(payment)
        assert now(order) == (3, 45000, 3, ["MADE"])
        assert list(broken_rules()) == []


def test_a_review_that_was_counted_meanwhile_waits_for_the_new_day(gateway: Gateway) -> None:
    order = paid()
    review = transitions.review(order, by=order.renter, rating=5, text="Fine")
    with time_machine.travel(midnight_after(order.check_out - DAY) - timedelta(minutes=10)):
        change_by_staff(order, moved(order, last=1))
        payment = press_pay(order)
    with time_machine.travel(midnight_after(order.check_out - DAY) + timedelta(minutes=1)):
        sweep_once()
        review.refresh_from_db()
        assert review.is_counted
        tell_paid(payment)
        review.refresh_from_db()
        assert (review.is_counted, review.count_due) == (False, order.check_out + DAY)
        assert list(broken_rules()) == []


@pytest.mark.parametrize("seconds", [30, 240])
def test_who_agrees_at_midnight_still_has_time_to_pay(seconds: int, gateway: Gateway) -> None:
    order = paid()
    with time_machine.travel(midnight_after(order.check_in) - timedelta(seconds=seconds), tick=False):
        change_by_staff(order, moved(order, last=1))
        assert order.stay_changes.get().pay_by == timezone.now() + transitions.MIN_TIME_TO_PAY


def midnight_after(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day + DAY, datetime.min.time()))


def test_whoever_agrees_again_sees_why_not(gateway: Gateway) -> None:
    order = paid()
    stay = moved(order, last=1)
    agreed = stay_changes.preview_for_renter(order, stay).agreed
    stay_changes.change_for_renter(order, stay, agreed=agreed)
    assert StayChange.objects.get(waiting_for=order).difference_fen == 15000
    with pytest.raises(CannotChange, match=r"waiting|等待"):
        stay_changes.change_for_renter(order, stay, agreed=agreed)


def test_a_surplus_payment_has_a_limit_of_its_own(gateway: Gateway, settings) -> None:
    settings.STAFF_REFUND_LIMIT_FEN = 40000
    order, staff = longer(), make.user(is_staff=True)
    twice = make.attempt(order, live_for=None)
    tell_paid(twice)
    make.rows(Refund).filter(payment=twice).update(asked_by=staff)
    newest, first = refunds.paid_for(order)
    made = [refunds.create(payment, 15000, reason="STAFF", asked_by=staff) for payment in (newest, first)]
    made.append(refunds.create(first, 15000, reason="STAFF", asked_by=staff))
    assert [refund.status for refund in made] == ["DUE", "DUE", "PROPOSED"]


def dropped_while_it_is_paid() -> tuple[Order, bool]:
    """Staff drop the change, and the notice comes after they asked Alipay; return whether they are told."""
    order = paid()
    change(order, moved(order, last=1))
    payment = press_pay(order)
    with before("payments.books.attempts.drop_change", partial(tell_paid, payment)):
        return order, is_refused(partial(stay_changes.drop, order, by=make.user(is_staff=True)))


def is_refused(act: Callable[[], object]) -> bool:
    try:
        act()
    except CannotChange:
        return True
    return False


@pytest.fixture
def without_comparing(monkeypatch: pytest.MonkeyPatch) -> None:
    """End whichever change the order has, whether or not it waits."""

    def end(change: StayChange, status: str) -> bool:
        return bool(StayChange.objects.filter(pk=change.pk).update(status=status, waiting_for=None))

    monkeypatch.setattr(waiting_changes, "waiting_change_of", lambda order: order.stay_changes.first())
    monkeypatch.setattr(waiting_changes, "_end", end)


def test_STA03_dropped_by_staff_at_the_instant_of_its_payment_it_is_made(gateway: Gateway) -> None:
    gateway.says = {"query": alipay.not_existing()}
    order, is_told = dropped_while_it_is_paid()
    assert (now(order), is_told) == ((3, 45000, 3, ["MADE"]), True)
    assert list(broken_rules()) == []


def test_twin_STA03_without_comparing_a_paid_change_counts_as_dropped(
    gateway: Gateway, without_comparing: None
) -> None:
    gateway.says = {"query": alipay.not_existing()}
    order, is_told = dropped_while_it_is_paid()
    assert (now(order)[3], is_told) == (["DROPPED"], False)
    assert order.events.filter(kind="CHANGE_OFF").exists()  # the renter paid, and is told that it is off


def drops() -> tuple[Order, list[Callable[[], bool]]]:
    order = paid()
    change(order, moved(order, last=1))
    people = order.renter, make.user(is_staff=True)
    return order, [partial(is_refused, partial(stay_changes.drop, order, by=by)) for by in people]


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_STA03_of_two_who_drop_a_change_one_is_told(gateway: Gateway) -> None:
    order, acts = drops()
    assert sorted(at_once(*acts)) == [False, True]
    assert now(order) == (2, 30000, 2, ["DROPPED"])
    assert order.events.filter(kind="CHANGE_OFF").count() == 1


def test_twin_STA03_without_comparing_both_drop_it(gateway: Gateway, without_comparing: None) -> None:
    order, acts = drops()
    assert [act() for act in acts] == [False, False]
    assert order.events.filter(kind="CHANGE_OFF").count() == 2
