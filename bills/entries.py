"""The lines of compared bills, kept for the accountant: bills can be fetched again for some time only."""

from core.transactions import durable_transaction
from payments.alipay.bill import Bill
from payments.alipay.bill_rows import Row
from payments.models import BillEntry, ComparedBill

_AT_ONCE = 1000


@durable_transaction
def keep(bill: Bill) -> None:
    """Mark the day as compared, and keep its lines instead of those of an earlier comparison."""
    kept = [_entry(bill, row) for row, _raw in [*bill.rows, *bill.others]]
    BillEntry.objects.filter(day=bill.day).delete()
    BillEntry.objects.bulk_create(kept, batch_size=_AT_ONCE)
    sizes = {"entries": len(kept), "unreadable": len(bill.unreadable)}
    ComparedBill.objects.update_or_create(day=bill.day, defaults=sizes)


def _entry(bill: Bill, row: Row) -> BillEntry:
    signed = -row.amount_fen if row.is_refund else row.amount_fen
    return BillEntry(
        day=bill.day,
        is_refund=row.is_refund,
        business_type=row.business_type,
        trade_no=row.trade_no,
        out_trade_no=row.out_trade_no,
        out_request_no=row.out_request_no,
        net_fen=signed if row.net_fen is None else row.net_fen,
        fee_fen=row.fee_fen,
    )
