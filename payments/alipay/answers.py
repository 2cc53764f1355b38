"""Verifies the signed node of Alipay's answers and parses it into result types.

An answer that is missing, late, truncated, unsigned or about another trade is Unknown: the caller keeps its
state and asks again.
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
    """The buyer has opened the trade and has not paid."""


@dataclass(frozen=True, slots=True)
class Closed:
    """Final: closed unpaid, or paid and refunded in full."""


@dataclass(frozen=True, slots=True)
class NotExisting:
    """No buyer has opened this trade yet. One still may until it expires."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Alipay understood the call and refused it. `sub_code` such as ACQ.TRADE_STATUS_ERROR."""

    code: str
    sub_code: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nothing usable came back; `reason` is for the log."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refunded:
    """This call moved the money of the refund."""


@dataclass(frozen=True, slots=True)
class RefundFound:
    """The refund in question was made, with this amount."""

    amount_fen: int


@dataclass(frozen=True, slots=True)
class NotRefunded:
    """The call moved no money, or Alipay does not know the refund (yet)."""


@dataclass(frozen=True, slots=True)
class BillAt:
    """URL of a bill, valid for half a minute without authentication: never log it."""

    url: str = field(repr=False)
    is_empty: bool = False
    """Alipay says that nothing happened on that day, and that the file has no rows."""


@dataclass(frozen=True, slots=True)
class NoBill:
    """No bill of that day: not written yet, or there were no payments and refunds."""


@dataclass(frozen=True, slots=True)
class WrongDay:
    """Alipay gives no bill of such a day, now or later."""

    code: str


@dataclass(frozen=True, slots=True)
class TooManyCalls:
    """A rate limit: the same call may succeed after a minute."""

    code: str


BillResult = BillAt | NoBill | WrongDay | TooManyCalls | Refused | Unknown
RefundResult = Refunded | NotRefunded | NotExisting | Refused | Unknown
RefundQueryResult = RefundFound | NotRefunded | NotExisting | Refused | Unknown
QueryResult = Paid | Waiting | Closed | NotExisting | Refused | Unknown
CloseResult = Closed | NotExisting | Refused | Unknown


class Unusable(Exception):
    """An answer that proves nothing, with the reason."""


class BadlySigned(Unusable):
    """Signed with none of the known keys: it is forged, or Alipay has changed its key."""


def signed_node(body: bytes, key_name: str, keys: PublicKeys) -> Mapping[str, object]:
    """The node `key_name` of an answer, if Alipay signed it. Raises Unusable."""
    try:
        text, charset = _decoded(body)
        spans = top_level_spans(text)
    except (ValueError, RecursionError) as error:
        raise Unusable("not a JSON object") from error
    sign_text, node_text = spans.get("sign"), spans.get(key_name)
    if node_text is None:
        raise Unusable(f"no {key_name}{_error_code(spans)}")
    signature = json.loads(sign_text) if sign_text is not None else None
    if not isinstance(signature, str) or not signature:
        raise Unusable(f"unsigned{_error_code(spans)}")
    if not is_base64(signature):
        raise Unusable("the signature is not base64")
    if not is_signed(node_text.encode(charset), signature, keys):
        raise BadlySigned(none_of(keys))
    node = json.loads(node_text)
    if not isinstance(node, dict):
        raise Unusable(f"{key_name} is not an object")
    return node


def top_level_spans(text: str) -> dict[str, str]:
    """The members of a JSON object as substrings of `text`: the signature covers exactly these characters.

    Raises ValueError if it is not an object or has a duplicate name, RecursionError if it is too deep.
    """
    spans: dict[str, str] = {}
    at = _expect(text, 0, "{")
    while True:
        name, at = _value_at(text, at)
        start = _skip_space(text, _expect(text, at, ":"))
        _, end = _value_at(text, start)
        if not isinstance(name, str) or name in spans:
            raise ValueError("a member's name is a duplicate, or not a string")
        spans[name] = text[start:end]
        at = _skip_space(text, end)
        if text[at : at + 1] != ",":
            break
        at += 1
    if _skip_space(text, _expect(text, at, "}")) != len(text):
        raise ValueError("text after the object")
    return spans


