"""Mails that tell renters what happened to their orders. The timeline is the outbox.

Every event is due for mail from the transaction that wrote it. It is claimed with a lease, mailed under a
fixed Message-ID, then marked: none is forgotten, and one is mailed twice only where the process was killed
between the sending and the marking. The events of one order wait for each other, the oldest goes first. A
mail asks for nothing but what the order still needs when it is sent.
"""

import logging
import smtplib
from datetime import timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import Exists, OuterRef
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.circuit_breaker import CircuitBreaker
from core.links import absolute_url
from orders.models import Order, OrderEvent
from orders.money_state import is_confirming

log = logging.getLogger(__name__)

Kind = OrderEvent.Kind
Status = Order.Status

LEASE = timedelta(minutes=5)
"""Longer than a mail server may take; whoever was killed with an event in hand holds it for so long."""
GIVE_UP_AFTER = timedelta(days=3)

ANSWERS = (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused, ValueError)
"""The mail is not taken, but the server is there."""

server = CircuitBreaker("The mail server")
"""Others wait for the same sweep: a server that hangs must not take its time from them, mail by mail."""

MOST_OF_A_TITLE = 30
"""Characters of the house's title in a subject; the news stands before it."""

SUBJECTS: dict[str, str | Promise] = {
    Kind.BOOKED: gettext_lazy("We have your booking"),
    Kind.ACCEPTED: gettext_lazy("Booking accepted"),
    Kind.REMINDED: gettext_lazy("Please pay soon"),
    Kind.REJECTED: gettext_lazy("Sorry, we couldn't accept your booking"),
    Kind.PAID: gettext_lazy("Payment received"),
    Kind.CANCELED: gettext_lazy("Order cancelled"),
    Kind.EXPIRED: gettext_lazy("Order closed, not paid in time"),
    Kind.SURPLUS: gettext_lazy("A payment was not used, it goes back"),
    Kind.REFUND_OFF: gettext_lazy("Refund cancelled"),
    Kind.REFUNDED: gettext_lazy("Refund made"),
}
"""What a renter is mailed about; other events are passed over."""

SUBJECTS_THAT_ASK: dict[str, str | Promise] = {
    Kind.BOOKED: gettext_lazy("Booked, please pay"),
    Kind.ACCEPTED: gettext_lazy("Booking accepted, please pay"),
}
"""Instead, while the order can be paid."""

NOBODY_ANSWERED = gettext_lazy("Sorry, we didn't reply to your booking in time")


def due() -> list[int]:
    """Keys of the orders of which an event should be mailed now, the one that is due longest first.

    That is the oldest of its order that is still to be mailed: while it is in hand, or waits to be tried
    again, the others wait with it.
    """
    pending = OrderEvent.objects.filter(mail_due_at__isnull=False)
    older = pending.filter(order=OuterRef("order"), pk__lt=OuterRef("pk"))
    rows = OrderEvent.objects.filter(~Exists(older), mail_due_at__lte=timezone.now())
    return list(rows.order_by("mail_due_at", "id").values_list("order", flat=True))


def send(order_key: int) -> int:
    """Mail what is due of one order, event by event as they happened; how many mails went out.

    Ends before an event that another process has in hand, or that is to be tried again later.
    """
    mailed = 0
    while event := _next(order_key):
        if not _is_for_mail(event):
            _mark(event, mail_due_at=None)
        elif server.allows_call() and _claim(event):
            mailed += _deliver(event)
        else:
            break
    return mailed


def _next(order_key: int) -> OrderEvent | None:
    """The oldest event that is still to be mailed, if it is due; with its order as it is now."""
    pending = OrderEvent.objects.filter(order=order_key, mail_due_at__isnull=False)
    oldest = pending.select_related("order__renter").order_by("id").first()
    is_due = oldest and oldest.mail_due_at and oldest.mail_due_at <= timezone.now()
    return oldest if is_due else None


