"""Exports: the rows of the list on the screen, with types, for those who may, and a trace of each."""

import csv
import io
import logging
import re
import tracemalloc
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any
from xml.etree import ElementTree

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts import roles
from core import exports
from core.export_files import csv_file, yuan
from core.xlsx import column_name, xlsx_file
from orders.models import Order
from tests import make

pytestmark = pytest.mark.django_db

LISTS = ["orders/order", "payments/payment", "payments/refund", "payments/billline", "accounts/user"]
SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


@pytest.fixture
def manager() -> Client:
    return make.browser_of(make.staff(roles.MANAGER))


def rows_of(answer: Any) -> list[list[str]]:
    content = b"".join(answer.streaming_content).decode("utf-8")
    assert content.startswith("\ufeff")
    return list(csv.reader(io.StringIO(content.removeprefix("\ufeff"), newline="")))


def cells(file: bytes, sheet: int = 1) -> list[list[tuple[str, str]]]:
    """Return type and text of each cell."""
    with zipfile.ZipFile(io.BytesIO(file)) as book:
        tree = ElementTree.fromstring(book.read(f"xl/worksheets/sheet{sheet}.xml"))
    return [
        [(cell.get("t", "n"), "".join(cell.itertext())) for cell in row.iter(f"{SHEET}c")]
        for row in tree.iter(f"{SHEET}row")
    ]


def test_the_file_has_the_rows_of_the_list_in_its_order(
    manager: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "ROWS_AT_ONCE", 2)  # many queries, also with orders of one instant
    now = timezone.now()
    wanted = [make.order(status=Order.Status.WAIT_PAYMENT, created_at=now) for _ in range(5)]
    make.order(status=Order.Status.CANCELED)
    lines = rows_of(manager.get("/admin/orders/order/export.csv?status__exact=WAIT_PAYMENT"))
    assert [line[0] for line in lines[1:]] == [order.number for order in reversed(wanted)]
    page = manager.get("/admin/orders/order/?status__exact=WAIT_PAYMENT").content.decode()
    assert 'href="export.csv?status__exact=WAIT_PAYMENT"' in page


def test_the_file_ignores_the_page_and_takes_the_search(manager: Client) -> None:
    first, last = make.order(), make.order()
    url = "/admin/orders/order/export.csv"
    assert len(rows_of(manager.get(f"{url}?after={last.pk}"))) == 3
    assert [line[0] for line in rows_of(manager.get(f"{url}?q={first.number}"))[1:]] == [first.number]


def test_amounts_and_days_are_written_as_such(manager: Client) -> None:
    order = make.order(amount_fen=123456, created_at=datetime.fromisoformat("2026-11-30T16:00:05+00:00"))
    head, line = rows_of(manager.get("/admin/orders/order/export.csv"))
    found = dict(zip(head, line, strict=True))
    assert (found["Amount (yuan)"], found["Check-in"]) == ("1234.56", order.check_in.isoformat())
    assert found["Booked at"] == "2026-12-01 00:00:05"  # in Beijing
    assert found["Status"] == "Payment due"


def test_the_file_has_the_stage_that_the_list_shows(manager: Client) -> None:
    """A stay to come is stored as "to review", which nobody can do yet."""
    make.order(status=Order.Status.WAIT_COMMENT)
    assert "Upcoming" in manager.get("/admin/orders/order/").content.decode()
    head, line, *_others = rows_of(manager.get("/admin/orders/order/export.csv"))
    assert dict(zip(head, line, strict=True))["Status"] == "Upcoming"


def test_heads_are_in_the_language_of_the_page(manager: Client) -> None:
    make.order()
    manager.cookies["django_language"] = "zh-hans"
    head, line = rows_of(manager.get("/admin/orders/order/export.csv"))
    assert (head[0], line[1]) == ("订单编号", "待支付")
    assert "金额（元）" in head


@pytest.mark.parametrize("text", ["=1+1", "+86", "-1", "@x", "\t=1", "\r=1", "\n=1", "＝1"])
def test_STA06_no_text_becomes_a_formula(text: str) -> None:
    lines = b"".join(csv_file([["Head"], [text], [f"a{text}"]])).decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(lines, newline="")))[1:] == [[f"'{text}"], [f"a{text}"]]
    [_head, [cell]] = cells(b"".join(xlsx_file([["Head"], [text]])))
    assert cell[0] == "inlineStr"


