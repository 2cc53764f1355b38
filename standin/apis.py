"""The API calls, each from a verified request to the content of its answer."""

from collections.abc import Callable, Collection
from contextlib import suppress

from .answers import Node
from .bill import Bills
from .calls import Call
from .clock import Clock, moment_text
from .errors import Refused
from .faults import Faults
from .money import yuan
from .payrequests import read_pay_request
from .records import BUYERS, Refund, Trade
from .trades import Trades

# The sandbox has answered 0.00 in these for a paid trade: only total_amount counts.
_MISLEADING_AMOUNTS = dict.fromkeys(
    ("buyer_pay_amount", "invoice_amount", "point_amount", "receipt_amount"), "0.00"
)


class Apis:
    def __init__(self, clock: Clock, faults: Faults, trades: Trades, bills: Bills) -> None:
        self._clock = clock
        self._faults = faults
        self._trades = trades
        self._bills = bills
        self.cashier = ""  # URL prefix of sessions, set once the server listens
        self._work: dict[str, Callable[[Call], Node]] = {
            "alipay.trade.precreate": self._precreate,
            "alipay.trade.create": self._create,
            "alipay.trade.query": self._query,
            "alipay.trade.close": self._close,
            "alipay.trade.cancel": self._cancel,
            "alipay.trade.refund": self._refund,
            "alipay.trade.fastpay.refund.query": self._refund_query,
            "alipay.data.dataservice.bill.downloadurl.query": self._bill,
        }

    def has(self, method: str) -> bool:
        return method in self._work

    def answer(self, call: Call, way: str | None) -> Node:
        """Do the work and return the answer's content. A refusal is returned too; it names the trade."""
        if way == "already_paid":
            self._pay_first(call.text("out_trade_no"))
        try:
            content = self._empty_bill(call, way) if way in _EMPTY_BILLS else self._work[call.method](call)
            return {"code": "10000", "msg": "Success", **content}
        except Refused as refused:
            return self.refusal(call, refused)

    def refusal(self, call: Call, refused: Refused) -> Node:
        """Return a refusal's content. One about a trade names it; a query's has amounts too, all 0.00."""
        node: dict[str, str] = refused.node()
        if not refused.sub_code.startswith("ACQ.") or not isinstance(call.biz.get("out_trade_no", ""), str):
            return node
        if call.method == "alipay.trade.query":
            node |= _MISLEADING_AMOUNTS
        number = self._number(call)
        return {**node, "out_trade_no": number} if number else node

    def _number(self, call: Call) -> str:
        """Return the merchant's number of the trade, or the number asked about if there is no such trade."""
        with suppress(Refused):
            return self._trades.query(*call.ids()).out_trade_no
        return call.number

    def _pay_first(self, out_trade_no: str) -> None:
        with suppress(Refused):  # already paid or closed: the close itself answers that
            buyer = self._trades.get(out_trade_no).buyer
            self._trades.pay(out_trade_no, buyer or "1")

    # Requests to pay

    def _precreate(self, call: Call) -> Node:
        trade = self._trades.request(read_pay_request(call, self._clock.now()))
        return {"out_trade_no": trade.out_trade_no, "qr_code": f"{self.cashier}{trade.session}"}

    def _create(self, call: Call) -> Node:
        """Create the trade at once, for a named buyer, who pays it in the wallet: here, at the cashier."""
        buyer = _named_buyer(call)
        trade = self._trades.request(read_pay_request(call, self._clock.now()))
        return _both_ids(self._trades.open(trade.out_trade_no, buyer))

    # Trades

    def _query(self, call: Call) -> Node:
        trade, options = self._trades.query(*call.ids()), call.options()
        node: dict[str, object] = {
            **self._buyer(trade),
            "buyer_user_type": "PRIVATE",
            **_MISLEADING_AMOUNTS,
            "total_amount": yuan(trade.amount_fen),
            "trade_status": trade.status,
            **_both_ids(trade),
        }
        if trade.paid_at is not None:
            node["send_pay_date"] = moment_text(trade.paid_at)
            if "fund_bill_list" in options:
                node["fund_bill_list"] = _funds(trade.amount_fen)
        if trade.passback_params:
            node["passback_params"] = trade.passback_params
        return dict(sorted(node.items()))

    def _close(self, call: Call) -> Node:
        return _both_ids(self._trades.close(*call.ids()))

    def _cancel(self, call: Call) -> Node:
        """Cancel; of a trade that does not exist Alipay says that it worked, without an action."""
        try:
            trade, action = self._trades.cancel(*call.ids())
        except Refused as refused:
            if refused.sub_code != "ACQ.TRADE_NOT_EXIST":
                raise
            return {"out_trade_no": call.number, "retry_flag": "N"}
        return {"action": action, **_both_ids(trade), "retry_flag": "N"}

    def _refund(self, call: Call) -> Node:
        options = call.options()
        trade, refund, moved = self._trades.refund(
            *call.ids(),
            amount_fen=call.amount("refund_amount"),
            out_request_no=call.text("out_request_no"),
        )
        node: dict[str, object] = {
            **self._buyer(trade),
            **_both_ids(trade),
            "fund_change": "Y" if moved else "N",
            "gmt_refund_pay": moment_text(refund.refunded_at),
            "refund_fee": yuan(trade.refunded_fen),
            "send_back_fee": "0.00",
        }
        if "refund_detail_item_list" in options:
            node |= {
                "refund_detail_item_list": _funds(refund.amount_fen),
                "send_back_fee": yuan(refund.amount_fen if moved else 0),
            }
        return dict(sorted(node.items()))

    def _refund_query(self, call: Call) -> Node:
        number, options = call.text("out_request_no"), call.options()
        if not number:
            raise Refused("ACQ.INVALID_PARAMETER")
        trade, refund = self._trades.find_refund(*call.ids(), number)
        if refund is None:
            return {}
        node = {
            "out_request_no": refund.out_request_no,
            **_both_ids(trade),
            "refund_amount": yuan(refund.amount_fen),
            "refund_status": "REFUND_SUCCESS",
            "total_amount": yuan(trade.amount_fen),
            **_refund_details(refund, options),
        }
        return dict(sorted(node.items()))

    def _buyer(self, trade: Trade) -> dict[str, object]:
        buyer = BUYERS[trade.buyer or "1"]
        by_open_id = self._faults.hits("buyer.open_id", trade.out_trade_no)
        named = {"buyer_open_id": buyer.open_id} if by_open_id else {"buyer_user_id": buyer.user_id}
        return {"buyer_logon_id": buyer.logon_id, **named}

    # Bills

    def _bill(self, call: Call) -> Node:
        return {"bill_download_url": self._bills.offer(_bill_date(call))}

    def _empty_bill(self, call: Call, way: str | None) -> Node:
        return {
            "bill_download_url": self._bills.offer_empty(_bill_date(call), with_header=way == "empty_data"),
            "bill_file_code": "EMPTY_DATA_WITH_BILL_FILE",
        }


