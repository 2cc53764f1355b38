"""Mails that tell renters what happened to their orders. The timeline is the outbox.

Every event is due for mail from the transaction that wrote it. It is claimed with a lease, mailed under a
fixed Message-ID, then marked: none is forgotten, and one is mailed twice only where the process was killed
between the sending and the marking.
"""

import logging
import smtplib
from datetime import timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core.breaker import Breaker
from core.links import absolute_url
from orders.models import OrderEvent

log = logging.getLogger(__name__)

Kind = OrderEvent.Kind

LEASE = timedelta(minutes=5)
"""Longer than a mail server may take; whoever was killed with an event in hand holds it for so long."""
GIVE_UP_AFTER = timedelta(days=3)

ANSWERS = (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused, ValueError)
"""The mail is not taken, but the server is there."""

server = Breaker("The mail server")
"""Others wait for the same sweep: a server that hangs must not take its time from them, mail by mail."""

SUBJECTS: dict[str, str | Promise] = {
    Kind.BOOKED: _("Your booking of %(house)s"),
    Kind.ACCEPTED: _("Your booking of %(house)s was accepted"),
    Kind.REMINDED: _("Pay soon to keep %(house)s"),
    Kind.REJECTED: _("Your booking of %(house)s was declined"),
    Kind.PAID: _("Your payment for %(house)s has arrived"),
    Kind.CANCELED: _("Your order for %(house)s is cancelled"),
    Kind.EXPIRED: _("Your order for %(house)s has ended"),
    Kind.SURPLUS: _("Your payment for %(house)s goes back to you"),
    Kind.REFUND_OFF: _("Your refund for %(house)s was called off"),
    Kind.REFUNDED: _("Your refund for %(house)s has been made"),
}
"""What a renter is mailed about; other events are passed over."""


def due() -> list[int]:
    """Keys of the events that somebody should be mailed about now, the oldest first."""
    rows = OrderEvent.objects.filter(mail_due_at__lte=timezone.now()).order_by("mail_due_at", "id")
    return list(rows.values_list("pk", flat=True))


def send(key: int) -> bool:
    """Mail one event, or pass it over. False: passed over, not due, or another process has it in hand."""
    event = OrderEvent.objects.select_related("order__renter").get(pk=key)
    if event.mail_due_at is None or event.mail_due_at > timezone.now():
        return False
    if not _is_for_mail(event):
        return _mark(event, mail_due_at=None) and False
    return server.lets_through() and _claim(event) and _deliver(event)


def _is_for_mail(event: OrderEvent) -> bool:
    accepted_at_once = event.kind == Kind.ACCEPTED and event.actor_id is None  # the first mail tells of it
    too_late = event.kind == Kind.REMINDED and not event.order.is_payable
    is_news = event.kind in SUBJECTS and not accepted_at_once and not too_late
    return is_news and bool(event.order.renter.email)


def _claim(event: OrderEvent) -> bool:
    return _mark(event, mail_due_at=timezone.now() + LEASE)


def _deliver(event: OrderEvent) -> bool:
    try:
        message_of(event).send()
    except (OSError, ValueError) as error:  # SMTPException is an OSError; ValueError: an unfit address
        (server.answered if isinstance(error, ANSWERS) else server.failed)()
        age = timezone.now() - event.created_at
        log.warning("event %s of order %s: not mailed: %s", event.pk, event.order, type(error).__name__)
        if age > GIVE_UP_AFTER:
            log.error("event %s of order %s: given up after %s", event.pk, event.order, GIVE_UP_AFTER)
            _mark(event, mail_due_at=None)
        else:
            _mark(event, mail_due_at=timezone.now() + min(max(age, timedelta(minutes=1)), timedelta(hours=1)))
        return False
    server.answered()
    _mark(event, mail_due_at=None, mailed_at=timezone.now())
    log.info("event %s of order %s: mailed", event.pk, event.order)
    return True


def _mark(event: OrderEvent, **columns: object) -> bool:
    """Write `columns` if nobody else has touched the event since it was read."""
    won = OrderEvent.objects.filter(pk=event.pk, mail_due_at=event.mail_due_at).update(**columns)
    for name, value in columns.items():
        setattr(event, name, value)
    return won == 1


def message_of(event: OrderEvent) -> EmailMessage:
    """The mail about an event, in the language that its renter booked in."""
    order = event.order
    with translation.override(order.language):
        subject = SUBJECTS[event.kind] % {"house": order.house_title}
        body = render_to_string(
            "orders/mail.txt",
            {"event": event, "order": order, "url": absolute_url("orders:detail", order.number)},
        )
    host = urlsplit(settings.SITE_URL).hostname
    return EmailMessage(
        " ".join(subject.split()),
        body,
        to=[order.renter.email],
        headers={"Message-ID": f"<{order.number}.{event.pk}@{host}>"},
    )
