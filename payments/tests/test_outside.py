"""Money outside Alipay: confirmed by staff, recorded by the one door, given back by hand, kept apart."""

import contextlib
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import roles
from bills.comparison import reconcile
from bills.days import day_of, not_compared
from core.transactions import durable_transaction
from houses import availability
from jobs.sweep import sweep_once
from orders import mailing
from orders.changes import Stay
from orders.models import Order
from payments import callbacks, cancellation, outside, queries, refunding, stay_changes
from payments.alipay.bill import Bill
from payments.books import attempts, refunds
from payments.books.attempts import Outcome, next_number
from payments.books.invariants import broken_rules
from payments.books.refunds import CannotRefund
from payments.models import BillLine, GatewayMessage, Payment, Refund
from payments.outside import CannotConfirm, Money
from tests import alipay, make
from tests.alipay import Gateway
from tests.races import at_once

pytestmark = pytest.mark.django_db

CASH = Money("CASH", 30000, "R-17")


@pytest.fixture
def desk() -> Client:
    return make.browser_of(make.staff(roles.FINANCE))


def press(desk: Client, action: str, row: Order | Refund | Payment, **typed: str):
    chosen = {"action": action, "_selected_action": [row.pk]}
    address = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_changelist")
    return desk.post(address, {**chosen, **typed}, follow=True)


def form_of(desk: Client, order: Order) -> dict[str, str]:
    """Return what the page sends if its button is pressed."""
    form = press(desk, "confirm_outside", order).context["form"]
    names = ("status", "number", "channel", "amount")
    return {**{name: form[name].value() or "CASH" for name in names}, "reference": "R-17"}


def take(order: Order, money: Money = CASH, **seen: str) -> Outcome:
    seen = {"status": order.status, "number": next_number(order), **seen}
    return outside.confirm(order, money, by=make.staff(roles.FINANCE), **seen)


def paid_in_cash(**fields: object) -> Payment:
    order = make.order(**fields)
    take(order)
    return order.payments.get()


def hand_over(desk: Client, refund: Refund) -> str:
    return press(desk, "hand_over", refund, reference="signed").content.decode()


def test_STA01_cash_has_an_action_of_its_own_with_amount_reference_and_who(
    desk: Client, gateway: Gateway
) -> None:
    order = make.order(make.user(email="wang@example.com"))
    page = press(desk, "confirm_outside", order, **form_of(desk, order))
    assert "￥300.00 received outside Alipay (Cash, R-17)" in page.content.decode()
    order.refresh_from_db()
    payment = order.payments.get()
    assert (order.status, order.paid_outside, order.trade_no) == ("WAIT_COMMENT", "CASH", "")
    assert (payment.status, payment.channel, payment.reference) == ("PAID", "CASH", "R-17")
    assert (payment.received_fen, payment.evidence, payment.next_try_at) == (30000, "STAFF", None)
    event = order.events.get(kind="PAID")
    assert event.actor == payment.recorded_by == LogEntry.objects.get().user
    assert gateway.calls == []
    assert list(broken_rules()) == []
    mailing.send(order.pk)
    assert "￥300.00" in mail.outbox[0].body


def test_an_order_is_paid_by_exactly_its_amount(desk: Client) -> None:
    order = make.order()
    page = press(desk, "confirm_outside", order, **{**form_of(desk, order), "amount": "299"})
    assert "it is paid by exactly that" in page.content.decode()
    assert page.context["form"]["amount"].value() == "299"
    assert not order.payments.exists()


@pytest.mark.parametrize(
    ("status", "may"),
    [("WAIT_ACCEPT", False), ("REJECTED", False), ("WAIT_PAYMENT", True), ("CANCELED", True)],
)
def test_offered_only_where_money_may_have_come(status: str, may: bool, desk: Client) -> None:
    order = make.order(status=status)
    page = desk.get(f"/admin/orders/order/{order.pk}/change/")
    assert ("confirm_outside" in [step.action for step in page.context["steps"]]) == may
    if not may:
        with pytest.raises(CannotConfirm):
            take(order)


def test_STA05_not_without_the_right_to_move_money() -> None:
    order = make.order()
    press(make.browser_of(make.staff(roles.FRONT_DESK)), "confirm_outside", order, **_typed(order))
    assert not order.payments.exists()


def _typed(order: Order) -> dict[str, str]:
    seen = {"status": order.status, "number": next_number(order)}
    return {**seen, "channel": "CASH", "amount": "300", "reference": "R-17"}


def test_the_live_attempt_is_closed_at_alipay_first(gateway: Gateway) -> None:
    attempt = make.attempt()
    gateway.says["query"] = alipay.waiting(attempt)
    gateway.says["close"] = alipay.answer("close", out_trade_no=attempt.out_trade_no)
    take(attempt.order)
    attempt.refresh_from_db()
    assert (attempt.status, attempt.live_for) == ("CLOSED", None)


