"""Points in which a stand-in is easily stricter, or other, than Alipay."""

import json
import re
import sqlite3
from urllib.parse import urlencode, urlsplit

import pytest

from standin import StandIn
from standin.store import Store

from .merchant import NUMBER, PAGE, WAP, Merchant, beijing, fetch, message

APP = {"method": "alipay.trade.app.pay", "product_code": "QUICK_MSECURITY_PAY"}
CHINESE = "爱家租房 订单"


def in_body(merchant: Merchant, params: dict[str, str], query: str = ""):
    """Send everything in the body, as old integrations do."""
    return fetch(f"{merchant.standin.gateway_url}?{query}", urlencode(params).encode())


class TestRequests:
    def test_W6_a_parameter_may_stand_in_address_and_body_alike(self, merchant, standin):
        """The official PHP and .NET forms send charset twice, other SDKs every common parameter."""
        params = merchant.pay_request(subject=CHINESE)
        assert in_body(merchant, params, "charset=utf-8").status == 302
        common = {name: value for name, value in params.items() if name != "biz_content"}
        assert in_body(merchant, params, urlencode(common)).status == 302
        assert standin.trade(NUMBER)["subject"] == CHINESE

    def test_W6_of_two_values_the_one_in_the_address_counts(self, merchant):
        params = merchant.signed("alipay.trade.query", {"out_trade_no": NUMBER})
        wrong = {**params, "timestamp": beijing(60)}
        assert in_body(merchant, wrong, urlencode(params)).code == "ACQ.TRADE_NOT_EXIST"
        assert in_body(merchant, params, urlencode(wrong)).code == "isv.invalid-signature"

    @pytest.mark.parametrize("amount", [300, 300.0, 300.5, 0.01, "300", "300.0", "0.1"])
    def test_W6_amounts_may_be_json_numbers_and_lack_decimals(self, merchant, standin, amount):
        assert merchant.press_pay(total_amount=amount).status == 302
        assert standin.trade(NUMBER)["amount_fen"] == round(float(amount) * 100)
        standin.pay(NUMBER)
        assert (
            merchant.call("trade.query", out_trade_no=NUMBER).node["total_amount"] == f"{float(amount):.2f}"
        )
        node = merchant.call("trade.refund", out_trade_no=NUMBER, refund_amount=amount).node
        assert node["refund_fee"] == f"{float(amount):.2f}"

    def test_W6_the_product_code_of_the_older_documents_is_taken(self, merchant):
        assert merchant.press_pay(product={**WAP, "product_code": "QUICK_WAP_PAY"}).status == 302

    def test_W6_a_number_may_have_hyphens(self, merchant, standin):
        assert merchant.press_pay("order-2026-1").status == 302
        assert standin.pay("order-2026-1")["status"] == "TRADE_SUCCESS"

    def test_W6_time_expire_may_lack_its_seconds(self, merchant, standin):
        minute = beijing(600)[:16]
        assert merchant.press_pay(time_expire=minute).status == 302
        assert standin.trade(NUMBER)["expires_at"] == f"{minute}:00"

    @pytest.mark.parametrize(("timeout", "seconds"), [("30m", 1800), ("2h", 7200), ("1d", 86400), ("1m", 60)])
    def test_W6_timeout_express_ends_a_desktop_link(self, merchant, standin, timeout, seconds):
        merchant.press_pay(time_expire=None, timeout_express=timeout)
        standin.clock(seconds - 5)
        assert standin.trade(NUMBER)["expires_at"] <= beijing(seconds)
        standin.open(NUMBER)
        standin.clock(seconds + 5)
        assert merchant.call("trade.query", out_trade_no=NUMBER).node["trade_status"] == "TRADE_CLOSED"

    def test_W6_on_phones_timeout_express_begins_with_the_buyer(self, merchant, standin):
        merchant.press_pay(product=WAP, time_expire=None, timeout_express="1m")
        standin.clock(3600)
        assert standin.open(NUMBER)["status"] == "WAIT_BUYER_PAY"
        standin.clock(3600 + 295)
        assert merchant.call("trade.query", out_trade_no=NUMBER).node["trade_status"] == "WAIT_BUYER_PAY"
        standin.clock(3600 + 305)
        assert merchant.call("trade.query", out_trade_no=NUMBER).node["trade_status"] == "TRADE_CLOSED"

    def test_W6_timeout_express_1c_is_the_end_of_the_day(self, merchant, standin):
        merchant.press_pay(time_expire=None, timeout_express="1c")
        assert standin.trade(NUMBER)["expires_at"][11:] == "00:00:00"

    @pytest.mark.parametrize("timeout", ["30", "1.5h", "0m", "16d", "2c", "m"])
    def test_W6_other_timeouts_are_refused(self, merchant, timeout):
        assert merchant.press_pay(time_expire=None, timeout_express=timeout).code == "ACQ.INVALID_PARAMETER"


