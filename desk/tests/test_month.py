"""The accountant's month: equal to the bills to the fen, and told where a bill is missing."""

import csv
import io
import random
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import translation
from pytest_django import DjangoAssertNumQueries

from accounts import roles
from bills import entries
from desk.month import chosen_month, month_in
from payments.alipay.bill import Bill
from payments.alipay.bill_rows import Row
from payments.models import BillEntry, BillLine, ComparedBill, Payment, Refund
from tests import make

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    with translation.override("en"):
        yield


FIRST = date(2026, 11, 1)
NOON = "2026-11-27T04:00:00+00:00"
QUERIES = 12


@pytest.fixture(autouse=True)
def late_november() -> Any:
    with time_machine.travel(NOON, tick=True):
        yield


@pytest.fixture
def finance() -> Client:
    return make.browser_of(make.staff(roles.FINANCE))


def compare(day: date, *rows: Row, unreadable: int = 0) -> Bill:
    bill = Bill("2088", day, [(row, "") for row in rows], [""] * unreadable)
    entries.keep(bill)
    return bill


def row(fen: int, fee: int | None, number: str = "26110100000001_1") -> Row:
    is_refund = fen < 0
    return Row(is_refund, "2026", number, f"{number}_R1" if is_refund else "", abs(fen), fen, fee_fen=fee)


def compare_the_month() -> dict[date, list[Row]]:
    chance, bills = random.Random(3), {}
    for n in range(26):
        rows = [row(chance.randrange(-9999, 99999) or 1, chance.randrange(-600, 1)) for _ in range(n % 5)]
        bills[FIRST + timedelta(days=n)] = rows
        compare(FIRST + timedelta(days=n), *rows)
    return bills


def test_each_day_is_the_bill_to_the_fen() -> None:
    bills = compare_the_month()
    month = month_in(chosen_month("2026-11"))
    assert [each.day for each in month.days] == list(bills)
    for each in month.days:
        rows = bills[each.day]
        assert each.sums.received_fen == sum(row.net_fen for row in rows if not row.is_refund)
        assert each.sums.refunded_fen == sum(row.net_fen for row in rows if row.is_refund)
        assert each.sums.fee_fen == sum(row.fee_fen for row in rows)
        assert each.sums.net_fen == sum(row.net_fen + row.fee_fen for row in rows)
        assert (each.sums.lines, each.note) == (len(rows), "")
    assert month.total.net_fen == sum(row.net_fen + row.fee_fen for rows in bills.values() for row in rows)


def test_a_day_that_was_not_compared_is_told(finance: Client) -> None:
    compare(FIRST, row(30000, -180))
    page = finance.get("/admin/month/").content.decode()
    assert "25 days were not compared with Alipay's bill" in page
    assert "Not compared yet: the bill is missing here." in page
    assert "￥300.00" in page and "-￥1.80" in page and "￥298.20" in page


def test_a_whole_month_says_nothing(finance: Client) -> None:
    compare_the_month()
    page = finance.get("/admin/month/?month=2026-11").content.decode()
    assert "compared" not in page.partition('<div id="content"')[2]


def test_a_day_from_before_fees_were_kept_has_the_books_and_no_fee(finance: Client) -> None:
    ComparedBill.objects.create(day=FIRST)
    payment = make.attempt(status="PAID", live_for=None, received_fen=30000, billed_on=FIRST)
    Refund.objects.create(
        payment=payment, out_request_no="R", amount_fen=100, status="DONE", reason="STAFF", billed_on=FIRST
    )
    [day] = [each for each in month_in(chosen_month("2026-11")).days if each.is_compared]
    assert (day.sums.received_fen, day.sums.refunded_fen, day.has_all_fees) == (30000, -100, False)
    assert "fees unknown" in day.note
    assert lines_of(finance, "lines") == [
        ["2026-11-01", "payment", payment.order.number, str(payment), "", "", "300.00", ""],
        ["2026-11-01", "refund", payment.order.number, str(payment), "", "R", "-1.00", ""],
    ]
    assert lines_of(finance, "days")[0][:6] == ["2026-11-01", "300.00", "-1.00", "0.00", "", ""]