def test_paid_at_alipay_a_moment_ago_is_found_before_the_cash_is_recorded(
    desk: Client, gateway: Gateway
) -> None:
    attempt = make.attempt()
    typed = form_of(desk, attempt.order)
    gateway.says["query"] = alipay.paid(attempt)
    page = press(desk, "confirm_outside", attempt.order, **typed)
    assert "nothing was recorded now" in page.content.decode()
    assert page.context["form"]["reference"].value() == "R-17"
    assert attempt.order.payments.get().status == "PAID"


def test_alipays_money_after_the_cash_is_surplus_and_goes_back(gateway: Gateway) -> None:
    attempt = make.attempt()
    take(attempt.order)  # Alipay does not answer
    attempt.refresh_from_db()
    assert (attempt.status, attempt.live_for) == ("OPEN", None)
    assert callbacks.receive_notify(alipay.notify_body(attempt))
    attempt.refresh_from_db()
    assert attempt.status == "SURPLUS"
    refund = attempt.refunds.get()
    assert (refund.status, refund.next_try_at is None) == ("DUE", False)
    assert attempt.order.events.filter(kind="PAID").count() == 1
    assert list(broken_rules()) == []


def test_cash_for_an_order_that_is_over_is_surplus(desk: Client, gateway: Gateway) -> None:
    order = make.order(status="CANCELED")
    page = press(desk, "confirm_outside", order, **{**form_of(desk, order), "amount": "120"})
    assert "The order did not need it" in page.content.decode()
    payment = order.payments.get()
    assert (payment.status, payment.received_fen) == ("SURPLUS", 12000)
    refund = payment.refunds.get()
    assert (refund.status, refund.next_try_at) == ("DUE", None)
    hand_over(desk, refund)
    refund.refresh_from_db()
    assert refund.status == "DONE"
    assert gateway.calls == []
    assert list(broken_rules()) == []


def test_the_renter_of_surplus_cash_reads_that_it_comes_back_by_hand(desk: Client, gateway: Gateway) -> None:
    order = make.order(make.user(email="wang@example.com"), status="CANCELED", language="en")
    take(order, Money("CASH", 12000, "R-17"))
    browser = make.browser_of(order.renter)
    assert "We'll give ￥120.00 back to you" in browser.get(order.get_absolute_url()).content.decode()
    refund = Refund.objects.get(payment__order=order)
    refunding.give_up(refund, by=make.staff(roles.FINANCE), explanation="Kept for the next stay")
    mailing.send(order.pk)
    assert "refund we told you about won't be made.\n" in mail.outbox[-1].body


def test_a_refund_is_given_back_by_hand_and_never_sent(desk: Client, gateway: Gateway) -> None:
    payment = paid_in_cash(renter=make.user(email="wang@example.com"), language="en")
    number = f"{payment.out_trade_no}_R1"
    page = press(desk, "give_back", payment, number=number, amount="100", why="PRICE")
    assert "Give the money back the way it came" in page.content.decode()
    refund = payment.refunds.get()
    with time_machine.travel(timezone.now() + timedelta(days=2)):
        sweep_once()
    assert gateway.calls == []
    assert number in desk.get("/admin/payments/refund/?for_staff=1").content.decode()
    assert "given back outside Alipay (signed)" in hand_over(desk, refund)
    refund.refresh_from_db()
    assert (refund.status, refund.reference, refund.amount_fen) == ("DONE", "signed", 10000)
    event = payment.order.events.first()
    assert (event.kind, event.actor) == ("REFUNDED", refund.handed_by)
    assert list(broken_rules()) == []
    mailing.send(payment.order_id)
    assert "We've given ￥100.00 back to you." in mail.outbox[-1].body


def test_REF01_given_back_twice_counts_once(desk: Client) -> None:
    payment = paid_in_cash()
    press(desk, "give_back", payment, number=f"{payment.out_trade_no}_R1", amount="100", why="PRICE")
    refund = payment.refunds.get()
    hand_over(desk, refund)
    assert "the status is now “Completed”" in hand_over(desk, refund)
    assert payment.order.events.filter(kind="REFUNDED").count() == 1


def test_REF10_above_the_limit_a_second_person_releases_it(desk: Client) -> None:
    order = make.order(amount_fen=200_000)
    take(order, Money("TRANSFER", 200_000, "B-1"))
    payment = order.payments.get()
    press(desk, "give_back", payment, number=f"{payment.out_trade_no}_R1", amount="2000", why="PRICE")
    refund = payment.refunds.get()
    assert refund.status == "PROPOSED"
    assert "the status is now" in hand_over(desk, refund)
    press(make.browser_of(make.staff(roles.FINANCE)), "approve", refund, agreed="1")
    refund.refresh_from_db()
    assert (refund.status, refund.next_try_at) == ("DUE", None)
    hand_over(desk, refund)
    refund.refresh_from_db()
    assert refund.status == "DONE"
    assert list(broken_rules()) == []


