"""The daily bill compared with our books, and the lines for their differences."""

import uuid
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import DataError
from django.utils import timezone, translation
from pytest_django import Settings

from bills import days, fetching, lines
from bills.comparison import Report, reconcile
from bills.lines import next_step
from bills.lookup import Entry
from orders.counters import recount
from orders.models import Order
from payments import callbacks, checkout
from payments.alipay import http
from payments.alipay.answers import BEIJING
from payments.alipay.bill import Bill, BillProblem, Row
from payments.alipay.tests.test_bill import HEADER, PAYMENT, TRANSFER, gbk, text_of, zipped
from payments.books import attempts
from payments.books.attempts import Received, settle
from payments.books.invariants import broken_rules
from payments.books.refunds import create
from payments.models import BillLine, ComparedBill, GatewayMessage, Payment, Refund
from payments.staff.resolution import resolve
from standin import StandIn
from standin.tests.merchant import fetch
from tests import alipay, make
from tests.alipay import Gateway, trade_no
from tests.races import at_once

DAY = date(2026, 11, 22)
NOON = datetime(2026, 11, 22, 12, tzinfo=BEIJING)
MORNING_AFTER = NOON + timedelta(days=1)

Kind = BillLine.Kind
Status = Refund.Status


@pytest.fixture(autouse=True)
def morning_after() -> Iterator[None]:
    """In English, so that tests can look for sentences."""
    with time_machine.travel(MORNING_AFTER), translation.override("en"):
        yield


def paid(order: Order | None = None, at: datetime = NOON, **changes: str) -> Payment:
    payment = make.attempt(order)
    settle(payment, Received(changes.get("trade_no", trade_no(payment)), payment.amount_fen, at, "NOTIFY"))
    payment.refresh_from_db()
    return payment


def refunded(payment: Payment, fen: int = 10000, at: datetime = NOON) -> Refund:
    refund = create(payment, fen, reason=Refund.Reason.CANCELED)
    make.rows(Refund).filter(pk=refund.pk).update(status=Status.DONE, done_at=at, next_try_at=None)
    refund.refresh_from_db()
    return refund


def row(about: Payment | Refund, fen: int | None = None, **changes: object) -> tuple[Row, str]:
    """The row that Alipay's bill would have for a payment or refund of ours."""
    is_refund = isinstance(about, Refund)
    payment = about.payment if isinstance(about, Refund) else about
    amount = about.amount_fen if fen is None else fen
    values = {
        "is_refund": is_refund,
        "trade_no": payment.trade_no or trade_no(payment),
        "out_trade_no": payment.out_trade_no,
        "out_request_no": about.out_request_no if isinstance(about, Refund) else "",
        "amount_fen": amount,
        "net_fen": -amount if is_refund else amount,
        **changes,
    }
    return Row(**values), f"{payment.out_trade_no},房,"


def stranger(number: str, **changes: object) -> tuple[Row, str]:
    values = {
        "is_refund": False,
        "trade_no": "2026999",
        "out_trade_no": number,
        "out_request_no": "",
        "amount_fen": 1,
        "net_fen": 1,
        **changes,
    }
    return Row(**values), f"{number},somebody,"


def bill(*rows: tuple[Row, str], day: date = DAY, unreadable: list[str] | None = None) -> Bill:
    payments_and_refunds = [(row, raw) for row, raw in rows if not row.business_type]
    others = [(row, raw) for row, raw in rows if row.business_type]
    return Bill("20880000000000010156", day, payments_and_refunds, unreadable or [], others)


def transfer(trade_no: str = "2026888", **changes: object) -> tuple[Row, str]:
    row, _ = stranger("", trade_no=trade_no, business_type="转账", **changes)
    return row, f"{trade_no},,转账,房租,{row.amount_fen}"


def open_lines() -> list[tuple[str, str]]:
    lines = make.rows(BillLine).filter(done_at=None).order_by("id")
    return [(line.kind, line.out_request_no or line.out_trade_no) for line in lines]


def compared() -> list[date]:
    return list(ComparedBill.objects.order_by("day").values_list("day", flat=True))


def everything() -> list[object]:
    models = (Order, Payment, Refund, BillLine, GatewayMessage)
    return [list(model._base_manager.order_by("pk").values()) for model in models]


def found(gateway: Gateway, payment: Payment, number: str, yuan: str) -> None:
    """Make Alipay report this refund."""
    node = {"out_trade_no": payment.out_trade_no, "out_request_no": number, "refund_amount": yuan}
    gateway.says["fastpay.refund.query"] = alipay.answer(
        "fastpay_refund_query", refund_status="REFUND_SUCCESS", **node
    )


# --- the same on both sides ---------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_day_on_which_all_is_the_same(gateway: Gateway) -> None:
    payments = [paid(trade_no=f"2026{n}") for n in range(3)]
    refund = refunded(payments[0])
    report = reconcile(bill(*[row(payment) for payment in payments], row(refund)))
    assert (report.matched, report.for_staff, gateway.calls) == (4, [], [])
    assert report.theirs == report.ours
    assert (report.ours.received_fen, report.ours.refunded_fen) == (90000, 10000)
    assert set(make.rows(Payment).values_list("billed_on", flat=True)) == {DAY}
    assert make.rows(Refund).get().billed_on == DAY
    before = everything()
    again = reconcile(bill(*[row(payment) for payment in payments], row(refund)))
    assert (again, everything()) == (report, before)


@pytest.mark.django_db
def test_rows_of_one_thing_are_taken_together(gateway: Gateway) -> None:
    payment = paid()
    assert reconcile(bill(row(payment, 10000), row(payment, 20000))).matched == 1
    make.rows(BillLine).all().delete()
    assert reconcile(bill(row(payment), row(payment))).matched == 0
    assert open_lines() == [(Kind.AMOUNT, payment.out_trade_no)]


# --- only in the bill ---------------------------------------------------------------------------------------

STRANGERS = {
    "another shop's": "service_1568601259302",
    "an order we don't have": "99112200000001_1",
    "full-width digits": "2611220000000１_1",
    "no attempt number of ours": "26112200000001_01",
    "far too long a number": "26112200000001_" + "1" * 40,
}


