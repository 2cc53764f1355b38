"""Shared by all mails of the site."""

import logging
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.utils import timezone

log = logging.getLogger(__name__)

NO_AUTOMATIC_REPLY = {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"}
"""RFC 3834, and Exchange's own: holiday replies would come back to our address for each mail."""

LEASE = timedelta(minutes=5)
"""Longer than a mail server may take. A mail whose process was killed is retried after this time."""
GIVE_UP_AFTER = timedelta(days=3)


def contacts() -> str:
    """Return phone and email of the site, as they are set, for the end of a mail."""
    return " · ".join(filter(None, [settings.CONTACT_PHONE, settings.CONTACT_EMAIL]))


def claim(row: Any) -> bool:
    """Claim a row of an outbox, which has `created_at` and `mail_due_at`, with compare-and-set.

    False if another sweep was first, or the mail has failed for three days. The next try is after LEASE.
    """
    now = timezone.now()
    is_over = now - row.created_at > GIVE_UP_AFTER
    if is_over:
        log.error("%s %s: mail given up", row._meta.label, row.pk)
    due = type(row)._default_manager.filter(pk=row.pk, mail_due_at=row.mail_due_at, mail_due_at__lte=now)
    return bool(due.update(mail_due_at=None if is_over else now + LEASE)) and not is_over


def is_sent(message: EmailMessage, what: str) -> bool:
    """Send a message. False, with a warning in the log, if it can't be sent."""
    try:
        message.send()
    except (OSError, ValueError) as error:  # SMTPException is an OSError; ValueError: invalid address
        log.warning("%s: mail failed: %s", what, type(error).__name__)
        return False
    return True
