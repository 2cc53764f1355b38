"""/gateway.do: validates a request as Alipay does, then answers signed JSON or redirects to the cashier."""

import json
import logging
import re

from . import pages
from .answers import DOCTORED, INSTEAD, SPOILED, Answer, Node, node_text
from .apis import Apis
from .calls import Call, Calls
from .clock import Clock, parse_moment
from .errors import Refused
from .faults import Faults
from .payrequests import read_pay_request
from .records import BY_BROWSER
from .signing import Account, joined
from .trades import Trades
from .wire import CODECS, Reply, Request, redirect

log = logging.getLogger("standin")

_METHOD = re.compile(r"[a-z.]{1,64}")
# app_id comes first: Alipay complains about it before it looks for a signature.
_REQUIRED = {
    "app_id": "app-id",
    "method": "method",
    "sign_type": "signature-type",
    "sign": "signature",
    "timestamp": "timestamp",
    "version": "version",
}


class Gateway:
    def __init__(
        self,
        account: Account,
        clock: Clock,
        faults: Faults,
        trades: Trades,
        calls: Calls,
        apis: Apis,
    ) -> None:
        self._account = account
        self._clock = clock
        self._faults = faults
        self._trades = trades
        self._calls = calls
        self._apis = apis

    def handle(self, request: Request, cashier: str, elsewhere: str) -> Reply:
        """Answer a request. `cashier`: URL prefix of sessions; `elsewhere`: target of the redirect fault."""
        call = Call.read(request)
        if self._faults.hits("gateway.refuse", call.number, call.method):
            self._record(call, "refused by fault")
            return Reply(manner="dropped")
        if call.method in BY_BROWSER:
            return self._pay_page(call, cashier)
        return self._api(call, elsewhere)

    def followed(self, request: Request) -> Reply:
        """Record that a client followed a fault's redirect."""
        self._record(Call(request.verb, {"method": "followed a redirect"}, {}), "followed")
        return Reply(b"the redirect must not be followed\n", 404)

    def no_v3(self, request: Request) -> Reply:
        """Refuse a call of the V3 protocol as V3 writes errors, so that an SDK reports the message."""
        self._record(Call(request.verb, {"method": request.path}, {}), "no V3")
        error = {
            "code": "v3-not-supported",
            "message": "The stand-in speaks the V2 protocol only: call /gateway.do with a method.",
        }
        return Reply(json.dumps(error).encode(), 404, "application/json;charset=utf-8")

    def _record(self, call: Call, code: str) -> None:
        self._calls.record(call, code)
        log.info("%s %s %s", _printable(call.method), _printable(call.number), code)

    # Validation

    def _check(self, call: Call) -> None:
        """Raise Refused for a request that Alipay rejects before it reads the business parameters."""
        params = call.params
        if call.parse_error is not None and not params:
            raise call.parse_error
        for name, suffix in _REQUIRED.items():
            if not params.get(name):
                raise Refused(f"isv.missing-{suffix}")
            if name == "app_id" and params[name] != self._account.app_id:
                raise Refused("isv.invalid-app-id")
        if params["sign_type"] != "RSA2":
            raise Refused("isv.invalid-signature-type")
        charset = params.get("charset", "")
        if charset.lower() not in CODECS:
            raise Refused("isv.invalid-charset")
        if not self._account.is_signed_by_app(joined(params, {"sign"}), params["sign"], charset):
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
        if not self._apis.has(call.method) and call.method not in BY_BROWSER:
            raise Refused("isv.invalid-method")
        if not params.get("biz_content"):
            raise Refused("isv.missing-biz-content")
        if call.parse_error is not None:
            raise call.parse_error

    # Pay requests, sent by a browser

    def _pay_page(self, call: Call, cashier: str) -> Reply:
        try:
            self._check(call)
            trade = self._trades.request(read_pay_request(call, self._clock.now()))
        except Refused as refused:
            self._record(call, refused.sub_code)
            return pages.error_page(refused)
        self._record(call, "10000")
        return redirect(f"{cashier}{trade.session}")

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
        return SPOILED[way](answer) if way in SPOILED else answer.reply()

    def _node(self, call: Call, way: str | None) -> Node:
        if way in INSTEAD:
            return self._apis.refusal(call, Refused(INSTEAD[way]))
        node = self._apis.answer(call, way)
        return DOCTORED[way](node) if way in DOCTORED else node

    def _answer(self, call: Call, node: Node) -> Answer:
        """Sign the answer, unless the app is unknown (no key to use) or the method is no method name."""
        text = node_text(node)
        known = call.params.get("app_id") == self._account.app_id and _METHOD.fullmatch(call.method)
        name = (
            call.method.replace(".", "_") + "_response"
            if _METHOD.fullmatch(call.method)
            else "error_response"
        )
        sign = self._account.sign(text, call.charset) if known else ""
        return Answer(name, text, sign, call.charset)


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text[:64]) or "-"
