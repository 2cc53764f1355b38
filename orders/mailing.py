"""Mails to renters about their orders. The timeline is the outbox.

Every event is due for mail once its transaction commits. It is claimed with a lease, mailed with a fixed
Message-ID, then marked as mailed; staff may have it mailed again, under an id of its own. Delivery is at
least once: a mail is sent twice only if the process was killed between sending and marking. Events of one
order are mailed in order: a failed one delays the next. The text depends on the state of the order when the
mail is sent, not when the event was written.
"""

import logging
import re
import smtplib
from datetime import timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core import metrics
from core.links import absolute_url
from core.mail import NO_AUTOMATIC_REPLY, contacts
from core.outbox import GIVE_UP_AFTER, LEASE, SERVER_ANSWERED, breaker
from core.refusal import Refusal
from orders.models import Order, OrderEvent
from orders.money_state import came_outside, has_begun_to_pay, has_delayed_refund, is_confirming
from orders.recovery import may_have_been_mailed

log = logging.getLogger(__name__)

Kind = OrderEvent.Kind
Status = Order.Status

_ENHANCED_CODE = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}\b")

MAX_TITLE_LENGTH = 30
"""Characters of the house's title in a subject."""

SUBJECTS: dict[str, str | Promise] = {
    Kind.BOOKED: gettext_lazy("We've received your booking"),
    Kind.ACCEPTED: gettext_lazy("Booking accepted"),
    Kind.EXTENDED: gettext_lazy("The deadline of your booking has been extended"),
    Kind.REMINDED: gettext_lazy("Payment reminder"),
    Kind.CHANGED: gettext_lazy("Your stay has changed"),
    Kind.CHANGE_WAITS: gettext_lazy("Please pay the difference to change your stay"),
    Kind.CHANGE_OFF: gettext_lazy("Your stay remains as it was"),
    Kind.REJECTED: gettext_lazy("Sorry, we couldn't accept your booking"),
    Kind.PAID: gettext_lazy("Payment received"),
    Kind.CANCELED: gettext_lazy("Order cancelled"),
    Kind.EXPIRED: gettext_lazy("Order closed, not paid in time"),
    Kind.SURPLUS: gettext_lazy("We're refunding an extra payment"),
    Kind.REFUND_OFF: gettext_lazy("Refund cancelled"),
    Kind.REFUNDED: gettext_lazy("Refund completed"),
    Kind.REPLIED: gettext_lazy("We've replied to your review"),
    Kind.HIDDEN: gettext_lazy("We've hidden your review"),
    Kind.SHOWN: gettext_lazy("Your review is shown again"),
}
"""Subject by kind of event. No mail for other kinds."""

SUBJECTS_IF_PAYABLE: dict[str, str | Promise] = {
    Kind.BOOKED: gettext_lazy("We're holding your dates, please pay"),
    Kind.ACCEPTED: gettext_lazy("Booking accepted, please pay"),
    Kind.EXTENDED: gettext_lazy("You have more time to pay"),
    Kind.CHANGED: gettext_lazy("Your stay has changed, please pay"),
}
"""Replace those in SUBJECTS while the order can be paid."""

OF_CHANGES = (Kind.CHANGE_WAITS, Kind.EXTENDED)
"""Kinds of events whose mail may name the difference of a change."""

SUBJECT_IF_NOT_ACCEPTED = gettext_lazy("Sorry, we didn't reply to your booking in time")


def due() -> list[int]:
    """Return the primary keys of orders with an event to mail now, the longest overdue first. One query.

    Only the oldest pending event of an order counts: while it is claimed or waits for a retry, the later ones
    wait, too.
    """
    pending = OrderEvent.objects.filter(mail_due_at__isnull=False)
    older = pending.filter(_is_before(OuterRef("created_at"), OuterRef("pk")), order=OuterRef("order"))
    rows = OrderEvent.objects.filter(~Exists(older), mail_due_at__lte=timezone.now())
    return list(rows.order_by("mail_due_at", "id").values_list("order", flat=True))


def send(order_key: int) -> int:
    """Mail the due events of one order, the oldest first. Returns the number of mails sent.

    Stops at an event that another process has claimed or that waits for a retry.
    """
    mailed = 0
    while event := _next_event(order_key):
        if not _is_for_mail(event):
            _mark(event, mail_due_at=None)
        elif breaker.allows_call() and _claim(event):
            mailed += _deliver(event)
        else:
            break
    return mailed


def resend(event: OrderEvent) -> None:
    """Make an event due for mail once more, for staff. Raises Refusal."""
    if not _is_news(event):
        raise Refusal(_("%(event)s: no mail is sent about it now.") % {"event": event})
    if not _has_address(event.order):
        refusal = _("%(number)s: the renter has no confirmed email address.")
        raise Refusal(refusal % {"number": event.order.number})
    now = timezone.now()
    if not _idle(event).update(mail_due_at=now, mail_resent_at=now, mail_failed_at=None):
        raise Refusal(_("%(event)s: its mail is on its way already.") % {"event": event})


