"""Test double of Alipay: signs any message with Alipay's key and gives prepared answers.

It signs with `cryptography`, independently of the adapter and the stand-in.
"""

import base64
import functools
import json
from collections.abc import Callable
from urllib.parse import parse_qs, urlencode, urlsplit

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.conf import settings

from core.money import yuan_text
from payments.alipay.http import GatewayUnreachable
from payments.models import Payment
from tests.settings import KEYS

PAYCOMPLETE = "/payments/paycomplete/"
NOTIFY = "/payments/notify/"


def trade_no(payment: Payment) -> str:
    """Return Alipay's trade number for this attempt."""
    return f"202611222200{payment.out_trade_no.replace('_', '0')}"


def signature(text: str, key: str = "alipay_private_key.pem", charset: str = "utf-8") -> str:
    signed = _private_key(key).sign(text.encode(charset), PKCS1v15(), SHA256())
    return base64.b64encode(signed).decode()


@functools.cache
def _private_key(name: str) -> RSAPrivateKey:
    """Load a key. Cached: loading takes far longer than signing."""
    key = load_pem_private_key((KEYS / name).read_bytes(), None)
    assert isinstance(key, RSAPrivateKey)
    return key


def signed(
    params: dict[str, str], *, leave_out: tuple[str, ...] = ("sign_type",), **kw: str
) -> dict[str, str]:
    """Return `params` with Alipay's signature over all but `leave_out`."""
    text = "&".join(f"{k}={v}" for k, v in sorted(params.items()) if k not in leave_out)
    return {**params, "sign": signature(text, **kw)}


def return_params(payment: Payment, **changes: str | None) -> dict[str, str]:
    """Return the twelve unsigned parameters of a return; a change to None removes one."""
    params = {
        "charset": "utf-8",
        "out_trade_no": payment.out_trade_no,
        "method": "alipay.trade.page.pay.return",
        "total_amount": yuan_text(payment.amount_fen),
        "trade_no": trade_no(payment),
        "auth_app_id": settings.ALIPAY_APP_ID,
        "version": "1.0",
        "app_id": settings.ALIPAY_APP_ID,
        "sign_type": "RSA2",
        "seller_id": settings.ALIPAY_SELLER_ID,
        "timestamp": "2026-11-22 20:15:00",
        **changes,
    }
    return {name: value for name, value in params.items() if value is not None}


def notify_params(payment: Payment, **changes: str | None) -> dict[str, str]:
    """Return the unsigned parameters of a notice of payment; a change to None removes one."""
    amount = yuan_text(payment.amount_fen)
    params = {
        "gmt_create": "2026-11-22 20:14:32",
        "charset": "utf-8",
        "gmt_payment": "2026-11-22 20:14:43",
        "notify_time": "2026-11-22 20:14:45",
        "subject": payment.subject,
        "buyer_id": "2088722003899169",
        "invoice_amount": amount,
        "version": "1.0",
        "notify_id": "2026112201222201443199160501632046",
        "fund_bill_list": f'[{{"amount":"{amount}","fundChannel":"ALIPAYACCOUNT"}}]',
        "notify_type": "trade_status_sync",
        "out_trade_no": payment.out_trade_no,
        "total_amount": amount,
        "trade_status": "TRADE_SUCCESS",
        "trade_no": trade_no(payment),
        "auth_app_id": settings.ALIPAY_APP_ID,
        "receipt_amount": amount,
        "point_amount": "0.00",
        "app_id": settings.ALIPAY_APP_ID,
        "buyer_pay_amount": amount,
        "sign_type": "RSA2",
        "seller_id": settings.ALIPAY_SELLER_ID,
        **changes,
    }
    return {name: value for name, value in params.items() if value is not None}


def return_url(payment: Payment, **changes: str | None) -> str:
    return f"{PAYCOMPLETE}?{urlencode(signed(return_params(payment, **changes)))}"


def notify_body(payment: Payment, **changes: str | None) -> bytes:
    return urlencode(signed(notify_params(payment, **changes))).encode()


def answer(method: str, **node: object) -> bytes:
    """Return the gateway's signed answer to `alipay.trade.<method>`."""
    text = json.dumps({"code": "10000", "msg": "Success", **node}, separators=(",", ":"))
    return f'{{"alipay_trade_{method}_response":{text},"sign":"{signature(text)}"}}'.encode()


def paid(payment: Payment, **changes: object) -> bytes:
    node = {
        "out_trade_no": payment.out_trade_no,
        "trade_no": trade_no(payment),
        "trade_status": "TRADE_SUCCESS",
        "total_amount": yuan_text(payment.amount_fen),
        "send_pay_date": "2026-11-22 20:14:43",
    }
    return answer("query", **{**node, **changes})


def waiting(payment: Payment) -> bytes:
    return paid(payment, trade_status="WAIT_BUYER_PAY")


def closed(payment: Payment) -> bytes:
    return paid(payment, trade_status="TRADE_CLOSED")


def business_error(method: str, sub_code: str, code: str = "40004") -> bytes:
    return answer(method, code=code, msg="Business Failed", sub_code=sub_code)


def not_existing(method: str = "query") -> bytes:
    return business_error(method, "ACQ.TRADE_NOT_EXIST")


class Gateway:
    """Replacement for the network. `says`: method (`query`, `close`) -> bytes, an exception or a function."""

    def __init__(self) -> None:
        self.says: dict[str, bytes | Exception | Callable[[dict[str, object]], bytes]] = {}
        self.calls: list[tuple[str, dict[str, object]]] = []

    def post(self, url: str, form: str, *, deadline: float) -> bytes:
        fields = {name: values[0] for name, values in parse_qs(f"{urlsplit(url).query}&{form}").items()}
        method, content = fields["method"].removeprefix("alipay.trade."), json.loads(fields["biz_content"])
        self.calls.append((method, content))
        reply = self.says.get(method, GatewayUnreachable("nobody is there"))
        if isinstance(reply, Exception):
            raise reply
        return reply if isinstance(reply, bytes) else reply(content)

    def count(self, method: str) -> int:
        return sum(name == method for name, _ in self.calls)