class TestCharset:
    """Without `charset` in the address Alipay reads and writes GBK, whatever the body says."""

    def test_W6_without_charset_in_the_address_the_answer_is_gbk(self, merchant):
        params = merchant.signed("alipay.trade.query", {"out_trade_no": NUMBER})
        answer = in_body(merchant, params)
        assert answer.headers["Content-Type"] == "text/html;charset=GBK"
        assert "交易不存在".encode("gbk") in answer.body
        assert answer.node["sub_msg"] == "交易不存在"
        assert merchant.is_signed_answer(answer.body)

    def test_W6_with_it_the_answer_is_utf_8(self, merchant):
        answer = merchant.call("trade.query", out_trade_no=NUMBER)
        assert answer.headers["Content-Type"] == "text/html;charset=utf-8"
        assert "交易不存在".encode() in answer.body

    def test_W6_chinese_in_utf_8_without_charset_in_the_address_fails_its_signature(self, merchant, standin):
        answer = in_body(merchant, merchant.pay_request(subject=CHINESE))
        assert answer.code == "isv.invalid-signature"
        assert "请确认charset参数放在了URL查询字符串中" in answer.text
        assert standin.trades() == []

    def test_W6_messages_about_a_trade_requested_without_it_are_gbk(self, merchant, standin, shop):
        assert in_body(merchant, merchant.pay_request(**shop.urls)).status == 302
        query = urlsplit(fetch(standin.trade(NUMBER)["cashier"], b"action=pay").location).query
        assert message(query)["charset"] == "GBK"
        (notice,) = shop.wait_notices(1)
        assert message(notice)["charset"] == "GBK"
        assert shop.notice_headers[0]["Content-Type"] == "application/x-www-form-urlencoded; charset=GBK"
        assert merchant.is_signed_message(query)
        assert merchant.is_signed_message(notice)

    def test_W6_a_merchant_may_speak_gbk(self, merchant, standin, shop):
        biz = {"out_trade_no": NUMBER, "total_amount": "300.00", "subject": CHINESE, **PAGE}
        params = merchant.signed(PAGE["method"], biz, charset="gbk", **shop.urls)
        assert fetch(f"{standin.gateway_url}?{urlencode(params, encoding='gbk')}").status == 302
        standin.pay(NUMBER)
        (notice,) = shop.wait_notices(1)
        assert message(notice)["subject"] == CHINESE
        assert merchant.is_signed_message(notice)

    def test_W6_the_error_page_is_gbk(self, merchant):
        answer = merchant.press_pay(subject="")
        assert answer.headers["Content-Type"] == "text/html;charset=GBK"
        assert '<meta charset="GBK">' in answer.text
        assert "参数无效" in answer.text


