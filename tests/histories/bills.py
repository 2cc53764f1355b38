"""W5: at the end of a history, Alipay's daily bills with commas in every free text agree with our books."""

import io
import zipfile
from collections.abc import Iterator
from datetime import date
from unittest.mock import patch

from bills.comparison import reconcile
from bills.fetching import fetch
from payments.alipay import http
from standin import StandIn

TITLE, SHOP_NO, ACCOUNT, COUPON, REMARK = 3, 6, 10, 18, 24
FREE = [TITLE, *range(SHOP_NO, ACCOUNT + 1), COUPON, REMARK]
TEXT = "满100减10,限时, 房"

download = http.download


def days_of(standin: StandIn) -> list[date]:
    """The days on which Alipay received or refunded money."""
    times = [trade["paid_at"] for trade in standin.trades() if trade["received_fen"]]
    times += [refund["refunded_at"] for trade in standin.trades() for refund in trade["refunds"]]
    return sorted({date.fromisoformat(time[:10]) for time in times})


def differences(standin: StandIn) -> Iterator[str]:
    """Compare the bill of each day. Yields what differs: nothing, once our books have all that Alipay did."""
    http.breaker.reset()
    entries = sum(bool(trade["received_fen"]) + len(trade["refunds"]) for trade in standin.trades())
    for day in days_of(standin):
        with patch.object(http, "download", _with_commas):
            bill = fetch(day)
        report = reconcile(bill)
        entries -= report.matched
        yield from (f"bill {day}: unreadable {line}" for line in bill.unreadable)
        yield from (f"bill {day}: {line.kind} {line}" for line in report.for_staff)
    if entries:
        yield f"bills: {entries} payments and refunds are in none"


def _with_commas(url: str, *, deadline: float) -> bytes:
    """The file of rows, with commas in each text of each row."""
    with zipfile.ZipFile(
        io.BytesIO(download(url, deadline=deadline)), metadata_encoding="gb18030"
    ) as archive:
        (name,) = (name for name in archive.namelist() if "汇总" not in name)
        lines = archive.read(name).decode("gb18030").split("\n")
    return "\n".join(map(_line, lines)).encode("gb18030")


def _line(line: str) -> str:
    cells = line.split(",")
    if line[:1].isdigit():
        for column in FREE:
            cells[column] = TEXT + cells[column]
    return ",".join(cells)
