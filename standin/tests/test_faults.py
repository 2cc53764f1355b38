"""Every fault takes effect when set and is visible from outside; without it the same call succeeds."""

import http.client
import json
import socket
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlencode

import pytest

from standin.answers import DOCTORED, INSTEAD, SPOILED
from standin.clock import parse_moment
from standin.errors import Refused
from standin.faults import ANSWER_WAYS, CALLS, FAULTS

from .merchant import FORM, NUMBER, fetch, message, tries, wait_until

CUT_OFF = (http.client.RemoteDisconnected, http.client.IncompleteRead, ConnectionError)


@pytest.fixture
def paid(merchant, standin) -> str:
    merchant.press_pay()
    standin.pay(NUMBER)
    return NUMBER


def query(merchant, timeout: float = 5):
    return merchant.call_unchecked("trade.query", timeout, out_trade_no=NUMBER)


def open_query(merchant) -> socket.socket:
    """Return a connection on which a query has just been sent."""
    body = urlencode(merchant.signed("alipay.trade.query", {"out_trade_no": NUMBER})).encode()
    line = socket.create_connection(("127.0.0.1", int(merchant.standin.url.rpartition(":")[2])), 5)
    head = (
        f"POST /gateway.do HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    line.sendall(head.encode() + body)
    return line


class TestRegister:
    def test_every_way_of_answering_is_done_somewhere(self):
        done = {*INSTEAD, *DOCTORED, *SPOILED, "redirect", "already_paid", "empty_data", "empty_file"}
        named = {name.partition(".")[2] for name in FAULTS if name.partition(".")[0] in {"answer", *CALLS}}
        assert done == named

    def test_it_is_listed_with_a_description(self, standin):
        known = standin.faults()["known"]
        assert len(known) >= 15
        assert all(name.count(".") == 1 and description.endswith(".") for name, description in known.items())

    def test_an_unknown_name_is_refused(self, standin):
        with pytest.raises(ValueError, match="no fault named"):
            standin.fault("query.nonsense")

    def test_it_is_used_up(self, merchant, standin, paid):
        standin.fault("query.null", times=2)
        assert [query(merchant).body == b"null" for _ in range(3)] == [True, True, False]
        assert standin.faults()["active"] == []

    def test_it_lasts_until_it_is_cleared(self, merchant, standin, paid):
        standin.fault("query.null")
        standin.fault("close.null")
        assert [query(merchant).body for _ in range(3)] == [b"null"] * 3
        standin.clear_faults("query.null")
        assert query(merchant).code == "10000"
        assert [fault["name"] for fault in standin.faults()["active"]] == ["close.null"]

    def test_it_may_hold_for_one_order(self, merchant, standin, paid):
        standin.fault("query.null", out_trade_no="another")
        assert query(merchant).code == "10000"
        standin.fault("query.null", out_trade_no=NUMBER)
        assert query(merchant).body == b"null"

    def test_it_may_hold_for_one_method_or_all(self, merchant, standin, paid):
        standin.fault("answer.null", method="alipay.trade.close", times=1)
        assert query(merchant).code == "10000"
        assert merchant.call_unchecked("trade.close", out_trade_no=NUMBER).body == b"null"
        standin.fault("answer.null", times=1)
        assert query(merchant).body == b"null"


class TestAnswers:
    @pytest.mark.parametrize(("way", "starts", "most"), [("hang", b"", 0), ("drip", b'{"', 3)])
    def test_no_whole_answer_in_time(self, merchant, standin, paid, way, starts, most):
        standin.fault(f"query.{way}", times=1)
        got = b""
        with open_query(merchant) as line:
            until = time.monotonic() + 1.3
            while (left := until - time.monotonic()) > 0:
                line.settimeout(left)
                with suppress(TimeoutError):
                    got += line.recv(4096)
        body = got.partition(b"\r\n\r\n")[2]
        assert body.startswith(starts)
        assert len(body) <= most

    def test_a_hang_ends_when_the_caller_goes(self, merchant, standin, paid):
        standin.fault("query.hang", times=1)
        with pytest.raises(TimeoutError):
            query(merchant, 0.3)
        assert query(merchant).code == "10000"

    @pytest.mark.parametrize("way", ["lost", "broken"])
    def test_the_connection_breaks(self, merchant, standin, paid, way):
        standin.fault(f"query.{way}", times=1)
        with pytest.raises(CUT_OFF):
            query(merchant)

    @pytest.mark.parametrize(("way", "body"), [("null", b"null"), ("list", b"[]"), ("empty", b"")])
    def test_a_body_that_is_no_answer(self, merchant, standin, paid, way, body):
        standin.fault(f"query.{way}", times=1)
        answer = query(merchant)
        assert (answer.status, answer.body) == (200, body)

    def test_cut_is_half_and_looks_whole(self, merchant, standin, paid):
        whole = query(merchant).body
        standin.fault("query.cut", times=1)
        assert query(merchant).body == whole[: len(whole) // 2]

    def test_html_and_500(self, merchant, standin, paid):
        standin.fault("query.html", times=1)
        standin.fault("query.http_500", times=1)
        for status in (200, 500):
            answer = query(merchant)
            assert (answer.status, answer.body[:15]) == (status, b"<!doctype html>")

    def test_unsigned(self, merchant, standin, paid):
        standin.fault("query.unsigned", times=1)
        answer = query(merchant)
        assert answer.node["trade_status"] == "TRADE_SUCCESS"
        assert "sign" not in json.loads(answer.body)

    def test_bad_sign(self, merchant, standin, paid):
        standin.fault("query.bad_sign", times=1)
        answer = query(merchant)
        assert answer.node["trade_status"] == "TRADE_SUCCESS"
        assert not merchant.is_signed_answer(answer.body)

    @pytest.mark.parametrize(
        ("way", "shows"),
        [
            ("other_order", {"trade_status": "TRADE_SUCCESS", "out_trade_no": "99999999999999_9"}),
            ("other_amount", {"trade_status": "TRADE_SUCCESS", "total_amount": "300.01"}),
            ("waiting", {"trade_status": "WAIT_BUYER_PAY", "out_trade_no": NUMBER}),
            ("unknown", {"code": "20000", "sub_code": "isp.unknow-error"}),
            ("20000", {"code": "20000", "sub_code": "isp.unknow-error"}),
            ("system_error", {"code": "40004", "sub_code": "ACQ.SYSTEM_ERROR"}),
            ("not_exist", {"code": "40004", "sub_code": "ACQ.TRADE_NOT_EXIST"}),
        ],
    )
    def test_a_signed_lie(self, merchant, standin, paid, way, shows):
        standin.fault(f"query.{way}", times=1)
        answer = merchant.call("trade.query", out_trade_no=NUMBER)  # checks the signature
        assert shows.items() <= answer.node.items()

    def test_a_redirect_and_whether_it_was_followed(self, merchant, standin, paid):
        standin.fault("query.redirect", times=1)
        answer = query(merchant)
        assert answer.status == 302
        assert answer.location.startswith("http://localhost:")
        assert "followed a redirect" not in standin.calls()["count"]
        fetch(answer.location)
        assert standin.calls()["count"]["followed a redirect"] == 1

    def test_huge_ends_when_the_caller_has_enough(self, merchant, standin, paid):
        standin.fault("query.huge", times=1)
        with open_query(merchant) as line:
            got = 0
            while got < 1_000_000:
                got += len(line.recv(65536))
        assert query(merchant).code == "10000"


class TestWork:
    """State of the trade after a bad answer: the work was done, or it was not."""

    def refund(self, merchant):
        return merchant.call_unchecked(
            "trade.refund", out_trade_no=NUMBER, refund_amount="100.00", out_request_no="R1"
        )

    @pytest.mark.parametrize("way", ["20000", "system_error", "no_balance", "not_exist"])
    def test_a_refund_refused_by_a_fault_is_not_made(self, merchant, standin, paid, way):
        standin.fault(f"refund.{way}", times=1)
        assert self.refund(merchant).code != "10000"
        assert standin.trade(NUMBER)["refunded_fen"] == 0
        assert self.refund(merchant).node["fund_change"] == "Y"

    def test_a_refund_with_an_unknown_outcome_is_made(self, merchant, standin, paid):
        standin.fault("refund.unknown", times=1)
        assert self.refund(merchant).code == "isp.unknow-error"
        assert standin.trade(NUMBER)["refunded_fen"] == 10000
        assert self.refund(merchant).node["fund_change"] == "N"

    def test_a_close_whose_answer_is_lost_is_made(self, merchant, standin):
        merchant.press_pay()
        standin.open(NUMBER)
        standin.fault("close.lost", times=1)
        with pytest.raises(CUT_OFF):
            merchant.call_unchecked("trade.close", out_trade_no=NUMBER)
        assert standin.trade(NUMBER)["status"] == "TRADE_CLOSED"

    @pytest.mark.parametrize("buyer", ["", "2"])
    def test_a_close_that_comes_after_the_payment(self, merchant, standin, buyer):
        merchant.press_pay()
        if buyer:
            standin.open(NUMBER, buyer)
        standin.fault("close.already_paid", times=1)
        assert merchant.call("trade.close", out_trade_no=NUMBER).code == "ACQ.TRADE_STATUS_ERROR"
        assert standin.trade(NUMBER)["received_fen"] == 30000

    def test_a_gateway_that_refuses_does_nothing(self, merchant, standin):
        standin.fault("gateway.refuse", times=1)
        with pytest.raises(CUT_OFF):
            merchant.press_pay()
        assert standin.trades() == []
        assert merchant.press_pay().status == 302


class TestNotices:
    def pay(self, merchant, standin, shop) -> None:
        merchant.press_pay(**shop.urls)
        standin.pay(NUMBER)

    def test_lost(self, merchant, standin, shop):
        standin.fault("notify.lost", times=1)
        self.pay(merchant, standin, shop)
        wait_until(lambda: tries(standin) == 1)
        assert shop.notices == []
        standin.clock(241)
        shop.wait_notices(1)

    @pytest.mark.parametrize(("name", "copies"), [("notify.twice", 2), ("notify.storm", 64)])
    def test_several_at_once(self, merchant, standin, shop, name, copies):
        standin.fault(name, times=1)
        self.pay(merchant, standin, shop)
        bodies = shop.wait_notices(copies)
        assert len({message(body)["notify_id"] for body in bodies}) == 1

    @pytest.mark.parametrize(("name", "seconds"), [("notify.late", 60), ("notify.after_return", 2)])
    def test_delayed(self, merchant, standin, shop, name, seconds):
        standin.fault(name, times=1)
        self.pay(merchant, standin, shop)
        time.sleep(0.2)  # a notice without a delay would arrive now
        standin.clock(seconds)
        wait_until(lambda: tries(standin) == 1)
        trade = standin.trade(NUMBER)
        paid_at, sent_at = trade["paid_at"], trade["notices"][0]["answers"][0]["at"]
        assert (
            parse_moment(sent_at) - parse_moment(paid_at) >= seconds - 1
        )  # both are truncated to whole seconds

    def test_hurry(self, merchant, standin, shop):
        standin.fault("notify.hurry")
        shop.answers = ["fail", "success"]
        self.pay(merchant, standin, shop)
        shop.wait_notices(2)  # after 240 ms, not 4 minutes

    def test_forged(self, merchant, standin, shop):
        standin.fault("notify.forged", times=1)
        self.pay(merchant, standin, shop)
        (body,) = shop.wait_notices(1)
        assert not merchant.is_signed_message(body)

    @pytest.mark.parametrize(
        ("name", "field", "true"),
        [
            ("notify.wrong_amount", "total_amount", "300.00"),
            ("notify.wrong_seller", "seller_id", "2088000000000001"),
            ("notify.wrong_app", "app_id", "9021000000000001"),
        ],
    )
    def test_a_signed_lie(self, merchant, standin, shop, name, field, true):
        standin.fault(name, times=1)
        self.pay(merchant, standin, shop)
        (body,) = shop.wait_notices(1)
        assert merchant.is_signed_message(body)
        assert message(body)[field] != true

    def test_before_the_return(self, merchant, standin, shop):
        standin.fault("notify.before_return", times=1)
        cashier = merchant.press_pay(**shop.urls).location
        assert fetch(cashier, b"action=pay").status == 302
        assert len(shop.notices) == 1


class TestReturns:
    @pytest.fixture
    def cashier(self, merchant, shop) -> str:
        return merchant.press_pay(**shop.urls).location

    def back(self, cashier) -> str:
        return fetch(cashier, b"action=pay").location.partition("?")[2]

    def test_lost(self, standin, cashier):
        standin.fault("return.lost", times=1)
        assert fetch(cashier, b"action=pay").location.startswith("/cashier/")
        assert standin.trade(NUMBER)["status"] == "TRADE_SUCCESS"

    def test_tampered(self, merchant, standin, cashier):
        standin.fault("return.tampered", times=1)
        query = self.back(cashier)
        assert message(query)["total_amount"] == "300.01"
        assert not merchant.is_signed_message(query)

    def test_sign_type_signed(self, merchant, standin, cashier):
        standin.fault("return.sign_type_signed", times=1)
        query = self.back(cashier)
        assert merchant.is_signed_message(query, leave_out=("sign",))
        assert not merchant.is_signed_message(query)

    def test_repeated(self, standin, shop, cashier):
        standin.fault("return.repeated", times=1)
        query = self.back(cashier)
        shop.wait(lambda: len(shop.returns) == 3)
        assert set(shop.returns) == {query}


def test_a_clock_that_is_ahead(merchant, standin, shop):
    standin.fault("clock.ahead")
    query = fetch(merchant.press_pay(**shop.urls).location, b"action=pay").location.partition("?")[2]
    today = standin.health()["now"][:10]
    assert message(query)["timestamp"][:10] > today
    assert message(shop.wait_notices(1)[0])["gmt_payment"][:10] > today
    assert merchant.is_signed_message(query)


@pytest.mark.parametrize("way", sorted(ANSWER_WAYS))
def test_every_way_holds_for_every_call(standin, way):
    for call in ("answer", *CALLS):
        standin.fault(f"{call}.{way}", times=1)
    with pytest.raises(ValueError, match="1 or more"):
        standin.fault(f"answer.{way}", times=0)


def test_reset_clears_faults(merchant, standin):
    standin.fault("query.null")
    standin.reset()
    assert query(merchant).code == "ACQ.TRADE_NOT_EXIST"
    with pytest.raises(Refused):
        standin.trade(NUMBER)


def test_the_page_about_the_stand_in_lists_every_fault():
    page = (Path(__file__).parents[2] / "docs/standin.md").read_text()
    for name, description in FAULTS.items():
        way = name.partition(".")[2]
        listed = (f"| `{name}` | {description} |", f"| `{way}` | {description} |")
        assert any(line in page for line in listed), name
