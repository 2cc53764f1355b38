"""Mails about events of an order: delivery, sequence, and texts that are true when sent."""

import re
import smtplib
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from threading import Barrier, Event

import pytest
import time_machine
from django.core import mail
from django.core.mail import EmailMessage
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.models import User
from core.circuit_breaker import FAILURES_TO_OPEN
from orders import mailing, transitions
from orders.models import Order, OrderEvent
from tests import alipay, make
from tests.alipay import Gateway
from tests.races import at_once

Kind = OrderEvent.Kind


def mail_all() -> int:
    """Send all due mails; return their number."""
    return sum(mailing.send(key) for key in mailing.due())


def order_of_wang(**fields: object) -> Order:
    """Create an order whose renter has an address and reads English."""
    return make.order(make.user(email="wang@example.com"), **{"language": "en", **fields})


def happened(order: Order, kind: str, **fields: object) -> OrderEvent:
    return OrderEvent.objects.create(order=order, kind=kind, amount_fen=30000, **fields)


def told(kind: str, *, email: str = "wang@example.com", **fields: object) -> OrderEvent:
    """Create an event of `kind`, of an order whose renter has an address."""
    return happened(make.order(make.user(email=email), **fields), kind)


def mailed() -> list[str]:
    """Return the subjects of the mails without the title, in the order of sending."""
    return [message.subject.partition(": ")[0] for message in mail.outbox]


def body_of(event: OrderEvent) -> str:
    """Return the body of the mail about an event, on one line."""
    return " ".join(mailing.message_of(event).body.split())


def test_a_payment_is_mailed_once_with_amount_and_link(db: None) -> None:
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


MAILED_ABOUT = [
    *(Kind.BOOKED, Kind.ACCEPTED, Kind.REMINDED, Kind.REJECTED, Kind.PAID, Kind.CANCELED, Kind.EXPIRED),
    *(Kind.SURPLUS, Kind.REFUND_OFF, Kind.REFUNDED, Kind.CHANGED, Kind.REPLIED, Kind.HIDDEN, Kind.SHOWN),
]


def test_the_kinds_of_events_that_are_mailed() -> None:
    elsewhere = {Kind.EXTENDED, Kind.CHANGE_WAITS, Kind.CHANGE_OFF}  # test_deadlines.py, test_stay_changes.py
    assert set(mailing.SUBJECTS) == {*MAILED_ABOUT, *elsewhere}


@pytest.mark.parametrize("kind", MAILED_ABOUT)
@pytest.mark.parametrize("language", ["zh-hans", "en"])
@pytest.mark.parametrize("status", Order.Status)
def test_every_mail_can_be_written(db: None, kind: str, language: str, status: str) -> None:
    event = told(kind, language=language, status=status, accept_by=timezone.now() + timedelta(hours=1))
    message = mailing.message_of(event)
    greeting, _, what_happened = message.body.strip().splitlines()[:3]
    assert greeting in ("Hello,", "您好：")
    assert len(what_happened) > 5
    assert "None" not in message.subject + message.body
    assert "\n\n\n" not in message.body


# --- The text depends on the state when it is sent --------------------------------------------------


ASKS = "Please pay", "please pay", "are kept for you", "holding your dates", "reply by"


@pytest.mark.parametrize("kind", [Kind.BOOKED, Kind.ACCEPTED])
def test_a_renter_who_can_pay_is_asked_to_with_the_deadline(db: None, kind: str) -> None:
    event = happened(order_of_wang(pay_by=timezone.now() + timedelta(hours=1)), kind)
    assert "Please pay ￥300.00 by" in body_of(event)
    assert ", please pay: " in mailing.message_of(event).subject


@pytest.mark.parametrize("kind", [Kind.BOOKED, Kind.ACCEPTED])
@pytest.mark.parametrize(
    "moved_on",
    [{"status": status} for status in sorted(set(Order.Status) - {"WAIT_PAYMENT", "WAIT_ACCEPT"})]
    + [{"pay_by": timezone.now()}],
    ids=lambda moved_on: str(moved_on.get("status", "late")),  # the time differs between test processes
)
def test_no_mail_asks_for_payment_once_the_order_has_moved_on(
    db: None, kind: str, moved_on: dict[str, object]
) -> None:
    soon = timezone.now() + timedelta(hours=1)
    message = mailing.message_of(happened(order_of_wang(accept_by=soon, **moved_on), kind))
    assert "our booking" in message.body
    for text in ASKS:
        assert text not in message.subject + message.body