def test_a_refund_that_is_approved_meanwhile_is_not_given_back_without_a_reference(desk: Client) -> None:
    payment = paid_in_cash()
    refund = refunds.create(payment, 10000, reason="STAFF")
    as_read = Refund.objects.get(pk=refund.pk)
    as_read.status = Refund.Status.PROPOSED
    with pytest.raises(CannotRefund):
        refunding.hand_over(as_read, by=make.staff(roles.FINANCE), reference="")
    refund.refresh_from_db()
    assert refund.status == "DUE"


def test_a_refund_at_alipay_is_not_given_back_by_hand(desk: Client) -> None:
    payment = make.attempt(
        make.order(status="WAIT_COMMENT"), status="PAID", live_for=None, received_fen=30000
    )
    press(desk, "give_back", payment, number=f"{payment.out_trade_no}_R1", amount="100", why="PRICE")
    refund = payment.refunds.get()
    assert "the status is now" in hand_over(desk, refund)
    refund.refresh_from_db()
    assert refund.status == "DUE"


def test_the_renters_cancellation_gives_cash_back_by_hand(gateway: Gateway) -> None:
    payment = paid_in_cash()
    order = Order.objects.get(pk=payment.order_id)
    cancellation.cancel(order, by=order.renter, agreed={})
    refund = payment.refunds.get()
    assert (refund.status, refund.amount_fen, refund.next_try_at) == ("DUE", 30000, None)
    browser = make.browser_of(order.renter)
    page = browser.get(order.get_absolute_url()).content.decode()
    assert "We&#39;ll give ￥300.00 back to you" in page or "We'll give ￥300.00 back to you" in page
    assert gateway.calls == []
    assert list(broken_rules()) == []


def test_a_shorter_stay_gives_the_difference_back_by_hand(gateway: Gateway) -> None:
    payment = paid_in_cash(renter=make.user(email="wang@example.com"), language="en")
    order = Order.objects.get(pk=payment.order_id)
    availability.hold(order.house, order.check_in, order.check_out, order_number=order.number)
    shorter = Stay(order.check_in, order.check_in + timedelta(days=1), order.guests)
    agreed = stay_changes.preview(order, shorter).agreed
    stay_changes.change(order, shorter, by=make.staff(roles.MANAGER), agreed=agreed)
    refund = payment.refunds.get()
    assert (refund.status, refund.amount_fen, refund.next_try_at) == ("DUE", 15000, None)
    assert list(broken_rules()) == []
    mailing.send(order.pk)
    assert "We'll give ￥150.00 back to you the way you paid it." in mail.outbox[-1].body
    assert "account you paid from" not in mail.outbox[-1].body


def test_the_renter_reads_that_it_was_paid_outside(gateway: Gateway) -> None:
    payment = paid_in_cash()
    browser = make.browser_of(payment.order.renter)
    page = browser.get(payment.order.get_absolute_url()).content.decode()
    assert page.count("Paid outside Alipay") == 2
    assert "Payment confirmed by Alipay" not in page
    receipt = browser.get(reverse("payments:receipt", args=[payment.order.number])).content.decode()
    assert "Cash" in receipt
    assert "R-17" in receipt
    assert "Alipay transaction no." not in receipt


def test_staff_see_who_took_it_and_that_it_counts_apart(desk: Client, django_assert_num_queries) -> None:
    payment = paid_in_cash()
    page = desk.get(f"/admin/orders/order/{payment.order_id}/change/")
    assert (page.context["money"].received, page.context["money"].outside) == (30000, 30000)
    assert "R-17" in page.content.decode()
    steps = [step.action for attempt in page.context["attempts"] for step in attempt.steps]
    assert steps == ["give_back"]


def test_downloads_tell_it_from_money_at_alipay(desk: Client) -> None:
    payment = paid_in_cash()
    press(desk, "give_back", payment, number=f"{payment.out_trade_no}_R1", amount="100", why="PRICE")
    hand_over(desk, payment.refunds.get())
    told = {"orders/order": "Cash", "payments/payment": "R-17", "payments/refund": "signed"}
    for path, reference in told.items():
        answer = desk.get(f"/admin/{path}/export.csv?q={payment.order.number}")
        [_head, line] = b"".join(answer).decode().splitlines()
        assert "Cash" in line, path
        assert reference in line, path


# --- Alipay is not asked about it ---------------------------------------------------------------------