def _idle(event: OrderEvent) -> QuerySet[OrderEvent]:
    """Match the event unless it is due, or a process that has claimed it may be mailing it now."""
    return OrderEvent.objects.filter(pk=event.pk, mail_due_at=None)


def _next_event(order_key: int) -> OrderEvent | None:
    """Return the oldest pending event of an order, if it is due, with the order freshly read."""
    pending = OrderEvent.objects.filter(order=order_key, mail_due_at__isnull=False)
    oldest = pending.select_related("order__renter").order_by("created_at", "id").first()
    is_due = oldest and oldest.mail_due_at and oldest.mail_due_at <= timezone.now()
    return oldest if is_due else None


def _is_before(created_at: object, key: object) -> Q:
    """Match events before this one. By time: where several servers give out ids, those tell no order."""
    return Q(created_at__lt=created_at) | Q(created_at=created_at, pk__lt=key)


def _earlier(event: OrderEvent) -> QuerySet[OrderEvent]:
    return OrderEvent.objects.filter(_is_before(event.created_at, event.pk), order=event.order_id)


def _is_for_mail(event: OrderEvent) -> bool:
    return _is_news(event) and _has_address(event.order) and not _was_mailed_before(event)


def _was_mailed_before(event: OrderEvent) -> bool:
    """Return True for what a restored backup may repeat. A person's own step is none of that."""
    if event.actor_id is not None or event.mail_resent_at is not None:
        return False
    return may_have_been_mailed(booked_at=event.order.created_at, written_at=event.created_at)


def _is_news(event: OrderEvent) -> bool:
    accepted_at_once = event.kind == Kind.ACCEPTED and event.actor_id is None  # BOOKED covers it
    too_late = event.kind == Kind.REMINDED and not _awaits_payment(event.order)
    too_late |= event.kind == Kind.EXTENDED and not (
        _awaits_payment(event.order) or _awaits_acceptance(event.order) or _change_awaits_payment(event)
    )
    too_late |= event.kind == Kind.CHANGE_WAITS and not _change_awaits_payment(event)
    own = event.kind in (Kind.CHANGE_WAITS, Kind.CHANGE_OFF) and event.actor_id == event.order.renter_id
    return event.kind in SUBJECTS and not accepted_at_once and not too_late and not own


def _has_address(order: Order) -> bool:
    return bool(order.renter.email) and order.renter.email_verified_at is not None


def _awaits_payment(order: Order) -> bool:
    return order.pay_by is not None and order.is_payable and not is_confirming(order)


def _change_awaits_payment(event: OrderEvent) -> bool:
    change = event.order.waiting_change_or_none
    return change is not None and change.is_payable


def _awaits_acceptance(order: Order) -> bool:
    in_time = order.accept_by is not None and order.accept_by > timezone.now()
    return order.status == Status.WAIT_ACCEPT and in_time


def _claim(event: OrderEvent) -> bool:
    return _mark(event, mail_due_at=timezone.now() + LEASE)


def _deliver(event: OrderEvent) -> bool:
    try:
        message_of(event).send()
    except (OSError, ValueError) as error:  # SMTPException is an OSError; ValueError: invalid address
        (breaker.succeeded if isinstance(error, SERVER_ANSWERED) else breaker.failed)()
        metrics.MAILS.labels("failed").inc()
        log.warning("order %s event %s: mail failed: %s", event.order, event.pk, type(error).__name__)
        _retry_or_give_up(event, error)
        return False
    breaker.succeeded()
    metrics.MAILS.labels("sent").inc()
    _mark(event, mail_due_at=None, mailed_at=timezone.now())
    log.info("order %s event %s: mailed", event.order, event.pk)
    return True


def _retry_or_give_up(event: OrderEvent, error: Exception) -> None:
    age = timezone.now() - (event.mail_resent_at or event.created_at)
    if is_final(error) or age > GIVE_UP_AFTER:
        log.error("order %s event %s: mail given up after %s", event.order, event.pk, age)
        _mark(event, mail_due_at=None, mail_failed_at=timezone.now())
    else:
        _mark(event, mail_due_at=timezone.now() + min(max(age, timedelta(minutes=1)), timedelta(hours=1)))


def is_final(error: Exception) -> bool:
    """Tell whether a mail can't be sent for its own fault: every retry would fail and delay later mails.

    Only a refusal of the address is. Refusals of our server, sender, sign-in or quota end once staff mend it.
    """
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(_is_no_such_address(code, reason) for code, reason in error.recipients.values())
    return isinstance(error, (ValueError, smtplib.SMTPNotSupportedError))