@pytest.mark.parametrize("kind", [Kind.BOOKED, Kind.ACCEPTED])
def test_no_mail_asks_for_payment_while_one_is_being_confirmed(db: None, gateway: Gateway, kind: str) -> None:
    event = happened(order_of_wang(), kind)
    payment = make.attempt(event.order)
    assert "Please pay" in body_of(event)
    gateway.says["query"] = alipay.waiting(payment)
    Client().get(alipay.return_url(payment))
    for text in ASKS:
        assert text not in mailing.message_of(event).subject + body_of(event)


def test_a_booking_to_accept_is_mailed_with_the_deadline_of_staff(db: None) -> None:
    soon, past = timezone.now() + timedelta(hours=1), timezone.now() - timedelta(seconds=1)
    waiting, late = (
        body_of(happened(order_of_wang(status="WAIT_ACCEPT", pay_by=None, accept_by=by), Kind.BOOKED))
        for by in (soon, past)
    )
    assert "We'll reply by" in waiting
    assert "You pay only after we accept." in waiting
    assert "reply by" not in late


def test_a_mail_has_the_state_when_it_is_sent_not_when_it_was_due(db: None) -> None:
    """Booked and cancelled between two sweeps."""
    order = order_of_wang(status="WAIT_ACCEPT", house=make.house(instant_book=True))
    transitions.booked(order)
    (waiting,) = mailing.due()
    transitions.cancel(order, by=order.renter)
    assert mailing.send(waiting) == 2
    assert mailed() == ["We've received your booking", "Order cancelled"]
    assert "ay by" not in mail.outbox[0].body


def test_not_accepted_and_not_paid_in_time_are_different_mails(db: None) -> None:
    unanswered, unpaid = (order_of_wang(status=status) for status in ("WAIT_ACCEPT", "WAIT_PAYMENT"))
    for order in (unanswered, unpaid):
        transitions.expire(order)
    mail_all()
    assert mailed() == ["Sorry, we didn't reply to your booking in time", "Order closed, not paid in time"]
    sorry, late = (" ".join(message.body.split()) for message in mail.outbox)
    assert "We're sorry, we didn't reply" in sorry
    assert "sorry" not in late
    assert "You were not charged." in sorry
    assert "If you did pay, we'll refund you." in late


def test_the_end_of_an_unpaid_order_says_that_nothing_was_charged(db: None) -> None:
    for status in ("WAIT_ACCEPT", "WAIT_PAYMENT"):
        order = order_of_wang(status=status)
        transitions.cancel(order, by=order.renter)
        body = body_of(order.events.get())
        assert "Your order has been cancelled. You were not charged." in body
    event = happened(order_of_wang(status="REJECTED"), Kind.REJECTED)
    assert "You were not charged." in body_of(event)


def test_decisions_of_staff_are_mailed_unescaped(db: None) -> None:
    """Mails are plain text, so nothing is HTML-escaped."""
    staff = make.user(is_staff=True)
    accepted, rejected = (order_of_wang(status="WAIT_ACCEPT", house_title="Sea & <b>") for _ in range(2))
    transitions.accept(accepted, by=staff)
    transitions.reject(rejected, by=staff, reason='Being painted & "wet"')
    assert mail_all() == 2
    assert mailed() == ["Booking accepted, please pay", "Sorry, we couldn't accept your booking"]
    for message in mail.outbox:
        assert "Sea & <b>" in message.subject
        assert "\nSea & <b>\n" in message.body
    quoted = ["Note from us" in message.body for message in mail.outbox]
    assert quoted == [False, True]
    assert '\nNote from us: Being painted & "wet"\n' in mail.outbox[1].body


def test_a_paid_stay_is_mailed_with_check_in_and_refund_policy(db: None) -> None:
    with time_machine.travel(date(2027, 3, 1)):
        days = {"check_in": date(2027, 3, 5), "check_out": date(2027, 3, 7)}
        paid, canceled = (
            body_of(happened(order_of_wang(status=status, **days), Kind.PAID))
            for status in ("WAIT_COMMENT", "CANCELED")
        )
    refund = "Cancel by 24:00 on 4 Mar for a full refund, after that for none."
    for text in ("Check-in is on 5 Mar.", "The address and check-in guide", refund):
        assert text in paid
        assert text not in canceled
    for mail_ in (paid, canceled):
        assert "We've received your payment of ￥300.00." in mail_