class TestRefusals:
    def test_W6_a_query_of_no_trade_names_it_and_has_amounts_of_nothing(self, merchant):
        node = merchant.call("trade.query", out_trade_no=NUMBER).node
        amounts = ("buyer_pay_amount", "invoice_amount", "point_amount", "receipt_amount")
        assert node == {
            "code": "40004",
            "msg": "Business Failed",
            "sub_code": "ACQ.TRADE_NOT_EXIST",
            "sub_msg": "交易不存在",
            "out_trade_no": NUMBER,
            **dict.fromkeys(amounts, "0.00"),
        }

    def test_W6_a_refused_close_names_the_trade_asked_by_either_number(self, merchant, standin):
        merchant.press_pay()
        trade_no = standin.pay(NUMBER)["trade_no"]
        for ids in ({"out_trade_no": NUMBER}, {"trade_no": trade_no}):
            node = merchant.call("trade.close", **ids).node
            assert (node["sub_code"], node["out_trade_no"]) == ("ACQ.TRADE_STATUS_ERROR", NUMBER)

    def test_W6_a_refused_refund_names_the_trade(self, merchant):
        node = merchant.call("trade.refund", out_trade_no=NUMBER, refund_amount="1.00").node
        assert (node["sub_code"], node["out_trade_no"]) == ("ACQ.TRADE_NOT_EXIST", NUMBER)

    def test_W6_without_a_number_none_is_named(self, merchant):
        assert "out_trade_no" not in merchant.call("trade.query", trade_no="1" * 28).node

    def test_W6_complaints_about_the_request_name_no_trade(self, merchant):
        node = merchant.send(
            merchant.signed("alipay.trade.query", {"out_trade_no": NUMBER}, version="2.0")
        ).node
        assert set(node) == {"code", "msg", "sub_code", "sub_msg"}

    @pytest.mark.parametrize("way", ["other_order", "not_exist"])
    def test_W6_faults_name_a_trade_too(self, merchant, standin, way):
        standin.fault(f"query.{way}", times=1)
        node = merchant.call("trade.query", out_trade_no=NUMBER).node
        assert node["sub_code"] == "ACQ.TRADE_NOT_EXIST"
        assert node["out_trade_no"] == ("99999999999999_9" if way == "other_order" else NUMBER)

    def test_W6_a_wrong_app_is_told_before_a_missing_signature(self, merchant):
        params = merchant.signed("alipay.trade.query", {"out_trade_no": NUMBER}, app_id="2021000000000000")
        del params["sign"]
        assert merchant.send(params).code == "isv.invalid-app-id"
        del params["app_id"], params["method"]
        assert merchant.send(params).code == "isv.missing-app-id"


class TestContents:
    @pytest.fixture
    def paid(self, merchant, standin) -> str:
        merchant.press_pay()
        standin.pay(NUMBER)
        return NUMBER

    def refund(self, merchant, **more):
        refund = {"out_trade_no": NUMBER, "refund_amount": "100.00", "out_request_no": "R1"}
        return merchant.call("trade.refund", **refund, **more).node

    def test_W6_a_refund_answer_has_the_fields_of_a_real_one(self, merchant, paid):
        assert set(self.refund(merchant)) == {
            *("code", "msg", "buyer_logon_id", "buyer_user_id", "fund_change", "gmt_refund_pay"),
            *("out_trade_no", "refund_fee", "send_back_fee", "trade_no"),
        }

    def test_W6_newer_apps_see_an_open_id_alone(self, merchant, standin, shop):
        standin.fault("buyer.open_id")
        merchant.press_pay(**shop.urls)
        standin.pay(NUMBER)
        (notice,) = shop.wait_notices(1)
        nodes = [
            merchant.call("trade.query", out_trade_no=NUMBER).node,
            self.refund(merchant),
            message(notice),
        ]
        assert len({node["buyer_open_id"] for node in nodes}) == 1
        assert not any("buyer_user_id" in node or "buyer_id" in node for node in nodes)

    def test_W6_query_options_add_what_they_name(self, merchant, paid):
        asked = {"out_trade_no": NUMBER, "query_options": ["fund_bill_list", "more"]}
        node = merchant.call("trade.query", **asked).node
        assert node["fund_bill_list"] == [{"amount": "300.00", "fund_channel": "ALIPAYACCOUNT"}]
        assert "fund_bill_list" not in merchant.call("trade.query", out_trade_no=NUMBER).node
        details = [{"amount": "100.00", "fund_channel": "ALIPAYACCOUNT"}]
        made = self.refund(merchant, query_options=["refund_detail_item_list"])
        assert made["refund_detail_item_list"] == details
        asked = {"out_trade_no": NUMBER, "out_request_no": "R1"}
        plain = merchant.call("trade.fastpay.refund.query", **asked).node
        options = ["gmt_refund_pay", "refund_detail_item_list"]
        node = merchant.call("trade.fastpay.refund.query", **asked, query_options=options).node
        assert set(node) - set(plain) == {*options, "send_back_fee"}
        assert node["refund_detail_item_list"] == details

    @pytest.mark.parametrize("options", ["fund_bill_list", [1], {"a": 1}])
    def test_W6_query_options_are_a_list_of_texts(self, merchant, paid, options):
        answer = merchant.call("trade.query", out_trade_no=NUMBER, query_options=options)
        assert answer.code == "ACQ.INVALID_PARAMETER"