@pytest.mark.django_db
@pytest.mark.parametrize("number", STRANGERS.values(), ids=STRANGERS.keys())
def test_QRY11_a_number_that_is_not_ours(number: str, gateway: Gateway) -> None:
    order = make.order()
    make.rows(Order).filter(pk=order.pk).update(number="26112200000001")
    for _ in range(2):
        report = reconcile(bill(stranger(number)))
    (line,) = report.for_staff
    assert (line.kind, line.out_trade_no, line.trade_no) == (Kind.NOT_OURS, number, "2026999")
    assert (line.bill_date, line.bill_fen, line.our_fen, line.payment) == (DAY, 1, None, None)
    assert (line.raw, make.rows(BillLine).count()) == (f"{number},somebody,", 1)
    assert "Look up the transaction" in next_step(line)
    assert make.rows(Payment).count() == 0


@pytest.mark.django_db
def test_QRY11_alipay_is_asked_about_an_open_attempt(gateway: Gateway) -> None:
    payment = make.attempt()
    gateway.says["query"] = alipay.paid(payment)
    report = reconcile(bill(row(payment)))
    payment.refresh_from_db()
    assert (payment.status, payment.evidence, payment.billed_on) == ("PAID", "QUERY", DAY)
    assert (report.matched, report.for_staff) == (1, [])
    assert list(broken_rules()) == []


@pytest.mark.django_db
def test_QRY11_money_for_a_closed_attempt_is_refunded(gateway: Gateway) -> None:
    payment = make.attempt()
    attempts.mark_closed(payment)
    make.rows(Order).update(status=Order.Status.CANCELED)
    gateway.says["query"] = alipay.paid(payment)
    assert reconcile(bill(row(payment))).for_staff == []
    payment.refresh_from_db()
    assert (payment.status, payment.refund_reserved_fen) == ("SURPLUS", 30000)


@pytest.mark.django_db
def test_QRY11_the_bill_alone_settles_nothing(gateway: Gateway) -> None:
    """It is unsigned. Without an answer from Alipay the attempt is polled, and staff see a line."""
    payment = make.attempt(next_try_at=timezone.now())
    (line,) = reconcile(bill(row(payment))).for_staff
    payment.refresh_from_db()
    assert (payment.status, payment.received_fen, payment.next_try_at is None) == ("OPEN", 0, False)
    assert (line.kind, line.payment, line.our_fen) == (Kind.NOT_OURS, payment, None)
    assert "Query Alipay" in next_step(line)


@pytest.mark.django_db
@pytest.mark.parametrize("later", [timedelta(minutes=1), timedelta(days=1)])
def test_a_line_is_closed_by_a_later_run_once_its_cause_has_gone(later: timedelta, gateway: Gateway) -> None:
    payment = make.attempt()
    reconcile(bill(row(payment)))
    gateway.says["query"] = alipay.paid(payment, send_pay_date="2026-11-23 12:00:00")
    with time_machine.travel(MORNING_AFTER + later):
        rows = [row(payment)] if later < timedelta(hours=1) else []
        report = reconcile(bill(*rows, day=(MORNING_AFTER + later).date() - timedelta(days=1)))
    line = make.rows(BillLine).get()
    assert (report.for_staff, line.done_at is None, line.done_by) == ([], False, None)
    payment.refresh_from_db()
    assert (payment.status, payment.billed_on) == ("PAID", DAY)


@pytest.mark.django_db
def test_a_line_of_a_file_that_was_wrong_is_closed_by_the_right_one(gateway: Gateway) -> None:
    payment = paid()
    reconcile(bill(stranger("wrong"), unreadable=["?"]))
    assert len(open_lines()) == 3
    assert reconcile(bill(row(payment))).for_staff == []
    assert open_lines() == []


@pytest.mark.django_db
def test_two_trades_of_one_number(gateway: Gateway) -> None:
    payment = paid()
    (line,) = reconcile(bill(row(payment), row(payment, trade_no="2026777"))).for_staff
    assert (line.kind, line.trade_no, line.payment) == (Kind.NOT_OURS, "2026777", payment)
    assert "another transaction" in next_step(line)


@pytest.mark.django_db
def test_a_line_that_cannot_be_read_is_for_staff(gateway: Gateway) -> None:
    for _ in range(2):
        (line,) = reconcile(bill(unreadable=["2026,a,b,,,"])).for_staff
    assert (line.raw, line.bill_fen, line.kind) == ("2026,a,b,,,", None, Kind.NOT_OURS)
    assert "can't be read" in next_step(line)


# --- neither payments nor refunds ---------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("fen", [20000, -20000], ids=["to us", "from us"])
@pytest.mark.parametrize("trade_no", ["2026888", ""])
def test_W5_a_transfer_goes_to_staff_as_what_it_is(fen: int, trade_no: str, gateway: Gateway) -> None:
    payment = paid()
    theirs = bill(row(payment), transfer(trade_no, amount_fen=fen, net_fen=fen))
    for _ in range(2):
        report = reconcile(theirs)
    (line,) = report.for_staff
    assert (line.kind, line.business_type, line.is_refund) == (Kind.NOT_OURS, "转账", False)
    assert (line.trade_no, line.bill_fen, line.our_fen, line.payment) == (trade_no, fen, None, None)
    assert (report.theirs.payments, report.theirs.received_fen, report.matched) == (1, 30000, 1)
    assert "“转账”, not as the payment or refund of an order" in next_step(line)
    assert gateway.calls == []


@pytest.mark.django_db
def test_W5_a_transfer_is_another_line_than_a_payment_of_the_same_number(gateway: Gateway) -> None:
    payment = paid()
    like_it = row(payment, business_type="转账")
    (line,) = reconcile(bill(row(payment), like_it)).for_staff
    assert (line.business_type, line.payment, line.bill_fen) == ("转账", payment, 30000)
    reconcile(bill(row(payment), transfer("1"), transfer("2"), transfer("")))
    assert [line.trade_no for line in make.rows(BillLine).filter(done_at=None).order_by("trade_no")] == [
        "",
        "1",
        "2",
    ]


