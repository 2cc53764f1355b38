"""Parses the business parameters of requests to pay, as strictly as Alipay and no more."""

import re
from datetime import datetime, timedelta

from .calls import Call
from .clock import BEIJING, DAY_SECONDS, parse_deadline
from .errors import Refused
from .records import APP_PAY, BY_BROWSER, PRODUCTS, WAP_PAY, PayRequest

_LONGEST_LIFE_SECONDS = 15 * DAY_SECONDS
_SHORTEST_LIFE_ON_PHONES_SECONDS = 300

_NUMBER = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ADDRESS = re.compile(r"https?://[!-~]{1,1000}")
_TIMEOUT = re.compile(r"([0-9]{1,5})([mhd])")
_UNIT_SECONDS = {"m": 60, "h": 3600, "d": DAY_SECONDS}


def read_pay_request(call: Call, now: float) -> PayRequest:
    """Return the request. Raises Refused if Alipay would refuse it."""
    subject, number = call.text("subject"), call.text("out_trade_no")
    valid = (
        call.text("product_code") in PRODUCTS[call.method].codes
        and _NUMBER.fullmatch(number)
        and 1 <= len(subject) <= 256
        and not set(subject) & set("/=&")
    )
    if not valid:
        raise Refused("ACQ.INVALID_PARAMETER")
    expires_at, life_seconds = _deadline(call, now)
    return PayRequest(
        out_trade_no=number,
        method=call.method,
        subject=subject,
        amount_fen=call.amount("total_amount"),
        expires_at=expires_at,
        life_seconds=life_seconds,
        time_expire=call.text("time_expire"),
        return_url=_address(call.params.get("return_url", "")) if call.method in BY_BROWSER else "",
        notify_url=_address(call.params.get("notify_url", "")),
        quit_url=_address(call.text("quit_url") or call.text("request_from_url")),
        passback_params=call.text("passback_params"),
        charset=call.charset,
    )


def _deadline(call: Call, now: float) -> tuple[float, float]:
    """Return the deadline, and for how long a trade lives once it exists (0: until the deadline).

    On phones `timeout_express` begins when the buyer confirms: it does not end a link that nobody opened.
    Raises Refused for a deadline that is malformed, past or too far ahead.
    """
    moment, timeout = call.text("time_expire"), call.text("timeout_express")
    if moment:
        return _moment(moment, now), 0.0
    if not timeout:
        return now + _LONGEST_LIFE_SECONDS, 0.0
    if timeout == "1c":
        return _end_of_day(now), 0.0
    life = _life(timeout)
    if call.method in (WAP_PAY, APP_PAY):
        return now + _LONGEST_LIFE_SECONDS, max(life, _SHORTEST_LIFE_ON_PHONES_SECONDS)
    return now + life, 0.0


def _moment(text: str, now: float) -> float:
    try:
        moment = parse_deadline(text)
    except ValueError as error:
        raise Refused("ACQ.INVALID_PARAMETER") from error
    if not now < moment <= now + _LONGEST_LIFE_SECONDS:
        raise Refused("ACQ.INVALID_PARAMETER")
    return moment


def _life(text: str) -> float:
    match = _TIMEOUT.fullmatch(text)
    seconds = int(match[1]) * _UNIT_SECONDS[match[2]] if match else 0
    if not 0 < seconds <= _LONGEST_LIFE_SECONDS:
        raise Refused("ACQ.INVALID_PARAMETER")
    return float(seconds)


def _end_of_day(now: float) -> float:
    tomorrow = datetime.fromtimestamp(now, BEIJING).date() + timedelta(days=1)
    return datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=BEIJING).timestamp()


def _address(text: str) -> str:
    if text and not _ADDRESS.fullmatch(text):
        raise Refused("isv.invalid-parameter")
    return text