class TestV3:
    @pytest.mark.parametrize("verb", ["GET", "POST", "PUT", "PATCH", "DELETE"])
    def test_W6_a_v3_call_gets_its_error_as_json(self, standin, verb):
        answer = fetch(
            f"{standin.url}/v3/alipay/trade/query", b"{}", verb, **{"Content-Type": "application/json"}
        )
        assert (answer.status, answer.headers["Content-Type"]) == (404, "application/json;charset=utf-8")
        error = json.loads(answer.body)
        assert error["code"]
        assert "gateway.do" in error["message"]
        assert standin.calls()["count"] == {"/v3/alipay/trade/query": 1}


class TestOtherWaysToPay:
    def biz(self, **changes) -> dict:
        return {"out_trade_no": NUMBER, "total_amount": "300.00", "subject": "ihome", **changes}

    def test_W6_precreate_gives_a_code_that_leads_to_the_cashier(self, merchant, standin, shop):
        params = merchant.signed("alipay.trade.precreate", self.biz(), notify_url=shop.urls["notify_url"])
        node = merchant.send(params).node
        assert (node["out_trade_no"], node["qr_code"]) == (NUMBER, standin.trade(NUMBER)["cashier"])
        assert merchant.call("trade.precreate", **self.biz()).node["qr_code"] == node["qr_code"]
        assert merchant.call("trade.query", out_trade_no=NUMBER).code == "ACQ.TRADE_NOT_EXIST"
        assert "扫码支付" in fetch(node["qr_code"]).text
        fetch(node["qr_code"], b"action=login&buyer=2")
        assert merchant.call("trade.query", out_trade_no=NUMBER).node["trade_status"] == "WAIT_BUYER_PAY"
        fetch(node["qr_code"], b"action=pay&buyer=2")
        assert merchant.is_signed_message(shop.wait_notices(1)[0])

    @pytest.mark.parametrize(
        "buyer",
        [
            {"buyer_id": "2088722000000002"},
            {"buyer_open_id": "027yNw6CsE1hBp4rMjF8gTk3QxVd5ZaLuHo9IiXeRb7Wc42"},
        ],
    )
    def test_W6_create_makes_the_trade_exist_for_its_buyer(self, merchant, standin, buyer):
        created = merchant.call("trade.create", **self.biz(product_code="JSAPI_PAY", **buyer)).node
        assert (
            merchant.call("trade.query", trade_no=created["trade_no"]).node["trade_status"]
            == "WAIT_BUYER_PAY"
        )
        cashier = standin.trade(NUMBER)["cashier"]
        assert "小程序支付" in fetch(cashier).text
        fetch(cashier, b"action=pay&buyer=1")
        assert standin.trade(NUMBER)["status"] == "WAIT_BUYER_PAY"
        fetch(cashier, b"action=pay&buyer=2")
        assert standin.trade(NUMBER)["status"] == "TRADE_SUCCESS"

    @pytest.mark.parametrize("buyer", [{}, {"buyer_id": "2088000000000009"}])
    def test_W6_create_wants_a_buyer_of_the_stand_in(self, merchant, standin, buyer):
        assert merchant.call("trade.create", **self.biz(**buyer)).code == "ACQ.INVALID_PARAMETER"
        assert standin.trades() == []

    def test_W6_an_apps_order_string_leads_to_the_cashier(self, merchant, standin):
        answer = merchant.press_pay(product=APP)
        assert answer.status == 302
        assert "App 支付" in fetch(answer.location).text
        fetch(answer.location, b"action=login")
        assert merchant.call("trade.query", out_trade_no=NUMBER).code == "ACQ.TRADE_NOT_EXIST"
        fetch(answer.location, b"action=pay")
        assert merchant.call("trade.query", out_trade_no=NUMBER).node["trade_status"] == "TRADE_SUCCESS"

    def test_W6_a_product_of_another_way_is_refused(self, merchant):
        assert merchant.press_pay(product={**APP, "product_code": "FAST_INSTANT_TRADE_PAY"}).status == 200
        answer = merchant.call("trade.precreate", **self.biz(product_code=PAGE["product_code"]))
        assert answer.code == "ACQ.INVALID_PARAMETER"


