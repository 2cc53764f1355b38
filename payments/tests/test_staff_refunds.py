"""Refunds by staff: full or partial, idempotent, never more than was received, approved above a limit."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from core.transactions import durable_transaction
from ihome_site.settings import BASE_DIR
from jobs.sweep import sweep_once
from orders.models import Order
from payments import callbacks, refunding
from payments.books import refunds, rows
from payments.books.invariants import broken_rules
from payments.books.refunds import CannotRefund, create
from payments.models import Payment, Refund
from payments.refunding import approve, request_refund
from tests import alipay, make
from tests.alipay import Gateway
from tests.races import at_once, at_once_whatever_breaks

pytestmark = pytest.mark.django_db

Status = Refund.Status
LIMIT = 1000_00


@pytest.fixture
def payment() -> Payment:
    """A paid attempt of 300.00 yuan."""
    return paid()


def paid(fen: int = 30000) -> Payment:
    payment = make.attempt(make.order(amount_fen=fen))
    assert callbacks.receive_notify(alipay.notify_body(payment))
    payment.refresh_from_db()
    return payment


@pytest.fixture
def staff() -> User:
    return make.user(is_staff=True, is_superuser=True)


@pytest.fixture
def desk(staff: User) -> Client:
    """The browser of a member of staff, in English."""
    return make.browser_of(staff)


def clerk(*codenames: str) -> User:
    person = make.user(is_staff=True)
    person.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return person


def act(browser: Client, action: str, row: Payment | Refund, **fields: str):
    url = reverse(f"admin:payments_{row._meta.model_name}_changelist")
    return browser.post(url, {"action": action, "_selected_action": [row.pk], **fields}, follow=True)


def said(answer: object) -> str:
    return " ".join(str(message) for message in answer.context["messages"])


def form_of(browser: Client, payment: Payment) -> dict[str, str]:
    """The fields that the page sends if its button is pressed."""
    form = act(browser, "give_back", payment).context["form"]
    return {"number": form["number"].value(), "amount": form["amount"].value(), "words": "Heating broke"}


def kinds(payment: Payment) -> list[str]:
    return [event.kind for event in payment.order.events.all()]


def alipay_gives(gateway: Gateway) -> None:
    """Alipay makes every refund, and has made none before."""
    gateway.says["refund"] = lambda asked: alipay.answer(
        "refund", out_trade_no=asked["out_trade_no"], fund_change="Y", refund_fee=asked["refund_amount"]
    )
    gateway.says["fastpay.refund.query"] = alipay.answer("fastpay_refund_query")


# --- giving back --------------------------------------------------------------------------------------


def test_a_part_then_what_is_left(desk: Client, staff: User, payment: Payment, gateway: Gateway) -> None:
    alipay_gives(gateway)
    page = act(desk, "give_back", payment)
    assert "￥300.00" in page.content.decode()
    assert page.context["form"]["amount"].value() == "300.00"
    shown = said(act(desk, "give_back", payment, **{**form_of(desk, payment), "amount": "100.00"}))
    assert f"{payment.out_trade_no}_R1" in shown
    first = payment.refunds.get()
    assert (first.amount_fen, first.status, first.reason, first.explanation) == (
        10000,
        Status.DUE,
        "STAFF",
        "Heating broke",
    )
    event = payment.order.events.first()
    assert (event.kind, event.actor, event.reason) == ("REFUND_DUE", staff, "Heating broke")
    assert first.asked_by == staff
    of_payment, of_refund = LogEntry.objects.all()
    assert of_payment.user == of_refund.user == staff
    assert "100.00" in of_payment.change_message
    sweep_once()
    assert form_of(desk, payment)["amount"] == "200.00"
    act(desk, "give_back", payment, **form_of(desk, payment))
    with time_machine.travel(timezone.now() + timedelta(seconds=5)):
        sweep_once()
    assert sorted(payment.refunds.values_list("amount_fen", "status")) == [(10000, "DONE"), (20000, "DONE")]
    assert "nothing" in said(act(desk, "give_back", payment))
    assert payment.order.status == Order.Status.WAIT_COMMENT
    assert list(broken_rules()) == []


def test_the_page_of_a_payment_leads_there(desk: Client, payment: Payment) -> None:
    html = desk.get(reverse("admin:payments_payment_change", args=[payment.pk])).content.decode()
    assert re.search(r'name="action" value="give_back">\s*<input[^>]*name="_selected_action"', html)


def test_REF01_the_same_form_sent_twice(desk: Client, payment: Payment) -> None:
    form = {**form_of(desk, payment), "amount": "100.00"}
    act(desk, "give_back", payment, **form)
    assert "has just been made" in said(act(desk, "give_back", payment, **form))
    assert payment.refunds.get().amount_fen == 10000
    assert LogEntry.objects.count() == 2  # of the payment and of its refund


@pytest.mark.django_db(transaction=True)
@pytest.mark.race
def test_REF01_pressed_eight_times_at_once(staff: User, payment: Payment) -> None:
    assert refunds_of_one_form(staff, payment) == 1
    assert list(broken_rules()) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.race
def test_REF01_twin_a_form_without_comparing_its_number(
    staff: User, payment: Payment, monkeypatch: pytest.MonkeyPatch
) -> None:
    @durable_transaction
    def without_comparing(payment: Payment, fen: int, *, number: str, by: User, explanation: str) -> Refund:
        rows.lock_order(payment)
        return create(payment, fen, reason=Refund.Reason.STAFF, asked_by=by, explanation=explanation)

    monkeypatch.setattr(refunding, "request_refund", without_comparing)
    assert refunds_of_one_form(staff, payment) > 1


def refunds_of_one_form(staff: User, payment: Payment) -> int:
    form = {**form_of(make.browser_of(staff), payment), "amount": "30.00"}
    browsers = [make.browser_of(staff) for _ in range(8)]
    at_once(*[lambda b=b: act(b, "give_back", payment, **form).status_code for b in browsers])
    return payment.refunds.count()


def sixty_percent(payment: Payment) -> Callable[[], object]:
    return lambda: durable_transaction(create)(payment, 18000, reason=Refund.Reason.STAFF)


@pytest.mark.django_db(transaction=True)
@pytest.mark.race
def test_REF04_two_staff_give_back_sixty_percent_at_once(payment: Payment) -> None:
    at_once_whatever_breaks(*[sixty_percent(payment)] * 4)
    assert payment.refunds.get().amount_fen == 18000
    assert list(broken_rules()) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.race
def test_REF04_twin_check_then_act(payment: Payment, monkeypatch: pytest.MonkeyPatch) -> None:
    def check_then_act(payment: Payment, fen: int) -> bool:
        row = make.rows(Payment).get(pk=payment.pk)
        time.sleep(0.2)
        if row.refundable_fen < fen:
            return False
        make.rows(Payment).filter(pk=row.pk).update(refund_reserved_fen=row.refund_reserved_fen + fen)
        return True

    numbers = iter("ABCDEFGH")
    monkeypatch.setattr(refunds, "reserve", check_then_act)
    monkeypatch.setattr(refunds, "next_number", lambda payment: next(numbers))
    at_once_whatever_breaks(*[lambda: create(payment, 18000, reason=Refund.Reason.STAFF)] * 4)
    assert "I5" in {broken.rule for broken in broken_rules()}


def test_REF05_nothing_came_in(desk: Client) -> None:
    unpaid = make.attempt()
    assert "nothing left to refund" in said(act(desk, "give_back", unpaid))
    form = {"number": f"{unpaid.out_trade_no}_R1", "amount": "1.00", "words": "x"}
    act(desk, "give_back", unpaid, **form)
    assert not make.rows(Refund).exists()
    with pytest.raises(CannotRefund):
        request_refund(unpaid, 100, number=form["number"], by=make.user(), explanation="x")


WRONG = ["0.00", "-1.00", "0.001", "1.0", "1e2", "１.00", "1,000.00", "NaN", "300.01", "", " "]


@pytest.mark.parametrize("amount", WRONG)
def test_REF04_REF09_an_amount_that_cant_be(desk: Client, payment: Payment, amount: str) -> None:
    page = act(desk, "give_back", payment, **{**form_of(desk, payment), "amount": amount})
    assert page.context["form"].errors["amount"]
    assert "Heating broke" in page.content.decode()
    assert not make.rows(Refund).exists()


def test_an_amount_without_fen(desk: Client, payment: Payment) -> None:
    act(desk, "give_back", payment, **{**form_of(desk, payment), "amount": "30"})
    assert payment.refunds.get().amount_fen == 3000


def test_an_explanation_is_required_and_no_longer_than_its_column(desk: Client, payment: Payment) -> None:
    for explanation in ("", " ", "房" * 201):
        page = act(desk, "give_back", payment, **{**form_of(desk, payment), "words": explanation})
        assert page.context["form"].errors["words"]
    assert not make.rows(Refund).exists()
    act(desk, "give_back", payment, **{**form_of(desk, payment), "words": "房" * 200})
    assert payment.refunds.get().explanation == "房" * 200


def test_one_payment_at_a_time(desk: Client, payment: Payment) -> None:
    url = reverse("admin:payments_payment_changelist")
    both = {"action": "give_back", "_selected_action": [payment.pk, paid().pk]}
    assert "exactly one" in said(desk.post(url, both, follow=True))


def test_a_refund_by_staff_is_sent_when_an_automatic_one_would_wait(
    desk: Client, payment: Payment, gateway: Gateway
) -> None:
    alipay_gives(gateway)
    make.rows(Payment).update(contradicted_at=timezone.now())
    act(desk, "give_back", payment, **form_of(desk, payment))
    sweep_once()
    assert payment.refunds.get().status == Status.DONE


# --- a second person ----------------------------------------------------------------------------------


def test_REF10_above_the_limit_somebody_else_approves(desk: Client, staff: User, gateway: Gateway) -> None:
    alipay_gives(gateway)
    payment = paid(LIMIT + 1)
    assert "awaits approval by another staff member" in said(
        act(desk, "give_back", payment, **form_of(desk, payment))
    )
    refund = payment.refunds.get()
    payment.refresh_from_db()
    assert (refund.status, payment.refundable_fen, kinds(payment)) == (Status.PROPOSED, 0, ["PAID"])
    with time_machine.travel(timezone.now() + timedelta(days=1)):
        sweep_once()
    assert gateway.count("refund") == 0

    page = act(desk, "approve", refund)  # shows the refund and asks for confirmation
    for text in (refund.out_request_no, str(staff), "Heating broke"):
        assert text in page.content.decode()
    assert "yourself" in said(act(desk, "approve", refund, agreed="1"))
    refund.refresh_from_db()
    assert refund.status == Status.PROPOSED

    other = clerk("view_refund", "change_refund")
    act(make.browser_of(other), "approve", refund)
    refund.refresh_from_db()
    assert refund.status == Status.PROPOSED
    act(make.browser_of(other), "approve", refund, agreed="1")
    refund.refresh_from_db()
    assert (refund.status, refund.asked_by, refund.approved_by) == (Status.DUE, staff, other)
    event = payment.order.events.first()
    assert (event.kind, event.actor, event.reason) == ("REFUND_DUE", other, "Heating broke")
    assert LogEntry.objects.filter(user=other, object_id=str(refund.pk)).count() == 1
    assert "no longer possible" in said(act(make.browser_of(other), "approve", refund, agreed="1"))
    sweep_once()
    refund.refresh_from_db()
    assert refund.status == Status.DONE
    assert list(broken_rules()) == []


def test_REF10_at_the_limit_one_is_enough_and_small_parts_add_up(staff: User) -> None:
    payment = paid(3 * LIMIT)

    def give(fen: int) -> str:
        number = refunds.next_number(payment)
        return request_refund(payment, fen, number=number, by=staff, explanation="x").status

    assert give(LIMIT - 100) == Status.DUE
    assert give(100) == Status.DUE
    assert give(1) == Status.PROPOSED
    approve(payment.refunds.get(status=Status.PROPOSED), by=make.user(is_staff=True))
    assert give(1) == Status.PROPOSED
    assert list(broken_rules()) == []


def test_REF10_approved_refunds_do_not_count_towards_the_limit(staff: User) -> None:
    payment = paid(3 * LIMIT)
    request_refund(payment, LIMIT + 1, number=f"{payment.out_trade_no}_R1", by=staff, explanation="x")
    approve(payment.refunds.get(), by=make.user(is_staff=True))
    second = request_refund(payment, LIMIT, number=f"{payment.out_trade_no}_R2", by=staff, explanation="x")
    assert second.status == Status.DUE


def test_REF10_an_automatic_refund_needs_no_approval(settings: object) -> None:
    settings.STAFF_REFUND_LIMIT_FEN = 1
    payment = make.attempt()
    make.rows(Order).update(status=Order.Status.CANCELED)
    callbacks.receive_notify(alipay.notify_body(payment))
    assert payment.refunds.get().status == Status.DUE


@pytest.mark.django_db(transaction=True)
@pytest.mark.race
def test_REF10_approved_and_given_up_at_the_same_moment(staff: User) -> None:
    for _ in range(3):
        payment = paid(LIMIT + 1)
        request_refund(payment, LIMIT + 1, number=f"{payment.out_trade_no}_R1", by=staff, explanation="x")
        refund, others = payment.refunds.get(), [make.user(is_staff=True) for _ in range(4)]
        at_once_whatever_breaks(
            *[lambda by=by, refund=refund: approve(refund, by=by) for by in others],
            lambda refund=refund: refunding.give_up(refund, by=staff, explanation="x"),
        )
        refund.refresh_from_db()
        events = kinds(payment).count("REFUND_DUE")
        assert refund.status in (Status.DUE, Status.GIVEN_UP)
        assert events == (0 if refund.approved_by is None else 1)
        assert list(broken_rules()) == []


# --- giving up ----------------------------------------------------------------------------------------


def refund_in(status: str, payment: Payment) -> Refund:
    refund = durable_transaction(create)(payment, 30000, reason=Refund.Reason.CANCELED)
    make.rows(Refund).filter(pk=refund.pk).update(status=status)
    refund.refresh_from_db()
    return refund


@pytest.mark.parametrize("status", [Status.PROPOSED, Status.DUE, Status.REFUSED])
def test_given_up_with_a_reason_and_its_money_is_free_again(
    desk: Client, staff: User, payment: Payment, gateway: Gateway, status: str
) -> None:
    alipay_gives(gateway)
    refund = refund_in(status, payment)
    assert act(desk, "give_up", refund, words=" ").context["form"].errors
    assert "1 refund updated" in said(act(desk, "give_up", refund, words="Paid back in cash"))
    refund.refresh_from_db()
    payment.refresh_from_db()
    assert (refund.status, refund.next_try_at, payment.refundable_fen) == (Status.GIVEN_UP, None, 30000)
    assert "Paid back in cash" in LogEntry.objects.get(user=staff).change_message
    event = payment.order.events.first()
    if status == Status.PROPOSED:
        assert event.kind == "REFUND_DUE"  # from the fixture: no new event
    else:
        assert (event.kind, event.actor, event.reason) == ("REFUND_OFF", staff, "Paid back in cash")
    with time_machine.travel(timezone.now() + timedelta(days=1)):
        sweep_once()
    assert not refunding.retry(refund)
    assert gateway.count("refund") == 0
    act(desk, "give_back", payment, **form_of(desk, payment))
    assert payment.refunds.get(status=Status.DUE).out_request_no.endswith("_R2")
    assert list(broken_rules()) == []


@pytest.mark.parametrize(
    ("status", "refusal"),
    [
        (Status.SENT, "may be on its way"),
        (Status.DONE, "no longer possible"),
        (Status.GIVEN_UP, "no longer possible"),
    ],
)
def test_a_refund_that_may_be_on_its_way_is_not_given_up(
    desk: Client, payment: Payment, status: str, refusal: str
) -> None:
    refund = refund_in(status, payment)
    assert refusal in said(act(desk, "give_up", refund, words="x"))
    payment.refresh_from_db()
    assert payment.refundable_fen == 0


def late_refund(payment: Payment, *, sent_ago: timedelta) -> Refund:
    refund = refund_in(Status.SENT, payment)
    now = timezone.now()
    times = {"due_at": now - timedelta(hours=25), "tried_at": now - sent_ago}
    make.rows(Refund).filter(pk=refund.pk).update(**times)
    refund.refresh_from_db()
    return refund


def knows_no_refund(payment: Payment, gateway: Gateway) -> None:
    answer = alipay.answer("fastpay_refund_query", out_trade_no=payment.out_trade_no)
    gateway.says["fastpay.refund.query"] = answer


def test_a_refund_that_alipay_has_not_made_for_a_day_can_be_given_up(
    desk: Client, payment: Payment, gateway: Gateway
) -> None:
    knows_no_refund(payment, gateway)
    refund = late_refund(payment, sent_ago=timedelta(hours=1))
    assert "1 refund updated" in said(act(desk, "give_up", refund, words="Paid back in cash"))
    payment.refresh_from_db()
    assert payment.refundable_fen == 30000
    assert kinds(payment)[0] == "REFUND_OFF"
    assert list(broken_rules()) == []


@pytest.mark.parametrize(("sent_ago", "alipay_answers"), [(timedelta(hours=1), False), (timedelta(0), True)])
def test_a_refund_that_alipay_may_be_making_now_is_not_given_up(
    desk: Client, payment: Payment, gateway: Gateway, sent_ago: timedelta, alipay_answers: bool
) -> None:
    if alipay_answers:
        knows_no_refund(payment, gateway)
    refund = late_refund(payment, sent_ago=sent_ago)
    act(desk, "give_up", refund, words="x")
    refund.refresh_from_db()
    assert refund.status == Status.SENT


def test_REF10_the_approval_page_shows_the_orders_status_and_other_refunds(desk: Client, staff: User) -> None:
    payment = paid(2 * LIMIT)
    request_refund(payment, LIMIT, number=f"{payment.out_trade_no}_R1", by=staff, explanation="x")
    refund = request_refund(payment, LIMIT, number=f"{payment.out_trade_no}_R2", by=staff, explanation="x")
    make.rows(Order).update(status=Order.Status.CANCELED)
    page = act(desk, "approve", refund).content.decode()
    assert "Cancelled" in page
    assert "￥1,000.00 of ￥2,000.00 refunded or on its way" in page


def test_the_day_begins_when_a_refund_is_approved_or_retried(staff: User, gateway: Gateway) -> None:
    payment = paid(LIMIT + 1)
    refund = request_refund(
        payment, LIMIT + 1, number=f"{payment.out_trade_no}_R1", by=staff, explanation="x"
    )

    def is_late() -> bool:
        return make.rows(Refund).filter(Refund.late()).exists()

    with time_machine.travel(timezone.now() + timedelta(hours=25)):
        approve(refund, by=make.user(is_staff=True))
        assert not is_late()
    with time_machine.travel(timezone.now() + timedelta(hours=51)):
        assert is_late()
        make.rows(Refund).update(status=Status.REFUSED)
        assert refunding.retry(refund)
        assert not is_late()


def test_a_refund_that_was_sent_since_it_was_read_is_not_given_up_without_a_query(
    payment: Payment, staff: User, gateway: Gateway
) -> None:
    """A DUE refund is given up without a query; one that was sent is not."""
    refund = refund_in(Status.DUE, payment)
    long_ago = timezone.now() - timedelta(days=2)
    make.rows(Refund).update(status=Status.SENT, due_at=long_ago, tried_at=long_ago)
    with pytest.raises(CannotRefund):
        refunding.give_up(refund, by=staff, explanation="x")
    assert make.rows(Refund).get().status == Status.SENT


def test_too_many_are_not_given_up_at_once(desk: Client, payment: Payment) -> None:
    for _ in range(11):
        durable_transaction(create)(payment, 1, reason=Refund.Reason.CANCELED)
    chosen = [str(refund.pk) for refund in make.rows(Refund).all()]
    address = reverse("admin:payments_refund_changelist")
    answer = desk.post(address, {"action": "give_up", "_selected_action": chosen, "words": "x"}, follow=True)
    assert "Select at most 10" in said(answer)
    assert set(make.rows(Refund).values_list("status", flat=True)) == {Status.DUE}


def test_REF06_a_refused_one_that_alipay_made_after_all_is_done(
    desk: Client, payment: Payment, gateway: Gateway
) -> None:
    refund = refund_in(Status.REFUSED, payment)
    gateway.says["fastpay.refund.query"] = alipay.answer(
        "fastpay_refund_query",
        out_trade_no=payment.out_trade_no,
        out_request_no=refund.out_request_no,
        refund_amount="300.00",
        refund_status="REFUND_SUCCESS",
    )
    shown = said(act(desk, "give_up", refund, words="Paid in cash"))
    assert "the status is now “Completed”" in shown and "not used: Paid in cash" in shown
    refund.refresh_from_db()
    payment.refresh_from_db()
    assert (refund.status, payment.refundable_fen) == (Status.DONE, 0)


def test_REF06_a_refused_one_stays_while_alipay_is_silent(
    desk: Client, payment: Payment, gateway: Gateway
) -> None:
    refund = refund_in(Status.REFUSED, payment)
    assert "no usable answer" in said(act(desk, "give_up", refund, words="x"))
    refund.refresh_from_db()
    assert refund.status == Status.REFUSED


def given_up_while_it_is_about_to_be_sent(
    payment: Payment, staff: User, monkeypatch: pytest.MonkeyPatch, mark_sent: Callable[[Refund], bool]
) -> Refund:
    refund = refund_in(Status.DUE, payment)

    def rival_first(refund: Refund) -> bool:
        refunding._give_up(refund, by=staff, explanation="x")
        return mark_sent(refund)

    monkeypatch.setattr(refunds, "mark_sent", rival_first)
    sweep_once()
    refund.refresh_from_db()
    return refund


@pytest.mark.django_db(transaction=True)
def test_given_up_at_the_last_moment_is_not_sent(
    payment: Payment, staff: User, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    alipay_gives(gateway)
    real = refunds.mark_sent
    refund = given_up_while_it_is_about_to_be_sent(payment, staff, monkeypatch, real)
    assert (refund.status, gateway.calls) == (Status.GIVEN_UP, [])


@pytest.mark.django_db(transaction=True)
def test_twin_given_up_at_the_last_moment_without_comparing(
    payment: Payment, staff: User, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    alipay_gives(gateway)

    def without_looking(refund: Refund) -> bool:
        return bool(make.rows(Refund).filter(pk=refund.pk).update(status=Status.SENT))

    given_up_while_it_is_about_to_be_sent(payment, staff, monkeypatch, without_looking)
    assert gateway.count("refund") == 1
    assert "I5" in {broken.rule for broken in broken_rules()}


# --- a refused one beside a new one -------------------------------------------------------------------


def refused_then_tried_again_beside_a_new_one(payment: Payment, staff: User, gateway: Gateway) -> None:
    gateway.says["refund"] = alipay.business_error("refund", "ACQ.SELLER_BALANCE_NOT_ENOUGH")
    refused = durable_transaction(create)(payment, 30000, reason=Refund.Reason.CANCELED)
    sweep_once()
    alipay_gives(gateway)
    number = refunds.next_number(payment)
    at_once_whatever_breaks(
        lambda: refunding.retry(refused),
        lambda: request_refund(payment, 30000, number=number, by=staff, explanation="x"),
    )
    for seconds in (20, 60):
        with time_machine.travel(timezone.now() + timedelta(seconds=seconds)):
            sweep_once()


@pytest.mark.django_db(transaction=True)
@pytest.mark.race
def test_REF04_REF06_a_refused_one_still_counts(payment: Payment, staff: User, gateway: Gateway) -> None:
    refused_then_tried_again_beside_a_new_one(payment, staff, gateway)
    assert payment.refunds.get().status == Status.DONE
    assert list(broken_rules()) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.race
def test_REF04_twin_a_refused_one_that_no_longer_counts(
    payment: Payment, staff: User, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    def release(refund: Refund, refusal: str) -> None:
        make.rows(Refund).filter(pk=refund.pk).update(status=Status.REFUSED, next_try_at=None)
        make.rows(Payment).filter(pk=refund.payment_id).update(refund_reserved_fen=0)

    monkeypatch.setattr(refunds, "mark_refused", release)
    refused_then_tried_again_beside_a_new_one(payment, staff, gateway)
    assert sum(payment.refunds.filter(status=Status.DONE).values_list("amount_fen", flat=True)) == 60000
    assert "I5" in {broken.rule for broken in broken_rules()}


# --- a pause between two of one trade -----------------------------------------------------------------


def sent_by_four_sweeps(gateway: Gateway) -> int:
    """The number of refunds of one payment that are sent at the same moment."""
    alipay_gives(gateway)
    payment = paid()
    for _ in range(3):
        durable_transaction(create)(payment, 10000, reason=Refund.Reason.CANCELED)
    at_once(*[sweep_once] * 4)
    return gateway.count("refund")


@pytest.mark.django_db(transaction=True)
@pytest.mark.race
def test_three_seconds_lie_between_refunds_of_one_trade(gateway: Gateway) -> None:
    assert sent_by_four_sweeps(gateway) == 1
    for count in (2, 3):
        with time_machine.travel(timezone.now() + timedelta(seconds=4 * count)):
            sweep_once()
        assert gateway.count("refund") == count
    assert set(make.rows(Refund).values_list("status", flat=True)) == {Status.DONE}


@pytest.mark.django_db(transaction=True)
@pytest.mark.race
def test_twin_no_pause_between_refunds_of_one_trade(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refunds, "PAUSE_BETWEEN_REFUNDS", timedelta(0))
    assert sent_by_four_sweeps(gateway) > 1


def test_a_clock_that_was_ahead_holds_no_refund_back(payment: Payment, gateway: Gateway) -> None:
    alipay_gives(gateway)
    refund_in(Status.DUE, payment)
    make.rows(Refund).update(tried_at=timezone.now() + timedelta(days=1))
    sweep_once()
    assert gateway.count("refund") == 1


# --- who may ------------------------------------------------------------------------------------------

LOOK = ("view_payment", "view_refund", "view_order", "change_order", "view_gatewaymessage")


def test_STA05_looking_is_not_giving(payment: Payment, gateway: Gateway, staff: User) -> None:
    alipay_gives(gateway)
    request_refund(payment, 100, number=f"{payment.out_trade_no}_R1", by=staff, explanation="x")
    refund = payment.refunds.get()
    browser = make.browser_of(clerk(*LOOK))
    for status, action in (("PROPOSED", "approve"), ("REFUSED", "try_again"), ("DUE", "give_up")):
        make.rows(Refund).update(status=status)
        act(browser, action, refund, words="x", agreed="1")
        refund.refresh_from_db()
        assert refund.status == status
    form = {"number": f"{payment.out_trade_no}_R2", "amount": "1.00", "words": "x"}
    act(browser, "give_back", payment, **form)
    assert payment.refunds.count() == 1
    for row in (payment, refund):
        html = browser.get(reverse(f"admin:payments_{row._meta.model_name}_change", args=[row.pk]))
        assert 'name="action"' not in html.content.decode()


@pytest.mark.parametrize("action", ["give_back", "approve", "try_again", "give_up"])
def test_STA05_refused_without_permission(payment: Payment, action: str) -> None:
    refund = refund_in(Status.DUE, payment)
    row = payment if action == "give_back" else refund
    url = reverse(f"admin:payments_{row._meta.model_name}_changelist")
    fields = {
        "action": action,
        "_selected_action": [row.pk],
        "words": "x",
        "amount": "1.00",
        "number": "x",
        "agreed": "1",
    }
    assert make.browser_of(make.user(is_staff=True)).post(url, fields).status_code == 403
    assert make.browser_of(payment.order.renter).post(url, fields).status_code == 302
    assert Client(enforce_csrf_checks=True).post(url, fields).status_code in (302, 403)
    refund.refresh_from_db()
    assert (refund.status, payment.refunds.count()) == (Status.DUE, 1)


# --- the limit is set -------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", ["1000", "1e3", "-1.00", "none"])
def test_REF10_an_invalid_limit_stops_the_start_with_a_message(limit: str) -> None:
    command = [sys.executable, "-c", "import ihome_site.settings"]
    environment = {**os.environ, "STAFF_REFUND_LIMIT": limit}
    start = subprocess.run(command, cwd=BASE_DIR, env=environment, capture_output=True, text=True, timeout=60)
    assert start.returncode != 0
    assert f"STAFF_REFUND_LIMIT={limit} is no amount in yuan with two decimals" in start.stderr


def test_who_retries_second_is_told_that_it_is_on_its_way(desk: Client, payment: Payment) -> None:
    refund = create(payment, 100, reason="STAFF")
    Refund.objects.filter(pk=refund.pk).update(status=Status.REFUSED)
    address, sent = "/admin/payments/refund/", {"action": "try_again", "_selected_action": refund.pk}
    assert "1 refund will be retried" in desk.post(address, sent, follow=True).content.decode()
    twice = desk.post(address, sent, follow=True).content.decode()
    assert f"{refund.out_request_no}: no longer possible" in twice
    assert "will be retried" not in twice
    assert LogEntry.objects.filter(object_id=str(refund.pk), change_message="Retried.").count() == 1
