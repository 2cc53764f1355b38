"""Faults: named ways in which the stand-in misbehaves on request, and the register of active ones."""

import threading
from dataclasses import asdict, dataclass

CALLS = {
    "precreate": "alipay.trade.precreate",
    "create": "alipay.trade.create",
    "cancel": "alipay.trade.cancel",
    "query": "alipay.trade.query",
    "close": "alipay.trade.close",
    "refund": "alipay.trade.refund",
    "refund_query": "alipay.trade.fastpay.refund.query",
    "bill": "alipay.data.dataservice.bill.downloadurl.query",
}

# Each exists for all API calls as "answer.<way>" and for one as "query.<way>", "close.<way>", ...
ANSWER_WAYS = {
    "hang": "Does the work, then answers nothing and keeps the connection open for two minutes.",
    "lost": "Does the work, then closes the connection without an answer.",
    "drip": "Does the work, then answers one byte a second.",
    "broken": "Announces the whole length, sends half of it and closes the connection.",
    "cut": "Sends only the first half of the answer, as if that were all.",
    "unsigned": "The true answer without `sign`.",
    "bad_sign": "The true answer with a signature that is not Alipay's.",
    "html": "An HTML page instead of JSON.",
    "empty": "Status 200 and no body.",
    "null": "The body `null`.",
    "list": "The body `[]`.",
    "huge": "A body of 500 MB.",
    "http_500": "Status 500 with an HTML page.",
    "redirect": "Status 302 to another host; following it shows among the calls as `followed a redirect`.",
    "other_order": "A genuine signature, but the answer is about another order and trade number.",
    "other_amount": "A genuine signature, but the amounts are one fen too high.",
    "unknown": "Does the work, then answers a signed 20000, isp.unknow-error.",
    "20000": "Does nothing and answers a signed 20000, isp.unknow-error.",
    "system_error": "Does nothing and answers a signed ACQ.SYSTEM_ERROR.",
    "not_exist": "Does nothing and answers a signed ACQ.TRADE_NOT_EXIST.",
}

FAULTS = {
    **{
        f"{call}.{way}": description
        for call in ("answer", *CALLS)
        for way, description in ANSWER_WAYS.items()
    },
    "query.waiting": "Says WAIT_BUYER_PAY, signed, of a trade that is paid.",
    "close.already_paid": "The buyer pays a moment before the close, which is refused for that reason.",
    "refund.no_balance": "Does nothing and answers ACQ.SELLER_BALANCE_NOT_ENOUGH.",
    "bill.empty_data": "Code 10000 with EMPTY_DATA_WITH_BILL_FILE, and a file without rows.",
    "bill.empty_file": "The same, and the file lacks its line of column names too.",
    "bill.wrong_day": "Answers `invalid_arguments`, as for a day that has no bill yet.",
    "bill.system_rate_limit": "Answers SYSTEM_RATE_LIMIT.",
    "bill.user_rate_limit": "Answers USER_RATE_LIMIT.",
    "buyer.open_id": "Names the buyer by `buyer_open_id` instead of the user id, as to newer apps.",
    "gateway.refuse": "Closes the connection of any call or pay request without reading or doing anything.",
    "notify.lost": "The notice is not sent; the try counts as one without an answer.",
    "notify.twice": "The notice is sent twice at the same moment.",
    "notify.storm": "The notice is sent 64 times at the same moment.",
    "notify.late": "The first try comes 60 seconds late (divided by the clock speed).",
    "notify.hurry": "Repeats come 1000 times as fast.",
    "notify.forged": "The notice is signed by a key that is not Alipay's.",
    "notify.wrong_amount": "A genuine signature over a total_amount that is one fen too high.",
    "notify.wrong_seller": "A genuine signature over another seller_id.",
    "notify.wrong_app": "A genuine signature over another app_id.",
    "notify.before_return": "The buyer is sent back only when the first try of the notice is over.",
    "notify.after_return": "The first try of the notice comes two seconds after the payment.",
    "return.lost": "The buyer pays and is not sent back.",
    "return.tampered": "The amount in the return is changed after it was signed.",
    "return.sign_type_signed": "The signature of the return covers sign_type too, as in 2020.",
    "return.repeated": "The return is fetched three times more at that moment, without the buyer's cookies.",
    "clock.ahead": "The times in returns and notices are a day ahead.",
}


@dataclass
class ActiveFault:
    name: str
    out_trade_no: str
    method: str
    times: int | None

    def matches(self, method: str, out_trade_no: str) -> bool:
        return self.method in ("", method) and self.out_trade_no in ("", out_trade_no)


class Faults:
    """The active faults. The oldest match applies; it is removed after its number of times."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._active: list[ActiveFault] = []

    def add(
        self,
        name: str,
        *,
        out_trade_no: str = "",
        method: str = "",
        times: int | None = None,
    ) -> None:
        """Activate a fault for everything, one order or one API method, permanently or a number of times.

        Raises ValueError for an unknown name or a number below 1.
        """
        if name not in FAULTS:
            raise ValueError(f"there is no fault named {name!r}")
        if times is not None and times < 1:
            raise ValueError("times must be 1 or more")
        with self._lock:
            self._active.append(ActiveFault(name, out_trade_no, method, times))

    def clear(self, name: str = "") -> None:
        """Remove all faults of that name, or every fault if no name is given."""
        with self._lock:
            self._active = [fault for fault in self._active if name not in ("", fault.name)]

    def hits(self, name: str, out_trade_no: str = "", method: str = "") -> bool:
        """Return True if this fault applies now, which uses up one of its times."""
        return self._take({name}, method, out_trade_no) is not None

    def answer_way(self, method: str, out_trade_no: str) -> str | None:
        """Return the way the answer to this call goes wrong, or None. Uses up one of the fault's times."""
        calls = {"answer"} | {call for call, name in CALLS.items() if name == method}
        names = {name for name in FAULTS if name.partition(".")[0] in calls}
        taken = self._take(names, method, out_trade_no)
        return None if taken is None else taken.partition(".")[2]

    def active(self) -> list[dict[str, object]]:
        with self._lock:
            return [asdict(fault) for fault in self._active]

    def _take(self, names: set[str], method: str, out_trade_no: str) -> str | None:
        with self._lock:
            for fault in self._active:
                if fault.name in names and fault.matches(method, out_trade_no):
                    self._use_up(fault)
                    return fault.name
        return None

    def _use_up(self, fault: ActiveFault) -> None:
        if fault.times is None:
            return
        fault.times -= 1
        if fault.times == 0:
            self._active.remove(fault)
