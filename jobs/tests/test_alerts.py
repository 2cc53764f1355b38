"""The work queue: rows that need a human are listed in the admin and logged once a day."""

from datetime import timedelta

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.contrib.auth import SESSION_KEY
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from jobs import alerts, sweep
from jobs.models import Heartbeat
from jobs.sweep import Task, sweep_once
from orders.models import Order
from payments import callbacks, queries
from payments.books import message_log
from payments.books.invariants import broken_rules
from payments.books.refunds import create
from payments.models import GatewayMessage, Payment, Refund
from payments.staff import work_queue
from payments.staff.resolution import resolve
from tests import alipay, make
from tests.alipay import Gateway

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
REFUSAL = {"code": "40006", "msg": "no", "sub_code": "isv.insufficient-isv-permissions"}


@pytest.fixture
def desk(client: Client) -> Client:
    client.force_login(make.user(is_staff=True, is_superuser=True))
    client.cookies["django_language"] = "en"
    return client


def waiting(desk: Client, model: type[Payment] | type[Refund] | type[GatewayMessage]) -> list[object]:
    desk.force_login(User.objects.get(pk=desk.session[SESSION_KEY]))  # days later, the session is over
    address = reverse(f"admin:payments_{model._meta.model_name}_changelist")
    return list(desk.get(address, {"for_staff": "1"}).context["cl"].queryset)