@pytest.mark.django_db
def test_W5_a_transfer_of_another_day_stays_what_it_is(gateway: Gateway) -> None:
    (line,) = reconcile(bill(transfer())).for_staff
    with time_machine.travel(MORNING_AFTER + timedelta(days=1)):
        reconcile(bill(day=AFTER))
    line.refresh_from_db()
    assert (line.done_at, line.kind, line.bill_fen, line.business_type) == (None, Kind.NOT_OURS, 1, "转账")


# --- only in our books --------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_QRY12_a_payment_and_a_refund_that_the_bill_does_not_have(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    payment = paid()
    refund = refunded(payment)
    for _ in range(2):
        report = reconcile(bill())
    assert open_lines() == [
        (Kind.NOT_IN_BILL, payment.out_trade_no),
        (Kind.NOT_IN_BILL, refund.out_request_no),
    ]
    assert [(line.bill_fen, line.our_fen) for line in report.for_staff] == [(None, 30000), (None, 10000)]
    assert all(line.payment == payment and next_step(line) for line in report.for_staff)
    assert (report.theirs.payments, report.ours.payments, report.ours.refunds) == (0, 1, 1)
    assert caplog.text.count("NOT_IN_BILL") == 2  # each is logged once
    payment.refresh_from_db()
    assert payment.status == "PAID"


@pytest.mark.django_db
def test_the_next_days_bill_may_have_it(gateway: Gateway) -> None:
    payment = paid()
    refund = refunded(payment)
    reconcile(bill())
    with time_machine.travel(MORNING_AFTER + timedelta(days=1)):
        assert reconcile(bill(row(payment), row(refund), day=DAY + timedelta(days=1))).matched == 2
    assert open_lines() == []


@pytest.mark.django_db
def test_just_before_midnight_is_looked_for_in_the_next_days_bill(gateway: Gateway) -> None:
    midnight = NOON + timedelta(hours=12)
    payment = paid(at=midnight - timedelta(minutes=3))
    refunded(payment, at=midnight - timedelta(seconds=1))
    assert reconcile(bill()).for_staff == []
    with time_machine.travel(MORNING_AFTER + timedelta(days=1)):
        assert len(reconcile(bill(day=DAY + timedelta(days=1))).for_staff) == 2


@pytest.mark.django_db
def test_a_payment_in_one_bill_is_not_missed_in_the_next(gateway: Gateway) -> None:
    """Paid before midnight, recorded here after it, without a time from Alipay."""
    payment = paid(at=NOON + timedelta(hours=12, seconds=5))
    refund = refunded(payment, at=NOON + timedelta(hours=20))
    assert reconcile(bill(row(payment), row(refund))).matched == 2
    with time_machine.travel(MORNING_AFTER + timedelta(days=1)):
        assert reconcile(bill(day=DAY + timedelta(days=1))).for_staff == []


@pytest.mark.django_db
def test_other_days_and_unfinished_payments_and_refunds_are_not_missed(gateway: Gateway) -> None:
    paid(at=NOON - timedelta(days=1), trade_no="2026888")
    payment = paid(at=NOON)
    create(payment, 100, reason=Refund.Reason.CANCELED)
    make.attempt()
    assert reconcile(bill(row(payment))).for_staff == []


BEFORE = DAY - timedelta(days=1)
AFTER = DAY + timedelta(days=1)


@pytest.mark.django_db
@pytest.mark.parametrize("days", [(DAY, AFTER), (AFTER, DAY)], ids=["in order", "out of order"])
def test_QRY12_near_midnight_it_is_missed_once_both_bills_were_compared(
    days: tuple[date, date], gateway: Gateway
) -> None:
    midnight = NOON + timedelta(hours=12)
    payment = paid(at=midnight - timedelta(minutes=3))
    refund = refunded(payment, at=midnight + timedelta(hours=8))
    make.rows(Refund).update(created_at=midnight - timedelta(hours=1))
    with time_machine.travel(MORNING_AFTER + timedelta(days=1)):
        reconcile(bill(day=days[0]))
        assert open_lines() == []
        reconcile(bill(day=days[1]))
        assert open_lines() == [
            (Kind.NOT_IN_BILL, payment.out_trade_no),
            (Kind.NOT_IN_BILL, refund.out_request_no),
        ]
        assert set(make.rows(BillLine).values_list("bill_date", flat=True)) == {AFTER}
        before = everything()
        for day in days:
            reconcile(bill(day=day))
        assert everything() == before


@pytest.mark.django_db
def test_the_bill_of_the_day_before_may_come_later_and_have_it(gateway: Gateway) -> None:
    payment = paid(at=NOON + timedelta(hours=12, minutes=-3))
    with time_machine.travel(MORNING_AFTER + timedelta(days=1)):
        reconcile(bill(day=AFTER))
        reconcile(bill(row(payment)))
    assert make.rows(BillLine).count() == 0


@pytest.mark.django_db
def test_QRY12_the_evening_before_is_missed_once_its_own_bill_was_compared(gateway: Gateway) -> None:
    payment = paid(at=NOON - timedelta(hours=12, minutes=3))
    reconcile(bill())
    assert open_lines() == []
    reconcile(bill(day=BEFORE))
    assert open_lines() == [(Kind.NOT_IN_BILL, payment.out_trade_no)]


@pytest.mark.django_db
def test_QRY12_what_is_recorded_after_its_day_was_compared_is_missed_by_the_next_run(
    gateway: Gateway,
) -> None:
    reconcile(bill())
    payment = paid()
    with time_machine.travel(MORNING_AFTER + timedelta(days=1)):
        report = reconcile(bill(day=AFTER))
    (line,) = make.rows(BillLine).all()
    assert (line.kind, line.payment, line.bill_date) == (Kind.NOT_IN_BILL, payment, DAY)
    assert (report.for_staff, report.ours.payments) == ([line], 0)  # reported, but not in that day's sums


# --- amounts ------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("more", [-1, 1])
def test_another_amount_by_one_fen(more: int, gateway: Gateway) -> None:
    payment = paid()
    refund = refunded(payment)
    report = reconcile(bill(row(payment, 30000 + more), row(refund, 10000 + more)))
    assert [(line.kind, line.bill_fen - line.our_fen) for line in report.for_staff] == [("AMOUNT", more)] * 2
    assert report.matched == 0
    before = everything()
    reconcile(bill(row(payment, 30000 + more), row(refund, 10000 + more)))
    assert everything() == before
    with time_machine.travel(MORNING_AFTER + timedelta(days=1)):
        reconcile(bill(day=DAY + timedelta(days=1)))
    assert len(open_lines()) == 2


