"""Downloads of 100,000 orders: the time until the file begins, and the memory that it takes."""

import re
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any
from unittest import mock

from django.test import Client

from accounts.models import User
from benchmarks.environment import SITE_URL
from benchmarks.measure import Ratio
from core import exports
from core.export_files import KINDS

ROWS = 100_000
BEGINS_AFTER_S, REACH_MB = 1, 100


def downloads(user: User, rows: int = ROWS) -> list[Ratio]:
    """Download the list of orders once as each kind, ended after `rows`. A first one loads what stays."""
    client = Client(headers={"host": SITE_URL.partition("//")[2]})
    client.force_login(user)
    with _ended_after(1000):
        [_download(client, kind) for kind in KINDS]
    with _ended_after(rows):
        return [ratio for kind in KINDS for ratio in _measured(client, kind)]


def _ended_after(rows: int) -> Any:
    whole = exports.by_key
    return mock.patch.object(exports, "by_key", lambda found: islice(whole(found), rows))


def _measured(client: Client, kind: str) -> Iterator[Ratio]:
    begins, whole, size, grown = _download(client, kind)
    print(f"\nExport as {kind}: begins after {begins * 1000:.0f} ms, {size / 1e6:.1f} MB in {whole:.1f} s")
    yield Ratio(f"staff, export as {kind}: seconds until it begins", begins, BEGINS_AFTER_S, at_most=True)
    yield Ratio(f"staff, export as {kind}: MB more in memory", grown, REACH_MB, at_most=True)


def _download(client: Client, kind: str) -> tuple[float, float, int, float]:
    """Return seconds until the first bytes, seconds in all, bytes, and by how many MB memory grew."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before, start = _peak_mb(), time.perf_counter()
    answer = client.get(f"/admin/orders/order/export.{kind}")
    assert answer.status_code == 200, answer.status_code
    pieces: Iterable[bytes] = answer.streaming_content
    begins, size = 0.0, 0
    for piece in pieces:
        begins, size = begins or time.perf_counter() - start, size + len(piece)
    return begins, time.perf_counter() - start, size, _peak_mb() - before


def _peak_mb() -> float:
    [kilobytes] = re.findall(r"VmHWM:\s+([0-9]+)", Path("/proc/self/status").read_text())
    return int(kilobytes) / 1024