def test_the_mail_of_a_payment_says_where_a_cancellation_is_not_refunded(db: None) -> None:
    with time_machine.travel(date(2027, 3, 1)):
        days = {"check_in": date(2027, 3, 5), "check_out": date(2027, 3, 7)}
        order = order_of_wang(status="WAIT_COMMENT", refund_policy="STRICT", **days)
        assert "A cancellation is not refunded." in body_of(happened(order, Kind.PAID))


def test_a_surplus_is_mailed(db: None) -> None:
    body = body_of(happened(order_of_wang(), Kind.SURPLUS))
    assert "We received an extra payment of ￥300.00" in body


@pytest.mark.parametrize(
    ("phone", "email", "line"),
    [
        ("0592 000 0000", "stay@ihome.example", "Questions? Contact us: 0592 000 0000 · stay@ihome.example"),
        ("", "stay@ihome.example", "Questions? Contact us: stay@ihome.example"),
        ("", "", ""),
    ],
)
def test_the_mail_ends_with_the_link_and_contacts(
    db: None, settings: Settings, phone: str, email: str, line: str
) -> None:
    settings.CONTACT_PHONE, settings.CONTACT_EMAIL = phone, email
    event = happened(order_of_wang(), Kind.PAID)
    lines = mailing.message_of(event).body.splitlines()
    address = f"http://testserver/orders/{event.order.number}/"
    assert lines[lines.index(address) - 1] == "View your order:"
    assert [text for text in lines if "Questions" in text] == [line] * bool(line)


# --- Subject, language, address ---------------------------------------------------------------------


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_a_long_title_is_shortened_in_the_subject(db: None, language: str) -> None:
    title = "Sea 海 " * 40
    event = happened(order_of_wang(house_title=title[:200], language=language), Kind.REFUNDED)
    news, house = re.split(": |：", mailing.message_of(event).subject)
    assert len(news) < 20
    assert len(house) == mailing.MAX_TITLE_LENGTH
    assert house.endswith("…")
    assert title.startswith(house[:-1])
    assert title[:200].strip() in mailing.message_of(event).body


def test_a_mail_is_in_the_language_of_the_booking(db: None) -> None:
    """With amounts, days and times in its formats."""
    with time_machine.travel("2027-03-01T12:00:00+08:00", tick=False):
        english, chinese = (
            mailing.message_of(
                told(Kind.ACCEPTED, language=code, check_in=date(2027, 3, 5), check_out=date(2027, 3, 7))
            )
            for code in ("en", "zh-hans")
        )
    assert english.subject.startswith("Booking accepted, please pay: ")
    for text in ("￥300.00 by 1 Mar, 12:30", "Fri 5 Mar – Sun 7 Mar", "2 nights"):
        assert text in english.body
    assert not any("\u4e00" <= letter <= "\u9fff" for letter in english.body.replace("爱家租房", ""))
    assert "Booking" not in chinese.subject
    for text in ("￥300.00", "3月1日 12:30", "3月5日 周五 – 3月7日 周日", "2晚"):
        assert text in chinese.body


def test_the_language_is_that_in_which_the_renter_booked(db: None) -> None:
    house, renter, client = make.house(instant_book=True), make.user(), Client()
    client.force_login(renter)
    client.cookies["django_language"] = "en"
    day = timezone.localdate() + timedelta(days=9)
    stay = {"check_in": day.isoformat(), "check_out": (day + timedelta(days=1)).isoformat(), "guests": "1"}
    client.post(f"/houses/{house.pk}/book/", stay)
    assert make.rows(Order).get(renter=renter).language == "en"


def test_an_event_of_a_renter_without_an_address_is_marked_as_done(db: None) -> None:
    event = told(Kind.PAID, email="")
    assert mail_all() == 0
    event.refresh_from_db()
    assert (event.mail_due_at, event.mailed_at) == (None, None)
    assert mail.outbox == []


def test_ACC02_an_email_that_is_not_confirmed_gets_no_mail(db: None) -> None:
    event = told(Kind.PAID)
    User.objects.filter(pk=event.order.renter_id).update(email_verified_at=None)
    assert mail_all() == 0
    event.refresh_from_db()
    assert (event.mail_due_at, event.mailed_at) == (None, None)


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


@pytest.mark.parametrize("kind", MAILED_ABOUT)
def test_D4_every_mail_says_that_a_program_wrote_it(db: None, kind: str) -> None:
    sent = mailing.message_of(told(kind)).message()
    assert sent["Auto-Submitted"] == "auto-generated"
    assert sent["X-Auto-Response-Suppress"] == "All"


