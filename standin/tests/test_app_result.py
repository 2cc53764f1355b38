"""The result of app.pay that the SDK on a phone hands to the app."""

import json

import pytest

from .merchant import NUMBER, PAGE, fetch
from .test_like_alipay import APP


@pytest.fixture
def cashier(merchant) -> str:
    return merchant.press_pay(product=APP).location


def press(cashier: str, action: str, buyer: str = "1") -> str:
    """Press a button; return the query of the address that the browser is sent on to."""
    return fetch(cashier, f"action={action}&buyer={buyer}".encode()).location.partition("?")[2]


def test_W6_a_paid_app_gets_a_signed_result(merchant, standin, cashier):
    press(cashier, "pay")
    handed = json.loads(fetch(f"{cashier}/result").body)
    assert (handed["resultStatus"], set(handed)) == ("9000", {"memo", "result", "resultStatus"})
    result = json.loads(handed["result"])
    assert (list(result), result["sign_type"]) == (
        ["alipay_trade_app_pay_response", "sign", "sign_type"],
        "RSA2",
    )
    node = result["alipay_trade_app_pay_response"]
    assert set(node) == {
        *("code", "msg", "app_id", "auth_app_id", "charset", "timestamp"),
        *("out_trade_no", "total_amount", "trade_no", "seller_id"),
    }
    assert (node["code"], node["out_trade_no"], node["total_amount"]) == ("10000", NUMBER, "300.00")
    assert node["trade_no"] == standin.trade(NUMBER)["trade_no"]
    signed = handed["result"].partition('_response":')[2].partition(',"sign":')[0]
    assert merchant.is_signed(signed, result["sign"])
    assert not merchant.is_signed(signed.replace("300.00", "300.01"), result["sign"])


@pytest.mark.parametrize(
    ("action", "status", "memo"), [("refuse", "4000", "订单支付失败"), ("abandon", "6001", "操作已经取消。")]
)
def test_W6_an_app_is_told_of_a_payment_that_failed_or_was_given_up(cashier, action, status, memo):
    query = press(cashier, action)
    handed = json.loads(fetch(f"{cashier}/result?{query}").body)
    assert handed == {"memo": memo, "result": "", "resultStatus": status}
    assert status in fetch(f"{cashier}?{query}").text


def test_W6_the_cashier_shows_it(cashier):
    assert "app-result" not in fetch(cashier).text
    assert fetch(f"{cashier}/result").body == b""
    press(cashier, "pay")
    page = fetch(cashier).text
    assert 'id="app-result"' in page
    assert "&quot;resultStatus&quot;: &quot;9000&quot;" in page


def test_W6_other_ways_to_pay_have_no_such_result(merchant):
    cashier = merchant.press_pay(product=PAGE).location
    press(cashier, "pay")
    assert "app-result" not in fetch(cashier).text
    assert fetch(f"{cashier}/result").body == b""


def test_W6_tests_can_have_it_changed_before_it_is_signed(merchant, standin, cashier):
    standin.pay(NUMBER)
    changed = standin.app_result(NUMBER, {"total_amount": "0.01", "seller_id": None})
    result = json.loads(changed["result"])
    node = result["alipay_trade_app_pay_response"]
    assert node["total_amount"] == "0.01"
    assert "seller_id" not in node
    assert merchant.is_signed(json.dumps(node, separators=(",", ":")), result["sign"])
    over_http = fetch(f"{standin.url}/_standin/app_result", json.dumps({"out_trade_no": NUMBER}).encode())
    assert json.loads(over_http.body)["resultStatus"] == "9000"


def test_W6_send_back_fee_is_told_to_who_asks_for_the_details(merchant, standin, cashier):
    """As Alipay documents it, and as its answers without query_options have it: 0.00 with fund_change Y."""
    standin.pay(NUMBER)
    refund = {"out_trade_no": NUMBER, "refund_amount": "100.00"}
    plain = merchant.call("trade.refund", **refund, out_request_no="R1").node
    assert (plain["fund_change"], plain["send_back_fee"]) == ("Y", "0.00")
    options = ["refund_detail_item_list"]
    asked = merchant.call("trade.refund", **refund, out_request_no="R2", query_options=options).node
    assert (asked["refund_fee"], asked["send_back_fee"]) == ("200.00", "100.00")
    query = {"out_trade_no": NUMBER, "out_request_no": "R2"}
    assert "send_back_fee" not in merchant.call("trade.fastpay.refund.query", **query).node
    found = merchant.call("trade.fastpay.refund.query", **query, query_options=options).node
    assert found["send_back_fee"] == "100.00"