# --- refunds ------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_REF07_a_refund_made_in_alipays_console(gateway: Gateway) -> None:
    payment = paid()
    found(gateway, payment, "by-hand", "100.00")
    theirs = (Row(True, payment.trade_no, payment.out_trade_no, "by-hand", 10000, -10000), "")
    for _ in range(2):
        report = reconcile(bill(row(payment), theirs))
    assert (report.matched, report.for_staff) == (2, [])
    refund = make.rows(Refund).get()
    assert (refund.reason, refund.status, refund.billed_on) == ("EXTERNAL", Status.DONE, DAY)
    payment.refresh_from_db()
    assert (payment.status, payment.refund_reserved_fen) == ("PAID", 10000)
    assert list(broken_rules()) == []


@pytest.mark.django_db
def test_REF07_the_bill_alone_is_not_believed_about_a_refund(gateway: Gateway) -> None:
    payment = paid()
    theirs = (Row(True, payment.trade_no, payment.out_trade_no, "by-hand", 10000, -10000), "")
    (line,) = reconcile(bill(row(payment), theirs)).for_staff
    assert (line.kind, line.is_refund, line.out_request_no) == (Kind.NOT_OURS, True, "by-hand")
    assert make.rows(Refund).count() == 0
    assert "made there" in next_step(line)


@pytest.mark.django_db
def test_REF07_more_than_is_left_is_for_staff(gateway: Gateway) -> None:
    payment = paid()
    refund = refunded(payment, 25000)
    found(gateway, payment, "by-hand", "100.00")
    theirs = (Row(True, payment.trade_no, payment.out_trade_no, "by-hand", 10000, -10000), "")
    reconcile(bill(row(payment), row(refund), theirs))
    assert open_lines() == [(Kind.NOT_OURS, "by-hand")]
    assert list(broken_rules()) == []


@pytest.mark.django_db
def test_a_full_refund_without_a_number_has_the_payments(gateway: Gateway) -> None:
    payment = paid()
    found(gateway, payment, payment.out_trade_no, "300.00")
    reconcile(bill(row(payment), (Row(True, payment.trade_no, payment.out_trade_no, "", 30000, -30000), "")))
    assert (open_lines(), make.rows(Refund).get().out_request_no) == ([], payment.out_trade_no)


@pytest.mark.django_db
@pytest.mark.parametrize("status", [Status.DUE, Status.SENT, Status.REFUSED])
def test_a_refund_of_ours_that_we_did_not_know_to_be_done(status: str, gateway: Gateway) -> None:
    payment = paid()
    refund = create(payment, 10000, reason=Refund.Reason.CANCELED)
    make.rows(Refund).update(status=status)
    found(gateway, payment, refund.out_request_no, "100.00")
    assert reconcile(bill(row(payment), row(refund))).for_staff == []
    refund.refresh_from_db()
    assert (refund.status, refund.billed_on) == (Status.DONE, DAY)


# --- a restored backup --------------------------------------------------------------------------------------


def forget(payment: Payment) -> Order:
    """Delete the attempt, as if a backup from before the renter pressed Pay was restored."""
    make.rows(Refund).filter(payment=payment).delete()
    make.rows(GatewayMessage).filter(payment=payment).delete()
    payment.order.events.all().delete()
    make.rows(Payment).filter(pk=payment.pk).delete()
    make.rows(Order).filter(pk=payment.order_id).update(status=Order.Status.WAIT_PAYMENT, trade_no="")
    recount(payment.order.house)  # a backup is older as a whole
    return make.rows(Order).get(pk=payment.order_id)


@pytest.mark.django_db
def test_DBX08_a_lost_payment_is_rebuilt_from_alipays_answer(gateway: Gateway) -> None:
    payment = paid()
    refund = refunded(payment)
    rows = (row(payment), row(refund))
    order = forget(payment)
    gateway.says["query"] = alipay.paid(payment)
    found(gateway, payment, refund.out_request_no, "100.00")
    report = reconcile(bill(*rows))
    assert (report.matched, report.for_staff) == (2, [])
    order.refresh_from_db()
    new = order.payments.get()
    assert (order.status, new.status, new.received_fen) == (Order.Status.WAIT_COMMENT, "PAID", 30000)
    assert (new.out_trade_no, new.trade_no, new.evidence) == (
        payment.out_trade_no,
        trade_no(payment),
        "QUERY",
    )
    assert (new.refund_reserved_fen, new.refunds.get().status) == (10000, Status.DONE)
    assert list(broken_rules()) == []
    before = everything()
    reconcile(bill(*rows))
    assert everything() == before


@pytest.mark.django_db
def test_DBX08_without_an_answer_it_is_open_and_polled(gateway: Gateway) -> None:
    payment = paid()
    rows = row(payment)
    order = forget(payment)
    reconcile(bill(rows))
    new = order.payments.get()
    assert (new.status, new.received_fen, new.next_try_at is None) == ("OPEN", 0, False)
    assert open_lines() == [(Kind.NOT_OURS, payment.out_trade_no)]


@pytest.mark.django_db
def test_DBX08_a_payment_that_the_bill_invents_is_not_settled(gateway: Gateway) -> None:
    order = make.order()
    gateway.says["query"] = alipay.not_existing()
    reconcile(bill(stranger(f"{order.number}_7", amount_fen=30000, net_fen=30000)))
    order.refresh_from_db()
    assert (order.status, order.payments.get().status) == (Order.Status.WAIT_PAYMENT, "CLOSED")
    assert open_lines() == [(Kind.NOT_OURS, f"{order.number}_7")]


@pytest.mark.django_db
@pytest.mark.parametrize("fen", [0, 99_999_999_999])
def test_DBX08_no_attempt_is_made_of_an_impossible_amount(fen: int, gateway: Gateway) -> None:
    order = make.order()
    reconcile(bill(stranger(f"{order.number}_7", amount_fen=fen, net_fen=fen)))
    assert (order.payments.count(), len(open_lines())) == (0, 1)


