"""Parses signed returns and notices into types: amounts in fen, times aware.

The buyer's browser brings a return; Alipay's server posts a notice. The parameters come from
messages.verified(), so they are signed. The caller checks that they are about an attempt of ours.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from core.money import parse_yuan
from payments.alipay.answers import beijing_time, is_trade_no

_PAID = ("TRADE_SUCCESS", "TRADE_FINISHED")
_UNPAID = ("WAIT_BUYER_PAY", "TRADE_CLOSED")


class WrongKind(Exception):
    """A signed message of another kind. All kinds have one key: a notice must not pass as a return."""


@dataclass(frozen=True, slots=True)
class SignedMessage:
    """The trade that a message is about, and the app and seller that it is addressed to."""

    app_id: str
    seller_id: str | None
    """None: the message names none."""
    out_trade_no: str
    trade_no: str | None
    """None: missing, or not of Alipay's form."""
    total_fen: int | None
    """None: missing, or not an amount in yuan with two decimals."""


@dataclass(frozen=True, slots=True)
class Return(SignedMessage):
    """The browser is back from Alipay. Sent only after paying, but can be replayed at any time."""


@dataclass(frozen=True, slots=True)
class PaymentNotice(SignedMessage):
    """The buyer has paid."""

    paid_at: datetime | None


@dataclass(frozen=True, slots=True)
class RefundNotice(SignedMessage):
    """Money was refunded. May also be a late success that only repeats the sum of all refunds."""

    out_request_no: str
    """Empty: a refund of the whole trade, or a repeated sum."""
    refunded_fen: int | None
    """The sum of all refunds of the trade. None: missing."""
    summary: str


@dataclass(frozen=True, slots=True)
class OtherNotice(SignedMessage):
    """Any other notice. `is_unpaid`: the trade waits for its buyer, or was closed."""

    is_unpaid: bool
    summary: str


Notice = PaymentNotice | RefundNotice | OtherNotice


def read_return(params: Mapping[str, str]) -> Return:
    """Raises WrongKind."""
    if "trade_status" in params or "notify_type" in params:
        raise WrongKind("not a return")
    if not params.get("method", "").endswith(".return"):
        raise WrongKind("not a return")
    return Return(*_trade(params))


def read_notice(params: Mapping[str, str]) -> Notice:
    """Raises WrongKind. A success that also reports a refund is a refund notice: it may come much later."""
    if "trade_status" not in params or "method" in params:
        raise WrongKind("not a notice")
    trade, status = _trade(params), params["trade_status"]
    if _reports_refund(params):
        number, refunded = params.get("out_biz_no", ""), _fen(params.get("refund_fee", ""))
        return RefundNotice(*trade, number, refunded, _summary(params))
    if status in _PAID:
        return PaymentNotice(*trade, beijing_time(params.get("gmt_payment")))
    return OtherNotice(*trade, status in _UNPAID, _summary(params))


def _trade(params: Mapping[str, str]) -> tuple[str, str | None, str, str | None, int | None]:
    """The fields of SignedMessage, in their order."""
    trade_no = params.get("trade_no")
    return (
        params.get("app_id", ""),
        params.get("seller_id"),
        params.get("out_trade_no", ""),
        trade_no if is_trade_no(trade_no) else None,
        _fen(params.get("total_amount", "")),
    )


def _fen(yuan: str) -> int | None:
    try:
        return parse_yuan(yuan)
    except ValueError:
        return None


def _reports_refund(params: Mapping[str, str]) -> bool:
    return bool(params.get("gmt_refund")) or re.search("[1-9]", params.get("refund_fee", "")) is not None


def _summary(params: Mapping[str, str]) -> str:
    """The detail for staff in the message log."""
    told = {name: params[name] for name in ("trade_status", "refund_fee", "out_biz_no") if params.get(name)}
    return " ".join(f"{name}={value[:64]}" for name, value in told.items())