def test_a_negative_amount_is_a_number_in_both() -> None:
    table = [["Head"], [yuan(-5)], [yuan(123456)], [None], [date(2026, 12, 1)]]
    assert b"-0.05\r\n1234.56\r\n" in b"".join(csv_file(table))
    numbers = cells(b"".join(xlsx_file(table)))[1:]
    assert [row[0] for row in numbers if row] == [("n", "-0.05"), ("n", "1234.56"), ("n", "46357")]


def test_STA06_the_first_piece_of_an_xlsx_is_there_before_any_row_is_read() -> None:
    read = []

    def table() -> Iterator[list[str]]:
        yield ["Head"]
        for number in range(200_000):
            read.append(number)
            yield [f"row {number}, which is long enough to fill a piece now and then: {number**9}"]

    pieces = xlsx_file(table())
    assert next(pieces).startswith(b"PK")
    assert not read
    next(pieces)
    assert 0 < len(read) < 10_000
    pieces.close()  # as when the browser goes away


def test_any_text_comes_back_as_it_was() -> None:
    texts = [" \t\n a<b>&\"c'", "😀 长", "_x0041_", "line\r\nline", "\0\x0b", "\ufffe", "]]>"]
    file = b"".join(xlsx_file([["Head"], texts]))
    [_head, row] = cells(file)
    kept = [re.sub("_x([0-9A-F]{4})_", lambda found: chr(int(found[1], 16)), text) for _type, text in row]
    assert kept == texts
    assert cells(b"".join(xlsx_file([["Head"], ["\ud800"]])))[1] == [("inlineStr", "?")]


def test_days_and_moments_are_numbers_in_beijing_time() -> None:
    moment = datetime.fromisoformat("2026-11-30T22:00:00+00:00")
    file = b"".join(xlsx_file([["Head"], [moment, date(1900, 3, 1), date(1900, 2, 28), 7]]))
    assert cells(file)[1] == [("n", "46357.25"), ("n", "61"), ("inlineStr", "1900-02-28"), ("n", "7")]
    assert [column_name(place) for place in (0, 25, 26, 701, 702)] == ["A", "Z", "AA", "ZZ", "AAA"]


def test_a_full_sheet_is_followed_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.xlsx.ROWS_OF_A_SHEET", 2)
    file = b"".join(xlsx_file([["Head"], *([str(n)] for n in range(3))]))
    assert [row[0][1] for row in cells(file, 1)] == ["Head", "0", "1"]
    assert [row[0][1] for row in cells(file, 2)] == ["Head", "2"]
    with zipfile.ZipFile(io.BytesIO(file)) as book:
        assert book.testzip() is None
        assert b'r:id="rId2"' in book.read("xl/workbook.xml")
    assert cells(b"".join(xlsx_file([["Head"]]))) == [[("inlineStr", "Head")]]
    monkeypatch.setattr("core.xlsx.CHARACTERS_OF_A_SHEET", 10)  # by length, too
    file = b"".join(xlsx_file([["Head"], ["0"], ["1"]]))
    assert [row[0][1] for row in cells(file, 2)] == ["Head", "1"]


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_every_list_has_both_kinds(manager: Client, path: str, kind: str) -> None:
    make.attempt(status="PAID", live_for=None, received_fen=30000)
    answer = manager.get(f"/admin/{path}/export.{kind}")
    assert answer.status_code == 200
    assert answer["Content-Disposition"].endswith(f'.{kind}"')
    assert len(b"".join(answer.streaming_content)) > 20


def test_accounts_come_without_their_secrets(manager: Client) -> None:
    user = make.user(name="Lin")
    content = b"".join(manager.get("/admin/accounts/user/export.csv").streaming_content).decode()
    assert "Lin" in content
    assert user.password not in content
    assert "pbkdf2" not in content and "argon2" not in content


def test_the_front_desk_sees_no_export_and_gets_none() -> None:
    client = Client()
    client.force_login(make.staff(roles.FRONT_DESK))
    make.order()
    assert "export.csv" not in client.get("/admin/orders/order/").content.decode()
    assert client.get("/admin/orders/order/export.csv").status_code == 403
    assert not LogEntry.objects.exists()


def test_finance_exports_no_accounts() -> None:
    client = Client()
    client.force_login(make.staff(roles.FINANCE))
    assert client.get("/admin/orders/order/export.csv").status_code == 200
    assert client.get("/admin/accounts/user/export.csv").status_code == 403


def test_history_and_log_say_who_took_which_rows(manager: Client, caplog: pytest.LogCaptureFixture) -> None:
    make.order()
    with caplog.at_level(logging.INFO, "core.exports"):
        rows_of(manager.get("/admin/orders/order/export.csv?status__exact=WAIT_PAYMENT"))
    entry = LogEntry.objects.get()
    assert entry.user_id == int(manager.session["_auth_user_id"])
    assert (entry.object_repr, entry.change_message) == (
        "Export: Orders",
        "CSV, status__exact=WAIT_PAYMENT, 1 row",
    )
    assert f"orders.Order as csv by user {entry.user_id}, status__exact=WAIT_PAYMENT" in caplog.text
    assert ": 1 rows" in caplog.text