class TestCancel:
    def cancel(self, merchant) -> dict:
        return merchant.call("trade.cancel", out_trade_no=NUMBER).node

    def test_W6_it_closes_an_unpaid_trade(self, merchant, standin):
        merchant.press_pay()
        standin.open(NUMBER)
        for _ in range(2):
            node = self.cancel(merchant)
            assert (node["action"], node["retry_flag"], node["out_trade_no"]) == ("close", "N", NUMBER)
        assert standin.trade(NUMBER)["status"] == "TRADE_CLOSED"

    def test_W6_it_refunds_what_is_left_of_a_paid_one_once(self, merchant, standin):
        merchant.press_pay()
        standin.pay(NUMBER)
        standin.refund(NUMBER, 10000, NUMBER)
        for _ in range(2):
            assert self.cancel(merchant)["action"] == "refund"
        trade = standin.trade(NUMBER)
        assert (trade["status"], trade["refunded_fen"]) == ("TRADE_CLOSED", 30000)
        assert [refund["amount_fen"] for refund in trade["refunds"]] == [10000, 20000]

    def test_W6_of_a_trade_that_does_not_exist_it_does_nothing(self, merchant, standin):
        merchant.press_pay()
        assert self.cancel(merchant) == {
            "code": "10000",
            "msg": "Success",
            "out_trade_no": NUMBER,
            "retry_flag": "N",
        }
        assert standin.pay(NUMBER)["status"] == "TRADE_SUCCESS"

    @pytest.mark.parametrize(
        ("days", "code"), [(1, "ACQ.TRADE_CANCEL_TIME_OUT"), (366, "ACQ.TRADE_HAS_FINISHED")]
    )
    def test_W6_it_is_refused_a_day_after_the_payment(self, merchant, standin, days, code):
        merchant.press_pay()
        standin.pay(NUMBER)
        standin.clock(days * 86400)
        assert self.cancel(merchant)["sub_code"] == code
        assert standin.trade(NUMBER)["refunded_fen"] == 0


def test_W6_a_state_file_of_the_version_before_is_read(standin_keys, tmp_path):
    path = tmp_path / "state.sqlite3"
    Store(path).close()
    with sqlite3.connect(path) as db:
        for column in ("charset", "life_seconds"):
            db.execute(f"ALTER TABLE trade DROP COLUMN {column}")
    with StandIn.start(keys=standin_keys, state=path) as standin:
        merchant = Merchant(standin, standin_keys)
        assert merchant.press_pay().status == 302
        assert re.fullmatch(r"[0-9]{28}", standin.pay(NUMBER)["trade_no"])
