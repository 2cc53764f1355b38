"""A shop with Alipay's official Python SDK: pays, queries, refunds, verifies. Run by test_official_sdks.py.

    PYTHONPATH=<the SDK's wheel> python shop.py http://127.0.0.1:8001/gateway.do KEYS

KEYS holds app_private_key.pem (PKCS#1) and alipay_public_key.pem. The first failure ends it with a traceback.
"""

import http.client
import json
import sys
from importlib import import_module
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit
from urllib.request import urlopen

from alipay.aop.api.AlipayClientConfig import AlipayClientConfig
from alipay.aop.api.DefaultAlipayClient import DefaultAlipayClient
from alipay.aop.api.util import WebUtils
from alipay.aop.api.util.SignatureUtils import get_sign_content, verify_with_rsa

APP_ID = "9021000000000001"
GATEWAY, KEYS = sys.argv[1], Path(sys.argv[2])
ORIGIN = GATEWAY.removesuffix("/gateway.do")


def connect(url: str, query: str, timeout: float) -> tuple[str, http.client.HTTPConnection]:
    """Do what WebUtils.get_http_connection does, which leaves the port out."""
    parts = urlsplit(url)
    return f"{parts.path}?{query}", http.client.HTTPConnection(parts.netloc, timeout=timeout)


WebUtils.get_http_connection = connect

config = AlipayClientConfig()
config.server_url = GATEWAY
config.app_id = APP_ID
config.app_private_key = (KEYS / "app_private_key.pem").read_text()
config.alipay_public_key = (KEYS / "alipay_public_key.pem").read_text()
client = DefaultAlipayClient(config)


def request(api: str, **biz: object) -> object:
    """Return an SDK request: "TradeQuery" and its biz_content."""
    name = f"Alipay{api}Request"
    made = getattr(import_module(f"alipay.aop.api.request.{name}"), name)()
    made.biz_content = biz
    return made


def call(api: str, **biz: object) -> dict:
    """Return the content of the answer, whose signature the SDK has verified."""
    return json.loads(client.execute(request(api, **biz)))


def visit(link: str, body: str | None = None) -> str:
    """Return where a browser is sent on to."""
    parts = urlsplit(link)
    connection = http.client.HTTPConnection("127.0.0.1", parts.port, timeout=10)
    headers = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
    connection.request("POST" if body else "GET", f"{parts.path}?{parts.query}", body, headers)
    answer = connection.getresponse()
    assert answer.status == 302, (answer.status, answer.read().decode("gbk"))
    return answer.headers["Location"]


def verify(encoded: str) -> dict[str, str]:
    """Verify a return's query string or a notice's body as the SDK's users do."""
    params = dict(parse_qsl(encoded, keep_blank_values=True))
    text = get_sign_content(
        {name: value for name, value in params.items() if name not in ("sign", "sign_type")}
    )
    assert verify_with_rsa(config.alipay_public_key, text.encode(), params["sign"])
    return params


def control(path: str, **fields: object) -> object:
    return json.load(urlopen(f"{ORIGIN}/_standin/{path}", json.dumps(fields).encode()))


def order(number: str, **more: object) -> dict:
    return {"out_trade_no": number, "total_amount": "300.00", "subject": "爱家租房 订单", **more}


def pay_on_the_desktop(number: str) -> None:
    pay = request("TradePagePay", **order(number, product_code="FAST_INSTANT_TRADE_PAY"))
    pay.return_url, pay.notify_url = "http://127.0.0.1:9/back/", "http://127.0.0.1:9/notify/"
    assert f'action="{GATEWAY}?' in client.page_execute(pay)
    back = visit(visit(client.page_execute(pay, "GET")), "action=pay")
    assert verify(urlsplit(back).query)["out_trade_no"] == number
    notice = verify(control("signed_notify", out_trade_no=number))
    assert (notice["trade_status"], notice["subject"]) == ("TRADE_SUCCESS", "爱家租房 订单")


def query_and_refund(number: str) -> None:
    queried = call("TradeQuery", out_trade_no=number, query_options=["fund_bill_list"])
    assert queried["trade_status"] == "TRADE_SUCCESS", queried
    assert queried["fund_bill_list"][0]["amount"] == "300.00"
    refund = {"out_trade_no": number, "out_request_no": "R1"}
    assert call("TradeRefund", **refund, refund_amount="100.00")["fund_change"] == "Y"
    assert call("TradeFastpayRefundQuery", **refund)["refund_status"] == "REFUND_SUCCESS"
    assert call("TradeCancel", out_trade_no=number)["action"] == "refund"
    refused = call("TradeClose", out_trade_no=number)
    assert (refused["sub_code"], refused["out_trade_no"]) == ("ACQ.REASON_TRADE_STATUS_INVALID", number)


def other_ways() -> None:
    assert call("TradePrecreate", **order("precreate-1"))["qr_code"].startswith("http://localhost:")
    assert call("TradeCreate", **order("create-1", buyer_id="2088722000000001"))["trade_no"]
    assert call("TradeClose", out_trade_no="create-1")["code"] == "10000"
    for api, product in (("TradeWapPay", "QUICK_WAP_WAY"), ("TradeAppPay", "QUICK_MSECURITY_PAY")):
        string = client.sdk_execute(request(api, **order(api, product_code=product)))
        assert "/cashier/" in visit(f"{GATEWAY}?{string}")
    bill = call("DataDataserviceBillDownloadurlQuery", bill_type="trade", bill_date="2020-01-01")
    assert (bill["sub_code"], bill["sub_msg"]) == ("isp.bill_not_exist", "账单不存在")


pay_on_the_desktop("desktop-1")
query_and_refund("desktop-1")
other_ways()