def _decoded(body: bytes) -> tuple[str, str]:
    """The text and its charset: UTF-8, as asked for, or GBK, as some answers are. Raises ValueError."""
    try:
        return body.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        text = body.decode("gb18030")
    if text.encode("gb18030") != body:
        raise ValueError("GBK that would be written otherwise")  # the signature covers the bytes
    return text, "gb18030"


def query_result(node: Mapping[str, object], out_trade_no: str) -> QueryResult:
    """Parse a signed answer to alipay.trade.query about `out_trade_no`."""
    refusal = _refusal(node, out_trade_no)
    if refusal is not None:
        return refusal
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
    """Parse a signed answer to alipay.trade.close about `out_trade_no`."""
    refusal = _refusal(node, out_trade_no)
    if refusal is not None:
        return refusal
    return Closed()


def refund_result(node: Mapping[str, object], out_trade_no: str) -> RefundResult:
    """Parse a signed answer to alipay.trade.refund. Its `refund_fee` is the sum of all refunds: not used."""
    refusal = _refusal(node, out_trade_no)
    if refusal is not None:
        return refusal
    return Refunded() if node.get("fund_change") == "Y" else NotRefunded()


def refund_query_result(
    node: Mapping[str, object], out_trade_no: str, out_request_no: str
) -> RefundQueryResult:
    """Parse a signed answer to alipay.trade.fastpay.refund.query. Its code is 10000 for no refund, too."""
    refusal = refused(node)
    if (node.get("out_trade_no") or out_trade_no) != out_trade_no:
        return Unknown("an answer about another trade")
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
    """Parse a signed answer to alipay.data.dataservice.bill.downloadurl.query."""
    sub_code = str(node.get("sub_code", ""))[:80]
    if result := _bill_refusal(str(node.get("code", "")), sub_code):
        return result
    is_empty = node.get("bill_file_code") == "EMPTY_DATA_WITH_BILL_FILE"
    match refused(node), node.get("bill_download_url") or None:
        case None, str(url) if _WEB_ADDRESS.fullmatch(url):
            return BillAt(url, is_empty)
        case None, None if is_empty:
            return NoBill()
        case None | NotExisting(), _:
            return Unknown("no address of a bill")
        case refusal, _:
            return refusal


def _bill_refusal(code: str, sub_code: str) -> NoBill | WrongDay | TooManyCalls | Unknown | None:
    """A refusal that only this call has. Prefixes and spelling differ from the documentation's."""
    name = sub_code.upper()
    if "BILL_NOT_EXIST" in name or "NO_BILL_DATA" in name:
        return NoBill()
    if code == "40005" or "RATE_LIMIT" in name or "CALL-LIMITED" in name:
        return TooManyCalls(sub_code or code)
    if "BILL_DATE" in name or re.search(r"\bINVAI?LID[_-]ARGUMENTS", name):
        return WrongDay(sub_code)
    return Unknown(f"{code} {sub_code}") if "UNKNOWN_ERROR" in name else None


def _refusal(node: Mapping[str, object], out_trade_no: str) -> NotExisting | Refused | Unknown | None:
    """The refusal in an answer about a trade. None if the call was accepted.

    An answer must name our trade if it names one at all; real refusals do. An accepted call always names it.
    """
    refusal = refused(node)
    named = node.get("out_trade_no") or (None if refusal is None else out_trade_no)
    return refusal if named == out_trade_no else Unknown("an answer about another trade")


def refused(node: Mapping[str, object]) -> NotExisting | Refused | Unknown | None:
    """The refusal in an answer. None if the call was accepted (code 10000)."""
    code, sub_code = str(node.get("code", ""))[:20], str(node.get("sub_code", ""))[:80]
    if code == "10000":
        return None
    if code in ("", "20000") or "SYSTEM_ERROR" in sub_code:
        return Unknown(f"{code} {sub_code}".strip() or "no code")
    if "TRADE_NOT_EXIST" in sub_code:
        return NotExisting()
    return Refused(code, sub_code)


def beijing_time(text: object) -> datetime | None:
    """Parse `2026-11-22 20:15:00` as Beijing time. None for anything else and for implausible years."""
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
    """The code of an unsigned refusal by the gateway, for the log only: it proves nothing."""
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
