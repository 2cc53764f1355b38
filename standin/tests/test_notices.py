"""Notices: parameters, repeats, the answer that stops them, persistence across a restart."""

import json
import time

import pytest

from standin import StandIn
from standin.errors import Refused
from standin.notices import PAUSES_SECONDS
from tests.vectors import vector

from .merchant import NUMBER, PAGE, WAP, Merchant, message, tries, wait_until


@pytest.fixture
def paid(merchant, standin, shop) -> str:
    merchant.press_pay(**shop.urls)
    standin.pay(NUMBER)
    return NUMBER


def settled(standin: StandIn, place: int = 0) -> bool:
    return standin.trade(NUMBER)["notices"][place]["next_at"] is None


def test_a_payment_notice_has_the_parameters_alipay_sends(merchant, standin, shop, paid):
    (body,) = shop.wait_notices(1)
    params = message(body)
    assert set(params) == {
        *("gmt_create", "charset", "gmt_payment", "notify_time", "subject", "buyer_id", "invoice_amount"),
        *("version", "notify_id", "fund_bill_list", "notify_type", "out_trade_no", "total_amount"),
        *("trade_status", "trade_no", "auth_app_id", "receipt_amount", "point_amount", "app_id"),
        *("buyer_pay_amount", "sign_type", "seller_id", "sign"),
    }
    assert (params["trade_status"], params["total_amount"]) == ("TRADE_SUCCESS", "300.00")
    assert (params["app_id"], params["seller_id"]) == ("9021000000000001", "2088000000000001")
    assert json.loads(params["fund_bill_list"]) == [{"amount": "300.00", "fundChannel": "ALIPAYACCOUNT"}]
    assert merchant.is_signed_message(body)


def test_it_has_the_same_names_as_a_notice_alipay_really_sent(merchant, standin, shop, paid):
    genuine = vector("yansongda-notify-plus-2023.json")["params"]
    assert set(message(shop.wait_notices(1)[0])) == {*genuine, "sign"}


def test_it_is_a_form_of_the_known_kind(standin, shop, paid):
    shop.wait_notices(1)
    (headers,) = shop.notice_headers
    assert headers["Content-Type"] == "application/x-www-form-urlencoded; charset=utf-8"
    assert headers["User-Agent"] == "Mozilla/4.0"


def test_text_that_needs_encoding_keeps_its_signature(merchant, standin, shop):
    merchant.press_pay(subject="爱家 + 100%? 'ok' é🏠", **shop.urls)
    standin.pay(NUMBER)
    (body,) = shop.wait_notices(1)
    assert message(body)["subject"] == "爱家 + 100%? 'ok' é🏠"
    assert merchant.is_signed_message(body)


def test_passback_params_come_back(merchant, standin, shop):
    merchant.press_pay(passback_params="a%3Db", **shop.urls)
    standin.pay(NUMBER)
    assert message(shop.wait_notices(1)[0])["passback_params"] == "a%3Db"


def test_success_stops_the_repeats(standin, shop, paid):
    wait_until(lambda: settled(standin))
    (notice,) = standin.trade(NUMBER)["notices"]
    assert [(answer["http_status"], answer["body"]) for answer in notice["answers"]] == [(200, "success")]
    standin.clock(86400)
    time.sleep(0.2)
    assert len(shop.notices) == 1


@pytest.mark.parametrize("answer", ["fail", "SUCCESS", "success\n", " success", "<html>success</html>", ""])
def test_anything_but_exactly_success_is_repeated(merchant, standin, shop, answer):
    shop.answers = [answer, "success"]
    merchant.press_pay(**shop.urls)
    standin.pay(NUMBER)
    wait_until(lambda: tries(standin) == 1)
    assert len(shop.notices) == 1
    standin.clock(PAUSES_SECONDS[0] / 2)
    time.sleep(0.1)
    assert len(shop.notices) == 1, "repeated before its time"
    standin.clock(PAUSES_SECONDS[0] + 1)
    first, second = (message(body) for body in shop.wait_notices(2))
    assert first["notify_id"] == second["notify_id"]
    assert first["notify_time"] != second["notify_time"]
    wait_until(lambda: settled(standin))


def test_a_site_that_is_down_counts_as_a_try(merchant, standin):
    merchant.press_pay(notify_url="http://127.0.0.1:9/notify/")
    standin.pay(NUMBER)
    wait_until(lambda: tries(standin) == 1)
    (notice,) = standin.trade(NUMBER)["notices"]
    assert notice["answers"][0]["http_status"] is None
    assert notice["next_at"] is not None


