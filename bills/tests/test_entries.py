"""Lines of compared bills are kept as they are, once."""

from datetime import date, timedelta

import pytest

from bills import entries
from bills.tests.test_comparison import bill, paid, refunded, row, transfer
from payments.alipay.bill import parse
from payments.alipay.tests.test_bill import HEADER, PAYMENT, PLAIN, REFUND, gbk
from payments.models import BillEntry, ComparedBill
from tests.alipay import Gateway

pytestmark = pytest.mark.django_db(transaction=True)

DAY = date(2026, 11, 22)


def kept() -> list[tuple[bool, str, int, int | None]]:
    found = BillEntry.objects.filter(day=DAY).order_by("id")
    return list(found.values_list("is_refund", "business_type", "net_fen", "fee_fen"))


def test_lines_are_kept_with_the_signs_of_the_bill(gateway: Gateway) -> None:
    payment = paid()
    refund = refunded(payment)
    lines = [row(payment, fee_fen=-180), row(refund, net_fen=None, fee_fen=60), transfer(amount_fen=-500)]
    entries.keep(bill(*lines, day=DAY, unreadable=["?"]))
    expected = [(False, "", 30000, -180), (True, "", -10000, 60), (False, "转账", 1, None)]
    assert kept() == expected
    compared = ComparedBill.objects.get(day=DAY)
    assert (compared.entries, compared.unreadable) == (3, 1)


def test_a_second_comparison_keeps_the_lines_once(gateway: Gateway) -> None:
    line = row(paid(), fee_fen=-180)
    entries.keep(bill(line, day=DAY - timedelta(days=1)))
    entries.keep(bill(line, day=DAY))
    first = ComparedBill.objects.get(day=DAY).compared_at
    entries.keep(bill(line, day=DAY))
    assert (len(kept()), BillEntry.objects.count()) == (1, 2)
    assert ComparedBill.objects.get(day=DAY).compared_at == first


def test_the_fee_is_read_from_the_bill() -> None:
    payment = PAYMENT.format(**PLAIN).replace("\t,0.00,0.00,", "\t,-1.80,0.00,")
    refund = REFUND.format(**PLAIN).replace("_R1\t,0.00,", "_R1\t,0.60,")
    assert [row.fee_fen for row, _raw in parse(gbk(payment, refund)).rows] == [-180, 60]


def test_a_fee_that_can_not_be_told_hides_no_payment() -> None:
    line = PAYMENT.format(**{**PLAIN, "remark": "1.00,2.00"})
    [(found, _raw)] = parse(gbk(line)).rows
    assert found.amount_fen == 30000
    assert found.fee_fen in (0, None)


def test_a_bill_without_the_column_has_no_fees() -> None:
    header = HEADER.replace("服务费（元）", "服务金额（元）")
    [(found, _raw)] = parse(gbk(PAYMENT.format(**PLAIN), header=header)).rows
    assert found.fee_fen is None
