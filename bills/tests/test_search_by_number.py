"""Staff find a row by any number that is printed somewhere, in each of their lists."""

from datetime import date

import pytest
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.utils import timezone

from accounts.models import AccountEvent, User
from houses.models import BookedNight, House
from orders.models import Order, OrderEvent, Review
from payments.models import BillLine, GatewayMessage, Payment, Refund
from tests import make

pytestmark = pytest.mark.django_db

NUMBER = "26112775212356"
TRADE = "2026112722001476121409983210"
MOBILE = "13912345678"
KINDS = {
    "order": NUMBER,
    "attempt": f"{NUMBER}_1",
    "refund": f"{NUMBER}_1_R1",
    "trade": TRADE,
    "mobile": MOBILE,
}
LISTS: dict[type[Model], str] = {
    Order: "order attempt refund trade mobile",
    OrderEvent: "order attempt refund trade mobile",
    Review: "order attempt refund trade mobile",
    Payment: "order attempt refund trade mobile",
    Refund: "order attempt refund trade mobile",
    GatewayMessage: "order attempt refund trade mobile",
    BillLine: "order attempt refund trade mobile",
    BookedNight: "order attempt refund trade",
    House: "order attempt refund trade",
    User: "order attempt refund trade mobile",
    AccountEvent: "order attempt refund trade mobile",
}
SEARCHES = [(model, kind) for model, kinds in LISTS.items() for kind in kinds.split()]


def rows_of(renter: User, number: str, trade_no: str) -> dict[type[Model], Model]:
    """Make one row of each list: a paid and refunded stay with its review, and a line of the bill."""
    order = make.order(renter, number=number, status=Order.Status.COMPLETE, trade_no=trade_no)
    payment = make.attempt(
        order, status="PAID", live_for=None, trade_no=trade_no, received_fen=30000, refund_reserved_fen=1
    )
    numbers = {"out_trade_no": payment.out_trade_no, "trade_no": trade_no}
    refund = payment.refunds.create(out_request_no=f"{number}_1_R1", amount_fen=1, reason="STAFF")
    return {
        User: renter,
        AccountEvent: AccountEvent.objects.create(user=renter, account=renter.pk, kind="CLOSED"),
        House: order.house,
        Order: order,
        OrderEvent: order.events.create(kind="PAID"),
        Review: Review.objects.create(order=order, house=order.house, renter=renter, rating=5, text="Fine"),
        Payment: payment,
        Refund: refund,
        GatewayMessage: payment.messages.create(channel="NOTIFY", raw=b"", signature_ok=True),
        BillLine: payment.bill_lines.create(
            bill_date=date(2026, 11, 27), out_request_no=refund.out_request_no, key=number, **numbers
        ),
        BookedNight: BookedNight.objects.create(
            house=order.house, night=timezone.localdate(), order_number=number
        ),
    }


@pytest.fixture
def rows(client: Client) -> dict[type[Model], Model]:
    """The rows to find, beside those of others whose numbers are nearly the same."""
    client.force_login(User.objects.create_superuser("13700000001"))
    for n, other in enumerate(["26112775212357", "26112775212350", "76112775212356"]):
        rows_of(make.user(), other, f"202611272200147612140998{n:04}")
    make.attempt(make.rows(Order).first(), out_trade_no=f"{other}_11", live_for=None)
    return rows_of(User.objects.create_user(MOBILE), NUMBER, TRADE)


def found(client: Client, model: type[Model], typed: str) -> list[Model]:
    return list(listed(client, model, typed))


def listed(client: Client, model: type[Model], typed: str):
    page = client.get(f"/admin/{model._meta.app_label}/{model._meta.model_name}/", {"q": typed})
    assert page.status_code == 200
    return page.context["cl"].queryset


@pytest.mark.parametrize(("model", "kind"), SEARCHES)
def test_D2_ROW06_staff_find_a_row_by_every_number_that_is_printed(
    client: Client, rows: dict[type[Model], Model], model: type[Model], kind: str
) -> None:
    if connection.vendor != "sqlite":  # each spelling leads to the same statement
        assert found(client, model, f"No. {KINDS[kind]}") == [rows[model]]
        return
    for spelling in ("{}", "  {}\t", "号码：{}", "No. {}", "\u202d{}\u202c"):
        assert found(client, model, spelling.format(KINDS[kind])) == [rows[model]]
    full_width = str.maketrans("0123456789_R", "０１２３４５６７８９＿Ｒ")
    assert found(client, model, KINDS[kind].translate(full_width)) == [rows[model]]


@pytest.mark.skipif(connection.vendor != "sqlite", reason="MariaDB scans tables of three rows")
@pytest.mark.parametrize(("model", "kind"), SEARCHES)
def test_D2_a_whole_number_is_looked_up_by_an_index(
    client: Client, rows: dict[type[Model], Model], model: type[Model], kind: str
) -> None:
    plan = listed(client, model, f"No. {KINDS[kind]}").order_by().explain()
    assert "SEARCH" in plan
    assert "SCAN" not in plan


@pytest.mark.parametrize(
    ("path", "number"),
    [("payments/payment", NUMBER), ("accounts/user", TRADE), ("houses/bookednight", TRADE)],
)
def test_D2_a_whole_number_needs_no_scan_in_any_query_of_the_page(
    client: Client, rows: dict[type[Model], Model], django_assert_max_num_queries, path: str, number: str
) -> None:
    with django_assert_max_num_queries(20) as queries:
        client.get(f"/admin/{path}/", {"q": number})
    assert not [query for query in queries.captured_queries if "LIKE" in query["sql"]]


def test_D2_the_beginning_of_a_number_finds_it(client: Client, rows: dict[type[Model], Model]) -> None:
    """Any other part of it would be looked for in all rows."""
    for typed in ("26112", NUMBER[:8], NUMBER[:13]):
        assert rows[Order] in found(client, Order, typed)
        assert rows[Payment] in found(client, Payment, typed)
    assert found(client, Order, NUMBER[1:8]) == []


def test_D2_numbers_of_others_find_their_line_and_message(client: Client, rows: dict) -> None:
    """Another shop's order, and an order that a restored backup lost, have no payment here."""
    foreign = BillLine.objects.create(bill_date=date(2026, 11, 1), out_trade_no="SHOP-2026.7", key="a")
    lost = BillLine.objects.create(bill_date=date(2026, 11, 1), out_trade_no="26110100000000_2", key="b")
    assert found(client, BillLine, "商户订单号：SHOP-2026.7") == [foreign]
    assert found(client, BillLine, "订单号：26110100000000") == [lost]
    unknown = GatewayMessage.objects.create(
        channel="NOTIFY", raw=b"", signature_ok=True, detail="out_trade_no '26110100000000_2'"
    )
    assert found(client, GatewayMessage, "订单号：26110100000000") == [unknown]


def test_D2_a_refund_from_alipays_console_is_found_by_its_own_number(client: Client, rows: dict) -> None:
    refund = rows[Payment].refunds.create(out_request_no="HZ01RF001", amount_fen=1, reason="EXTERNAL")
    assert found(client, Refund, "退款请求号 HZ01RF001") == [refund]
    for model in (Order, Payment, User, BookedNight, House):
        assert found(client, model, "HZ01RF001") == [rows[model]]


def test_D2_an_order_with_many_payments_is_listed_once(client: Client, rows: dict) -> None:
    make.attempt(rows[Order], trade_no=TRADE[:-1] + "1", live_for=None)
    for typed in (NUMBER, f"{NUMBER}_2", TRADE, MOBILE):
        assert found(client, Order, typed) == [rows[Order]]
