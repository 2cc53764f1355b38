"""Staff have a mail about an order sent again."""

from contextlib import suppress
from datetime import timedelta

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.utils import timezone

from accounts import roles
from core.refusal import Refusal
from orders import mailing
from orders.models import Order, OrderEvent
from tests import make

pytestmark = pytest.mark.django_db


def mailed_event(kind: str = "PAID", **columns: object) -> OrderEvent:
    """Return an event of a paid order, already mailed."""
    order = make.order(make.user(email="renter@example.com"), status=Order.Status.WAIT_COMMENT)
    columns = {"amount_fen": 30000, "mail_due_at": None, "mailed_at": timezone.now(), **columns}
    return OrderEvent.objects.create(order=order, kind=kind, **columns)


def press(event: OrderEvent, role: str = roles.FRONT_DESK):
    client = make.browser_of(make.staff(role))
    page = f"/admin/orders/order/{event.order_id}/change/"
    sent = {"action": "resend_mail", "_selected_action": event.pk, "next": page}
    return client.post("/admin/orders/orderevent/", sent, follow=True)


@pytest.mark.parametrize("columns", [{}, {"mailed_at": None, "mail_failed_at": timezone.now()}])
def test_a_mailed_or_failed_event_is_mailed_again(columns: dict[str, object]) -> None:
    event = mailed_event(**columns)
    answer = press(event)
    assert "1 mail goes out again within a minute." in answer.content.decode()
    assert answer.redirect_chain == [(f"/admin/orders/order/{event.order_id}/change/", 302)]
    assert mailing.send(event.order_id) == 1
    event.refresh_from_db()
    assert (event.mail_due_at, event.mail_failed_at) == (None, None)
    assert event.mailed_at > event.mail_resent_at


def test_every_copy_has_an_id_of_its_own_that_retries_keep() -> None:
    event = mailed_event()
    ids = [mailing.message_of(event).extra_headers["Message-ID"]]
    for _ in range(2):
        mailing.resend(event)
        event.refresh_from_db()
        ids.append(mailing.message_of(event).extra_headers["Message-ID"])
        again = OrderEvent.objects.select_related("order__renter").get(pk=event.pk)
        assert mailing.message_of(again).extra_headers["Message-ID"] == ids[-1]
        mailing.send(event.order_id)
    assert len(set(ids)) == 3


def test_the_copy_says_what_is_true_now() -> None:
    event = mailed_event("ACCEPTED", actor=make.user(is_staff=True), amount_fen=None)
    mailing.resend(event)
    mailing.send(event.order_id)
    assert "付款" not in mail.outbox[0].subject


def test_an_old_event_is_retried_like_a_new_one(monkeypatch: pytest.MonkeyPatch) -> None:
    event = mailed_event(created_at=timezone.now() - timedelta(days=30))
    mailing.resend(event)

    def fail(message: EmailMessage) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(EmailMessage, "send", fail)
    mailing.send(event.order_id)
    event.refresh_from_db()
    assert event.mail_failed_at is None
    assert event.mail_due_at is not None


@pytest.mark.parametrize(
    ("kind", "renter", "refusal"),
    [
        ("REVIEWED", {}, "no mail is sent about it"),
        ("REMINDED", {}, "no mail is sent about it"),
        ("PAID", {"email_verified_at": None}, "no confirmed email address"),
        ("PAID", {"email": ""}, "no confirmed email address"),
    ],
)
def test_refused_in_a_sentence(kind: str, renter: dict[str, object], refusal: str) -> None:
    event = mailed_event(kind)
    type(event.order.renter).objects.filter(pk=event.order.renter_id).update(**renter)
    assert refusal in press(event).content.decode()
    event.refresh_from_db()
    assert (event.mail_due_at, event.mail_resent_at) == (None, None)


def test_pressed_twice_it_is_mailed_once() -> None:
    event = mailed_event()
    press(event)
    assert "its mail is on its way already" in press(event).content.decode()
    assert mailing.send(event.order_id) == 1


def pressed_while_it_is_being_sent(monkeypatch: pytest.MonkeyPatch) -> int:
    """Resend an event while a first copy is on its way to the mail server; return the number of mails."""
    event, send, told = mailed_event(), EmailMessage.send, list[EmailMessage]()
    mailing.resend(event)

    def press_meanwhile(message: EmailMessage) -> int:
        if not told:
            told.append(message)
            with suppress(Refusal):
                mailing.resend(event)
        return send(message)

    monkeypatch.setattr(EmailMessage, "send", press_meanwhile)
    mailing.send(event.order_id)
    return len(mail.outbox)


def test_pressed_while_it_is_being_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    assert pressed_while_it_is_being_sent(monkeypatch) == 1


def test_twin_without_the_claim_it_is_mailed_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailing, "_idle", lambda event: OrderEvent.objects.filter(pk=event.pk))
    assert pressed_while_it_is_being_sent(monkeypatch) == 2


def test_finance_resends_nothing() -> None:
    event = mailed_event()
    press(event, roles.FINANCE)
    event.refresh_from_db()
    assert event.mail_due_at is None
