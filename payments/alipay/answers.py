"""What Alipay answers when asked: finds the signed node, verifies it, says in a type what it means.

Whatever is missing, late, cut, unsigned or about another trade is Unknown: keep the state, ask again.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from core.money import parse_yuan
from payments.alipay.signing import PublicKeys, is_base64, is_signed, none_of

BEIJING = ZoneInfo("Asia/Shanghai")

_TRADE_NO = re.compile(r"[0-9A-Za-z_]{1,64}")
_WEB_ADDRESS = re.compile(r"https?://[!-~]{1,2000}")
_SPACE = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True, slots=True)
class Paid:
    """The buyer's money is with Alipay."""

    trade_no: str
    total_fen: int
    paid_at: datetime | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """The buyer is there and has not paid."""


@dataclass(frozen=True, slots=True)
class Closed:
    """Alipay's last word: closed unpaid, or paid and refunded in full."""


@dataclass(frozen=True, slots=True)
class NotExisting:
    """No buyer has signed in to this trade yet; while its request can be used, one still may."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Alipay understood, and says no. `sub_code` such as ACQ.TRADE_STATUS_ERROR."""

    code: str
    sub_code: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nothing usable came back; `reason` is for the log."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refunded:
    """The money of this very refund has gone back."""


@dataclass(frozen=True, slots=True)
class RefundFound:
    """The refund that was asked about has gone through, with so much."""

    amount_fen: int


@dataclass(frozen=True, slots=True)
class NotRefunded:
    """No money moved by this call, or Alipay knows no such refund (yet)."""


@dataclass(frozen=True, slots=True)
class BillAt:
    """Where a bill can be fetched for half a minute, by anybody: not for logs."""

    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class NoBill:
    """No bill of that day: it isn't written yet, or nothing was bought or given back."""


BillResult = BillAt | NoBill | Refused | Unknown
RefundResult = Refunded | NotRefunded | NotExisting | Refused | Unknown
RefundQueryResult = RefundFound | NotRefunded | NotExisting | Refused | Unknown
QueryResult = Paid | Waiting | Closed | NotExisting | Refused | Unknown
CloseResult = Closed | NotExisting | Refused | Unknown


class Unusable(Exception):
    """An answer that proves nothing; says why."""


class BadlySigned(Unusable):
    """It bears a signature, by none of the keys that we know: a forger's, or Alipay has a new key."""


