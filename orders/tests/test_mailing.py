"""Mails about what happened to an order: each once, none forgotten."""

import smtplib
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.utils import timezone

from core.breaker import FAILURES_TO_OPEN
from orders import mailing, transitions
from orders.models import Order, OrderEvent
from tests import make
from tests.races import at_once

Kind = OrderEvent.Kind


def mail_all() -> int:
    """How many mails were sent."""
    return sum(mailing.send(key) for key in mailing.due())


def told(kind: str, *, email: str = "wang@example.com", **fields: object) -> OrderEvent:
    """An event of that kind, of an order whose renter can be mailed."""
    order = make.order(make.user(email=email), **fields)
    return OrderEvent.objects.create(order=order, kind=kind, amount_fen=30000)


def test_paid_is_mailed_once_with_words_and_a_link(db: None) -> None:
    event = told(Kind.PAID)
    assert (mail_all(), mail_all()) == (1, 0)
    event.refresh_from_db()
    assert event.mail_due_at is None
    assert event.mailed_at is not None
    (message,) = mail.outbox
    assert message.to == ["wang@example.com"]
    assert event.order.house_title in message.subject
    assert "￥300.00" in message.body
    assert f"http://testserver/orders/{event.order.number}/" in message.body


@pytest.mark.parametrize("kind", mailing.SUBJECTS)
@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_every_mail_can_be_written(db: None, kind: str, language: str) -> None:
    event = told(kind, language=language, accept_by=timezone.now())
    greeting, _, what_happened = mailing.message_of(event).body.strip().splitlines()[:3]
    assert greeting in ("Hello,", "您好：")
    assert len(what_happened) > 10


def test_a_mail_is_in_the_language_of_the_booking(db: None) -> None:
    english, chinese = (mailing.message_of(told(Kind.PAID, language=code)) for code in ("en", "zh-hans"))
    assert "Your payment for" in english.subject
    assert "Your payment for" not in chinese.subject


def test_the_language_is_that_in_which_the_renter_booked(db: None) -> None:
    house, renter, client = make.house(instant_book=True), make.user(), Client()
    client.force_login(renter)
    client.cookies["django_language"] = "en"
    day = timezone.localdate() + timedelta(days=9)
    stay = {"check_in": day.isoformat(), "check_out": (day + timedelta(days=1)).isoformat(), "guests": "1"}
    client.post(f"/houses/{house.pk}/book/", stay)
    assert Order.objects.get(renter=renter).language == "en"


def test_who_has_no_email_is_passed_over_and_so_marked(db: None) -> None:
    event = told(Kind.PAID, email="")
    assert mail_all() == 0
    event.refresh_from_db()
    assert (event.mail_due_at, event.mailed_at) == (None, None)
    assert mail.outbox == []


def test_a_booking_that_is_accepted_at_once_is_one_mail(db: None) -> None:
    order = make.order(
        make.user(email="a@example.com"), status="WAIT_ACCEPT", house=make.house(instant_book=True)
    )
    transitions.booked(order)
    assert [event.kind for event in order.events.all()] == ["ACCEPTED", "BOOKED"]
    assert mail_all() == 1
    assert mailing.due() == []


def test_the_message_id_of_an_event_never_changes(db: None) -> None:
    event = told(Kind.PAID)
    first, second = (mailing.message_of(event).extra_headers["Message-ID"] for _ in range(2))
    assert first == second == f"<{event.order.number}.{event.pk}@testserver>"


def test_a_title_can_t_add_headers(db: None) -> None:
    event = told(Kind.PAID, house_title="Sea\r\nBcc: everybody@example.com")
    assert mail_all() == 1
    assert event.pk
    assert mail.outbox[0].message()["Bcc"] is None


def test_a_mail_server_that_is_down_is_tried_again_ever_less_often(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = told(Kind.PAID)
    with monkeypatch.context() as down:
        down.setattr(
            "django.core.mail.EmailMessage.send", raising(smtplib.SMTPServerDisconnected("not there"))
        )
        for age, wait in ((0, 60), (600, 600), (7200, 3600)):
            with time_machine.travel(event.created_at + timedelta(seconds=age), tick=False):
                OrderEvent.objects.update(mail_due_at=timezone.now())
                assert mail_all() == 0
                event.refresh_from_db()
                assert event.mail_due_at == timezone.now() + timedelta(seconds=wait)
    with time_machine.travel(event.created_at + timedelta(hours=4)):
        assert mail_all() == 1


def test_a_mail_server_that_hangs_does_not_hold_up_the_sweep(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(20):
        told(Kind.PAID)
    tries: list[object] = []

    def hang(message: object) -> None:
        tries.append(message)
        raise TimeoutError

    monkeypatch.setattr("django.core.mail.EmailMessage.send", hang)
    assert mail_all() == 0
    assert len(tries) == FAILURES_TO_OPEN
    assert len(mailing.due()) == 20 - FAILURES_TO_OPEN  # nobody took these up: they wait for no lease


def test_a_mail_that_is_refused_says_nothing_about_the_others(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(20):
        told(Kind.PAID)
    refused = smtplib.SMTPRecipientsRefused({"wang@example.com": (550, b"no such user")})
    monkeypatch.setattr("django.core.mail.EmailMessage.send", raising(refused))
    mail_all()
    assert mailing.due() == []


def test_after_days_a_mail_is_given_up_with_an_alarm(
    db: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    event = told(Kind.PAID)
    monkeypatch.setattr("django.core.mail.EmailMessage.send", raising(ConnectionRefusedError()))
    with time_machine.travel(event.created_at + timedelta(days=4)):
        mail_all()
    event.refresh_from_db()
    assert (event.mail_due_at, event.mailed_at) == (None, None)
    assert "given up" in caplog.text
    assert event.order.number in caplog.text
    assert "example.com" not in caplog.text


def test_an_address_that_can_t_be_written_is_given_up_too(db: None, caplog: pytest.LogCaptureFixture) -> None:
    event = told(Kind.PAID, email=f"wang@{'ü' * 80}.example")
    with time_machine.travel(event.created_at + timedelta(days=4)):
        assert mail_all() == 0
        assert mailing.due() == []
    assert "given up" in caplog.text


def test_CRA03_killed_before_the_mail_was_sent_then_sent_later_once(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    told(Kind.PAID)
    with monkeypatch.context() as kill:
        kill.setattr("django.core.mail.EmailMessage.send", raising(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            mail_all()
    assert mail_all() == 0  # the lease of the one that was killed
    with time_machine.travel(timezone.now() + mailing.LEASE + timedelta(seconds=1)):
        assert (mail_all(), mail_all()) == (1, 0)


@pytest.mark.django_db(transaction=True)
def test_CON08_eight_workers_mail_each_event_once() -> None:
    for _ in range(5):
        told(Kind.PAID)
    keys = mailing.due()
    at_once(*[lambda: [mailing.send(key) for key in keys]] * 8)
    assert len(mail.outbox) == 5
    assert OrderEvent.objects.filter(mailed_at=None).count() == 0


@pytest.mark.django_db(transaction=True)
def test_CON08_twin_without_the_claim_events_are_mailed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(5):
        told(Kind.PAID)
    keys = mailing.due()
    monkeypatch.setattr(mailing, "_claim", lambda event: True)
    at_once(*[lambda: [mailing.send(key) for key in keys]] * 8)
    assert len(mail.outbox) > 5


def raising(error: BaseException) -> Callable[..., None]:
    def fail(*args: object, **kwargs: object) -> None:
        raise error

    return fail
