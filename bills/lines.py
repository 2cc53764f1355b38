"""Differences between the bill and our books: the only writer of BillLine, except when staff resolve one."""

import logging
from datetime import date

from django.db.models import Q
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bills.lookup import Entry, Finding
from core.transactions import durable_transaction
from payments.books import refunds
from payments.models import BillLine, Payment, Refund

log = logging.getLogger(__name__)

Kind = BillLine.Kind


def keep(day: date, differing: list[tuple[Entry, Finding]]) -> list[BillLine]:
    """Write the lines of this run and close the day's other lines, whose cause is gone.

    Returns the open lines: those of the day, and those of other days that this run opened.
    """
    opened = {entry.key for entry, finding in differing if write(entry, finding)}
    keys = {entry.key for entry, _ in differing}
    of_this_run = Q(bill_date=day) | Q(key__in=opened)
    open_lines = list(BillLine.objects.filter(of_this_run, done_at=None).order_by("id"))
    for line in open_lines:
        if line.key not in keys:
            close(line)
    return [line for line in open_lines if line.key in keys]


@durable_transaction
def write(entry: Entry, finding: Finding) -> bool:
    """Write the one line of an entry, or update it with the finding of this run.

    True if it is new, or open again after a run had closed it. A line that staff resolved stays closed.
    """
    is_in_bill = (entry.trade_no or entry.business_type) and finding.kind != Kind.NOT_IN_BILL
    found = {
        "kind": finding.kind,
        "payment": finding.ours.payment if isinstance(finding.ours, Refund) else finding.ours,
        "our_fen": finding.our_fen,
        "bill_fen": entry.amount_fen if is_in_bill else None,
    }
    line, is_new = BillLine.objects.get_or_create(
        key=entry.key,
        defaults={
            **found,
            "bill_date": entry.day,
            "is_refund": entry.is_refund,
            "trade_no": entry.trade_no,
            "out_trade_no": entry.out_trade_no,
            "out_request_no": entry.out_request_no,
            "business_type": entry.business_type,
            "raw": entry.raw,
        },
    )
    if is_new:
        log.error("bill and books differ: %s %s", finding.kind, line)
        return True
    not_resolved_by_staff = BillLine.objects.filter(pk=line.pk, done_by=None)
    not_resolved_by_staff.update(**found)
    return bool(not_resolved_by_staff.filter(done_at__isnull=False).update(done_at=None))


def close(line: BillLine) -> None:
    """Close a line whose cause is gone. `done_by` stays empty, because no person closed it."""
    BillLine.objects.filter(pk=line.pk, done_at=None).update(done_at=timezone.now())


def is_billed(line: BillLine) -> bool:
    ours: Payment | Refund | None = line.payment
    if line.payment is not None and line.is_refund:
        ours = refunds.find(line.payment, line.out_request_no)
    return ours is not None and ours.billed_on is not None


def entry_of(line: BillLine) -> Entry:
    return Entry(
        line.bill_date,
        line.is_refund,
        line.trade_no,
        line.out_trade_no,
        line.out_request_no,
        line.bill_fen or 0,
        line.raw,
        line.business_type,
    )


_AFTER_A_RESTORE: dict[str, Promise] = {
    Kind.RECOVERED: gettext_lazy(
        "A restored backup lost this order. It was made again from the bill: number, amount, home and "
        "nights. Find out who booked, from Alipay or from the mails of that day, and add a note to the "
        "order. The renter does not see it under My orders."
    ),
    Kind.STANDS: gettext_lazy(
        "Alipay refunded this in the hours that our records lack. Most likely the order was cancelled: then "
        "cancel it here, too, so that its nights are free. Otherwise note why it stands."
    ),
}


def next_step(line: BillLine) -> str:
    """Advice for staff about an open line."""
    payment = line.payment
    if line.business_type:
        return _(
            "Alipay lists this as “%(type)s”, not as the payment or refund of an order. Look up the "
            "transaction at Alipay, and note here what it was for, such as a transfer between accounts."
        ) % {"type": line.business_type}
    if line.kind in _AFTER_A_RESTORE:
        return str(_AFTER_A_RESTORE[line.kind])
    match line.kind, line.is_refund:
        case Kind.NOT_IN_BILL, False:
            return _(
                "Query Alipay about the payment, and reconcile the bills of the days before and after. If "
                "Alipay does not know it, no money arrived: tell the site operator before the guest "
                "arrives."
            )
        case Kind.NOT_IN_BILL, True:
            return _(
                "Reconcile the bills of the days before and after. If none lists it, look up the "
                "transaction at Alipay: the renter may still be owed this money."
            )
        case Kind.AMOUNT, False:
            return _(
                "Look up the transaction at Alipay: the amount shown there was received. Refund any "
                "excess, or ask the renter for the rest."
            )
        case Kind.AMOUNT, True:
            return _(
                "Look up the transaction at Alipay: the amount shown there was refunded. Settle the "
                "difference with the renter."
            )
    if not line.trade_no:
        return _("This bill line can't be read with certainty. Compare it with our payments by hand.")
    if payment is None:
        return _(
            "Look up the transaction at Alipay. If it is for something else sold with this account, note "
            "that here. If a restored backup lost its order, find out who paid: book them again, or refund "
            "it in Alipay's merchant console."
        )
    if line.is_refund:
        return _(
            "Compare the payment's refunds with the transaction at Alipay: this one was made there and "
            "does not match ours, or was given up here. If Alipay could not be queried, the next run "
            "checks again."
        )
    if payment.is_settled:
        return _(
            "Our payment with this number is another transaction. Look up both at Alipay and refund one."
        )
    return _(
        "Query Alipay about the payment. Closed: the money was received and fully refunded; tell the "
        "renter. Another amount: look up the transaction at Alipay and refund it there. No answer: the "
        "next run checks again."
    )
