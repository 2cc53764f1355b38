"""Parsed gateway calls, and the record of them that tests can read."""

import json
import threading
from collections import Counter, deque
from dataclasses import dataclass
from decimal import Decimal

from .errors import Refused
from .money import fen
from .wire import GBK, Request


@dataclass(frozen=True)
class Call:
    """A parsed gateway request. `parse_error` is the error that stopped the parsing, if any.

    `charset` is that of the address: it reads the parameters and writes the answer.
    """

    verb: str
    params: dict[str, str]
    biz: dict[str, object]
    charset: str = GBK
    parse_error: Refused | None = None

    @classmethod
    def read(cls, request: Request) -> "Call":
        charset, params = request.charset(), dict[str, str]()
        try:
            params = request.params(charset, errors="replace")  # the signature then fails, as at Alipay
            return cls(request.verb, params, _read_biz(params.get("biz_content", "")), charset)
        except Refused as error:
            return cls(request.verb, params, {}, charset, error)

    @property
    def method(self) -> str:
        return self.params.get("method", "")

    @property
    def number(self) -> str:
        """The unverified merchant's order number, for logs and faults."""
        return str(self.biz.get("out_trade_no", ""))

    def text(self, name: str) -> str:
        """Return a field of biz_content, "" if absent. Raises Refused unless it is text of up to 512."""
        value = self.biz.get(name, "")
        if not isinstance(value, str) or len(value) > 512:
            raise Refused("ACQ.INVALID_PARAMETER")
        return value

    def amount(self, name: str) -> int:
        """Return an amount in fen. Raises Refused unless it is yuan, text or number, up to two decimals."""
        value = self.biz.get(name)
        is_number = isinstance(value, int | Decimal) and not isinstance(value, bool)
        try:
            return fen(str(value) if is_number else self.text(name))
        except ValueError as error:
            raise Refused("ACQ.INVALID_PARAMETER") from error

    def options(self) -> frozenset[str]:
        """Return the `query_options`. Raises Refused unless it is a list of texts."""
        options = self.biz.get("query_options", [])
        if not isinstance(options, list) or not all(isinstance(option, str) for option in options):
            raise Refused("ACQ.INVALID_PARAMETER")
        return frozenset(options)

    def ids(self) -> tuple[str, str]:
        return self.text("out_trade_no"), self.text("trade_no")


class Calls:
    """Record of calls for tests: the count per method, and the last 1,000 without their signatures."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        with self._lock:
            self._count: Counter[str] = Counter()
            self._last: deque[dict[str, object]] = deque(maxlen=1000)

    def record(self, call: Call, code: str) -> None:
        shown = {name: value for name, value in call.params.items() if name != "sign"}
        with self._lock:
            self._count[call.method] += 1
            self._last.append(
                {
                    "verb": call.verb,
                    "method": call.method,
                    "code": code,
                    "params": shown,
                }
            )

    def report(self) -> dict[str, object]:
        with self._lock:
            return {"count": dict(self._count), "last": list(self._last)}


def _read_biz(text: str) -> dict[str, object]:
    """Parse biz_content; "" gives {}. Raises Refused unless it is a JSON object that UTF-8 can encode."""
    if not text:
        return {}
    try:
        biz = json.loads(text, parse_float=Decimal)
        # A lone surrogate can't be stored or sent on.
        json.dumps(biz, ensure_ascii=False, default=str).encode()
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise Refused("isv.illegal-json") from error
    if not isinstance(biz, dict):
        raise Refused("isv.illegal-json")
    return biz
