"""Log lines of gunicorn about malformed requests contain no signature."""

import logging

import pytest

from ihome_site.logs import StripQueryString


@pytest.mark.parametrize(
    "quoted",
    [
        "Invalid HTTP request line: 'GET /payments/paycomplete/?a=\xff&sign=SECRET%2B HTTP/1.1'",
        "Invalid HTTP Version: 'b&sign=SECRET HTTP/1.1'",
    ],
)
def test_SEC10_the_query_is_cut_off(quoted: str) -> None:
    record = logging.LogRecord("gunicorn.error", logging.WARNING, "", 0, "%s from %s", (quoted, "ip"), None)
    assert StripQueryString().filter(record)
    assert "SECRET" not in record.getMessage()
    assert "HTTP/1.1" in record.getMessage()
    assert record.getMessage().endswith("from ip")