_EMPTY_BILLS = ("empty_data", "empty_file")


def _bill_date(call: Call) -> str:
    if call.text("bill_type") != "trade":
        raise Refused("ACQ.INVALID_PARAMETER")
    return call.text("bill_date")


def _named_buyer(call: Call) -> str:
    """Return the key of the buyer whom `buyer_id` or `buyer_open_id` names."""
    given = call.text("buyer_id") or call.text("buyer_open_id")
    for key, buyer in BUYERS.items():
        if given in (buyer.user_id, buyer.open_id):
            return key
    raise Refused("ACQ.INVALID_PARAMETER")


def _both_ids(trade: Trade) -> dict[str, str]:
    return {"out_trade_no": trade.out_trade_no, "trade_no": trade.trade_no or ""}


def _funds(amount_fen: int) -> list[dict[str, str]]:
    return [{"amount": yuan(amount_fen), "fund_channel": "ALIPAYACCOUNT"}]


def _refund_details(refund: Refund, options: Collection[str]) -> dict[str, object]:
    details: dict[str, object] = {}
    if "gmt_refund_pay" in options:
        details["gmt_refund_pay"] = moment_text(refund.refunded_at)
    if "refund_detail_item_list" in options:
        details["refund_detail_item_list"] = _funds(refund.amount_fen)
        details["send_back_fee"] = yuan(refund.amount_fen)
    return details