def lines_of(client: Client, name: str) -> list[list[str]]:
    answer = client.get(f"/admin/month/{name}.csv?month=2026-11")
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline="")))[1:]


def test_money_outside_alipay_is_told_apart(finance: Client) -> None:
    paid = {"status": "PAID", "live_for": None, "received_fen": 30000, "paid_at": "2026-11-05T00:00+08:00"}
    make.attempt(channel=Payment.Channel.CASH, **paid)
    month = month_in(chosen_month("2026-11"))
    assert (month.total.received_fen, month.outside_fen) == (0, 30000)
    page = finance.get("/admin/month/?month=2026-11").content.decode()
    assert "Outside Alipay, and in no bill: ￥300.00 received, ￥0.00 given back." in page


def test_lines_that_lack_something_are_told() -> None:
    compare(FIRST, row(100, None), row(100, -1), unreadable=2)
    BillLine.objects.create(bill_date=FIRST, kind="NOT_OURS", key="1")
    [day] = [each for each in month_in(chosen_month("2026-11")).days if each.is_compared]
    assert day.note == (
        "Lines without a fee in the bill: 1. Lines that could not be read: 2. Open differences: 1."
    )


def test_the_files_add_up_to_the_page(finance: Client) -> None:
    compare_the_month()
    total = month_in(chosen_month("2026-11")).total
    days, lines = lines_of(finance, "days"), lines_of(finance, "lines")
    assert len(lines) == total.lines == BillEntry.objects.count()
    for column, expected in ((1, total.received_fen), (2, total.refunded_fen), (5, total.net_fen)):
        assert sum(fen(line[column]) for line in days) == expected
    assert sum(fen(line[6]) + fen(line[7]) for line in lines) == total.net_fen
    for name in ("days", "lines"):
        assert finance.get(f"/admin/month/{name}.xlsx?month=2026-11").status_code == 200


def fen(text: str) -> int:
    return round(float(text or 0) * 100)


def test_a_day_shows_its_lines(finance: Client) -> None:
    compare(FIRST, row(30000, -180, "26110100000001_1"))
    page = finance.get("/admin/month/?month=2026-11&day=2026-11-01").content.decode()
    assert "?q=26110100000001" in page
    for day in ("2026-11-02", "x", "9999-01-01"):
        assert finance.get(f"/admin/month/?month=2026-11&day={day}").status_code == 200


@pytest.mark.parametrize("month", ["2026", "x", "2026-13", "0001-01", "9999-12"])
def test_other_months_are_refused_in_words(finance: Client, month: str) -> None:
    assert "Enter the month as 2026-11." in finance.get(f"/admin/month/?month={month}").content.decode()
    assert finance.get(f"/admin/month/days.csv?month={month}").status_code == 302


@pytest.mark.parametrize(
    "month", ["2026/11", "2026.11", "202611", "2026年11月", "２０２６年１１月", " 2026 年 11 月 "]
)
def test_D5_a_month_typed_in_every_usual_spelling(finance: Client, month: str) -> None:
    assert finance.get("/admin/month/", {"month": month}).context["typed"] == "2026-11"


def test_a_month_to_come_has_no_days(finance: Client) -> None:
    page = finance.get("/admin/month/?month=2026-12").content.decode()
    assert "No day of this month is over yet." in page


def test_queries_do_not_grow(finance: Client, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    finance.get("/admin/month/")
    for _ in range(2):
        compare_the_month()
        ComparedBill.objects.filter(day=FIRST).update(entries=None)
        with django_assert_num_queries(QUERIES):
            finance.get("/admin/month/?month=2026-11&day=2026-11-05")


def test_the_front_desk_has_neither_page_nor_files() -> None:
    client = Client()
    client.force_login(make.staff(roles.FRONT_DESK))
    for path in ("", "days.csv", "lines.xlsx"):
        assert client.get(f"/admin/month/{path}").status_code == 403
    assert Payment.objects.count() == 0
