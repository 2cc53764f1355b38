"""Actions of the cashier's buttons. A POST is answered with a redirect, so a reload does not resubmit it."""

import json
import logging
import threading
from http.client import HTTPException
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, build_opener

from . import pages
from .errors import Refused
from .faults import Faults
from .language import CHOICES, keep, say
from .messages import APP_FAILED, APP_GIVEN_UP, APP_PAID, Messages
from .notices import Notices
from .records import APP_PAY, BUYERS, PRODUCTS, Trade
from .trades import Trades
from .wire import Reply, Request, redirect

log = logging.getLogger("standin")

_ALERTS = {
    "refused": "付款失败：余额不足，未扣款。可以重试或放弃。",
    "ACQ.TRADE_BUYER_NOT_MATCH": "付款失败：这笔交易属于另一个支付宝账号。",
    "left": "已放弃付款。",
}
# What an app gets when the page says this.
_APP_STATUSES = {"refused": APP_FAILED, "ACQ.TRADE_BUYER_NOT_MATCH": APP_FAILED, "left": APP_GIVEN_UP}
_NOTICE_WAIT_SECONDS = 15


class Cashier:
    def __init__(self, trades: Trades, messages: Messages, notices: Notices, faults: Faults) -> None:
        self._trades = trades
        self._messages = messages
        self._notices = notices
        self._faults = faults

    def handle(self, request: Request, rest: str) -> Reply:
        """Answer a request below /cashier/; `rest` is `<session>`, `<session>/return` or `…/result`."""
        session, _, step = rest.partition("/")
        trade = self._trades.of_session(session)
        if trade is None or step not in ("", "return", "result"):
            return pages.not_found_page()
        params = request.params()
        if request.verb == "GET" and params.get("lang") in CHOICES:
            return keep(params["lang"], f"/cashier/{session}")
        if step == "return" and trade.is_paid:
            return self._send_back(trade)
        if request.verb == "POST":
            return self._act(trade, params.get("action", ""), params.get("buyer", "1"))
        buyer, alert = params.get("buyer", ""), params.get("alert", "")
        app_result = self._app_result(trade, alert)
        if step == "result":
            return Reply(app_result.encode(), content_type="application/json")
        return pages.cashier_page(
            trade,
            payable=self._trades.is_payable(trade),
            buyer=buyer if buyer in BUYERS else "",
            alert=say(_ALERTS[alert]) if alert in _ALERTS else "",
            app_result=app_result,
        )

    def _app_result(self, trade: Trade, alert: str) -> str:
        """Return as JSON what the SDK on a phone hands to the app, "" while it shows the cashier."""
        status = APP_PAID if trade.is_paid else _APP_STATUSES.get(alert, "")
        if trade.method != APP_PAY or not status:
            return ""
        return json.dumps(self._messages.app_result(trade, status), ensure_ascii=False, indent=1)

    def _act(self, trade: Trade, action: str, buyer: str) -> Reply:
        try:
            match action:
                case "login":
                    return self._login(trade, buyer)
                case "pay":
                    return self._pay_and_return(trade, buyer)
                case "pay-drop":
                    self._trades.pay(trade.out_trade_no, buyer)
                    return _show(trade)
                case "refuse":
                    self._trades.open(trade.out_trade_no, buyer)
                    return _show(trade, buyer=buyer, alert="refused")
                case "abandon":
                    address = pages.leaving_address(trade)
                    return redirect(address) if address else _show(trade, alert="left")
        except Refused as refused:
            # Paid or closed in the meantime: the page shows that state.
            return _show(trade, alert=refused.sub_code)
        return _show(trade)

    def _login(self, trade: Trade, buyer: str) -> Reply:
        """Sign the buyer in, which creates the trade, except on phones, where only paying does."""
        if PRODUCTS[trade.method].opens_at_sign_in:
            self._trades.open(trade.out_trade_no, buyer)
        return _show(trade, buyer=buyer)

    def _pay_and_return(self, trade: Trade, buyer: str) -> Reply:
        paid = self._trades.pay(trade.out_trade_no, buyer)
        if paid.notify_url and self._faults.hits("notify.before_return", paid.out_trade_no):
            self._notices.wait_answered(paid.out_trade_no, _NOTICE_WAIT_SECONDS)
        if not paid.return_url or self._faults.hits("return.lost", paid.out_trade_no):
            return _show(trade)
        return self._send_back(paid)

    def _send_back(self, trade: Trade) -> Reply:
        if not trade.return_url:
            return _show(trade)
        separator = "&" if "?" in trade.return_url else "?"
        address = f"{trade.return_url}{separator}{self._messages.signed_return(trade)}"
        if self._faults.hits("return.repeated", trade.out_trade_no):
            for _ in range(3):
                threading.Thread(target=_fetch, args=(address,), daemon=True).start()
        return redirect(address)


def _show(trade: Trade, **query: str) -> Reply:
    return redirect(
        f"/cashier/{trade.session}?{urlencode(query)}" if query else f"/cashier/{trade.session}",
        303,
    )


def _fetch(address: str) -> None:
    try:
        with build_opener(ProxyHandler({})).open(address, timeout=10) as answer:
            log.info("repeated return: status %s", answer.status)
    except (URLError, OSError, HTTPException) as error:
        log.info("repeated return failed: %s", type(error).__name__)
