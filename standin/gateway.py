"""/gateway.do: validates a request as Alipay does, then answers signed JSON or redirects to the cashier."""

import logging
import re
from collections.abc import Callable
from contextlib import suppress

from . import pages
from .answers import DOCTORED, INSTEAD, SPOILED, Answer, Node, as_json, node_text
from .bill import Bills
from .calls import Call, Calls
from .clock import DAY_SECONDS, Clock, moment_text, parse_moment
from .errors import Refused
from .faults import Faults
from .money import yuan
from .signing import Account, joined
from .trades import BUYERS, PAGE_PAY, WAP_PAY, PayRequest, Trade, Trades
from .wire import Reply, Request, redirect

log = logging.getLogger("standin")

_PRODUCTS = {WAP_PAY: "QUICK_WAP_WAY", PAGE_PAY: "FAST_INSTANT_TRADE_PAY"}
# The sandbox has answered 0.00 in these for a paid trade: only total_amount counts.
_MISLEADING_AMOUNTS = ("buyer_pay_amount", "invoice_amount", "point_amount", "receipt_amount")
_LONGEST_LIFE_SECONDS = 15 * DAY_SECONDS

_NUMBER = re.compile(r"[A-Za-z0-9_]{1,64}")
_ADDRESS = re.compile(r"https?://[!-~]{1,1000}")
_METHOD = re.compile(r"[a-z.]{1,64}")