def test_a_title_can_t_add_headers(db: None) -> None:
    event = told(Kind.PAID, house_title="Sea\r\nBcc: everybody@example.com")
    assert mail_all() == 1
    assert event.pk
    assert mail.outbox[0].message()["Bcc"] is None


def test_retries_back_off_while_the_mail_server_is_down(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    event = told(Kind.PAID)
    with monkeypatch.context() as down:
        down.setattr(
            "django.core.mail.EmailMessage.send", raising(smtplib.SMTPServerDisconnected("not there"))
        )
        for age, wait in ((0, 60), (600, 600), (7200, 3600)):
            with time_machine.travel(event.created_at + timedelta(seconds=age), tick=False):
                make.rows(OrderEvent).update(mail_due_at=timezone.now())
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
    assert len(mailing.due()) == 20 - FAILURES_TO_OPEN  # not claimed, so without a lease


def test_refused_mails_dont_open_the_circuit(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(20):
        told(Kind.PAID)
    refused = smtplib.SMTPRecipientsRefused({"wang@example.com": (550, b"no such user")})
    monkeypatch.setattr("django.core.mail.EmailMessage.send", raising(refused))
    mail_all()
    assert mailing.due() == []


def test_a_mail_is_given_up_after_days_and_logged(
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


@pytest.mark.parametrize(
    ("error", "is_final"),
    [
        (ValueError("no address"), True),
        (UnicodeError("label too long"), True),
        (smtplib.SMTPRecipientsRefused({"wang@example.com": (550, b"no such user")}), True),
        (smtplib.SMTPRecipientsRefused({"wang@example.com": (450, b"try later")}), False),
        (smtplib.SMTPRecipientsRefused({"wang@example.com": (550, b"5.1.1 no such user")}), True),
        (smtplib.SMTPRecipientsRefused({"wang@example.com": (554, b"Relay access denied")}), False),
        (smtplib.SMTPRecipientsRefused({"wang@example.com": (530, b"Must authenticate")}), False),
        (smtplib.SMTPRecipientsRefused({"wang@example.com": (550, b"5.7.1 blocked")}), False),
        (smtplib.SMTPDataError(550, b"5.4.5 Daily sending quota exceeded"), False),
        (smtplib.SMTPDataError(554, b"no"), False),
        (smtplib.SMTPDataError(451, b"try later"), False),
        (smtplib.SMTPNotSupportedError("SMTPUTF8"), True),
        (smtplib.SMTPSenderRefused(550, b"not yours", "noreply@localhost"), False),
        (smtplib.SMTPAuthenticationError(535, b"password"), False),
        (smtplib.SMTPServerDisconnected("gone"), False),
        (ConnectionRefusedError(), False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_D3_a_mail_that_can_t_be_sent_for_its_own_fault_is_given_up_at_once(
    db: None, monkeypatch: pytest.MonkeyPatch, error: Exception, is_final: bool
) -> None:
    order = order_of_wang(status="WAIT_COMMENT")
    happened(order, Kind.BOOKED)
    happened(order, Kind.PAID)
    send = EmailMessage.send

    def refuse_bookings(message: EmailMessage) -> int:
        if message.subject.startswith("We've received your booking"):
            raise error
        return send(message)

    monkeypatch.setattr(EmailMessage, "send", refuse_bookings)
    assert mail_all() == is_final
    assert mailed() == ["Payment received"] * is_final


def test_an_invalid_address_is_given_up_too(db: None, caplog: pytest.LogCaptureFixture) -> None:
    event = told(Kind.PAID, email=f"wang@{'ü' * 80}.example")
    with time_machine.travel(event.created_at + timedelta(days=4)):
        assert mail_all() == 0
        assert mailing.due() == []
    assert "given up" in caplog.text


def test_CRA03_killed_before_sending_it_is_sent_once_after_the_lease(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    told(Kind.PAID)
    with monkeypatch.context() as kill:
        kill.setattr("django.core.mail.EmailMessage.send", raising(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            mail_all()
    assert mail_all() == 0  # the lease of the killed process
    with time_machine.travel(timezone.now() + mailing.LEASE + timedelta(seconds=1)):
        assert (mail_all(), mail_all()) == (1, 0)


# --- Sequence ----------------------------------------------------------------------------------------


def story() -> Order:
    """Create a paid and cancelled order, with no event mailed yet."""
    order = order_of_wang(status="CANCELED")
    for kind in (Kind.BOOKED, Kind.PAID, Kind.REFUND_DUE, Kind.CANCELED, Kind.REFUNDED):
        happened(order, kind)
    return order


STORY = ["We've received your booking", "Payment received", "Order cancelled", "Refund completed"]


def test_the_events_of_an_order_are_mailed_in_sequence(db: None) -> None:
    """Even if an older one was postponed and is due after later ones."""
    order = story()
    now = timezone.now()
    for seconds, event in enumerate(order.events.order_by("-id"), 1):  # the newest is most overdue
        make.rows(OrderEvent).filter(pk=event.pk).update(mail_due_at=now - timedelta(minutes=10 - seconds))
    assert mail_all() == 4
    assert mailed() == STORY


def test_later_events_of_an_order_wait_while_one_is_claimed(db: None) -> None:
    order, other = story(), told(Kind.PAID).order
    event = order.events.get(kind=Kind.BOOKED)
    assert mailing._claim(event)
    assert mailing.due() == [other.pk]
    assert mailing.send(order.pk) == 0
    with time_machine.travel(timezone.now() + mailing.LEASE + timedelta(seconds=1)):
        assert mailing.send(order.pk) == 4
    assert mailed() == STORY


def test_later_events_of_an_order_wait_while_one_cant_be_sent(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    story()
    with monkeypatch.context() as down:
        down.setattr(EmailMessage, "send", raising(smtplib.SMTPServerDisconnected("not there")))
        assert mail_all() == 0
    assert mailing.due() == []
    make.rows(OrderEvent).filter(mail_due_at__isnull=False).update(mail_due_at=timezone.now())
    assert mail_all() == 4
    assert mailed() == STORY


def test_an_event_that_is_given_up_no_longer_blocks_later_ones(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = order_of_wang(status="WAIT_COMMENT")
    happened(order, Kind.BOOKED, created_at=timezone.now() - timedelta(days=4))
    happened(order, Kind.PAID)
    send = EmailMessage.send

    def refuse_bookings(message: EmailMessage) -> int:
        if message.subject.startswith("We've received your booking"):
            raise smtplib.SMTPDataError(554, b"no")
        return send(message)

    monkeypatch.setattr(EmailMessage, "send", refuse_bookings)
    assert mail_all() == 1
    assert mailed() == ["Payment received"]
    assert mailing.due() == []


def test_due_takes_one_query(db: None, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    orders = [story() for _ in range(3)]
    with django_assert_num_queries(1):
        assert mailing.due() == [order.pk for order in orders]


def send_the_story_by_eight(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run eight sweeps; seven of them run while the first is sending the oldest event's mail."""
    order = story()
    send, on_its_way, others_are_done = EmailMessage.send, Event(), Barrier(8, timeout=30)

    def send_the_oldest_slowly(message: EmailMessage) -> int:
        if message.subject.startswith(STORY[0]):
            on_its_way.set()
            others_are_done.wait()
        return send(message)

    def come_meanwhile() -> None:
        assert on_its_way.wait(timeout=30)
        mailing.send(order.pk)
        others_are_done.wait()

    monkeypatch.setattr(EmailMessage, "send", send_the_oldest_slowly)
    at_once(partial(mailing.send, order.pk), *[come_meanwhile] * 7)


@pytest.mark.django_db(transaction=True)
def test_CON08_eight_workers_mail_the_events_in_sequence(monkeypatch: pytest.MonkeyPatch) -> None:
    send_the_story_by_eight(monkeypatch)
    assert mailed() == STORY


@pytest.mark.django_db(transaction=True)
def test_CON08_twin_without_waiting_for_older_events_they_overtake(monkeypatch: pytest.MonkeyPatch) -> None:
    def next_of_any_age(order_key: int) -> OrderEvent | None:
        due = make.rows(OrderEvent).filter(order=order_key, mail_due_at__lte=timezone.now())
        return due.select_related("order__renter").order_by("id").first()

    monkeypatch.setattr(mailing, "_next_event", next_of_any_age)
    send_the_story_by_eight(monkeypatch)
    assert sorted(mailed()) == sorted(STORY)
    assert mailed()[-1] == STORY[0]


@pytest.mark.django_db(transaction=True)
def test_CON08_eight_workers_mail_each_event_once() -> None:
    for _ in range(5):
        told(Kind.PAID)
    keys = mailing.due()
    at_once(*[lambda: [mailing.send(key) for key in keys]] * 8)
    assert len(mail.outbox) == 5
    assert make.rows(OrderEvent).filter(mailed_at=None).count() == 0


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
