"""A call to the gateway as it was read, and the record of calls that tests can ask for."""

import json
import threading
from collections import Counter, deque
from dataclasses import dataclass

from .errors import Refused
from .money import fen
from .wire import Request


@dataclass(frozen=True)
class Call:
    """A request to the gateway, read as far as it can be; `trouble` is what made reading it stop."""

    verb: str
    params: dict[str, str]
    biz: dict[str, object]
    trouble: Refused | None = None

    @classmethod
    def read(cls, request: Request) -> "Call":
        params: dict[str, str] = {}
        try:
            params = request.params()
            return cls(request.verb, params, _read_biz(params.get("biz_content", "")))
        except Refused as trouble:
            return cls(request.verb, params, {}, trouble)

    @property
    def method(self) -> str:
        return self.params.get("method", "")

    @property
    def number(self) -> str:
        """What is said to be the merchant's order number, for logs and faults."""
        return str(self.biz.get("out_trade_no", ""))

    def text(self, name: str) -> str:
        """A field of biz_content, "" where it is absent. Raises Refused unless it is text of up to 512."""
        value = self.biz.get(name, "")
        if not isinstance(value, str) or len(value) > 512:
            raise Refused("ACQ.INVALID_PARAMETER")
        return value

    def amount(self, name: str) -> int:
        """Fen. Raises Refused for anything but yuan text with two decimals."""
        try:
            return fen(self.text(name))
        except ValueError as error:
            raise Refused("ACQ.INVALID_PARAMETER") from error

    def ids(self) -> tuple[str, str]:
        return self.text("out_trade_no"), self.text("trade_no")


class Calls:
    """What was asked, for tests: how often each method, and the last thousand without their signatures."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        with self._lock:
            self._count: Counter[str] = Counter()
            self._last: deque[dict[str, object]] = deque(maxlen=1000)

    def note(self, call: Call, code: str) -> None:
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
    """Raises Refused unless it is a JSON object (or nothing) that can be written as UTF-8."""
    if not text:
        return {}
    try:
        biz = json.loads(text)
        json.dumps(biz, ensure_ascii=False).encode()  # a lone surrogate can't be stored or sent on
    except (ValueError, RecursionError) as error:
        raise Refused("isv.illegal-json") from error
    if not isinstance(biz, dict):
        raise Refused("isv.illegal-json")
    return biz
