"""The sweep: polls, expiries, refunds, mails and clean-up without any return or notice."""

import io
import signal
import threading
from contextlib import suppress
from datetime import timedelta
from functools import partial
from itertools import pairwise

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.core import mail
from django.core.management import call_command
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from accounts.models import User
from houses import availability
from houses.models import BookedNight
from jobs import cleanup
from jobs.management.commands import sweep
from jobs.sweep import sweep_once
from orders.models import Order
from payments import callbacks, queries
from payments.books import attempts, message_log
from payments.books.invariants import broken_rules
from payments.models import GatewayMessage, Payment
from payments.tests.test_return import PAID, state
from tests import alipay, make
from tests.alipay import Gateway
from tests.races import at_once

Status = Order.Status


def with_nights(order: Order) -> Order:
    availability.hold(order.house, order.check_in, order.check_out, order_number=order.number)
    return order


@pytest.fixture
def payment(db: None) -> Payment:
    return make.attempt(with_nights(make.order()), next_try_at=timezone.now())


def later(**delta: float) -> time_machine.travel:
    return time_machine.travel(timezone.now() + timedelta(**delta))


def test_RET09_NOT23_neither_return_nor_notify_ever_comes(payment: Payment, gateway: Gateway) -> None:
    gateway.says["query"] = alipay.paid(payment)
    with later(seconds=16):
        assert sweep_once()["polled"] == 1
    assert state(payment) == PAID
    assert list(broken_rules()) == []


@pytest.mark.whole_table
def test_an_attempt_that_is_not_due_is_left_alone(payment: Payment, gateway: Gateway) -> None:
    make.rows(Payment).update(next_try_at=timezone.now() + timedelta(seconds=30))
    assert sweep_once().total() == 0
    assert gateway.calls == []


@pytest.mark.any_database  # nearly 400 sweeps; those of the tests below run there
def test_polls_at_growing_intervals_until_the_final_answer(payment: Payment, gateway: Gateway) -> None:
    gateway.says["query"] = alipay.not_existing()
    start = timezone.now()
    asked = []
    for second in range(0, 32 * 60 + 30, 5):
        with time_machine.travel(start + timedelta(seconds=second), tick=False):
            if sweep_once()["polled"]:
                asked.append(second)
    waits = [later - earlier for earlier, later in pairwise(asked)]
    assert waits[:3] == [15, 30, 60]
    assert all(wait <= 80 for wait in waits)  # at most two minutes, with the pause between rounds
    payment.refresh_from_db()
    assert payment.status == "CLOSED"
    # expired after 30 minutes, final answer 2 minutes later
    assert asked[-1] == pytest.approx(32 * 60, abs=10)


def test_QRY05_BOK03_GWX04_nights_are_held_until_the_final_answer(payment: Payment, gateway: Gateway) -> None:
    gateway.says["query"] = alipay.not_existing()
    with later(minutes=31):
        sweep_once()
        assert state(payment)[:2] == (Status.WAIT_PAYMENT, "OPEN")
        assert make.rows(BookedNight).count() == 2
    with later(minutes=33):
        make.rows(Payment).update(next_try_at=timezone.now())
        sweep_once()
    assert state(payment) == (Status.CANCELED, "CLOSED", 0)
    assert not make.rows(BookedNight).exists()
    assert [event.kind for event in payment.order.events.all()] == ["EXPIRED"]


def test_CON05_an_attempt_made_since_the_list_was_read_holds_the_nights(payment: Payment) -> None:
    with later(minutes=31):
        assert not attempts.expire_unpaid(payment.order)
    assert state(payment)[:2] == (Status.WAIT_PAYMENT, "OPEN")
    assert make.rows(BookedNight).count() == 2


def test_a_late_trade_is_closed_at_alipay_first(payment: Payment, gateway: Gateway) -> None:
    gateway.says["query"] = alipay.waiting(payment)
    with later(minutes=31):
        sweep_once()  # the close is not answered
        assert state(payment)[:2] == (Status.WAIT_PAYMENT, "OPEN")
        gateway.says["close"] = alipay.answer("close", out_trade_no=payment.out_trade_no)
        make.rows(Payment).update(next_try_at=timezone.now(), asked_at=None)
        sweep_once()
    assert state(payment) == (Status.CANCELED, "CLOSED", 0)
    assert gateway.count("close") == 2


