"""Bills of hours that a restored backup lost; orders/recovery.py has the hold meanwhile.

lookup.py makes lost payments and orders again. Here are the orders that staff must look at, and the bills
that are still to come.
"""

import logging
from collections.abc import Collection
from dataclasses import replace
from datetime import date

from django.db.models.functions import Coalesce
from django.utils import timezone

from bills.days import day_of
from bills.lookup import Entry, Finding, Kind
from orders.lost_orders import is_of_unknown
from orders.recovery import BILL_READY_AT, Recovery
from payments.models import ComparedBill, Refund

log = logging.getLogger(__name__)


def for_staff(entry: Entry, finding: Finding, lost: Collection[date]) -> Finding:
    """Return the finding, or one for staff where books and bill agree, yet the order was lost in part."""
    ours = finding.ours
    if finding.kind or ours is None or entry.day not in lost:
        return finding
    if not isinstance(ours, Refund):
        return replace(finding, kind=Kind.RECOVERED) if is_of_unknown(ours.order) else finding
    # Most likely of a cancellation that was lost with our own refund.
    stands = ours.reason == Refund.Reason.EXTERNAL and ours.payment.order.is_paid
    return replace(finding, kind=Kind.STANDS) if stands else finding


def past_days() -> list[date]:
    """Lost days that are over and not compared yet, also before the first attempt in our books."""
    today = day_of(timezone.now())
    return [day for recovery in _unfinished() for day in _to_come(recovery) if day < today]


def finish() -> list[str]:
    """End each recovery whose bills have come. Returns a line for each that waits, with day and time."""
    waiting = []
    for recovery in _unfinished():
        if days := _to_come(recovery):
            waiting.append(_sentence(recovery, days))
            continue
        now = timezone.now()
        Recovery.objects.filter(pk=recovery.pk).update(billed_at=now, done_at=Coalesce("done_at", now))
        log.warning("the bills of all hours that a restore lost are reconciled: nights can be booked again")
    return waiting


def _sentence(recovery: Recovery, days: list[date]) -> str:
    ready = recovery.bill_at(BILL_READY_AT)
    return (
        f"A restore lost hours since {timezone.localtime(recovery.lost_from):%Y-%m-%d %H:%M}. The bill of "
        f"{', '.join(map(str, days))} is to come, by about {ready:%H:%M} (in Beijing) on {ready:%Y-%m-%d}: "
        "run reconcile_bill again then."
        + ("" if recovery.done_at else " Until then no nights can be booked, unless staff lift that.")
    )


def _unfinished() -> list[Recovery]:
    return list(Recovery.objects.filter(billed_at=None))


def _to_come(recovery: Recovery) -> list[date]:
    compared = set(ComparedBill.objects.filter(day__in=recovery.days).values_list("day", flat=True))
    return [day for day in recovery.days if day not in compared]
