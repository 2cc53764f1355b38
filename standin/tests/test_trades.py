"""Life cycle of a trade through the APIs: created, paid, closed, refunded, and the error codes."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from standin.errors import Refused

from .merchant import NUMBER, PAGE, WAP, beijing


@pytest.fixture
def number(merchant) -> str:
    """Number of a trade with a pay request and no buyer yet."""
    assert merchant.press_pay().status == 302
    return NUMBER


@pytest.fixture
def paid(number, standin) -> str:
    standin.pay(number)
    return number


class TestBeforeTheBuyerIsThere:
    @pytest.mark.parametrize("call", ["trade.query", "trade.close"])
    def test_the_trade_does_not_exist(self, merchant, number, call):
        answer = merchant.call(call, out_trade_no=number)
        assert (answer.code, answer.node["code"]) == ("ACQ.TRADE_NOT_EXIST", "40004")

    def test_a_refused_close_does_not_kill_the_link(self, merchant, standin, number):
        merchant.call("trade.close", out_trade_no=number)
        assert standin.pay(number)["status"] == "TRADE_SUCCESS"

    def test_only_time_expire_kills_the_link(self, merchant, standin, number):
        standin.expire(number)
        with pytest.raises(Refused, match="TRADE_HAS_CLOSE"):
            standin.pay(number)
        assert merchant.call("trade.query", out_trade_no=number).code == "ACQ.TRADE_NOT_EXIST"


class TestQuery:
    def test_waiting(self, merchant, standin, number):
        standin.open(number)
        node = merchant.call("trade.query", out_trade_no=number).node
        assert (node["code"], node["trade_status"], node["total_amount"]) == (
            "10000",
            "WAIT_BUYER_PAY",
            "300.00",
        )
        assert "send_pay_date" not in node

    def test_paid_has_the_fields_of_a_real_answer(self, merchant, paid):
        node = merchant.call("trade.query", out_trade_no=paid).node
        # As in a signed answer of Alipay's sandbox
        assert set(node) == {
            *("code", "msg", "buyer_logon_id", "buyer_pay_amount", "buyer_user_id", "buyer_user_type"),
            *("invoice_amount", "out_trade_no", "point_amount", "receipt_amount", "send_pay_date"),
            *("total_amount", "trade_no", "trade_status"),
        }
        assert node["trade_status"] == "TRADE_SUCCESS"
        assert (node["out_trade_no"], len(node["trade_no"])) == (paid, 28)

    def test_alipays_number_wins_over_ours(self, merchant, standin, paid):
        trade_no = standin.trade(paid)["trade_no"]
        answer = merchant.call("trade.query", out_trade_no="another", trade_no=trade_no)
        assert answer.node["out_trade_no"] == paid
        assert (
            merchant.call("trade.query", out_trade_no=paid, trade_no="1" * 28).code == "ACQ.TRADE_NOT_EXIST"
        )

    @pytest.mark.parametrize("biz", [{}, {"out_trade_no": ""}, {"out_trade_no": 1}, {"out_trade_no": ["x"]}])
    def test_it_needs_an_id(self, merchant, biz):
        assert merchant.call("trade.query", **{"more": "x"}, **biz).code == "ACQ.INVALID_PARAMETER"

    @pytest.mark.parametrize("number", ["never seen", "' OR 1=1 --", "\x00", "１２", "x" * 300])
    def test_unknown_numbers_do_not_exist(self, merchant, number):
        assert merchant.call("trade.query", out_trade_no=number).code == "ACQ.TRADE_NOT_EXIST"


class TestClose:
    def test_a_waiting_trade(self, merchant, standin, number):
        standin.open(number)
        assert merchant.call("trade.close", out_trade_no=number).node["out_trade_no"] == number
        assert merchant.call("trade.query", out_trade_no=number).node["trade_status"] == "TRADE_CLOSED"
        with pytest.raises(Refused, match="TRADE_HAS_CLOSE"):
            standin.pay(number)

    def test_a_paid_trade_is_not_closed(self, merchant, standin, paid):
        assert merchant.call("trade.close", out_trade_no=paid).code == "ACQ.TRADE_STATUS_ERROR"
        assert standin.trade(paid)["status"] == "TRADE_SUCCESS"

    def test_a_closed_trade_is_not_closed_again(self, merchant, standin, number):
        standin.open(number)
        merchant.call("trade.close", out_trade_no=number)
        assert merchant.call("trade.close", out_trade_no=number).code == "ACQ.REASON_TRADE_STATUS_INVALID"


class TestTime:
    def test_an_unpaid_trade_closes_at_time_expire(self, merchant, standin, number):
        standin.open(number)
        standin.clock(601)
        assert merchant.call("trade.query", out_trade_no=number).node["trade_status"] == "TRADE_CLOSED"
        with pytest.raises(Refused, match="TRADE_HAS_CLOSE"):
            standin.pay(number)
        assert standin.trade(number)["received_fen"] == 0

    def test_a_paid_trade_outlives_time_expire(self, merchant, standin, paid):
        standin.clock(601)
        assert merchant.call("trade.query", out_trade_no=paid).node["trade_status"] == "TRADE_SUCCESS"

    def test_after_a_year_it_is_finished_and_not_refundable(self, merchant, standin, paid):
        standin.clock(366 * 86400)
        assert merchant.call("trade.query", out_trade_no=paid).node["trade_status"] == "TRADE_FINISHED"
        assert merchant.call("trade.refund", out_trade_no=paid, refund_amount="300.00").code == (
            "ACQ.TRADE_HAS_FINISHED"
        )


class TestBuyers:
    def test_the_trade_belongs_to_the_buyer_who_opened_it(self, standin, number):
        standin.open(number, buyer="2")
        with pytest.raises(Refused, match="TRADE_BUYER_NOT_MATCH"):
            standin.pay(number, buyer="1")
        assert standin.pay(number, buyer="2")["buyer"] == "2"

    def test_there_are_two(self, standin, number):
        with pytest.raises(Refused, match="INVALID_PARAMETER"):
            standin.pay(number, buyer="3")


class TestRefund:
    def refund(self, merchant, number, amount, request_no=""):
        extra = {"out_request_no": request_no} if request_no else {}
        return merchant.call("trade.refund", out_trade_no=number, refund_amount=amount, **extra)

    def test_in_full_closes_the_trade(self, merchant, paid):
        node = self.refund(merchant, paid, "300.00").node
        assert (node["fund_change"], node["refund_fee"]) == ("Y", "300.00")
        assert merchant.call("trade.query", out_trade_no=paid).node["trade_status"] == "TRADE_CLOSED"
        assert self.refund(merchant, paid, "0.01", "R9").code == "ACQ.TRADE_HAS_CLOSE"

    def test_without_a_request_number_the_trades_number_is_used(self, merchant, paid):
        self.refund(merchant, paid, "300.00")
        answer = merchant.call("trade.fastpay.refund.query", out_trade_no=paid, out_request_no=paid)
        assert answer.node["refund_status"] == "REFUND_SUCCESS"

    def test_refund_fee_is_the_total_so_far(self, merchant, paid):
        assert self.refund(merchant, paid, "100.00", "R1").node["refund_fee"] == "100.00"
        node = self.refund(merchant, paid, "50.00", "R2").node
        assert node["refund_fee"] == "150.00"
        assert merchant.call("trade.query", out_trade_no=paid).node["trade_status"] == "TRADE_SUCCESS"

    def test_in_parts_up_to_the_whole_closes_the_trade(self, merchant, paid):
        self.refund(merchant, paid, "299.99", "R1")
        self.refund(merchant, paid, "0.01", "R2")
        assert merchant.call("trade.query", out_trade_no=paid).node["trade_status"] == "TRADE_CLOSED"

    def test_a_repeat_moves_no_money(self, merchant, standin, paid):
        self.refund(merchant, paid, "100.00", "R1")
        node = self.refund(merchant, paid, "100.00", "R1").node
        assert (node["code"], node["fund_change"], node["refund_fee"]) == ("10000", "N", "100.00")
        assert standin.trade(paid)["refunded_fen"] == 10000

    def test_a_repeat_of_a_full_refund_moves_no_money(self, merchant, paid):
        self.refund(merchant, paid, "300.00", "R1")
        assert self.refund(merchant, paid, "300.00", "R1").node["fund_change"] == "N"

    def test_the_same_number_with_another_amount_is_refused(self, merchant, paid):
        self.refund(merchant, paid, "100.00", "R1")
        assert self.refund(merchant, paid, "100.01", "R1").code == "ACQ.DISCORDANT_REPEAT_REQUEST"

    def test_more_than_was_paid_is_refused(self, merchant, standin, paid):
        self.refund(merchant, paid, "200.00", "R1")
        assert self.refund(merchant, paid, "100.01", "R2").code == "ACQ.REASON_TRADE_REFUND_FEE_ERR"
        assert standin.trade(paid)["refunded_fen"] == 20000

    def test_a_part_needs_a_request_number(self, merchant, paid):
        assert self.refund(merchant, paid, "100.00").code == "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL"

    def test_an_unpaid_trade_is_not_refunded(self, merchant, standin, number):
        assert self.refund(merchant, number, "300.00").code == "ACQ.TRADE_NOT_EXIST"
        standin.open(number)
        assert self.refund(merchant, number, "300.00").code == "ACQ.TRADE_STATUS_ERROR"
        standin.close(number)
        assert self.refund(merchant, number, "300.00").code == "ACQ.TRADE_HAS_CLOSE"

    @pytest.mark.parametrize("amount", ["0.00", "-1.00", "1.", "1.001", "", "x"])
    def test_the_amount_must_be_valid(self, merchant, paid, amount):
        assert self.refund(merchant, paid, amount, "R1").code == "ACQ.INVALID_PARAMETER"

    def test_an_unknown_refund_gets_an_empty_answer(self, merchant, paid):
        answer = merchant.call("trade.fastpay.refund.query", out_trade_no=paid, out_request_no="R7")
        assert answer.node == {"code": "10000", "msg": "Success"}

    def test_a_refund_query_needs_a_trade_and_a_number(self, merchant, paid):
        query = "trade.fastpay.refund.query"
        assert merchant.call(query, out_trade_no="x", out_request_no="R1").code == "ACQ.TRADE_NOT_EXIST"
        assert merchant.call(query, out_trade_no=paid).code == "ACQ.INVALID_PARAMETER"


@pytest.mark.race
class TestManyAtOnce:
    def test_twenty_payments_of_one_trade_are_one_payment(self, merchant, standin, shop):
        merchant.press_pay(**shop.urls)
        standin.open(NUMBER)

        def pay(_: int) -> str:
            try:
                return standin.pay(NUMBER)["status"]
            except Refused as refused:
                return refused.sub_code

        with ThreadPoolExecutor(20) as pool:
            outcomes = sorted(pool.map(pay, range(20)))
        assert outcomes == ["ACQ.TRADE_HAS_SUCCESS"] * 19 + ["TRADE_SUCCESS"]
        assert len(standin.trade(NUMBER)["notices"]) == 1

    def test_twenty_refunds_never_exceed_the_payment(self, merchant, standin, paid):
        def refund(place: int) -> str:
            answer = merchant.call(
                "trade.refund", out_trade_no=paid, refund_amount="40.00", out_request_no=f"R{place}"
            )
            return answer.code

        with ThreadPoolExecutor(20) as pool:
            codes = list(pool.map(refund, range(20)))
        assert codes.count("10000") == 7
        assert standin.trade(paid)["refunded_fen"] == 28000

    def test_a_payment_and_a_close_exclude_each_other(self, merchant, standin):
        for place in range(10):
            number = f"race_{place}"
            merchant.press_pay(number)
            standin.open(number)
            with ThreadPoolExecutor(2) as pool:
                paying = pool.submit(standin.pay, number)
                closing = pool.submit(merchant.call, "trade.close", out_trade_no=number)
            closed = closing.result().code == "10000"
            assert (paying.exception() is not None) is closed
            assert standin.trade(number)["received_fen"] == (0 if closed else 30000)


def test_both_products_are_paid_alike(merchant, standin):
    for number, product in (("wap_1", WAP), ("page_1", PAGE)):
        merchant.press_pay(number, product, time_expire=beijing(600))
        standin.pay(number)
        assert merchant.call("trade.query", out_trade_no=number).node["trade_status"] == "TRADE_SUCCESS"