def test_USR02_a_buyer_at_the_cashier_may_pay_until_the_last_second(
    payment: Payment, gateway: Gateway
) -> None:
    gateway.says["query"] = alipay.waiting(payment)
    with time_machine.travel(payment.expires_at - timedelta(seconds=30)):
        assert sweep_once()["polled"] == 1
    assert gateway.count("close") == 0
    assert state(payment)[:2] == (Status.WAIT_PAYMENT, "OPEN")


def test_CON05_USR02_money_that_beats_the_close_wins(payment: Payment, gateway: Gateway) -> None:
    gateway.says["query"] = alipay.waiting(payment)
    gateway.says["close"] = alipay.business_error("close", "ACQ.TRADE_STATUS_ERROR")
    with later(minutes=31):
        sweep_once()
        assert state(payment)[:2] == (Status.WAIT_PAYMENT, "OPEN")
        gateway.says["query"] = alipay.paid(payment)
        make.rows(Payment).update(next_try_at=timezone.now(), asked_at=None)
        sweep_once()
    assert state(payment) == PAID
    assert make.rows(BookedNight).count() == 2


def test_GWX05_USR02_money_after_the_expiry_is_refunded(payment: Payment, gateway: Gateway) -> None:
    gateway.says["query"] = alipay.closed(payment)
    with later(minutes=31):
        sweep_once()
    assert state(payment) == (Status.CANCELED, "CLOSED", 0)
    assert callbacks.receive_notify(alipay.notify_body(payment))
    assert state(payment) == (Status.CANCELED, "SURPLUS", 30000)
    assert list(broken_rules()) == []


@pytest.mark.django_db
def test_orders_without_any_attempt_to_pay(gateway: Gateway) -> None:
    order = with_nights(make.order(pay_by=timezone.now() - timedelta(seconds=1)))
    assert sweep_once()["not paid"] == 1
    order.refresh_from_db()
    assert order.status == Status.CANCELED
    assert not make.rows(BookedNight).exists()


@pytest.mark.django_db
def test_orders_that_staff_did_not_accept() -> None:
    late = with_nights(
        make.order(status=Status.WAIT_ACCEPT, pay_by=None, accept_by=timezone.now() - timedelta(seconds=1))
    )
    make.order(status=Status.WAIT_ACCEPT, pay_by=None, accept_by=timezone.now() + timedelta(hours=1))
    assert sweep_once()["not accepted"] == 1
    late.refresh_from_db()
    assert (late.status, late.events.get().kind) == (Status.CANCELED, "EXPIRED")
    assert not make.rows(BookedNight).exists()


def test_a_payment_with_a_return_as_its_only_evidence_is_polled(payment: Payment, gateway: Gateway) -> None:
    callbacks.receive_return(alipay.return_url(payment).partition("?")[2].encode())
    assert (state(payment), payment.evidence) == (PAID, "RETURN")
    gateway.says["query"] = alipay.paid(payment)
    with later(seconds=20):
        sweep_once()
        assert sweep_once().total() == 0
    assert (state(payment), payment.evidence, payment.next_try_at) == (PAID, "QUERY", None)


def test_a_superseded_attempt_of_a_paid_order_is_closed(payment: Payment, gateway: Gateway) -> None:
    make.rows(Order).update(status=Status.WAIT_COMMENT)
    gateway.says["query"] = alipay.waiting(payment)
    gateway.says["close"] = alipay.answer("close", out_trade_no=payment.out_trade_no)
    sweep_once()
    assert state(payment) == (Status.WAIT_COMMENT, "CLOSED", 0)


def test_NOT20_closed_because_of_a_full_refund_is_not_unpaid(payment: Payment, gateway: Gateway) -> None:
    callbacks.receive_notify(alipay.notify_body(payment))
    closed = {"trade_status": "TRADE_CLOSED", "refund_fee": "300.00", "gmt_refund": "2026-11-23 10:00:00"}
    assert callbacks.receive_notify(alipay.notify_body(payment, **closed))
    assert state(payment) == PAID
    assert payment.messages.latest("id").verdict == "REFUND_NOTICE"


@pytest.mark.django_db(transaction=True)
@pytest.mark.race
def test_CON07_QRY09_two_sweeps_at_once(gateway: Gateway) -> None:
    payments = [make.attempt(with_nights(make.order()), next_try_at=timezone.now()) for _ in range(4)]
    late = with_nights(make.order(pay_by=timezone.now() - timedelta(seconds=1)))
    answers = {payment.out_trade_no: alipay.paid(payment) for payment in payments}
    gateway.says["query"] = lambda asked: answers[asked["out_trade_no"]]
    at_once(sweep_once, sweep_once, sweep_once)
    assert gateway.count("query") == 4
    assert all(state(payment) == PAID for payment in payments)
    assert late.events.count() == 1
    assert list(broken_rules()) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.race