@pytest.mark.django_db
def test_DBX08_an_order_that_no_longer_exists_is_for_staff(gateway: Gateway) -> None:
    (line,) = reconcile(bill(stranger("26112200000001_1", amount_fen=30000, net_fen=30000))).for_staff
    assert (line.payment, line.bill_fen, gateway.calls) == (None, 30000, [])
    assert "backup" in next_step(line)


# --- staff --------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_line_that_staff_resolved_stays_closed(gateway: Gateway) -> None:
    (line,) = reconcile(bill(stranger("x"))).for_staff
    staff = make.user(is_staff=True)
    assert resolve(line, by=staff, how="Sold over the counter")
    assert not resolve(line, by=make.user(), how="Again")
    assert reconcile(bill(stranger("x"))).for_staff == []
    line.refresh_from_db()
    assert (line.done_by, line.outcome, make.rows(BillLine).count()) == (staff, "Sold over the counter", 1)


# --- many at once -------------------------------------------------------------------------------------------


def runs_at_once(payment: Payment) -> list[Report]:
    theirs = bill(row(payment), stranger("x"), unreadable=["?"])
    return at_once(*[lambda: reconcile(theirs)] * 4)


@pytest.mark.django_db(transaction=True)
@pytest.mark.race
def test_QRY11_four_runs_at_once_write_each_line_and_payment_once(gateway: Gateway) -> None:
    payment = make.attempt()
    gateway.says["query"] = alipay.paid(payment)
    runs_at_once(payment)
    reconcile(bill(row(payment), stranger("x"), unreadable=["?"]))
    assert sorted(number for _, number in open_lines()) == ["", "x"]
    assert make.rows(BillLine).filter(out_trade_no="x").count() == 1
    assert compared() == [DAY]
    assert payment.order.events.count() == 1
    assert list(broken_rules()) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.race
def test_QRY11_twin_without_one_key_for_a_line(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Entry, "key", property(lambda entry: uuid.uuid4().hex))
    runs_at_once(paid())
    assert make.rows(BillLine).filter(out_trade_no="x").count() == 4


@pytest.mark.django_db(transaction=True)
@pytest.mark.race
def test_DBX08_four_runs_at_once_rebuild_a_payment_once(gateway: Gateway) -> None:
    payment = paid()
    theirs = bill(row(payment))
    order = forget(payment)
    gateway.says["query"] = alipay.paid(payment)
    at_once(*[lambda: reconcile(theirs)] * 4)
    assert (order.payments.count(), order.events.count()) == (1, 1)
    assert list(broken_rules()) == []


# --- the command --------------------------------------------------------------------------------------------

BILL = "data.dataservice.bill.downloadurl.query"


def run(*arguments: str) -> int:
    try:
        call_command("reconcile_bill", *arguments)
    except SystemExit as stop:
        return int(stop.code or 0)
    except CommandError as error:
        return error.returncode
    return 0


def complaint(*arguments: str) -> str:
    with pytest.raises(CommandError) as caught:
        call_command("reconcile_bill", *arguments)
    assert caught.value.returncode == 2
    return str(caught.value)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "bill.csv"
    path.write_bytes(gbk())
    return path


@pytest.mark.django_db
def test_the_command_reads_a_file_and_prints_the_differences(
    file: Path, capsys: pytest.CaptureFixture[str], gateway: Gateway
) -> None:
    payment = paid()
    assert run("2026-11-22", "--file", str(file)) == 1
    said = capsys.readouterr().out
    assert "bill of 2026-11-22: payments 0, 0.00; refunds 0, 0.00" in said
    assert "our books: payments 1, 300.00" in said
    assert f"NOT_IN_BILL payment {payment.out_trade_no} {payment.trade_no}: bill -, ours 300.00" in said
    make.rows(Payment).update(billed_on=DAY)
    assert run("2026-11-22", "--file", str(file)) == 0
    assert "0 for staff" in capsys.readouterr().out
    assert compared() == [DAY]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("day", "reason"),
    [
        ("2026-11-23", "is not over in Beijing"),
        ("2027-01-01", "is not over in Beijing"),
        ("2026-13-01", "not a day"),
        ("yesterday", "not a day"),
        ("2026-11-21", "The bill is of 2026-11-22, not of 2026-11-21"),
    ],
)
def test_the_command_refuses_a_wrong_day(day: str, reason: str, file: Path) -> None:
    assert reason in complaint(day, "--file", str(file))


@pytest.mark.django_db
def test_the_day_is_beijings(file: Path) -> None:
    with time_machine.travel("2026-11-22T15:59:00+00:00"):
        assert "is not over" in complaint("2026-11-22", "--file", str(file))
    with time_machine.travel("2026-11-22T16:01:00+00:00"):
        assert run("2026-11-22", "--file", str(file)) == 0


@pytest.mark.django_db
def test_the_command_refuses_a_wrong_file(file: Path, settings: Settings) -> None:
    assert "can't be read" in complaint("2026-11-22", "--file", str(file.parent))
    assert "can't be read" in complaint("2026-11-22", "--file", str(file.parent / "none"))
    assert "DATE" in complaint("--file", str(file))
    settings.ALIPAY_SELLER_ID = "2088999999999999"
    assert "of account 20880000000000010156" in complaint("2026-11-22", "--file", str(file))
    file.write_bytes(b"PK nonsense")
    assert "zip is broken" in complaint("2026-11-22", "--file", str(file))
    assert compared() == []


@pytest.mark.django_db
def test_W5_the_command_names_a_copy_and_says_what_to_do(file: Path) -> None:
    file.write_bytes(text_of(PAYMENT).encode())
    reason = complaint("2026-11-22", "--file", str(file))
    assert "a copy that was saved in UTF-8" in reason
    assert "give that zip as it is" in reason
    assert (compared(), make.rows(BillLine).count()) == ([], 0)


@pytest.mark.django_db
def test_W5_the_command_prints_a_transfer_as_what_it_is(
    file: Path, capsys: pytest.CaptureFixture[str], gateway: Gateway
) -> None:
    file.write_bytes(gbk(TRANSFER.format(title="还款,房租", remark="")))
    assert run("2026-11-22", "--file", str(file)) == 1
    assert "NOT_OURS 转账 2026112222001400001234567890: bill 300.00, ours -" in capsys.readouterr().out