class Gateway:
    def __init__(
        self,
        account: Account,
        clock: Clock,
        faults: Faults,
        trades: Trades,
        calls: Calls,
        bills: Bills,
    ) -> None:
        self._account = account
        self._clock = clock
        self._faults = faults
        self._trades = trades
        self._calls = calls
        self._bills = bills
        self._work: dict[str, Callable[[Call], Node]] = {
            "alipay.trade.query": self._query,
            "alipay.trade.close": self._close,
            "alipay.trade.refund": self._refund,
            "alipay.trade.fastpay.refund.query": self._refund_query,
            "alipay.data.dataservice.bill.downloadurl.query": self._bill,
        }

    def handle(self, request: Request, cashier: str, elsewhere: str) -> Reply:
        """Answer a request. `cashier`: URL prefix of sessions; `elsewhere`: target of the redirect fault."""
        call = Call.read(request)
        if self._faults.hits("gateway.refuse", call.number, call.method):
            self._record(call, "refused by fault")
            return Reply(manner="dropped")
        if call.method in _PRODUCTS:
            return self._pay_page(call, cashier)
        return self._api(call, elsewhere)

    def followed(self, request: Request) -> Reply:
        """Record that a client followed a fault's redirect."""
        self._record(Call(request.verb, {"method": "followed a redirect"}, {}), "followed")
        return Reply(b"the redirect must not be followed\n", 404)

    def _record(self, call: Call, code: str) -> None:
        self._calls.record(call, code)
        log.info("%s %s %s", _printable(call.method), _printable(call.number), code)

    # Validation

    def _check(self, call: Call) -> None:
        """Raise Refused for a request that Alipay rejects before it reads the business parameters."""
        params = call.params
        if call.parse_error is not None and not params:
            raise call.parse_error
        required = {
            "app_id": "app-id",
            "method": "method",
            "sign_type": "signature-type",
            "sign": "signature",
        }
        required |= {"timestamp": "timestamp", "version": "version"}
        for name, suffix in required.items():
            if not params.get(name):
                raise Refused(f"isv.missing-{suffix}")
        if params["app_id"] != self._account.app_id:
            raise Refused("isv.invalid-app-id")
        if params["sign_type"] != "RSA2":
            raise Refused("isv.invalid-signature-type")
        if params.get("charset", "").lower() != "utf-8":
            raise Refused("isv.invalid-charset")
        if not self._account.is_signed_by_app(joined(params, {"sign"}), params["sign"]):
            raise Refused("isv.invalid-signature")
        self._check_signed(call)

    def _check_signed(self, call: Call) -> None:
        params = call.params
        if params["version"] != "1.0":
            raise Refused("isv.invalid-version")
        if params.get("format", "JSON").upper() != "JSON":
            raise Refused("isv.invalid-format")
        try:
            parse_moment(params["timestamp"])
        except ValueError as error:
            raise Refused("isv.invalid-timestamp") from error
        if call.method not in self._work and call.method not in _PRODUCTS:
            raise Refused("isv.invalid-method")
        if not params.get("biz_content"):
            raise Refused("isv.missing-biz-content")
        if call.parse_error is not None:
            raise call.parse_error

    # Pay requests, sent by a browser

    def _pay_page(self, call: Call, cashier: str) -> Reply:
        try:
            self._check(call)
            trade = self._trades.request(self._pay_request(call))
        except Refused as refused:
            self._record(call, refused.sub_code)
            return pages.error_page(refused)
        self._record(call, "10000")
        return redirect(f"{cashier}{trade.session}")

    def _pay_request(self, call: Call) -> PayRequest:
        product = call.text("product_code") or (_PRODUCTS[WAP_PAY] if call.method == WAP_PAY else "")
        subject, number = call.text("subject"), call.text("out_trade_no")
        valid = (
            product == _PRODUCTS[call.method]
            and _NUMBER.fullmatch(number)
            and 1 <= len(subject) <= 256
            and not set(subject) & set("/=&")
            and not call.text("timeout_express")  # Alipay supports it; the stand-in wants time_expire
        )
        if not valid:
            raise Refused("ACQ.INVALID_PARAMETER")
        return PayRequest(
            out_trade_no=number,
            method=call.method,
            subject=subject,
            amount_fen=call.amount("total_amount"),
            expires_at=self._expiry(call.text("time_expire")),
            time_expire=call.text("time_expire"),
            return_url=_address(call.params.get("return_url", "")),
            notify_url=_address(call.params.get("notify_url", "")),
            quit_url=_address(call.text("quit_url")),
            passback_params=call.text("passback_params"),
        )

    def _expiry(self, text: str) -> float:
        """Return the deadline (default: longest life). Raises Refused if malformed, past or too late."""
        now = self._clock.now()
        if not text:
            return now + _LONGEST_LIFE_SECONDS
        try:
            moment = parse_moment(text)
        except ValueError as error:
            raise Refused("ACQ.INVALID_PARAMETER") from error
        if not now < moment <= now + _LONGEST_LIFE_SECONDS:
            raise Refused("ACQ.INVALID_PARAMETER")
        return moment

    # API calls

    def _api(self, call: Call, elsewhere: str) -> Reply:
        way = None
        try:
            self._check(call)
            way = self._faults.answer_way(call.method, call.number)
            node = self._node(call, way)
        except Refused as refused:
            node = refused.node()
        self._record(call, node.get("sub_code", node["code"]) + (f" ({way})" if way else ""))
        if way == "redirect":
            return redirect(elsewhere)
        answer = self._answer(call, node)
        return SPOILED[way](answer) if way in SPOILED else as_json(answer.body())

    def _node(self, call: Call, way: str | None) -> Node:
        if way in INSTEAD:
            raise Refused(INSTEAD[way])
        if way == "already_paid":
            self._pay_first(call.text("out_trade_no"))
        try:
            node: Node = {
                "code": "10000",
                "msg": "Success",
                **self._work[call.method](call),
            }
        except Refused as refused:
            node = refused.node()
        return DOCTORED[way](node) if way in DOCTORED else node

    def _pay_first(self, out_trade_no: str) -> None:
        with suppress(Refused):  # already paid or closed: the close itself answers that
            buyer = self._trades.get(out_trade_no).buyer
            self._trades.pay(out_trade_no, buyer or "1")

    def _answer(self, call: Call, node: Node) -> Answer:
        """Sign the answer, unless the app is unknown (no key to use) or the method is no method name."""
        text = node_text(node)
        known = call.params.get("app_id") == self._account.app_id and _METHOD.fullmatch(call.method)
        name = (
            call.method.replace(".", "_") + "_response"
            if _METHOD.fullmatch(call.method)
            else "error_response"
        )
        return Answer(name, text, self._account.sign(text) if known else "")

    def _query(self, call: Call) -> Node:
        trade = self._trades.query(*call.ids())
        node = {
            **_buyer(trade),
            **dict.fromkeys(_MISLEADING_AMOUNTS, "0.00"),
            "total_amount": yuan(trade.amount_fen),
            "trade_status": trade.status,
            **_both_ids(trade),
        }
        if trade.paid_at is not None:
            node["send_pay_date"] = moment_text(trade.paid_at)
        if trade.passback_params:
            node["passback_params"] = trade.passback_params
        return dict(sorted(node.items()))

    def _close(self, call: Call) -> Node:
        return _both_ids(self._trades.close(*call.ids()))

    def _refund(self, call: Call) -> Node:
        trade, refund, moved = self._trades.refund(
            *call.ids(),
            amount_fen=call.amount("refund_amount"),
            out_request_no=call.text("out_request_no"),
        )
        node = {
            **_buyer(trade),
            **_both_ids(trade),
            "fund_change": "Y" if moved else "N",
            "gmt_refund_pay": moment_text(refund.refunded_at),
            "refund_fee": yuan(trade.refunded_fen),
            "send_back_fee": yuan(refund.amount_fen if moved else 0),
        }
        return dict(sorted(node.items()))

    def _refund_query(self, call: Call) -> Node:
        number = call.text("out_request_no")
        if not number:
            raise Refused("ACQ.INVALID_PARAMETER")
        trade, refund = self._trades.find_refund(*call.ids(), number)
        if refund is None:
            return {}
        return {
            "out_request_no": refund.out_request_no,
            "out_trade_no": trade.out_trade_no,
            "refund_amount": yuan(refund.amount_fen),
            "refund_status": "REFUND_SUCCESS",
            "total_amount": yuan(trade.amount_fen),
            "trade_no": trade.trade_no or "",
        }

    def _bill(self, call: Call) -> Node:
        if call.text("bill_type") != "trade":
            raise Refused("ACQ.INVALID_PARAMETER")
        return {"bill_download_url": self._bills.offer(call.text("bill_date"))}


def _both_ids(trade: Trade) -> dict[str, str]:
    return {"out_trade_no": trade.out_trade_no, "trade_no": trade.trade_no or ""}


def _buyer(trade: Trade) -> dict[str, str]:
    buyer = BUYERS[trade.buyer or "1"]
    return {
        "buyer_logon_id": buyer.logon_id,
        "buyer_user_id": buyer.user_id,
        "buyer_user_type": "PRIVATE",
    }


def _address(text: str) -> str:
    if text and not _ADDRESS.fullmatch(text):
        raise Refused("isv.invalid-parameter")
    return text


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text[:64]) or "-"
