"""Signed JSON answers to API calls, and the faults that change or corrupt them."""

import base64
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .errors import Refused
from .money import fen, yuan
from .wire import CODECS, GBK, UTF8, Reply

Node = Mapping[str, Any]


@dataclass(frozen=True)
class Answer:
    """`node` is the exact text that is signed."""

    name: str
    node: str
    sign: str
    charset: str = UTF8

    def body(self) -> bytes:
        sign = f',"sign":"{self.sign}"' if self.sign else ""
        return f'{{"{self.name}":{self.node}{sign}}}'.encode(CODECS[self.charset.lower()])

    def reply(self) -> Reply:
        return as_html(self.body(), charset=self.charset)


def node_text(node: Node) -> str:
    """Compact JSON with `/` escaped, as Alipay writes it."""
    return json.dumps(node, ensure_ascii=False, separators=(",", ":")).replace("/", "\\/")


def as_html(body: bytes, status: int = 200, charset: str = UTF8) -> Reply:
    """Reply with Alipay's content type, which its JSON answers carry too."""
    return Reply(body, status, f"text/html;charset={charset}")


# Faults that answer with this error instead of doing the work
INSTEAD = {
    "20000": "isp.unknow-error",
    "system_error": "ACQ.SYSTEM_ERROR",
    "not_exist": "ACQ.TRADE_NOT_EXIST",
    "no_balance": "ACQ.SELLER_BALANCE_NOT_ENOUGH",
    "wrong_day": "invalid_arguments",
    "system_rate_limit": "SYSTEM_RATE_LIMIT",
    "user_rate_limit": "USER_RATE_LIMIT",
}


def _other_order(node: Node) -> Node:
    others = {
        "out_trade_no": "99999999999999_9",
        "trade_no": "2000010122001000000000000000",
    }
    return {**node, **{name: value for name, value in others.items() if name in node}}


def _other_amount(node: Node) -> Node:
    names = ("total_amount", "refund_amount", "refund_fee")
    return {
        **node,
        **{name: yuan(fen(node[name]) + 1) for name in names if name in node},
    }


def _waiting(node: Node) -> Node:
    kept = {name: value for name, value in node.items() if name != "send_pay_date"}
    return {**kept, "trade_status": "WAIT_BUYER_PAY"} if "trade_status" in node else node


# Faults that change the result before it is signed
DOCTORED: dict[str, Callable[[Node], Node]] = {
    "unknown": lambda node: Refused("isp.unknow-error").node(),
    "other_order": _other_order,
    "other_amount": _other_amount,
    "waiting": _waiting,
}

_HTML = "<!doctype html><title>系统繁忙</title><h1>系统繁忙，请稍后再试</h1>".encode("gbk")


def _wrongly_signed(answer: Answer) -> Reply:
    return replace(answer, sign=base64.b64encode(secrets.token_bytes(256)).decode()).reply()


# Faults that corrupt or withhold the signed answer
SPOILED: dict[str, Callable[[Answer], Reply]] = {
    "hang": lambda answer: Reply(manner="hang"),
    "lost": lambda answer: Reply(manner="dropped"),
    "drip": lambda answer: replace(answer.reply(), manner="drip"),
    "broken": lambda answer: replace(answer.reply(), manner="broken"),
    "cut": lambda answer: replace(answer.reply(), body=answer.body()[: len(answer.body()) // 2]),
    "unsigned": lambda answer: replace(answer, sign="").reply(),
    "bad_sign": _wrongly_signed,
    "html": lambda answer: as_html(_HTML, charset=GBK),
    "empty": lambda answer: as_html(b""),
    "null": lambda answer: as_html(b"null"),
    "list": lambda answer: as_html(b"[]"),
    "huge": lambda answer: replace(answer.reply(), manner="huge"),
    "http_500": lambda answer: as_html(_HTML, 500, GBK),
}
