"""The control API: StandIn's methods as JSON, and 4xx for malformed requests."""

import json

import pytest

from .merchant import NUMBER, fetch, message


@pytest.fixture
def control(standin):
    def control(path: str, **fields):
        body = json.dumps(fields).encode() if fields else None
        answer = fetch(f"{standin.url}/_standin/{path}", body)
        return answer.status, json.loads(answer.body)

    return control


def test_a_trade_from_request_to_refund(merchant, control, shop):
    merchant.press_pay(**shop.urls)
    assert control(f"trade/{NUMBER}")[1]["exists"] is False
    assert control("open", out_trade_no=NUMBER, buyer="2")[1]["status"] == "WAIT_BUYER_PAY"
    paid = control("pay", out_trade_no=NUMBER, buyer="2")[1]
    assert (paid["status"], paid["received_fen"]) == ("TRADE_SUCCESS", 30000)
    shop.wait_notices(1)
    refunded = control("refund", out_trade_no=NUMBER, amount_fen=100, out_request_no="R1")[1]
    assert [refund["amount_fen"] for refund in refunded["refunds"]] == [100]
    shop.wait_notices(2)
    status, answers = control("notify-now", out_trade_no=NUMBER, times=2, parallel=True)
    assert (status, answers) == (200, [{"http_status": 200, "body": "success"}] * 2)
    assert [trade["out_trade_no"] for trade in control("trades")[1]] == [NUMBER]


def test_closing_and_expiring(merchant, control):
    merchant.press_pay()
    assert control("close", out_trade_no=NUMBER) == (
        409,
        {"error": "ACQ.TRADE_NOT_EXIST", "message": "交易不存在"},
    )
    control("open", out_trade_no=NUMBER)
    assert control("expire", out_trade_no=NUMBER)[1]["status"] == "TRADE_CLOSED"
    assert control("pay", out_trade_no=NUMBER)[0] == 409


def test_messages(merchant, control, shop):
    merchant.press_pay(**shop.urls)
    control("pay", out_trade_no=NUMBER)
    _, query = control("signed_return", out_trade_no=NUMBER, changes={"seller_id": "1", "version": None})
    assert message(query)["seller_id"] == "1"
    assert "version" not in message(query)
    assert merchant.is_signed_message(query)
    assert merchant.is_signed_message(control("signed_notify", out_trade_no=NUMBER)[1])


def test_faults_clock_calls_and_reset(merchant, control):
    _, faults = control("faults", name="query.null", out_trade_no=NUMBER, times=3)
    assert faults["active"] == [{"name": "query.null", "out_trade_no": NUMBER, "method": "", "times": 3}]
    assert control("faults")[1]["known"]["query.null"]
    assert control("faults/clear", name="query.null")[1]["active"] == []
    assert control("clock", offset_seconds=3600)[1]["clock_offset_seconds"] == 3600
    merchant.press_pay()
    assert control("calls")[1]["count"] == {"alipay.trade.page.pay": 1}
    assert control("health")[1]["ok"] is True


def test_reset(merchant, standin, control):
    merchant.press_pay()
    fetch(f"{standin.url}/_standin/reset", b"")
    assert control("trades") == (200, [])
    assert control("calls")[1] == {"count": {}, "last": []}


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("pay", b"", 400),
        ("pay", b"{", 400),
        ("pay", b"[]", 400),
        ("pay", b"\xff", 400),
        ("pay", b"[" * 100_000, 400),
        ("pay", b'{"out_trade_no": 1}', 400),
        ("pay", b'{"out_trade_no": "x", "buyer": "1", "more": 1}', 400),
        ("pay", b'{"out_trade_no": "never seen"}', 409),
        ("pay", b'{"out_trade_no": "\\ud800"}', 400),
        ("faults", b'{"name": "nonsense"}', 400),
        ("faults", b'{"name": "query.null", "times": true}', 400),
        ("faults", b'{"name": "query.null", "times": -1}', 400),
        ("clock", b'{"offset_seconds": "x"}', 400),
        ("clock", b'{"offset_seconds": NaN}', 400),
        ("clock", b'{"offset_seconds": 1e300}', 400),
        ("notify-now", b'{"out_trade_no": "x", "times": 0}', 400),
        ("signed_return", b'{"out_trade_no": "x", "changes": {"a": 1}}', 400),
        ("refund", b'{"out_trade_no": "x", "amount_fen": 1.5}', 400),
        ("nothing", b"{}", 404),
        ("__class__", b"{}", 404),
    ],
)
def test_bad_requests_get_a_4xx(standin, path, body, status):
    answer = fetch(f"{standin.url}/_standin/{path}", body)
    assert answer.status == status
    assert json.loads(answer.body)["error"]


@pytest.mark.parametrize("path", ["", "nothing", "trade/", "__init__", "pay"])
def test_unknown_paths_are_not_found(standin, path):
    assert fetch(f"{standin.url}/_standin/{path}").status == 404


def test_a_refund_of_nothing_is_refused(merchant, control):
    merchant.press_pay()
    control("pay", out_trade_no=NUMBER)
    for amount in (0, -100):
        assert control("refund", out_trade_no=NUMBER, amount_fen=amount, out_request_no="R1")[0] == 409