@pytest.mark.django_db
def test_the_command_without_keys_says_so(settings: Settings, file: Path) -> None:
    settings.ALIPAY_APP_PRIVATE_KEY_PATH = "/nowhere"
    with pytest.raises(CommandError, match="ALIPAY_APP_PRIVATE_KEY_PATH"):
        call_command("reconcile_bill", "2026-11-22", "--file", str(file))


def answer_about_a_bill(**node: str) -> bytes:
    return alipay.answer(BILL.replace(".", "_"), **node).replace(b"alipay_trade_", b"alipay_")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("node", "reason"),
    [
        (None, "Alipay does not answer (nobody is there)"),
        ({"code": "20000", "sub_code": "isp.unknow-error"}, "Alipay does not answer"),
        (
            {"code": "40006", "sub_code": "isv.insufficient-isv-permissions"},
            "to give the bill (40006",
        ),
        ({"bill_download_url": "http://127.0.0.1:1/bill"}, "could not be downloaded"),
    ],
)
def test_GWX01_without_an_answer_nothing_is_changed(
    node: dict[str, str] | None, reason: str, gateway: Gateway
) -> None:
    paid()
    if node is not None:
        gateway.says[f"alipay.{BILL}"] = answer_about_a_bill(**node)
    before = everything()
    assert reason in complaint("2026-11-22")
    assert (everything(), compared()) == (before, [])


@pytest.mark.django_db
def test_W5_https_is_asked_for(gateway: Gateway) -> None:
    complaint("2026-11-22")
    ((method, content),) = gateway.calls
    assert (method, content) == (
        f"alipay.{BILL}",
        {"bill_type": "trade", "bill_date": "2026-11-22", "secure": "true"},
    )


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("sub_code", "reason"),
    [
        ("USER_RATE_LIMIT", "limits how often bills are requested (USER_RATE_LIMIT). Try again in a minute"),
        ("SYSTEM_RATE_LIMIT", "Try again in a minute"),
        ("BILL_DATE_BEFORE_REGISTRATION", "2026-11-22 (BILL_DATE_BEFORE_REGISTRATION): the day is before"),
        ("invalid_arguments", "2026-11-22 (invalid_arguments): the day is before"),
        ("UNKNOWN_ERROR", "Alipay does not answer (40004 UNKNOWN_ERROR). Try again later"),
        ("TYPE_NOT_SUPPORTED", "40004 TYPE_NOT_SUPPORTED). Check the app's permissions"),
    ],
)
def test_W5_a_refusal_of_a_bill_is_named(sub_code: str, reason: str, gateway: Gateway) -> None:
    paid()
    gateway.says[f"alipay.{BILL}"] = answer_about_a_bill(code="40004", sub_code=sub_code)
    assert reason in complaint("2026-11-22")
    assert compared() == []


@pytest.mark.django_db
@pytest.mark.whole_table
def test_W5_after_a_rate_limit_the_other_days_wait_for_the_next_run(gateway: Gateway) -> None:
    first_attempt(ago=5)
    answers = [
        answer_about_a_bill(code="40004", sub_code=code) for code in ("NO_BILL_DATA", "USER_RATE_LIMIT")
    ]
    gateway.says[f"alipay.{BILL}"] = lambda content: answers[min(gateway.count(f"alipay.{BILL}"), 2) - 1]
    problems = complaint()
    assert "2026-11-19: Alipay limits" in problems
    assert "3 later days were not tried" in problems
    assert (compared(), gateway.count(f"alipay.{BILL}")) == (days_ago(5), 2)
    answers[1] = answers[0]
    with time_machine.travel(MORNING_AFTER + timedelta(hours=1)):
        assert (run(), compared()) == (0, days_ago(5, 4, 3, 2, 1))


def empty_day(gateway: Gateway, monkeypatch: pytest.MonkeyPatch, content: bytes, **node: str) -> None:
    """Make Alipay answer with this file, by default as that of a day without business."""
    node = {"bill_download_url": "https://dwbillcenter/x", "bill_file_code": EMPTY_DATA, **node}
    gateway.says[f"alipay.{BILL}"] = answer_about_a_bill(**node)
    monkeypatch.setattr(http, "download", lambda url, *, deadline: content)


EMPTY_DATA = "EMPTY_DATA_WITH_BILL_FILE"
WITHOUT_ROWS = {"a header": gbk(), "no header": gbk(header="")}
NOTHING = {
    "nothing": b"",
    "a header alone": HEADER.encode("gb18030"),
    "a zip of a summary": zipped({"20880000000000010156_业务明细(汇总).csv": b"#"}),
    "a zip of nothing": zipped({"20880000000000010156_业务明细.csv": b""}),
}


