"""Signed parameters as types: the kind of the message, its trade, its amounts."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from payments.alipay.notices import (
    OtherNotice,
    PaymentNotice,
    RefundNotice,
    Return,
    WrongKind,
    read_notice,
    read_return,
)

TRADE = {
    "app_id": "9021000000000001",
    "seller_id": "2088000000000001",
    "out_trade_no": "26112200000001_1",
    "trade_no": "2026112222001400001234567890",
    "total_amount": "300.00",
}
READ = ("9021000000000001", "2088000000000001", "26112200000001_1", "2026112222001400001234567890", 30000)
BACK = {**TRADE, "method": "alipay.trade.page.pay.return"}
NOTICE = {**TRADE, "trade_status": "TRADE_SUCCESS", "gmt_payment": "2026-11-22 20:14:43"}
PAID_AT = datetime(2026, 11, 22, 20, 14, 43, tzinfo=ZoneInfo("Asia/Shanghai"))


def test_a_return_names_its_trade() -> None:
    assert read_return(BACK) == Return(*READ)


@pytest.mark.parametrize(
    "params",
    [
        TRADE,
        {**TRADE, "method": "alipay.trade.query"},
        {**BACK, "trade_status": "TRADE_SUCCESS"},
        {**BACK, "notify_type": "trade_status_sync"},
        NOTICE,
    ],
    ids=["no method", "another method", "a status", "a kind of notice", "a notice"],
)
def test_another_message_is_no_return(params: dict[str, str]) -> None:
    with pytest.raises(WrongKind):
        read_return(params)


@pytest.mark.parametrize("params", [TRADE, BACK, {**NOTICE, "method": BACK["method"]}])
def test_another_message_is_no_notice(params: dict[str, str]) -> None:
    with pytest.raises(WrongKind):
        read_notice(params)


@pytest.mark.parametrize("status", ["TRADE_SUCCESS", "TRADE_FINISHED"])
def test_a_success_is_a_payment(status: str) -> None:
    assert read_notice({**NOTICE, "trade_status": status}) == PaymentNotice(*READ, PAID_AT)


def test_a_payment_without_its_time() -> None:
    assert read_notice({**TRADE, "trade_status": "TRADE_SUCCESS"}) == PaymentNotice(*READ, None)


@pytest.mark.parametrize(
    ("status", "is_unpaid"),
    [("WAIT_BUYER_PAY", True), ("TRADE_CLOSED", True), ("trade_success", False), ("", False)],
)
def test_another_status_is_no_payment(status: str, is_unpaid: bool) -> None:
    summary = f"trade_status={status}" if status else ""
    assert read_notice({**NOTICE, "trade_status": status}) == OtherNotice(*READ, is_unpaid, summary)


@pytest.mark.parametrize(
    ("told", "number", "fen"),
    [
        ({"gmt_refund": "2026-11-23 10:00:00"}, "", None),
        ({"refund_fee": "1.00"}, "", 100),
        ({"refund_fee": "0.01", "out_biz_no": "R1"}, "R1", 1),
        ({"gmt_refund": "2026-11-23 10:00:00", "refund_fee": "x"}, "", None),
    ],
)
@pytest.mark.parametrize("status", ["TRADE_SUCCESS", "TRADE_CLOSED"])
def test_money_that_went_back_makes_it_a_refund(
    status: str, told: dict[str, str], number: str, fen: int | None
) -> None:
    found = read_notice({**NOTICE, "trade_status": status, **told})
    seen = {name: told[name] for name in ("refund_fee", "out_biz_no") if name in told}
    summary = " ".join(f"{name}={value}" for name, value in {"trade_status": status, **seen}.items())
    assert found == RefundNotice(*READ, number, fen, summary)


@pytest.mark.parametrize("told", [{"gmt_refund": ""}, {"refund_fee": "0.00"}, {"refund_fee": ""}])
def test_no_money_went_back(told: dict[str, str]) -> None:
    assert isinstance(read_notice({**NOTICE, **told}), PaymentNotice)


def test_what_is_missing_or_odd_is_told_as_missing() -> None:
    assert read_return({"method": "x.return"}) == Return("", None, "", None, None)
    odd = {**BACK, "trade_no": "1 2", "total_amount": "1e2"}
    assert read_return(odd) == Return(*READ[:3], None, None)


def test_a_long_value_is_cut_in_the_summary() -> None:
    found = read_notice({**TRADE, "trade_status": "x" * 99})
    assert isinstance(found, OtherNotice)
    assert found.summary == f"trade_status={'x' * 64}"