def test_a_payment_without_a_final_answer(
    desk: Client, gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    payment = make.attempt()
    gateway.says["query"] = alipay.answer("query", **REFUSAL)
    with time_machine.travel(payment.expires_at + DAY - timedelta(minutes=1)):
        sweep_once()
        assert waiting(desk, Payment) == []
    caplog.clear()
    with time_machine.travel(payment.expires_at + 2 * DAY):
        sweep_once()
        sweep_once()
        assert waiting(desk, Payment) == [payment]
    logged = [r.getMessage() for r in caplog.records if r.name == "jobs.alerts"]
    payments = [message for message in logged if "1 payments" in message]
    assert len(payments) == 1  # not again in the second round
    assert payment.out_trade_no in payments[0]


def test_a_payment_with_a_return_as_its_only_evidence(desk: Client, gateway: Gateway) -> None:
    payment = make.attempt()
    make.rows(Payment).update(status="PAID", evidence="RETURN", received_fen=30000, paid_at=timezone.now())
    assert waiting(desk, Payment) == []
    with time_machine.travel(timezone.now() + 1.1 * DAY):
        desk.force_login(make.user(is_staff=True, is_superuser=True))
        assert waiting(desk, Payment) == [payment]


def test_a_contradicted_payment(desk: Client, gateway: Gateway) -> None:
    payment = make.attempt(contradicted_at=timezone.now())
    assert waiting(desk, Payment) == [payment]


@pytest.mark.whole_table
def test_an_empty_work_queue_is_not_logged(caplog: pytest.LogCaptureFixture, gateway: Gateway) -> None:
    make.attempt()
    sweep_once()
    assert not [r for r in caplog.records if r.name == "jobs.alerts"]


@pytest.mark.whole_table
def test_a_bill_that_was_not_compared(caplog: pytest.LogCaptureFixture, gateway: Gateway) -> None:
    with time_machine.travel("2026-11-20 04:00"):
        make.attempt(status="CLOSED")
    with time_machine.travel("2026-11-23 04:00"):
        sweep_once()
    assert "1 missing bills (2026-11-20)" in caplog.text


def returned(gateway: Gateway) -> Payment:
    """A paid attempt with a signed return as its only evidence, because Alipay did not answer."""
    payment = make.attempt()
    callbacks.receive_return(alipay.return_url(payment).partition("?")[2].encode())
    payment.refresh_from_db()
    assert payment.evidence == "RETURN"
    return payment


def test_our_own_refund_proves_that_the_money_came(gateway: Gateway) -> None:
    """Alipay reports TRADE_CLOSED after a full refund: that is no contradiction."""
    payment = returned(gateway)
    refund = create(
        payment, 30000, reason=Refund.Reason.STAFF, asked_by=make.user(is_staff=True), explanation="x"
    )
    values = {"out_trade_no": payment.out_trade_no, "fund_change": "Y", "refund_fee": "300.00"}
    gateway.says["refund"] = alipay.answer("refund", **values)
    sweep_once()
    refund.refresh_from_db()
    payment.refresh_from_db()
    assert (refund.status, payment.evidence, payment.next_try_at) == ("DONE", "QUERY", None)
    gateway.says["query"] = alipay.closed(payment)
    make.rows(Payment).update(asked_at=None)
    queries.query_trade(payment)
    assert payment.contradicted_at is None
    assert payment not in Payment.objects.unsure()
    assert list(broken_rules()) == []


def test_a_refund_in_alipays_console_proves_it_too(gateway: Gateway) -> None:
    payment = returned(gateway)
    gateway.says["fastpay.refund.query"] = alipay.answer(
        "fastpay_refund_query",
        out_trade_no=payment.out_trade_no,
        out_request_no="console-1",
        refund_amount="100.00",
        refund_status="REFUND_SUCCESS",
    )
    fields = {"refund_fee": "100.00", "gmt_refund": "2026-11-22 21:00:00", "out_biz_no": "console-1"}
    callbacks.receive_notify(alipay.notify_body(payment, **fields))
    payment.refresh_from_db()
    assert (payment.evidence, payment.contradicted_at, payment.refundable_fen) == ("QUERY", None, 20000)


def test_a_wrong_amount_in_repeated_answers_is_logged_once(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    payment = make.attempt()
    gateway.says["query"] = alipay.paid(payment, total_amount="0.01")
    for _ in range(5):
        make.rows(Payment).update(asked_at=None)
        queries.query_trade(payment)
    assert payment.messages.filter(verdict="WRONG_AMOUNT").count() == 1
    assert len([r for r in caplog.records if r.levelname == "ERROR"]) == 1


def test_messages_are_closed_with_a_note_and_stay_closed(desk: Client, gateway: Gateway) -> None:
    payment = make.attempt()
    gateway.says["query"] = alipay.paid(payment, total_amount="0.01")
    queries.query_trade(payment)
    (message,) = waiting(desk, GatewayMessage)
    chosen = {"action": "dealt_with", "_selected_action": [str(message.pk)]}
    address = reverse("admin:payments_gatewaymessage_changelist")
    assert desk.post(address, chosen).context["form"].errors == {}
    desk.post(address, {**chosen, "how": "Asked Alipay: a test of theirs"})
    message.refresh_from_db()
    assert (message.outcome, message.done_at is None) == ("Asked Alipay: a test of theirs", False)
    make.rows(Payment).update(asked_at=None)
    queries.query_trade(payment)  # the same answer again
    assert waiting(desk, GatewayMessage) == []
    assert make.rows(Order).get().status == Order.Status.WAIT_PAYMENT


def test_a_message_in_the_work_queue_stays_when_alipay_repeats_it(desk: Client, gateway: Gateway) -> None:
    payment = make.attempt()
    gateway.says["query"] = alipay.paid(payment, total_amount="0.01")
    queries.query_trade(payment)
    (message,) = waiting(desk, GatewayMessage)
    make.rows(Payment).update(asked_at=None)
    queries.query_trade(payment)
    assert waiting(desk, GatewayMessage) == [message]


def test_closing_what_is_closed_is_no_success(desk: Client, gateway: Gateway) -> None:
    message = message_log.record_signed("NOTIFY", b"x", {})
    message_log.judge(message, "UNEXPECTED")
    chosen = {"action": "dealt_with", "_selected_action": [str(message.pk)], "how": "x"}
    address = reverse("admin:payments_gatewaymessage_changelist")
    levels = [
        [shown.level_tag for shown in desk.post(address, chosen, follow=True).context["messages"]]
        for _ in "12"
    ]
    assert levels == [["success"], ["warning", "warning"]]  # the second with what was typed in vain


def test_a_message_with_another_verdict_for_staff_is_open_again(gateway: Gateway) -> None:
    message = message_log.record_signed("NOTIFY", b"x", {})
    staff = make.user(is_staff=True)
    assert resolve(message, by=staff, how="Cut short: it will come again")
    message_log.judge(message, "UNEXPECTED")
    message.refresh_from_db()
    assert (message.done_at, message.done_by, message.outcome) == (None, None, "")
    assert resolve(message, by=staff, how="Looked at it")
    message_log.judge(message, "UNEXPECTED")
    message.refresh_from_db()
    assert message.outcome == "Looked at it"


def test_a_contradiction_without_money_is_dismissed_with_a_note(desk: Client, gateway: Gateway) -> None:
    now = timezone.now()
    payment = make.attempt(status="CLOSED", live_for=None, contradicted_at=now)
    paid = make.attempt(status="PAID", live_for=None, contradicted_at=now, received_fen=30000)
    chosen = {"action": "dealt_with", "how": "Alipay's console knows no such trade"}
    address = reverse("admin:payments_payment_changelist")
    both = desk.post(address, {**chosen, "_selected_action": [payment.pk, paid.pk]}, follow=True)
    assert "Only for closed payments" in both.content.decode()
    assert len(waiting(desk, Payment)) == 2
    desk.post(address, {**chosen, "_selected_action": [payment.pk]})
    assert waiting(desk, Payment) == [paid]
    assert payment not in Payment.objects.unsure()
    entry = LogEntry.objects.get()
    assert (entry.object_id, "no such trade" in entry.change_message) == (str(payment.pk), True)


def test_a_dismissed_contradiction_does_not_come_back_with_the_same_return(
    desk: Client, gateway: Gateway
) -> None:
    payment = make.attempt()
    gateway.says["query"] = alipay.closed(payment)

    def comes_back() -> None:
        callbacks.receive_return(alipay.return_url(payment).partition("?")[2].encode())
        payment.refresh_from_db()

    comes_back()
    comes_back()
    assert (payment.status, payment.contradicted_at is None) == ("CLOSED", False)
    chosen = {"action": "dealt_with", "_selected_action": [payment.pk], "how": "No such trade"}
    desk.post(reverse("admin:payments_payment_changelist"), chosen)
    comes_back()
    assert payment.contradicted_at is None
    assert (waiting(desk, Payment), waiting(desk, GatewayMessage)) == ([], [])


def test_if_a_sweep_is_killed_before_its_alert_the_next_one_logs_it(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    make.attempt(contradicted_at=timezone.now())

    def die(*arguments: object) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as killed, pytest.raises(KeyboardInterrupt):
        killed.setattr(sweep, "TASKS", [Task("alerts", alerts.due, die)])
        sweep_once()
    sweep_once()
    assert "1 payments" in caplog.text


def test_only_the_first_bytes_of_an_unsigned_answer_are_kept() -> None:
    message = message_log.record_answer(b"x" * 60_000, signed=False, payment=make.attempt())
    message.refresh_from_db()
    assert len(message.raw) == message_log.KEPT_BYTES_OF_BAD


def test_the_name_of_each_list_fits_its_heartbeat() -> None:
    """On SQLite a longer one is stored, on MariaDB it would silence the alert."""
    longest = Heartbeat._meta.get_field("name").max_length
    assert [name for name in work_queue.LISTS if len(f"told {name}") > (longest or 0)] == []
