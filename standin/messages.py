"""Alipay's messages about a trade: the return (a browser redirect), the notice (a POST), an app's result."""

import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from .answers import Answer, node_text
from .clock import DAY_SECONDS, Clock, moment_text
from .faults import Faults
from .money import yuan
from .records import BUYERS, Refund, Trade
from .signing import Account, joined
from .wire import CODECS

# What the SDK on a phone hands to the app: the payment succeeded, failed, or was given up.
APP_PAID, APP_FAILED, APP_GIVEN_UP = "9000", "4000", "6001"
_MEMOS = {APP_PAID: "", APP_FAILED: "订单支付失败", APP_GIVEN_UP: "操作已经取消。"}

# Changes to a message before it is signed; None removes the parameter.
Changes = Mapping[str, str | None]


class Messages:
    def __init__(self, account: Account, clock: Clock, faults: Faults) -> None:
        self._account = account
        self._clock = clock
        self._faults = faults

    def signed_return(self, trade: Trade, changes: Changes | None = None) -> str:
        """Return the query string of a paid trade's return, with the 12 parameters that Alipay sends."""
        hits = self._faults.hits
        params = _changed(self._return_params(trade), changes)
        covers_type = hits("return.sign_type_signed", trade.out_trade_no)
        text = joined(params, {"sign"} if covers_type else {"sign", "sign_type"})
        signature = self._account.sign(text, trade.charset)
        if hits("return.tampered", trade.out_trade_no):
            params["total_amount"] = yuan(trade.amount_fen + 1)
        return urlencode({**params, "sign": signature}, encoding=CODECS[trade.charset.lower()])

    def app_result(
        self, trade: Trade, status: str = APP_PAID, changes: Changes | None = None
    ) -> dict[str, str]:
        """Return the synchronous result of app.pay. `result` is signed JSON text, "" unless it is paid.

        Like an answer, it is signed over the text of its node.
        """
        result = self._signed_app_result(trade, changes) if status == APP_PAID else ""
        return {"memo": _MEMOS[status], "result": result, "resultStatus": status}

    def _signed_app_result(self, trade: Trade, changes: Changes | None) -> str:
        returned = _changed(self._return_params(trade), {"method": None, "version": None, "sign_type": None})
        node = node_text(_changed({"code": "10000", "msg": "Success", **returned}, changes))
        answer = Answer("alipay_trade_app_pay_response", node, self._account.sign(node, trade.charset))
        return f'{answer.body().decode()[:-1]},"sign_type":"RSA2"}}'

    def notice_params(self, trade: Trade, refund: Refund | None) -> dict[str, str]:
        """Return the parameters that all tries of a notice share: of the payment, or of a refund."""
        assert trade.buyer and trade.created_at and trade.paid_at, "unpaid trades have no notices"
        amount = yuan(trade.amount_fen)
        ahead = self._ahead(trade)
        params = {
            "gmt_create": moment_text(trade.created_at + ahead),
            "charset": trade.charset,
            "gmt_payment": moment_text(trade.paid_at + ahead),
            "subject": trade.subject,
            **self._buyer(trade),
            "invoice_amount": amount,
            "version": "1.0",
            "notify_id": moment_text(self._clock.now())[:10].replace("-", "")
            + f"{secrets.randbelow(10**26):026d}",
            "fund_bill_list": f'[{{"amount":"{amount}","fundChannel":"ALIPAYACCOUNT"}}]',
            "notify_type": "trade_status_sync",
            "out_trade_no": trade.out_trade_no,
            "total_amount": amount,
            "trade_status": trade.status,
            "trade_no": trade.trade_no or "",
            "auth_app_id": self._account.app_id,
            "receipt_amount": amount,
            "point_amount": "0.00",
            "app_id": self._account.app_id,
            "buyer_pay_amount": amount,
            "sign_type": "RSA2",
            "seller_id": self._account.seller_id,
        }
        if trade.passback_params:
            params["passback_params"] = trade.passback_params
        if refund is not None:
            params["out_biz_no"] = refund.out_request_no
            params["refund_fee"] = yuan(trade.refunded_fen)
            params["gmt_refund"] = moment_text(refund.refunded_at + ahead) + ".000"
        if trade.closed_at is not None:
            params["gmt_close"] = moment_text(trade.closed_at + ahead)
        return params

    def signed_notice(self, trade: Trade, params: Mapping[str, str], changes: Changes | None = None) -> str:
        """Return the form-encoded body of one try, with its own notify_time."""
        number = trade.out_trade_no
        sent = {
            **params,
            "notify_time": moment_text(self._clock.now() + self._ahead(trade)),
        }
        if self._faults.hits("notify.wrong_amount", number):
            sent["total_amount"] = yuan(trade.amount_fen + 1)
        if self._faults.hits("notify.wrong_seller", number):
            sent["seller_id"] = _another(sent["seller_id"])
        if self._faults.hits("notify.wrong_app", number):
            sent["app_id"] = sent["auth_app_id"] = _another(sent["app_id"])
        sent = _changed(sent, changes)
        account = self._account
        if self._faults.hits("notify.forged", number):
            account = replace(account, alipay_private_key=generate_private_key(65537, 2048))
        signature = account.sign(joined(sent, {"sign", "sign_type"}), trade.charset)
        return urlencode({**sent, "sign": signature}, encoding=CODECS[trade.charset.lower()])

    def _buyer(self, trade: Trade) -> dict[str, str]:
        buyer = BUYERS[trade.buyer or "1"]
        if self._faults.hits("buyer.open_id", trade.out_trade_no):
            return {"buyer_open_id": buyer.open_id}
        return {"buyer_id": buyer.user_id}

    def _return_params(self, trade: Trade) -> dict[str, str]:
        return {
            "charset": trade.charset,
            "out_trade_no": trade.out_trade_no,
            "method": f"{trade.method}.return",
            "total_amount": yuan(trade.amount_fen),
            "trade_no": trade.trade_no or "",
            "auth_app_id": self._account.app_id,
            "version": "1.0",
            "app_id": self._account.app_id,
            "sign_type": "RSA2",
            "seller_id": self._account.seller_id,
            "timestamp": moment_text(self._clock.now() + self._ahead(trade)),
        }

    def _ahead(self, trade: Trade) -> float:
        return DAY_SECONDS if self._faults.hits("clock.ahead", trade.out_trade_no) else 0


def _changed(params: dict[str, str], changes: Changes | None) -> dict[str, str]:
    merged: dict[str, Any] = {**params, **(changes or {})}
    return {name: value for name, value in merged.items() if value is not None}


def _another(number: str) -> str:
    """Return a similar, different number."""
    return number[:-1] + ("0" if number[-1:] != "0" else "1")
