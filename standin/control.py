"""Control API at /_standin/: StandIn's methods as JSON over HTTP, for tests and demos in other processes."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from inspect import signature
from typing import Any

from .errors import Refused
from .wire import Reply, Request

_NUMBER = {"out_trade_no": str}
_NUMBER_AND_BUYER = {**_NUMBER, "buyer": str}
_MESSAGE = {**_NUMBER, "changes": dict}

_GET = ("health", "trades", "calls", "faults")
# Path -> method of StandIn, types of its arguments
_POST: Mapping[str, tuple[str, Mapping[str, type]]] = {
    "open": ("open", _NUMBER_AND_BUYER),
    "pay": ("pay", _NUMBER_AND_BUYER),
    "close": ("close", _NUMBER),
    "refund": ("refund", {**_NUMBER, "amount_fen": int, "out_request_no": str}),
    "expire": ("expire", _NUMBER),
    "signed_return": ("signed_return", _MESSAGE),
    "app_result": ("app_result", _MESSAGE),
    "signed_notify": ("signed_notify", _MESSAGE),
    "notify-now": ("notify_now", {**_NUMBER, "times": int, "parallel": bool}),
    "faults": ("fault", {"name": str, "out_trade_no": str, "method": str, "times": int}),
    "faults/clear": ("clear_faults", {"name": str}),
    "clock": ("clock", {"offset_seconds": float}),
    "reset": ("reset", {}),
}


def handle(standin: object, request: Request, rest: str) -> Reply:
    """Answer a request below /_standin/. 400 if it is malformed, 409 if Alipay's rules refuse it."""
    try:
        action = _get(standin, rest) if request.verb == "GET" else _post(standin, rest, request.body)
        if action is None:
            return _json({"error": f"no endpoint {request.verb} {rest}"}, 404)
        return _json(action())
    except Refused as refused:
        return _json({"error": refused.sub_code, "message": refused.sub_msg}, 409)
    except (ValueError, RecursionError) as error:
        return _json({"error": str(error)}, 400)


def _get(standin: object, path: str) -> Callable[[], Any] | None:
    kind, _, number = path.partition("/")
    if kind == "trade" and number:
        return partial(getattr(standin, kind), number)
    return getattr(standin, path) if path in _GET else None


def _post(standin: object, path: str, body: bytes) -> Callable[[], Any] | None:
    if path not in _POST:
        return None
    name, types = _POST[path]
    fields = json.loads(body or b"{}")
    if not isinstance(fields, dict):
        raise ValueError("the body must be a JSON object")
    method = getattr(standin, name)
    try:
        signature(method).bind(**fields)
    except TypeError as error:
        raise ValueError(str(error)) from error
    for key, value in fields.items():
        _check(key, value, types[key])
    return partial(method, **fields)


def _check(key: str, value: object, expected: type) -> None:
    fits = type(value) in ((int, float) if expected is float else (expected,))
    if expected is dict and isinstance(value, dict):
        fits = all(isinstance(item, str | None) for item in value.values())
    if not fits:
        raise ValueError(
            f"{key} must be {'an object of strings and nulls' if expected is dict else expected.__name__}"
        )


def _json(result: object, status: int = 200) -> Reply:
    body = json.dumps(result, ensure_ascii=True, indent=1).encode() + b"\n"
    return Reply(body, status, "application/json")