@pytest.mark.django_db
@pytest.mark.parametrize("file_code", [EMPTY_DATA, ""])
@pytest.mark.parametrize("content", WITHOUT_ROWS.values(), ids=WITHOUT_ROWS.keys())
def test_W5_an_empty_bill_is_compared_at_once(
    content: bytes, file_code: str, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such a bill is written, unlike "no bill": what our books have of that day is missing."""
    empty_day(gateway, monkeypatch, content, bill_file_code=file_code)
    with time_machine.travel(MORNING_AFTER - timedelta(hours=2)):
        assert (run("2026-11-22"), compared()) == (0, [DAY])
        payment = paid()
        assert run("2026-11-22") == 1
    assert open_lines() == [(Kind.NOT_IN_BILL, payment.out_trade_no)]


@pytest.mark.django_db
@pytest.mark.parametrize("content", NOTHING.values(), ids=NOTHING.keys())
def test_W5_a_file_with_nothing_in_it_is_no_bill_if_alipay_says_so(
    content: bytes, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty_day(gateway, monkeypatch, content)
    with time_machine.travel(MORNING_AFTER - timedelta(hours=2)):
        assert "by about 9:00" in complaint("2026-11-22")
    with time_machine.travel(MORNING_AFTER + timedelta(hours=1)):
        assert (run("2026-11-22"), compared()) == (0, [DAY])


@pytest.mark.django_db
@pytest.mark.parametrize("content", NOTHING.values(), ids=NOTHING.keys())
def test_W5_a_file_with_nothing_in_it_is_refused_if_alipay_does_not_say_so(
    content: bytes, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty_day(gateway, monkeypatch, content, bill_file_code="")
    with time_machine.travel(MORNING_AFTER + timedelta(days=9)):
        assert complaint("2026-11-22")
    assert compared() == []


@pytest.mark.django_db
def test_W5_rows_count_though_alipay_calls_the_day_empty(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty_day(gateway, monkeypatch, gbk(PAYMENT.format(title="房,海", remark="")))
    assert run("2026-11-22") == 1
    assert open_lines() == [(Kind.NOT_OURS, "26112200000001_1")]
    empty_day(gateway, monkeypatch, gbk(PAYMENT.format(title="房,海", remark=""), end=""))
    assert "truncated" in complaint("2026-11-22")


@pytest.mark.django_db
@pytest.mark.parametrize(("paid_that_day", "hours"), [(False, 36), (True, 72)])
def test_no_bill_means_not_yet_and_nothing_once_no_bill_can_come(
    gateway: Gateway, paid_that_day: bool, hours: int
) -> None:
    """A bill comes by noon of the next day; if our books have money of that day, perhaps later."""
    gateway.says[f"alipay.{BILL}"] = answer_about_a_bill(code="40004", sub_code="isp.bill_not_exist")
    numbers = [paid().out_trade_no] if paid_that_day else []
    began = NOON - timedelta(hours=12)
    with time_machine.travel(began + timedelta(hours=hours - 1)):
        assert "by about 9:00" in complaint("2026-11-22")
    assert compared() == []
    with time_machine.travel(began + timedelta(hours=hours + 1)):
        assert run("2026-11-22") == len(numbers)
        assert compared() == [DAY]
    assert open_lines() == [(Kind.NOT_IN_BILL, number) for number in numbers]


@pytest.mark.django_db
def test_a_line_that_a_run_closed_is_open_again_when_its_cause_is_back(gateway: Gateway) -> None:
    stranger_bill = bill(stranger("x"))
    (line,) = reconcile(stranger_bill).for_staff
    reconcile(bill())
    assert open_lines() == []
    assert reconcile(stranger_bill).for_staff == [line]
    assert resolve(line, by=make.user(), how="Sold over the counter")
    assert reconcile(stranger_bill).for_staff == []


@pytest.mark.django_db
def test_a_run_for_one_day_reports_what_it_found_about_another(gateway: Gateway) -> None:
    gateway.says[f"alipay.{BILL}"] = answer_about_a_bill(code="40004", sub_code="isp.bill_not_exist")
    reconcile(bill())
    paid()  # recorded only after its day was compared
    with time_machine.travel(MORNING_AFTER + timedelta(days=3)):
        assert run(str(AFTER)) == 1
        assert run(str(AFTER)) == 0  # reported before, and a line of another day


# --- days that were not compared yet ------------------------------------------------------------------------


def days_ago(*numbers: int) -> list[date]:
    """Days before the morning after; 1 is DAY."""
    return [AFTER - timedelta(days=number) for number in numbers]


def first_attempt(ago: int) -> Payment:
    with time_machine.travel(MORNING_AFTER - timedelta(days=ago)):
        return make.attempt()


@pytest.fixture
def no_bills(gateway: Gateway) -> None:
    """Alipay has no bill of any day: "nothing" of those before DAY, "not yet" of DAY until noon."""
    gateway.says[f"alipay.{BILL}"] = answer_about_a_bill(code="40004", sub_code="isp.bill_not_exist")


@pytest.mark.django_db
@pytest.mark.usefixtures("no_bills")
@pytest.mark.whole_table
def test_without_a_date_each_day_is_compared_once_though_another_has_no_bill_yet(
    capsys: pytest.CaptureFixture[str],
) -> None:
    first_attempt(ago=4)
    reconcile(bill(day=AFTER - timedelta(days=3)))
    with time_machine.travel(MORNING_AFTER - timedelta(hours=1)):
        problems = complaint()
        assert "2026-11-22: Alipay has no bill" in problems
        assert len(problems.splitlines()) == 1
        said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("bill of")]
        assert [line[:18] for line in said] == ["bill of 2026-11-19", "bill of 2026-11-21"]
        assert compared() == days_ago(4, 3, 2)
    with time_machine.travel(MORNING_AFTER + timedelta(hours=1)):
        assert run() == 0
        assert "bill of 2026-11-22" in capsys.readouterr().out
        assert compared() == days_ago(4, 3, 2, 1)
        assert run() == 0
        assert capsys.readouterr().out == "no day to compare\n"


@pytest.mark.django_db
@pytest.mark.usefixtures("no_bills")
@pytest.mark.whole_table
def test_without_a_date_the_exit_status_is_for_a_day_without_a_bill_then_for_open_lines() -> None:
    payment = paid()
    make.rows(Payment).update(created_at=NOON - timedelta(days=1))
    BillLine.objects.create(bill_date=DAY - timedelta(days=9), kind=Kind.NOT_OURS, key="k", out_trade_no="x")
    with time_machine.travel(MORNING_AFTER - timedelta(hours=1)):
        assert (run(), compared()) == (2, [BEFORE])
    with time_machine.travel(MORNING_AFTER + timedelta(hours=1)):
        assert run() == 2  # our books have money of that day: its bill is late
    with time_machine.travel(MORNING_AFTER + timedelta(hours=49)):
        assert run() == 1
        assert open_lines() == [(Kind.NOT_OURS, "x"), (Kind.NOT_IN_BILL, payment.out_trade_no)]
        assert run() == 1
        make.rows(BillLine).update(done_at=timezone.now())
        assert run() == 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("no_bills")
@pytest.mark.whole_table
def test_a_day_that_fails_is_still_to_be_compared_and_does_not_stop_the_others(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    first_attempt(ago=3)
    keep = lines.keep

    def fail_on_one_day(day: date, *arguments: object) -> list[BillLine]:
        if day == BEFORE:
            raise DataError("too long")
        return keep(day, *arguments)

    with time_machine.travel(MORNING_AFTER + timedelta(hours=1)):
        with monkeypatch.context() as broken:
            broken.setattr(lines, "keep", fail_on_one_day)
            assert "2026-11-21: comparison failed (DataError: too long)" in complaint()
        assert compared() == days_ago(3, 1)
        assert "bill 2026-11-21: comparison failed" in caplog.text
        assert (run(), compared()) == (0, days_ago(3, 2, 1))


@pytest.mark.django_db
@pytest.mark.whole_table
def test_there_is_nothing_to_compare_before_the_first_attempt() -> None:
    assert (run(), days.missed_days()) == (0, [])
    make.attempt()
    assert days.not_compared() == []
    with time_machine.travel(MORNING_AFTER + timedelta(days=1)):
        assert days.days_to_compare() == [AFTER]


@pytest.mark.django_db
@pytest.mark.usefixtures("no_bills")
@pytest.mark.whole_table
def test_days_that_are_too_long_ago_are_reported_and_compared_on_request(
    capsys: pytest.CaptureFixture[str],
) -> None:
    first_attempt(ago=63)
    with time_machine.travel(MORNING_AFTER + timedelta(hours=1)):
        assert len(days.missed_days()) == 58
        assert run() == 0
        assert "3 days from 2026-09-21 on were not compared" in capsys.readouterr().out
        assert compared() == days_ago(*range(60, 0, -1))
        assert days.missed_days() == []
        for day in days_ago(63, 62, 61):
            assert run(str(day)) == 0
        capsys.readouterr()
        assert run() == 0
        assert capsys.readouterr().out == "no day to compare\n"


@pytest.mark.django_db
@pytest.mark.whole_table
def test_a_day_is_missed_when_it_has_been_over_for_two_days() -> None:
    first_attempt(ago=4)
    with time_machine.travel(datetime(2026, 11, 22, 23, 59, tzinfo=BEIJING)):
        assert days.missed_days() == days_ago(4)
    with time_machine.travel(datetime(2026, 11, 23, 0, 1, tzinfo=BEIJING)):
        assert days.missed_days() == days_ago(4, 3)
        reconcile(bill(day=AFTER - timedelta(days=4)))
        assert days.missed_days() == days_ago(3)


# --- a whole day at the stand-in ----------------------------------------------------------------------------


def pressed_and_paid(standin: StandIn, order: Order) -> Payment:
    assert fetch(checkout.press_pay(order, Payment.Product.PAGE)).status == 302
    payment = order.payments.get()
    standin.pay(payment.out_trade_no)
    return payment


@pytest.mark.django_db(transaction=True)
def test_QRY11_REF07_DBX08_a_whole_day_at_the_stand_in(
    standin: StandIn, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    standin.fault("notify.lost")
    with time_machine.travel(NOON):
        notified, silent, lost, gone = (pressed_and_paid(standin, make.order()) for _ in range(4))
        assert callbacks.receive_notify(standin.signed_notify(notified.out_trade_no).encode())
        standin.refund(notified.out_trade_no, 12345, "in the console".replace(" ", "-"))
        forget(lost)
        forget(gone).delete()
    assert "is not over" in complaint("2026-11-23")
    assert run("2026-11-22") == 1
    said = capsys.readouterr().out
    assert "bill of 2026-11-22: payments 4, 1200.00; refunds 1, 123.45" in said
    assert "our books: payments 3, 900.00; refunds 1, 123.45" in said
    assert "4 match to the fen" in said
    assert open_lines() == [(Kind.NOT_OURS, gone.out_trade_no)]
    assert set(make.rows(Order).values_list("status", flat=True)) == {Order.Status.WAIT_COMMENT}
    assert [payment.out_trade_no for payment in make.rows(Payment).order_by("id")] == [
        notified.out_trade_no,
        silent.out_trade_no,
        lost.out_trade_no,
    ]
    assert make.rows(Refund).get().reason == Refund.Reason.EXTERNAL
    assert list(broken_rules()) == []
    assert "/bill/" not in caplog.text  # the URL needs no authentication
    before = everything()
    assert run("2026-11-22") == 1
    assert everything() == before


@pytest.mark.django_db(transaction=True)
@pytest.mark.whole_table
def test_QRY11_after_three_days_down_each_days_money_is_found(
    standin: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    standin.fault("notify.lost")
    for ago in (3, 2, 1):
        with time_machine.travel(MORNING_AFTER - timedelta(days=ago)):
            attempts.mark_closed(pressed_and_paid(standin, make.order()))
    assert (run(), compared()) == (0, days_ago(3, 2, 1))
    assert capsys.readouterr().out.count("1 match to the fen") == 3
    assert list(make.rows(Payment).order_by("id").values_list("status", "billed_on")) == [
        ("PAID", day) for day in days_ago(3, 2, 1)
    ]
    assert list(broken_rules()) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("fault", ["bill.cut", "bill.unsigned", "bill.bad_sign", "bill.20000", "bill.lost"])
def test_GWX01_a_gateway_that_misbehaves_about_the_bill(standin: StandIn, fault: str) -> None:
    with time_machine.travel(NOON):
        pressed_and_paid(standin, make.order())
    standin.fault(fault)
    assert "Alipay does not answer" in complaint("2026-11-22")
    standin.clear_faults()
    assert run("2026-11-22") == 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("bill.system_rate_limit", "(SYSTEM_RATE_LIMIT). Try again in a minute"),
        ("bill.user_rate_limit", "(USER_RATE_LIMIT). Try again in a minute"),
        ("bill.wrong_day", "Alipay has no bill of 2026-11-22 (invalid_arguments)"),
    ],
)
def test_W5_a_refusal_of_the_stand_in_is_named(standin: StandIn, fault: str, reason: str) -> None:
    with time_machine.travel(NOON):
        pressed_and_paid(standin, make.order())
    standin.fault(fault)
    assert reason in complaint("2026-11-22")
    standin.clear_faults()
    assert run("2026-11-22") == 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("fault", ["bill.empty_data", "bill.empty_file"])
def test_W5_an_empty_bill_of_the_stand_in_is_compared(standin: StandIn, fault: str) -> None:
    make.attempt()
    standin.fault(fault)
    assert (run("2026-11-22"), compared()) == (0, [DAY])


def test_a_bill_of_another_day_or_account_is_no_bill() -> None:
    with pytest.raises(BillProblem):
        fetching.read(gbk(), DAY + timedelta(days=1))