def _is_for_mail(event: OrderEvent) -> bool:
    accepted_at_once = event.kind == Kind.ACCEPTED and event.actor_id is None  # the first mail tells of it
    too_late = event.kind == Kind.REMINDED and not _waits_for_money(event.order)
    is_news = event.kind in SUBJECTS and not accepted_at_once and not too_late
    return is_news and bool(event.order.renter.email)


def _waits_for_money(order: Order) -> bool:
    return order.pay_by is not None and order.is_payable and not is_confirming(order)


def _waits_for_staff(order: Order) -> bool:
    in_time = order.accept_by is not None and order.accept_by > timezone.now()
    return order.status == Status.WAIT_ACCEPT and in_time


def _claim(event: OrderEvent) -> bool:
    return _mark(event, mail_due_at=timezone.now() + LEASE)


def _deliver(event: OrderEvent) -> bool:
    try:
        message_of(event).send()
    except (OSError, ValueError) as error:  # SMTPException is an OSError; ValueError: an unfit address
        (server.succeeded if isinstance(error, ANSWERS) else server.failed)()
        age = timezone.now() - event.created_at
        log.warning("event %s of order %s: not mailed: %s", event.pk, event.order, type(error).__name__)
        if age > GIVE_UP_AFTER:
            log.error("event %s of order %s: given up after %s", event.pk, event.order, GIVE_UP_AFTER)
            _mark(event, mail_due_at=None)
        else:
            _mark(event, mail_due_at=timezone.now() + min(max(age, timedelta(minutes=1)), timedelta(hours=1)))
        return False
    server.succeeded()
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
    """The mail about an event that is for mail, in the language that its renter booked in."""
    order, please_pay = event.order, _waits_for_money(event.order)
    with translation.override(order.language):
        house = _cut(" ".join(order.house_title.split()))
        subject = _("%(news)s: %(house)s") % {"news": _news(event, please_pay), "house": house}
        body = render_to_string("orders/mail.txt", _words_for(event, please_pay))
    host = urlsplit(settings.SITE_URL).hostname
    return EmailMessage(
        subject,
        body,
        to=[order.renter.email],
        headers={"Message-ID": f"<{order.number}.{event.pk}@{host}>"},
    )


def _news(event: OrderEvent, please_pay: bool) -> str | Promise:
    if please_pay and event.kind in SUBJECTS_THAT_ASK:
        return SUBJECTS_THAT_ASK[event.kind]
    if event.kind == Kind.EXPIRED and event.from_status == Status.WAIT_ACCEPT:
        return NOBODY_ANSWERED
    return SUBJECTS[event.kind]


def _cut(title: str) -> str:
    return title if len(title) <= MOST_OF_A_TITLE else f"{title[: MOST_OF_A_TITLE - 1]}…"


def _words_for(event: OrderEvent, please_pay: bool) -> dict[str, object]:
    """What the template needs beside the event and its order."""
    order = event.order
    return {
        "event": event,
        "order": order,
        "please_pay": please_pay,
        "staff_will_answer": _waits_for_staff(order),
        "by_renter": event.actor_id == order.renter_id,
        "was_paid": event.from_status in Order.PAID,
        "back_fen": _given_back_by(event),
        "given_back_before": event.kind == Kind.CANCELED and _was_given_back_before(event),
        "url": absolute_url("orders:detail", order.number),
        "contacts": " · ".join(filter(None, [settings.CONTACT_PHONE, settings.CONTACT_EMAIL])),
    }


def _was_given_back_before(event: OrderEvent) -> bool:
    told = OrderEvent.objects.filter(order=event.order_id, pk__lt=event.pk)
    return told.filter(kind__in=[Kind.REFUND_DUE, Kind.REFUNDED]).exists()


def _given_back_by(event: OrderEvent) -> int | None:
    """Fen that a cancelling brings back: what is due is told of right after it, in its transaction.

    None also while a second person of staff has yet to agree.
    """
    if event.kind != Kind.CANCELED:
        return None
    following = OrderEvent.objects.filter(order=event.order_id, pk__gt=event.pk).order_by("id").first()
    return following.amount_fen if following and following.kind == Kind.REFUND_DUE else None