def signed_node(body: bytes, key_name: str, keys: PublicKeys) -> Mapping[str, object]:
    """The node `key_name` of an answer, if Alipay signed it. Raises Unusable."""
    try:
        spans = top_level_spans(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise Unusable("not a JSON object") from error
    sign_text, node_text = spans.get("sign"), spans.get(key_name)
    if node_text is None:
        raise Unusable(f"no {key_name}{_error_code(spans)}")
    signature = json.loads(sign_text) if sign_text is not None else None
    if not isinstance(signature, str) or not signature:
        raise Unusable(f"unsigned{_error_code(spans)}")
    if not is_base64(signature):
        raise Unusable("the signature is no base64")
    if not is_signed(node_text, signature, keys):
        raise BadlySigned(none_of(keys))
    node = json.loads(node_text)
    if not isinstance(node, dict):
        raise Unusable(f"{key_name} is not an object")
    return node


def top_level_spans(text: str) -> dict[str, str]:
    """The members of a JSON object as they stand in `text`: the signature covers those very characters.

    Raises ValueError where it is no object or names a member twice, RecursionError where it is too deep.
    """
    spans: dict[str, str] = {}
    at = _expect(text, 0, "{")
    while True:
        name, at = _value_at(text, at)
        start = _skip_space(text, _expect(text, at, ":"))
        _, end = _value_at(text, start)
        if not isinstance(name, str) or name in spans:
            raise ValueError("a member is named twice, or not by a text")
        spans[name] = text[start:end]
        at = _skip_space(text, end)
        if text[at : at + 1] != ",":
            break
        at += 1
    if _skip_space(text, _expect(text, at, "}")) != len(text):
        raise ValueError("text after the object")
    return spans


def query_result(node: Mapping[str, object], out_trade_no: str) -> QueryResult:
    """What a signed answer to alipay.trade.query says about `out_trade_no`."""
    refusal = refused(node)
    if refusal is not None:
        return refusal
    if node.get("out_trade_no") != out_trade_no:
        return Unknown("an answer about another trade")
    match node.get("trade_status"):
        case "TRADE_SUCCESS" | "TRADE_FINISHED":
            return _paid(node)
        case "WAIT_BUYER_PAY":
            return Waiting()
        case "TRADE_CLOSED":
            return Closed()
        case other:
            return Unknown(f"trade_status {str(other)[:40]!r}")


def close_result(node: Mapping[str, object], out_trade_no: str) -> CloseResult:
    """What a signed answer to alipay.trade.close says about `out_trade_no`."""
    refusal = refused(node)
    if refusal is not None:
        return refusal
    if node.get("out_trade_no") != out_trade_no:
        return Unknown("an answer about another trade")
    return Closed()


def refund_result(node: Mapping[str, object], out_trade_no: str) -> RefundResult:
    """What a signed answer to alipay.trade.refund says; `refund_fee` is the sum of all of them."""
    refusal = refused(node)
    if refusal is not None:
        return refusal
    if node.get("out_trade_no") != out_trade_no:
        return Unknown("an answer about another trade")
    return Refunded() if node.get("fund_change") == "Y" else NotRefunded()


def refund_query_result(
    node: Mapping[str, object], out_trade_no: str, out_request_no: str
) -> RefundQueryResult:
    """What a signed answer to alipay.trade.fastpay.refund.query says; about nothing it is 10000, too."""
    refusal = refused(node)
    if refusal is not None:
        return refusal
    if node.get("refund_status") != "REFUND_SUCCESS":
        return NotRefunded()
    if (node.get("out_trade_no"), node.get("out_request_no")) != (out_trade_no, out_request_no):
        return Unknown("an answer about another refund")
    amount = node.get("refund_amount")
    try:
        return RefundFound(parse_yuan(amount if isinstance(amount, str) else ""))
    except ValueError:
        return Unknown("refunded, without an amount")


def bill_result(node: Mapping[str, object]) -> BillResult:
    """What a signed answer to alipay.data.dataservice.bill.downloadurl.query says."""
    sub_code = str(node.get("sub_code", "")).upper()
    if "BILL_NOT_EXIST" in sub_code or "NO_BILL_DATA" in sub_code:
        return NoBill()
    match refused(node), node.get("bill_download_url"):
        case None, str(url) if _WEB_ADDRESS.fullmatch(url):
            return BillAt(url)
        case None | NotExisting(), _:
            return Unknown("no address of a bill")
        case refusal, _:
            return refusal


def refused(node: Mapping[str, object]) -> NotExisting | Refused | Unknown | None:
    """None where the call was accepted (code 10000)."""
    code, sub_code = str(node.get("code", ""))[:20], str(node.get("sub_code", ""))[:80]
    if code == "10000":
        return None
    if code in ("", "20000") or "SYSTEM_ERROR" in sub_code:
        return Unknown(f"{code} {sub_code}".strip() or "no code")
    if "TRADE_NOT_EXIST" in sub_code:
        return NotExisting()
    return Refused(code, sub_code)


def beijing_time(text: object) -> datetime | None:
    """`2026-11-22 20:15:00` of an Alipay message; None for anything else and for impossible years."""
    try:
        moment = datetime.strptime(str(text), "%Y-%m-%d %H:%M:%S").replace(tzinfo=BEIJING)
    except ValueError:
        return None
    return moment if 2000 <= moment.year < 2100 else None


def is_trade_no(text: object) -> bool:
    return isinstance(text, str) and _TRADE_NO.fullmatch(text) is not None


def _paid(node: Mapping[str, object]) -> Paid | Unknown:
    trade_no, total = node.get("trade_no"), node.get("total_amount")
    if not is_trade_no(trade_no):
        return Unknown("paid, without a trade number")
    try:
        total_fen = parse_yuan(total if isinstance(total, str) else "")
    except ValueError:
        return Unknown("paid, without an amount")
    if total_fen == 0:
        return Unknown("paid nothing")
    return Paid(str(trade_no), total_fen, beijing_time(node.get("send_pay_date")))


def _error_code(spans: dict[str, str]) -> str:
    """The code of an unsigned refusal at the gateway's door, for the log; it proves nothing."""
    for text in spans.values():
        value = json.loads(text)
        if isinstance(value, dict) and "code" in value:
            return f": {str(value.get('code'))[:20]} {str(value.get('sub_code', ''))[:80]}".rstrip()
    return ""


def _value_at(text: str, at: int) -> tuple[object, int]:
    return json.JSONDecoder().raw_decode(text, _skip_space(text, at))


def _skip_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _expect(text: str, at: int, character: str) -> int:
    at = _skip_space(text, at)
    if text[at : at + 1] != character:
        raise ValueError(f"{character} expected at {at}")
    return at + 1
