"""Mails to superusers about account events: approvals, refused attempts, new numbers of staff, a superuser
made on the server.

Events are the outbox (core/outbox.py). One mail holds all that are due. It is sent at least once.
"""

import logging

from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import QuerySet
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from accounts.models import AccountEvent, User
from core.links import absolute_url
from core.mail import NO_AUTOMATIC_REPLY
from core.outbox import claim, sent

log = logging.getLogger(__name__)


def due() -> list[list[int]]:
    """Return the primary keys of the events to mail now, as one item. One query."""
    rows = AccountEvent.objects.filter(mail_due_at__lte=timezone.now()).order_by("id")
    keys = list(rows.values_list("pk", flat=True)[:100])
    return [keys] if keys else []


def send(keys: list[int]) -> int:
    """Mail these events to all superusers with a confirmed email. Returns the number of events mailed."""
    events = [event for event in _events(keys) if claim(event)]
    if not events:
        return 0
    confirmed = User.objects.filter(email_verified_at__isnull=False).exclude(email="")
    superusers = confirmed.filter(is_superuser=True, is_active=True)
    addresses = list(superusers.order_by("id").values_list("email", flat=True))
    if not addresses:
        log.warning("account events %s: no superuser has a confirmed email", keys)
    elif not sent(_message(events, addresses)):
        return 0
    _events([event.pk for event in events]).update(mail_due_at=None)
    return len(events) if addresses else 0


def _events(keys: list[int]) -> QuerySet[AccountEvent]:
    return AccountEvent.objects.filter(pk__in=keys).select_related("user", "actor").order_by("id")


def _message(events: list[AccountEvent], addresses: list[str]) -> EmailMessage:
    with translation.override(settings.LANGUAGE_CODE):
        url = absolute_url("admin:accounts_accountevent_changelist")
        body = render_to_string("accounts/told.txt", {"events": events, "url": url})
        subject = _("ihome admin: %(event)s") % {"event": events[0].get_kind_display()}
    return EmailMessage(subject, body, bcc=addresses, headers=NO_AUTOMATIC_REPLY)
