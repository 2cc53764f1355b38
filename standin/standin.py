"""The StandIn class: assembles the parts; the interface for tests and for the control API."""

from dataclasses import asdict
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from . import control
from .apis import Apis
from .bill import Bills
from .calls import Calls
from .cashier import Cashier
from .clock import DAY_SECONDS, Clock, moment_text
from .faults import FAULTS, Faults
from .gateway import Gateway
from .messages import Changes, Messages
from .notices import Notices, answers_report
from .records import NOT_EXIST, Trade
from .server import Server
from .signing import Account
from .store import Store
from .trades import Trades

_TIMES = ("expires_at", "created_at", "paid_at", "closed_at")
_LONGEST_OFFSET_SECONDS = 3650 * DAY_SECONDS


class StandIn:
    """A running stand-in Alipay on a loopback address; its cashier is on localhost, which is another origin.

        with StandIn.start(keys=folder) as standin:
            standin.gateway_url, standin.pay("26112248392017_1"), standin.fault("query.hang", times=1)

    Methods raise Refused with Alipay's sub code, or ValueError. They return plain dicts and lists, the same
    that the control API returns as JSON.
    """

    def __init__(
        self, account: Account, host: str, port: int, state: Path | None, clock_speed: float
    ) -> None:
        self._clock = Clock()
        self._faults = Faults()
        self._store = Store(state)
        self._calls = Calls()
        self._messages = Messages(account, self._clock, self._faults)
        self._notices = Notices(self._store, self._clock, self._faults, self._messages, clock_speed)
        self._trades = Trades(self._store, self._clock, self._notices.enqueue)
        bills = Bills(account, self._clock, self._trades)
        apis = Apis(self._clock, self._faults, self._trades, bills)
        gateway = Gateway(account, self._clock, self._faults, self._trades, self._calls, apis)
        cashier = Cashier(self._trades, self._messages, self._notices, self._faults)
        self._server = Server(host, port, gateway, cashier, bills, partial(control.handle, self))
        self.url = f"http://{host}:{self._server.port}"
        self.gateway_url = f"{self.url}/gateway.do"
        bills.origin = self.url
        apis.cashier = self._server.cashier

    @classmethod
    def start(
        cls,
        *,
        keys: Path | str,
        host: str = "127.0.0.1",
        port: int = 0,
        state: Path | None = None,
        clock_speed: float = 1.0,
        app_id: str = "",
        seller_id: str = "",
    ) -> "StandIn":
        """Start a stand-in. `keys` is a folder made by make_demo_keys; port 0 picks a free one.

        `state` is a SQLite file (default: in memory). Raises BadKeys, and OSError if the port is taken.
        """
        standin = cls(Account.load(Path(keys), app_id, seller_id), host, port, state, clock_speed)
        standin._notices.start(standin._trades)
        standin._server.start()
        return standin

    def stop(self) -> None:
        """Close all connections, wait for notices in flight, close the store."""
        self._server.stop()
        self._notices.stop()
        self._store.close()

    def __enter__(self) -> "StandIn":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # Actions of buyers and of Alipay

    def open(self, out_trade_no: str, buyer: str = "1") -> dict[str, Any]:
        """Bring the buyer to the cashier, which creates the trade."""
        return self._report(self._trades.open(out_trade_no, buyer))

    def pay(self, out_trade_no: str, buyer: str = "1") -> dict[str, Any]:
        return self._report(self._trades.pay(out_trade_no, buyer))

    def close(self, out_trade_no: str) -> dict[str, Any]:
        return self._report(self._trades.close(out_trade_no))

    def refund(
        self, out_trade_no: str, amount_fen: int | None = None, out_request_no: str = ""
    ) -> dict[str, Any]:
        """Refund `amount_fen`, or all that is left if it is None."""
        trade, _, _ = self._trades.refund(out_trade_no, amount_fen=amount_fen, out_request_no=out_request_no)
        return self._report(trade)

    def expire(self, out_trade_no: str) -> dict[str, Any]:
        """Move the trade's time_expire to now."""
        return self._report(self._trades.expire(out_trade_no))

    # Reports

    def trade(self, out_trade_no: str) -> dict[str, Any]:
        return self._report(self._trades.get(out_trade_no))

    def trades(self) -> list[dict[str, Any]]:
        return [self._report(trade) for trade in self._trades.all()]

    def calls(self) -> dict[str, Any]:
        """Return `count` per method and the `last` 1,000: verb, method, code, params (without sign)."""
        return self._calls.report()

    def faults(self) -> dict[str, Any]:
        """Return `known` (name -> description) and `active` faults."""
        return {"known": FAULTS, "active": self._faults.active()}

    def health(self) -> dict[str, Any]:
        return {"ok": True, "now": moment_text(self._clock.now()), "clock_offset_seconds": self._clock.offset}

    # Messages

    def signed_return(self, out_trade_no: str, changes: Changes | None = None) -> str:
        """Build a return's query string. `changes` are made before signing; None removes a parameter.

        Also works for an unpaid trade: false content under a genuine signature.
        """
        return self._messages.signed_return(self._trades.get(out_trade_no), changes)

    def app_result(self, out_trade_no: str, changes: Changes | None = None) -> dict[str, str]:
        """Build the result that the SDK on a phone hands to the app once it is paid. `changes` as above."""
        return self._messages.app_result(self._trades.get(out_trade_no), changes=changes)

    def signed_notify(self, out_trade_no: str, changes: Changes | None = None) -> str:
        """Build the newest notice's body without sending it. `changes` as in `signed_return`."""
        params = self._notices.latest(out_trade_no)
        return self._messages.signed_notice(self._trades.get(out_trade_no), params, changes)

    def notify_now(self, out_trade_no: str, times: int = 1, parallel: bool = False) -> list[dict[str, Any]]:
        """Send the newest notice now; return the site's answers."""
        if not 1 <= times <= 256:
            raise ValueError("times must be 1 to 256")
        return answers_report(self._notices.send_now(out_trade_no, times, parallel))

    # Faults and clock

    def fault(
        self, name: str, *, out_trade_no: str = "", method: str = "", times: int | None = None
    ) -> dict[str, Any]:
        """Activate a fault of docs/standin.md, optionally for one order, one API method, N times."""
        self._faults.add(name, out_trade_no=out_trade_no, method=method, times=times)
        return self.faults()

    def clear_faults(self, name: str = "") -> dict[str, Any]:
        self._faults.clear(name)
        return self.faults()

    def clock(self, offset_seconds: float) -> dict[str, Any]:
        """Set the clock's offset from the machine's; notices become due by it."""
        if not abs(offset_seconds) <= _LONGEST_OFFSET_SECONDS:  # written so that NaN fails too
            raise ValueError("the offset can be ten years at most")
        self._clock.offset = offset_seconds
        self._notices.wake()
        return self.health()

    def reset(self) -> dict[str, Any]:
        """Delete trades, notices, faults and recorded calls; set the offset to 0."""
        self._store.empty()
        self._faults.clear()
        self._calls.clear()
        return self.clock(0)

    def _report(self, trade: Trade) -> dict[str, Any]:
        refunds = self._trades.refunds(trade.out_trade_no)
        return {
            **asdict(trade),
            **{name: _text_or_none(getattr(trade, name)) for name in _TIMES},
            "exists": trade.status != NOT_EXIST,
            "received_fen": 0 if trade.paid_at is None else trade.amount_fen,
            "refunds": [{**asdict(each), "refunded_at": moment_text(each.refunded_at)} for each in refunds],
            "notices": self._notices.report(trade.out_trade_no),
            "cashier": f"{self._server.cashier}{trade.session}",
        }


def _text_or_none(moment: float | None) -> str | None:
    return None if moment is None else moment_text(moment)
