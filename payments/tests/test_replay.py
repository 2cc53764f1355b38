"""Staff have a recorded message judged again, where that can change something."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from accounts import roles
from payments import callbacks
from payments.books import attempts, message_log
from payments.books.invariants import broken_rules
from payments.models import GatewayMessage, Payment
from tests import alipay, make
from tests.alipay import Gateway
from tests.races import at_once

pytestmark = pytest.mark.django_db

Verdict = GatewayMessage.Verdict


@pytest.fixture
def desk() -> Client:
    return finance()


def finance() -> Client:
    return make.browser_of(make.staff(roles.FINANCE))


def press(desk: Client, message: GatewayMessage) -> str:
    chosen = {"action": "replay", "_selected_action": [message.pk]}
    return desk.post("/admin/payments/gatewaymessage/", chosen, follow=True).content.decode()


def is_offered(desk: Client, message: GatewayMessage) -> bool:
    page = desk.get(f"/admin/payments/gatewaymessage/{message.pk}/change/")
    return "replay" in dict(page.context["actions"])


def lost_and_found() -> tuple[Payment, GatewayMessage]:
    """A genuine notice that came before its attempt was known here."""
    payment = make.attempt()
    body, number = alipay.notify_body(payment), payment.out_trade_no
    payment.delete()
    assert not callbacks.receive_notify(body)
    message = make.rows(GatewayMessage).get()
    assert message.verdict == Verdict.UNKNOWN_NUMBER
    return make.attempt(payment.order, out_trade_no=number), message


def test_a_notice_of_a_number_that_is_known_now(desk: Client) -> None:
    payment, message = lost_and_found()
    assert is_offered(desk, message)
    assert "judged again" in press(desk, message)
    payment.refresh_from_db()
    message.refresh_from_db()
    assert (payment.status, message.verdict) == ("PAID", Verdict.SETTLED)
    assert not is_offered(desk, message)
    assert LogEntry.objects.get().object_id == str(message.pk)
    assert list(broken_rules()) == []


def test_a_wrong_amount_that_alipay_confirms_is_given_back(desk: Client, gateway: Gateway) -> None:
    payment = make.attempt()
    assert not callbacks.receive_notify(alipay.notify_body(payment, total_amount="0.01"))
    gateway.says["query"] = alipay.paid(payment, total_amount="0.01")
    press(desk, make.rows(GatewayMessage).get())
    payment.refresh_from_db()
    assert (payment.status, payment.received_fen) == ("SURPLUS", 1)
    assert list(broken_rules()) == []


def test_a_message_whose_process_was_killed(desk: Client) -> None:
    payment = make.attempt()
    body = alipay.notify_body(payment)
    params = dict(alipay.signed(alipay.notify_params(payment)))
    message = message_log.record_signed(GatewayMessage.Channel.NOTIFY, body, params)
    press(desk, message)
    payment.refresh_from_db()
    assert payment.status == "PAID"


def test_a_return_asks_alipay_again(desk: Client, gateway: Gateway) -> None:
    payment = make.attempt()
    gateway.says["query"] = alipay.waiting(payment)
    callbacks.receive_return(alipay.return_url(payment).partition("?")[2].encode())
    Payment.objects.filter(pk=payment.pk).update(asked_at=timezone.now() - timedelta(minutes=1))
    message = make.rows(GatewayMessage).get(channel="RETURN")
    assert is_offered(desk, message)
    gateway.says["query"] = alipay.paid(payment)
    press(desk, message)
    payment.refresh_from_db()
    assert payment.status == "PAID"
    assert not is_offered(desk, message)


@pytest.mark.parametrize("verdict", [Verdict.BAD, Verdict.SETTLED, Verdict.KNOWN, Verdict.REFUND_NOTICE])
def test_not_offered_where_nothing_can_change(verdict: str, desk: Client) -> None:
    message = GatewayMessage.objects.create(
        channel="NOTIFY", raw=b"a=b", signature_ok=verdict != Verdict.BAD, verdict=verdict
    )
    assert not is_offered(desk, message)
    assert "change anything" in press(desk, message)


def test_what_staff_resolved_or_alipay_answered_is_not_offered() -> None:
    now = timezone.now()
    resolved = GatewayMessage(channel="NOTIFY", signature_ok=True, verdict=Verdict.UNEXPECTED, done_at=now)
    answer = GatewayMessage(channel="ANSWER", signature_ok=True, verdict=Verdict.WRONG_AMOUNT)
    assert not callbacks.can_be_replayed(resolved)
    assert not callbacks.can_be_replayed(answer)


def test_a_key_that_alipay_replaced_is_told(desk: Client) -> None:
    message = GatewayMessage.objects.create(
        channel="NOTIFY", raw=b"a=b&sign=x", signature_ok=True, verdict=Verdict.UNKNOWN_NUMBER
    )
    assert "no longer configured" in press(desk, message)
    assert make.rows(GatewayMessage).count() == 1


@pytest.mark.django_db(transaction=True)
def test_STA04_pressed_by_four_at_once_and_again() -> None:
    payment, message = lost_and_found()
    browsers = [finance() for _ in range(4)]
    at_once(*[lambda b=b: press(b, message) for b in browsers])
    press(finance(), message)
    assert payment.order.events.filter(kind="PAID").count() == 1
    assert list(broken_rules()) == []


def test_twin_STA04_without_comparing_one_payment_counts_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second press finds the order paid, and has the same money given back as surplus."""
    payment, message = lost_and_found()
    monkeypatch.setattr(callbacks, "can_be_replayed", lambda message: True)
    monkeypatch.setattr(attempts, "_record", recorded_again)
    for _ in range(2):
        press(finance(), message)
    assert payment.order.events.filter(kind="SURPLUS").count() == 1


def recorded_again(payment: Payment, received: attempts.Received) -> bool:
    paid = {"status": "PAID", "received_fen": received.amount_fen, "trade_no": received.trade_no}
    Payment.objects.filter(pk=payment.pk).update(**paid, paid_at=received.paid_at, evidence=received.evidence)
    payment.refresh_from_db()
    return True