def test_the_clock_speed_shortens_the_pauses_and_there_are_eight_tries(standin_keys, shop):
    shop.answers = ["fail"]
    with StandIn.start(keys=standin_keys, clock_speed=100_000) as standin:  # 15 hours take half a second
        Merchant(standin, standin_keys).press_pay(**shop.urls)
        standin.pay(NUMBER)
        wait_until(lambda: settled(standin))
        (notice,) = standin.trade(NUMBER)["notices"]
    assert notice["tries"] == len(shop.notices) == 8
    assert len({message(body)["notify_id"] for body in shop.notices}) == 1


def test_it_survives_a_restart(standin_keys, shop, tmp_path):
    state = tmp_path / "state.sqlite3"
    shop.answers = ["fail"]
    with StandIn.start(keys=standin_keys, state=state) as standin:
        Merchant(standin, standin_keys).press_pay(**shop.urls)
        standin.pay(NUMBER)
        wait_until(lambda: tries(standin) == 1)
        before = standin.trade(NUMBER)
    shop.answers = ["success"]
    with StandIn.start(keys=standin_keys, state=state) as standin:
        after = standin.trade(NUMBER)
        cashier = after.pop("cashier"), before.pop("cashier")
        assert cashier[0].rpartition("/")[2] == cashier[1].rpartition("/")[2]
        assert after == before
        standin.clock(PAUSES_SECONDS[0] + 1)
        shop.wait_notices(2)
        wait_until(lambda: settled(standin))


def test_without_notify_url_there_is_no_notice(merchant, standin):
    merchant.press_pay()
    assert standin.pay(NUMBER)["notices"] == []
    with pytest.raises(Refused):
        standin.notify_now(NUMBER)


@pytest.mark.parametrize("product", [WAP, PAGE])
def test_closing_sends_no_notice(merchant, standin, shop, product):
    merchant.press_pay(product=product, **shop.urls)
    standin.open(NUMBER)
    assert standin.close(NUMBER)["notices"] == []


def test_a_partial_refund_sends_a_notice(merchant, standin, shop, paid):
    shop.wait_notices(1)
    merchant.call("trade.refund", out_trade_no=NUMBER, refund_amount="100.00", out_request_no="R1")
    params = message(shop.wait_notices(2)[1])
    assert (params["trade_status"], params["refund_fee"], params["out_biz_no"]) == (
        "TRADE_SUCCESS",
        "100.00",
        "R1",
    )
    assert params["gmt_refund"].endswith(".000")
    assert params["notify_id"] != message(shop.notices[0])["notify_id"]
    assert merchant.is_signed_message(shop.notices[1])


def test_a_full_refund_sends_a_notice_of_a_closed_trade(merchant, standin, shop, paid):
    shop.wait_notices(1)
    standin.refund(NUMBER)
    params = message(shop.wait_notices(2)[1])
    assert (params["trade_status"], params["refund_fee"]) == ("TRADE_CLOSED", "300.00")
    assert params["gmt_close"]


def test_a_repeated_refund_sends_one_notice(merchant, standin, shop, paid):
    standin.refund(NUMBER, 100, "R1")
    standin.refund(NUMBER, 100, "R1")
    assert len(standin.trade(NUMBER)["notices"]) == 2


class TestNotifyNow:
    def test_one_after_another(self, standin, shop, paid):
        shop.wait_notices(1)
        answers = standin.notify_now(NUMBER, times=3)
        assert answers == [{"http_status": 200, "body": "success"}] * 3
        assert len(shop.notices) == 4

    def test_at_the_same_moment(self, standin, shop, paid):
        shop.wait_notices(1)
        assert len(standin.notify_now(NUMBER, times=16, parallel=True)) == 16
        assert len(shop.notices) == 17

    def test_its_success_ends_the_repeats(self, merchant, standin, shop):
        shop.answers = ["fail", "success"]
        merchant.press_pay(**shop.urls)
        standin.pay(NUMBER)
        wait_until(lambda: tries(standin) == 1)
        standin.notify_now(NUMBER)
        assert settled(standin)


class TestBuilders:
    def test_a_signed_notice_that_is_not_sent(self, merchant, standin, shop, paid):
        shop.wait_notices(1)
        body = standin.signed_notify(NUMBER, {"total_amount": "0.01", "seller_id": None, "extra": "x"})
        params = message(body)
        assert (params["total_amount"], params["extra"]) == ("0.01", "x")
        assert "seller_id" not in params
        assert merchant.is_signed_message(body)
        assert len(shop.notices) == 1

    def test_a_signed_return(self, merchant, standin, paid):
        query = standin.signed_return(NUMBER, {"app_id": "1"})
        assert message(query)["app_id"] == "1"
        assert merchant.is_signed_message(query)
