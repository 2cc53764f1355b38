"""The canary finds each kind of secret, and lets pass what a line may say."""

import logging

import pytest

from tests import log_canary
from tests.log_canary import Canary, secret_in

SIGNATURE = "kPbQIjX+xQc8F0/A6/AocELIjhhZnGbcBN6G4MM/HmfWL4ZiHM" * 3


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (f"rejected: {SIGNATURE}", "signature"),
        ("GET /x sign=abc", "signature"),
        ("-----BEGIN " + "PRIVATE KEY-----", "key"),  # in two pieces: scanners take it for a real one
        ("code for 13800000001", "mobile"),
        ("('13800000001',)", "mobile"),
        ("mail to li.si@example.com", "mail"),
        ("headers {'Cookie': 'sessionid=abcd'}", "cookie"),
        ("Not Found: /payments/paycomplete/?out_trade_no=1", "query"),
        ("code for 138****0001", ""),
        ("attempt 26112700000000_1 by notify, trade 2026112722001400000000000000", ""),
        ("Invalid HTTP request line: 'GET /payments/paycomplete/?…'", ""),
        ("x" * 400, ""),
        ("answer 13800000001234 of 0.113800000001 s", ""),
        ("a mail failed: SMTPServerDisconnected", ""),
    ],
)
def test_I10_a_secret_is_found(text: str, kind: str) -> None:
    assert secret_in(text).partition(":")[0] == kind


def test_I10_a_record_with_a_secret_in_its_traceback_is_found() -> None:
    try:
        raise ValueError("13800000001")
    except ValueError as error:
        made = logging.makeLogRecord(
            {"name": "x", "msg": "failed %s", "args": ("x",), "exc_info": (ValueError, error, None)}
        )
    try:
        Canary().emit(made)
        assert log_canary._found == ["mobile: 13800000001 in a line of x: failed %s"]
    finally:
        log_canary._found.clear()
