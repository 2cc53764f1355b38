"""Alipay client: pay (a URL for the browser), query, close, refund, refund query, bill."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from time import monotonic
from typing import Generic, TypeVar

from alipay import AliPay
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from core import metrics
from core.money import yuan_text
from payments.alipay import http, signing
from payments.alipay.answers import (
    BEIJING,
    BadlySigned,
    BillResult,
    CloseResult,
    QueryResult,
    RefundQueryResult,
    RefundResult,
    Unknown,
    Unusable,
    bill_result,
    close_result,
    query_result,
    refund_query_result,
    refund_result,
    signed_node,
)
from payments.alipay.signing import PublicKeys

log = logging.getLogger(__name__)

# The SDK adds a handler to this logger, for debug lines that contain the signed text.
logging.getLogger("python-alipay-sdk").handlers.clear()
logging.getLogger("python-alipay-sdk").setLevel(logging.WARNING)

Result = TypeVar("Result", covariant=True)


@dataclass(frozen=True, slots=True)
class Reply(Generic[Result]):
    """The typed result of a call, and the raw bytes for the message log (empty if none came)."""

    result: Result
    raw: bytes
    signed: bool


@dataclass(frozen=True, slots=True)
class PayRequest:
    """The values of an attempt that are signed. `expires_at` is aware; URLs are absolute."""

    out_trade_no: str
    amount_fen: int
    subject: str
    expires_at: datetime
    return_url: str
    notify_url: str
    quit_url: str


class _Sdk(AliPay):
    """SDK that builds requests. OpenSSL signs them, and timestamps are in Beijing time."""

    def __init__(self, app_id: str, private_key: RSAPrivateKey) -> None:
        self._private_key = private_key
        super().__init__(appid=app_id, sign_type="RSA2")

    def _load_key(self) -> None:
        """Do nothing: keys.py has loaded the keys."""

    def _sign(self, unsigned_string: str) -> str:
        return signing.sign(unsigned_string, self._private_key)

    def build_body(
        self, method: str, biz_content: dict[str, str] | None = None, **fields: str
    ) -> dict[str, object]:
        body = super().build_body(method, biz_content, **fields)
        body["timestamp"] = _beijing_text(datetime.now(BEIJING))
        body["format"] = "JSON"
        return body


class AlipayClient:
    """Holds the keys. One per process; thread-safe. No call raises for failures of the gateway.

    `deadline` is the total timeout of a call in seconds.
    """

    def __init__(
        self, *, app_id: str, gateway_url: str, private_key: RSAPrivateKey, public_keys: PublicKeys
    ) -> None:
        self.gateway_url = gateway_url
        self.public_keys = public_keys
        self._sdk = _Sdk(app_id, private_key)

    def wap_pay_url(self, request: PayRequest) -> str:
        """URL for the browser of a phone."""
        signed = self._sdk.api_alipay_trade_wap_pay(
            **_common(request), quit_url=request.quit_url, product_code="QUICK_WAP_WAY"
        )
        return f"{self.gateway_url}?{signed}"

    def page_pay_url(self, request: PayRequest) -> str:
        """URL for the browser of a desktop."""
        # page.pay has no quit_url. Alipay documents this one for its own app; elsewhere it may ignore it.
        signed = self._sdk.api_alipay_trade_page_pay(**_common(request), request_from_url=request.quit_url)
        return f"{self.gateway_url}?{signed}"

    def query(self, out_trade_no: str, *, deadline: float) -> Reply[QueryResult]:
        parse = partial(query_result, out_trade_no=out_trade_no)
        return self._call("alipay.trade.query", {"out_trade_no": out_trade_no}, parse, deadline)

    def close(self, out_trade_no: str, *, deadline: float) -> Reply[CloseResult]:
        """Close the trade: it can't be paid any more."""
        parse = partial(close_result, out_trade_no=out_trade_no)
        return self._call("alipay.trade.close", {"out_trade_no": out_trade_no}, parse, deadline)

    def refund(
        self, out_trade_no: str, out_request_no: str, amount_fen: int, *, deadline: float
    ) -> Reply[RefundResult]:
        """Refund. Idempotent: repeated with the same number and amount, money moves once."""
        content = {
            "out_trade_no": out_trade_no,
            "out_request_no": out_request_no,
            "refund_amount": yuan_text(amount_fen),
        }
        parse = partial(refund_result, out_trade_no=out_trade_no)
        return self._call("alipay.trade.refund", content, parse, deadline)

    def refund_query(
        self, out_trade_no: str, out_request_no: str, *, deadline: float
    ) -> Reply[RefundQueryResult]:
        """Query a refund. Alipay asks for at least 10 s between sending a refund and its query."""
        content = {"out_trade_no": out_trade_no, "out_request_no": out_request_no}
        parse = partial(refund_query_result, out_trade_no=out_trade_no, out_request_no=out_request_no)
        return self._call("alipay.trade.fastpay.refund.query", content, parse, deadline)

    def bill(self, day: date, *, deadline: float) -> Reply[BillResult]:
        """Get the URL of the bill of a past day; `secure` asks for https."""
        content = {"bill_type": "trade", "bill_date": day.isoformat(), "secure": "true"}
        return self._call("alipay.data.dataservice.bill.downloadurl.query", content, bill_result, deadline)

    def _request(self, method: str, content: dict[str, str]) -> tuple[str, str]:
        """The address with the common parameters, and the body with `biz_content` alone.

        As Alipay documents it: without `charset` in the address, production refuses signatures and answers in
        GBK.
        """
        fields = self._sdk.client_api(method, dict(content)).split("&")
        in_body = [field for field in fields if field.startswith("biz_content=")]
        in_address = [field for field in fields if field not in in_body]
        return f"{self.gateway_url}?{'&'.join(in_address)}", "&".join(in_body)

    def _call(
        self,
        method: str,
        content: dict[str, str],
        parse: Callable[[Mapping[str, object]], Result],
        deadline: float,
    ) -> Reply[Result | Unknown]:
        address, form = self._request(method, content)
        raw = b""
        signed = False
        began = monotonic()
        result: Result | Unknown
        try:
            raw = http.post(address, form, deadline=deadline)
            node = signed_node(raw, method.replace(".", "_") + "_response", self.public_keys)
            signed = True
            result = parse(node)
        except BadlySigned as error:
            result = Unknown(str(error))
            log.error(
                "answer %s; if Alipay has changed its key, add the new one to ALIPAY_PUBLIC_KEY_PATH", error
            )
        except (http.GatewayUnreachable, Unusable) as error:
            result = Unknown(str(error))
        metrics.GATEWAY.labels(method, type(result).__name__).observe(monotonic() - began)
        level = logging.WARNING if isinstance(result, Unknown) else logging.INFO
        log.log(level, "%s %s: %s", method, " ".join(content.values()), result)
        return Reply(result, raw, signed)


def _common(request: PayRequest) -> dict[str, str]:
    return {
        "subject": request.subject,
        "out_trade_no": request.out_trade_no,
        "total_amount": yuan_text(request.amount_fen),
        "return_url": request.return_url,
        "notify_url": request.notify_url,
        "time_expire": _beijing_text(request.expires_at),
    }


def _beijing_text(moment: datetime) -> str:
    return moment.astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S")