def test_CON05_expiry_and_notify_at_the_same_moment(gateway: Gateway) -> None:
    for _ in range(5):
        payment = make.attempt(with_nights(make.order(pay_by=timezone.now() - timedelta(seconds=1))))
        attempts.mark_closed(payment)
        notify = partial(callbacks.receive_notify, alipay.notify_body(payment))
        at_once(partial(attempts.expire_unpaid, payment.order), notify)
        assert state(payment) in [PAID, (Status.CANCELED, "SURPLUS", 30000)]
        assert list(broken_rules()) == []


def test_QRY10_a_round_that_was_killed_is_continued_later(
    payment: Payment, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway.says["query"] = alipay.paid(payment)

    def die(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as killed, pytest.raises(KeyboardInterrupt):
        killed.setattr(queries, "_query", die)
        sweep_once()
    assert state(payment)[:2] == (Status.WAIT_PAYMENT, "OPEN")
    with later(seconds=31):
        sweep_once()
    assert state(payment) == PAID
    assert payment.order.events.count() == 1


def test_the_command_does_one_round_and_reports_it(
    payment: Payment, gateway: Gateway, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway.says["query"] = alipay.paid(payment)
    call_command("sweep")
    assert state(payment) == PAID
    assert "1 polled" in capsys.readouterr().out


@pytest.mark.whole_table
def test_the_command_reports_when_nothing_was_due(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    call_command("sweep")
    assert capsys.readouterr().out == "sweep: nothing was done\n"
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.whole_table
@pytest.mark.parametrize(("out", "shows_progress"), [(Terminal(), True), (io.StringIO(), False)])
def test_progress_is_shown_in_a_terminal_and_wiped(
    payment: Payment,
    gateway: Gateway,
    monkeypatch: pytest.MonkeyPatch,
    out: io.StringIO,
    shows_progress: bool,
) -> None:
    monkeypatch.setattr(sweep.Progress, "SHOW_EVERY", 0)
    gateway.says["query"] = alipay.paid(payment)
    call_command("sweep", stdout=out)
    assert ("\rsweep: polled 1 of 1 …" in out.getvalue()) is shows_progress
    assert ("\r" in out.getvalue()) is shows_progress
    assert out.getvalue().endswith("sweep: 1 polled\n")


@pytest.mark.django_db(transaction=True)
def test_several_workers_share_a_round_and_query_each_attempt_once(gateway: Gateway) -> None:
    payments = [make.attempt(next_try_at=timezone.now()) for _ in range(20)]
    answers = {payment.out_trade_no: alipay.paid(payment) for payment in payments}
    threads, two = set(), threading.Barrier(2)

    def answer(asked: dict[str, object]) -> bytes:
        threads.add(threading.get_ident())
        with suppress(threading.BrokenBarrierError):  # for all after the first two
            two.wait(timeout=30)
            two.abort()
        return answers[asked["out_trade_no"]]

    gateway.says["query"] = answer
    assert sweep_once(workers=4)["polled"] == 20
    assert gateway.count("query") == 20
    assert len(threads) > 1
    assert all(state(payment) == PAID for payment in payments)


def test_an_item_that_fails_does_not_stop_the_others(
    db: None, gateway: Gateway, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    failing, other = make.attempt(next_try_at=timezone.now()), make.attempt(next_try_at=timezone.now())
    gateway.says["query"] = alipay.paid(other)
    query = queries._query

    def fail_on_one(payment: Payment, deadline: float) -> object:
        if payment == failing:
            raise LookupError("failing")
        return query(payment, deadline)

    monkeypatch.setattr(queries, "_query", fail_on_one)
    done = sweep_once()
    assert (done["polled"], done["failed"]) == (1, 1)
    assert state(other) == PAID
    assert f"sweep task polled failed for {failing.pk}" in caplog.text


def test_CON01_a_payment_is_mailed_once_by_several_sweeps(payment: Payment, gateway: Gateway) -> None:
    renters = User.objects.filter(pk=payment.order.renter_id)
    renters.update(email="wang@example.com", email_verified_at=timezone.now())
    gateway.says["query"] = alipay.paid(payment)
    sweep_once()
    callbacks.receive_notify(alipay.notify_body(payment))
    sweep_once()
    assert [message.to for message in mail.outbox] == [["wang@example.com"]]


def test_deletes_old_answers_that_said_nothing_new_and_keeps_the_rest(payment: Payment) -> None:
    long_ago = timezone.now() - timedelta(days=91)
    verdicts = GatewayMessage.Verdict
    for channel, verdict, at in (
        ("ANSWER", verdicts.KNOWN, long_ago),
        ("ANSWER", verdicts.KNOWN, timezone.now()),
        ("ANSWER", verdicts.SETTLED, long_ago),
        ("ANSWER", verdicts.WRONG_AMOUNT, long_ago),
        ("NOTIFY", verdicts.KNOWN, long_ago),
    ):
        GatewayMessage.objects.create(
            channel=channel, verdict=verdict, received_at=at, raw=b"", signature_ok=True
        )
    assert sweep_once()["old rows deleted"] == 1
    assert make.rows(GatewayMessage).count() == 4


def test_prunes_once_an_hour(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    pruned = []
    monkeypatch.setitem(cleanup._PRUNE, "messages", lambda: pruned.append(timezone.now()) or 0)
    for minutes in range(0, 125, 5):
        with later(minutes=minutes):
            sweep_once()
    assert len(pruned) == 3


def test_deletes_expired_sessions(db: None, client: Client) -> None:
    client.force_login(make.user())
    assert Session.objects.count() == 1
    with later(days=60):
        sweep_once()
    assert not Session.objects.exists()


@pytest.mark.parametrize("minutes", [2, 300])
@pytest.mark.parametrize("channel", ["NOTIFY", "RETURN"])
def test_CRA01_a_message_without_a_verdict_is_judged_by_a_later_sweep(
    payment: Payment, gateway: Gateway, monkeypatch: pytest.MonkeyPatch, channel: str, minutes: int
) -> None:
    make.rows(Payment).update(next_try_at=timezone.now() + timedelta(hours=9))  # no poll settles it
    gateway.says["query"] = alipay.paid(payment)

    def die(*args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as killed, pytest.raises(KeyboardInterrupt):
        killed.setattr(callbacks, "_attempt_of", die)
        if channel == "NOTIFY":
            callbacks.receive_notify(alipay.notify_body(payment))
        else:
            callbacks.receive_return(alipay.return_url(payment).partition("?")[2].encode())
    assert sweep_once()["judged"] == 0  # another process may still be judging it
    with later(minutes=minutes):
        assert sweep_once()["judged"] == 1
        assert sweep_once()["judged"] == 0
    assert state(payment) == PAID
    assert not make.rows(GatewayMessage).filter(verdict=GatewayMessage.Verdict.UNJUDGED).exists()


def test_an_answer_without_a_verdict_does_not_need_staff(payment: Payment, gateway: Gateway) -> None:
    long_ago = timezone.now() - timedelta(minutes=2)
    GatewayMessage.objects.create(
        channel="ANSWER", raw=b"{}", signature_ok=True, payment=payment, received_at=long_ago
    )
    sweep_once()
    assert [m.verdict for m in make.rows(GatewayMessage).all()] == ["KNOWN"]


def test_identical_consecutive_answers_are_kept_once(payment: Payment, gateway: Gateway) -> None:
    gateway.says["query"] = alipay.not_existing()
    for minutes in range(1, 9):
        with later(minutes=2 * minutes):
            assert sweep_once()["polled"] == 1
    (kept,) = make.rows(GatewayMessage).all()
    assert kept.received_at > timezone.now() + timedelta(minutes=10)
    gateway.says["query"] = alipay.waiting(payment)
    with later(minutes=20):
        sweep_once()
    assert make.rows(GatewayMessage).count() == 2


def test_a_heartbeat_that_fails_affects_one_item_only(
    db: None, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    payments = [make.attempt(next_try_at=timezone.now()) for _ in range(3)]
    answers = {payment.out_trade_no: alipay.paid(payment) for payment in payments}
    gateway.says["query"] = lambda asked: answers[asked["out_trade_no"]]
    beats = iter([None, None, OperationalError(2013, "lost")])

    def beat(name: str) -> None:
        if error := next(beats, None):
            raise error

    monkeypatch.setattr("jobs.heartbeat.beat", beat)
    done = sweep_once()
    assert (done["polled"], done["failed"]) == (2, 1)


@pytest.mark.parametrize(("signed", "verdict"), [(True, "KNOWN"), (False, "BAD")])
def test_CRA01_an_answer_judged_late_is_as_genuine_as_its_signature(
    payment: Payment, signed: bool, verdict: str
) -> None:
    message = message_log.record_answer(b"{}", signed=signed, payment=payment)
    with later(minutes=2):
        sweep_once()
    message.refresh_from_db()
    assert message.verdict == verdict
