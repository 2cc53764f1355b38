"""Outboxes of mails: a row is claimed with a lease, mailed outside of transactions, then marked.

A row has `created_at` and `mail_due_at`: the next try, empty once it is mailed or given up. It is mailed
twice only if the process was killed between sending and marking. orders/mailing.py has its own `claim` and
sending, which keep the order of the events.
"""

import logging
import smtplib
from datetime import timedelta
from typing import Any

from django.core.mail import EmailMessage
from django.utils import timezone

from core import metrics
from core.circuit_breaker import CircuitBreaker

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=5)
"""Longer than a mail server may take. Also the time until the next try."""
GIVE_UP_AFTER = timedelta(days=3)

SERVER_ANSWERED = (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused, ValueError)
"""Errors of one mail: the server answered, so they don't count for the circuit breaker."""

breaker = CircuitBreaker("the mail server")
"""A server that hangs must not delay the whole sweep by one timeout for each mail."""


def claim(row: Any) -> bool:
    """Put off the next try with compare-and-set. False if another sweep was first, or after three days."""
    now = timezone.now()
    is_over = now - row.created_at > GIVE_UP_AFTER
    due = type(row)._default_manager.filter(pk=row.pk, mail_due_at=row.mail_due_at, mail_due_at__lte=now)
    is_ours = bool(due.update(mail_due_at=None if is_over else now + LEASE))
    if is_ours and is_over:
        log.error("%s %s: mail given up", type(row).__name__, row.pk)
    return is_ours and not is_over


def sent(message: EmailMessage) -> bool:
    """Send a mail. False if that failed, or without a try while the circuit breaker is open."""
    if not breaker.allows_call():
        return False
    try:
        message.send()
    except (OSError, ValueError) as error:  # SMTPException is an OSError; ValueError: invalid address
        (breaker.succeeded if isinstance(error, SERVER_ANSWERED) else breaker.failed)()
        metrics.MAILS.labels("failed").inc()
        log.warning("a mail failed: %s", type(error).__name__)
        return False
    breaker.succeeded()
    metrics.MAILS.labels("sent").inc()
    return True
