"""Begins the recovery after a backup was restored that lost hours: no booking, and no mail twice.

The mails that were due when the backup was made went out in the lost hours. orders/mailing.py leaves out
those about what is lost and comes again. News for staff count as told.
"""

import logging
from collections import Counter
from datetime import datetime

from accounts.models import AccountEvent
from core.transactions import durable_transaction
from jobs import staff_mail
from jobs.models import StaffMail
from orders.models import OrderEvent, Recovery

log = logging.getLogger(__name__)


def begin(lost_from: datetime) -> Counter[str]:
    """Hold bookings of nights, and count all mails that are due as sent. Returns their numbers.

    Call it before the sweep starts.
    """
    staff_mail.write_new()
    dropped = _begin(lost_from)
    log.error("restored without what came after %s: bookings are held until the bills come", lost_from)
    return dropped


@durable_transaction
def _begin(lost_from: datetime) -> Counter[str]:
    Recovery.objects.create(lost_from=lost_from)
    outboxes = {"renters": OrderEvent, "superusers": AccountEvent, "staff": StaffMail}
    return Counter(
        {
            name: model._default_manager.filter(mail_due_at__isnull=False).update(mail_due_at=None)
            for name, model in outboxes.items()
        }
    )
