"""Numbers in a search box, as receipts, Alipay and mails print them and people paste them."""

import pytest

from core.numbers import PrintedNumber, read_number

ORDER = PrintedNumber("26112775212356", "26112775212356")
ATTEMPT = PrintedNumber("26112775212356_1", "26112775212356", "26112775212356_1")
REFUND = PrintedNumber("26112775212356_1_R12", "26112775212356", "26112775212356_1", "26112775212356_1_R12")
TRADE = PrintedNumber("2026112722001476121409983210")


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("26112775212356", ORDER),
        (" 26112775212356\t", ORDER),
        ("#26112775212356", ORDER),
        ("订单号：26112775212356", ORDER),
        ("订单编号 26112775212356。", ORDER),
        ("Order no. 26112775212356", ORDER),
        ("（26112775212356）", ORDER),
        ("爱家租房 订单 26112775212356", ORDER),
        ("２６１１２７７５２１２３５６", ORDER),
        ("\u202d26112775212356\u202c", ORDER),
        ("2611 2775 2123 56", ORDER),
        ("订单号：261127-75212356", ORDER),
        ("261127－75212356", ORDER),
        ("订单 26112775212356，￥300.00，12月5日入住", ORDER),
        ("订单 26112775212356 / 26112775212356", ORDER),
        ("https://ihome.example/orders/26112775212356/", ORDER),
        ("2026112722001476\n121409983210", TRADE),
        ("交易号:2026 1127 22001476121409983210", TRADE),
        ("26112775212356_1", ATTEMPT),
        ("商户订单号：26112775212356_1", ATTEMPT),
        ("26112775212356＿１", ATTEMPT),
        ("26112775212356-1", ATTEMPT),
        ("2611 2775 2123 56 _ 1", ATTEMPT),
        ("Merchant order no. 26112775212356_1", ATTEMPT),
        ("26112775212356_1_R12", REFUND),
        ("退款请求号: 26112775212356_1_r12", REFUND),
        ("2026-11-27 · 26112775212356_1_R12", REFUND),
        ("26112775212356 _1_ R12", REFUND),
        ("2026112722001476121409983210", TRADE),
        ("支付宝交易号：2026112722001476121409983210", TRADE),
        ("2026 1127 2200 1476 1214 0998 3210", TRADE),
        ("`2026112722001476121409983210\t", TRADE),
        ("HZ01RF001", PrintedNumber("HZ01RF001")),
        ("退款号：HZ01RF001", PrintedNumber("HZ01RF001")),
        ("T2026-11-27.8", PrintedNumber("T2026-11-27.8")),
    ],
)
def test_D2_ROW06_a_printed_number_is_read_whatever_stands_around_it(
    typed: str, number: PrintedNumber
) -> None:
    assert read_number(typed) == number


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "海边小屋",
        "Sea view",
        "12-05",
        "12月5日",
        "345678",
        "2611",
        "26112775212356 26112775212357",
        "26112775212356\n26112775212356_1",
        "2026-12-05 2026-12-08",
        "2026/12/05",
        "13800138000 and 13900139000",
        "٢٦١١٢٧٧٥٢١٢٣٥٦",
        "9" * 65,
        "\0" * 50,
    ],
)
def test_D2_what_is_no_one_number_is_left_to_the_other_searches(typed: str) -> None:
    number = read_number(typed)
    assert number is None or not number.is_certain