def test_a_download_that_broke_off_is_told_from_a_whole_one(
    manager: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.export_files._PIECE", 1)  # each row is sent at once
    for _ in range(3):
        make.order()
    answer = manager.get("/admin/orders/order/export.csv")
    assert LogEntry.objects.get().change_message == "CSV, all rows"
    pieces = answer._iterator
    assert len(list(islice(pieces, 4))) == 4  # mark, head, two rows
    pieces.close()
    assert LogEntry.objects.get().change_message == "CSV, all rows, broken off after 1 row"


@pytest.mark.parametrize("query", ["house__nothing=1", "created_at__gte=9999-01-01", "after=x"])
def test_an_address_that_the_list_refuses_leads_to_the_list(manager: Client, query: str) -> None:
    answer = manager.get(f"/admin/orders/order/export.csv?{query}")
    assert (answer.status_code, answer.url) == (302, f"/admin/orders/order/?{query}")


@pytest.mark.parametrize("path", LISTS)
def test_FMT09_a_query_string_of_any_length_is_no_error_of_the_server(manager: Client, path: str) -> None:
    for name in ("q", "status__exact", "after", "x" * 3000):
        for page in ("", "export.csv"):
            answer = manager.get(f"/admin/{path}/{page}?{name}={'长' * 3000}")
            assert answer.status_code < 500


def test_an_order_has_the_number_of_each_payment_that_came(manager: Client) -> None:
    """As an accountant looks for one of them, of an order that was paid twice."""
    order = make.order(status=Order.Status.WAIT_COMMENT, trade_no="2026001")
    for number, status, fen in (
        ("2026001", "PAID", 30000),
        ("2026002", "SURPLUS", 30000),
        ("2026003", "CLOSED", 0),
    ):
        make.attempt(order, status=status, live_for=None, trade_no=number, received_fen=fen)
    paid_in_cash = make.order(status=Order.Status.WAIT_COMMENT)
    make.attempt(paid_in_cash, status="PAID", live_for=None, received_fen=30000)
    lines = rows_of(manager.get("/admin/orders/order/export.csv"))
    column = lines[0].index("Alipay transaction no.")
    assert {line[0]: line[column] for line in lines[1:]} == {
        order.number: "2026001, 2026002",
        paid_in_cash.number: "",
    }


def test_queries_grow_by_the_thousand(
    manager: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    order = make.order()
    manager.get("/admin/orders/order/export.csv")
    answer = manager.get("/admin/orders/order/export.csv")
    with django_assert_num_queries(5):  # rows, renters, changes, payments, the trace
        b"".join(answer.streaming_content)
    for _ in range(30):
        make.order(order.renter, house=order.house)
    answer = manager.get("/admin/orders/order/export.csv")
    with django_assert_num_queries(5):
        b"".join(answer.streaming_content)


def make_orders(count: int) -> None:
    first = make.order()
    copies = (
        Order(
            number=f"{n:014d}",
            renter=first.renter,
            house=first.house,
            house_title=first.house_title,
            check_in=first.check_in,
            check_out=first.check_out,
            nights=2,
            price_per_night_fen=15000,
            amount_fen=30000,
            created_at=first.created_at - timedelta(seconds=n // 3),
        )
        for n in range(1, count)
    )
    while batch := list(islice(copies, 2000)):
        Order.objects.bulk_create(batch)


@pytest.mark.any_database
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_STA06_memory_stays_small_for_many_rows(
    manager: Client, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    assert exports.ROWS_AT_ONCE <= 1000
    monkeypatch.setattr(exports, "ROWS_AT_ONCE", 100)
    make_orders(1500)
    manager.get("/admin/orders/order/export.csv").getvalue()  # what is loaded once stays out of it
    answer = manager.get(f"/admin/orders/order/export.{kind}")
    tracemalloc.start()
    try:
        size = sum(len(piece) for piece in answer.streaming_content)
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size > 70_000
    assert peak < 1_500_000
    assert LogEntry.objects.latest("pk").change_message.endswith(", 1500 rows")


def test_yuan_has_two_decimals() -> None:
    assert [str(yuan(fen)) for fen in (0, 5, 100, -1)] == ["0.00", "0.05", "1.00", "-0.01"]
    assert isinstance(yuan(1), Decimal)