def _is_no_such_address(code: int, reason: bytes | str) -> bool:
    """Tell by the SMTP reply, and by its enhanced code (RFC 3463) where it has one: 5.1.x is the address."""
    text = reason.decode(errors="replace") if isinstance(reason, bytes) else reason
    if enhanced := _ENHANCED_CODE.match(text):
        return enhanced[0].startswith("5.1.")
    return code in (550, 551, 553)


def _mark(event: OrderEvent, **columns: object) -> bool:
    """Write `columns` with compare-and-set on `mail_due_at`. Returns False if another process was first."""
    won = OrderEvent.objects.filter(pk=event.pk, mail_due_at=event.mail_due_at).update(**columns)
    for name, value in columns.items():
        setattr(event, name, value)
    return won == 1


def message_of(event: OrderEvent) -> EmailMessage:
    """Return the mail about an event, in the language of the booking."""
    order, please_pay = event.order, _awaits_payment(event.order)
    with translation.override(order.language):
        house = _shorten(" ".join(order.shown_title.split()))
        subject = _("%(news)s: %(house)s") % {"news": _headline(event, please_pay), "house": house}
        body = render_to_string("orders/mail.txt", _mail_context(event, please_pay))
    host = urlsplit(settings.SITE_URL).hostname
    return EmailMessage(
        subject,
        body,
        to=[order.renter.email],
        headers={"Message-ID": f"<{order.number}.{_copy_of(event)}@{host}>", **NO_AUTOMATIC_REPLY},
    )


def _copy_of(event: OrderEvent) -> str:
    """Return an id that each resent copy has for itself: mail programs hide a second one with the same."""
    resent_at = event.mail_resent_at
    return f"{event.pk}.{resent_at.timestamp():.6f}" if resent_at else str(event.pk)


def _headline(event: OrderEvent, please_pay: bool) -> str | Promise:
    please_pay |= event.kind == Kind.EXTENDED and _change_awaits_payment(event)
    if please_pay and event.kind in SUBJECTS_IF_PAYABLE:
        return SUBJECTS_IF_PAYABLE[event.kind]
    if event.kind == Kind.EXPIRED and event.from_status == Status.WAIT_ACCEPT:
        return SUBJECT_IF_NOT_ACCEPTED
    return SUBJECTS[event.kind]


def _shorten(title: str) -> str:
    return title if len(title) <= MAX_TITLE_LENGTH else f"{title[: MAX_TITLE_LENGTH - 1]}…"


def _mail_context(event: OrderEvent, please_pay: bool) -> dict[str, object]:
    """Return the context of orders/mail.txt."""
    order = event.order
    return {
        "event": event,
        "order": order,
        "please_pay": please_pay,
        "change": order.waiting_change_or_none if event.kind in OF_CHANGES else None,
        "difference_fen": _difference_fen(event),
        "staff_will_answer": _awaits_acceptance(order),
        "by_renter": event.actor_id == order.renter_id,
        "was_paid": event.from_status in Order.PAID,
        "begun": event.kind == Kind.CANCELED and has_begun_to_pay(order),
        "back_fen": _refund_due_fen(event),
        "is_delayed": event.kind == Kind.CANCELED and has_delayed_refund(order),
        "came_outside": event.kind == Kind.REFUND_OFF and came_outside(order, order.events.all()),
        "given_back_before": event.kind == Kind.CANCELED and _has_earlier_refund(event),
        "url": absolute_url("orders:detail", order.number),
        "contacts": contacts(),
    }


def _has_earlier_refund(event: OrderEvent) -> bool:
    return _earlier(event).filter(kind__in=[Kind.REFUND_DUE, Kind.REFUNDED]).exists()


def _difference_fen(event: OrderEvent) -> int | None:
    """Return what was paid for a change in fen: PAID_MORE is the event before, of the same transaction."""
    if event.kind != Kind.CHANGED:
        return None
    before = _earlier(event).order_by("-created_at", "-id").first()
    return before.amount_fen if before and before.kind == Kind.PAID_MORE else None


def _refund_due_fen(event: OrderEvent) -> int | None:
    """Return the refund of a cancellation or a change in fen: REFUND_DUE follows in the same transaction.

    None for other events, without a refund, and while the refund awaits approval.
    """
    if event.kind not in (Kind.CANCELED, Kind.CHANGED):
        return None
    later = OrderEvent.objects.filter(order=event.order_id).exclude(pk=event.pk)
    later = later.exclude(_is_before(event.created_at, event.pk))
    following = later.order_by("created_at", "id").first()
    return following.amount_fen if following and following.kind == Kind.REFUND_DUE else None