@pytest.mark.whole_table
def test_the_bill_leaves_it_alone(gateway: Gateway) -> None:
    payment = paid_in_cash()
    refund = Refund.objects.create(
        payment=payment, out_request_no="x", amount_fen=100, status="DONE", done_at=timezone.now()
    )
    with time_machine.travel(timezone.now() + timedelta(days=3)):
        for day in {day_of(payment.created_at), day_of(payment.created_at + timedelta(days=1))}:
            report = reconcile(Bill("1", day, [], [], []))
            assert (report.ours.payments, report.ours.refunds) == (0, 0)
    assert not BillLine.objects.filter(payment__in=[payment, refund.payment]).exists()


@pytest.mark.whole_table
def test_no_bill_is_missed_before_the_first_attempt_at_alipay() -> None:
    paid_in_cash()
    with time_machine.travel(timezone.now() + timedelta(days=3)):
        assert not_compared() == []


def test_a_message_of_alipays_about_its_number_is_unknown(gateway: Gateway) -> None:
    payment = paid_in_cash()
    assert not callbacks.receive_notify(alipay.notify_body(payment))
    assert make.rows(GatewayMessage).get().verdict == "UNKNOWN_NUMBER"
    assert queries.due() == []


# --- two at once --------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_STA03_two_staff_confirm_the_same_cash_at_once(gateway: Gateway) -> None:
    order = make.order()
    browsers = [make.browser_of(make.staff(roles.FINANCE)) for _ in range(4)]
    forms = [form_of(browser, order) for browser in browsers]
    both = zip(browsers, forms, strict=True)
    at_once(*[lambda b=b, f=f: press(b, "confirm_outside", order, **f) for b, f in both])
    assert order.payments.get().received_fen == 30000
    assert list(broken_rules()) == []


def unguarded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away what staff saw: every press is another payment."""
    record = attempts.record_outside

    def always(order: Order, **columns: object) -> object:
        order = Order.objects.get(pk=order.pk)
        return record(order, **{**columns, "status": order.status, "number": next_number(order)})

    monkeypatch.setattr(attempts, "record_outside", always)


def test_twin_STA03_without_what_they_saw(monkeypatch: pytest.MonkeyPatch, gateway: Gateway) -> None:
    unguarded(monkeypatch)
    order = make.order()
    seen = {"status": order.status, "number": next_number(order)}
    take(order, **seen)
    assert take(order, **seen) is Outcome.SURPLUS  # 300 yuan counted that nobody paid


def meanwhile(monkeypatch: pytest.MonkeyPatch, rival: Callable[[], object]) -> None:
    """Let a rival act after the attempts were closed, right before the cash is recorded."""
    record = attempts.record_outside

    def late(order: Order, **columns: object) -> object:
        rival()
        return record(order, **columns)

    monkeypatch.setattr(attempts, "record_outside", late)


def test_CON05_cash_is_confirmed_while_alipays_notice_arrives(
    monkeypatch: pytest.MonkeyPatch, gateway: Gateway
) -> None:
    attempt = make.attempt()
    meanwhile(monkeypatch, lambda: callbacks.receive_notify(alipay.notify_body(attempt)))
    with pytest.raises(CannotConfirm):
        take(attempt.order)
    assert attempt.order.payments.get().status == "PAID"
    assert list(broken_rules()) == []


def test_twin_CON05_without_comparing_the_status(monkeypatch: pytest.MonkeyPatch, gateway: Gateway) -> None:
    attempt = make.attempt()
    unguarded(monkeypatch)
    meanwhile(monkeypatch, lambda: callbacks.receive_notify(alipay.notify_body(attempt)))
    assert take(attempt.order) is Outcome.SURPLUS
    assert attempt.order.payments.count() == 2


@pytest.mark.django_db(transaction=True)
def test_CON12_cash_and_a_notice_at_the_same_instant(gateway: Gateway) -> None:
    attempt = make.attempt()
    order, finance = attempt.order, make.staff(roles.FINANCE)
    seen = {"status": order.status, "number": next_number(order)}

    def cash() -> None:
        with contextlib.suppress(CannotConfirm):
            outside.confirm(Order.objects.get(pk=order.pk), CASH, by=finance, **seen)

    at_once(cash, lambda: callbacks.receive_notify(alipay.notify_body(attempt)))
    assert order.events.filter(kind="PAID").count() == 1
    assert order.payments.filter(status="PAID").count() == 1
    assert list(broken_rules()) == []


@pytest.mark.parametrize(
    "columns",
    [
        {"recorded_by": None},
        {"evidence": "QUERY"},
        {"trade_no": "2026112822001"},
        {"asked_at": timezone.now()},
        {"next_try_at": timezone.now()},
    ],
)
def test_a_row_that_nobody_confirmed_or_that_alipay_is_asked_about_breaks_a_rule(
    columns: dict[str, object],
) -> None:
    payment = paid_in_cash()

    @durable_transaction
    def spoil() -> None:
        Payment.objects.filter(pk=payment.pk).update(**columns)

    spoil()
    assert "I4" in {broken.rule for broken in broken_rules()}
