"""Pages while Alipay hangs, and while the database does.

    deploy/mariadb.py python -m benchmarks.hanging

gunicorn runs as in production. Twenty clients look at pages. Meanwhile forty renters ask for the state of
their payments and Alipay keeps their connections open, or MariaDB is stopped for 25 s.
"""

import http.client
import itertools
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from benchmarks import environment, serving
from benchmarks.measure import Ratio

if TYPE_CHECKING:  # Django is not set up yet
    from benchmarks.wsgi import Browser

CLIENTS = 20
RENTERS = 40
SECONDS_TO_READ = 1.0
HANGING_SECONDS = 15
FROZEN_SECONDS = 25

Seen = list[tuple[float, float, int]]
"""When a page was asked for, how long it took, its status (0: no answer)."""


def main() -> int:
    with environment.prepared() as standin_url, serving.gunicorn() as (port, _master):
        from benchmarks.standin import Alipay
        from benchmarks.wsgi import Browser
        from tests import make

        pages = ("/", f"/houses/{make.house().pk}/")
        orders = [make.attempt().order for _ in range(RENTERS)]
        asking = [(Browser.of(order.renter), f"/payments/{order.number}/check/") for order in orders]
        Alipay(standin_url).fault("answer.hang")
        ratios = [*_alipay_hangs(port, pages, asking), *_database_hangs(port, pages)]
    for ratio in ratios:
        print(ratio)
    return 0 if all("NOT reached" not in str(ratio) for ratio in ratios) else 1


def _alipay_hangs(port: int, pages: Sequence[str], asking: Sequence[tuple["Browser", str]]) -> list[Ratio]:
    with _looking(port, pages) as before:
        time.sleep(HANGING_SECONDS)
    began = time.monotonic()
    with _looking(port, pages) as seen, _looking(port, ["/livez"], clients=1) as lives:
        for browser, path in asking:
            threading.Thread(target=_check, args=(port, browser, path)).start()
        time.sleep(HANGING_SECONDS)
    after = [row for row in seen if row[0] - began > 3]
    alive = sorted(seconds for _, seconds, _ in lives)
    print(f"\nAlipay hangs  ({len(seen):,} pages, {len(lives)} times /livez)")
    assert {status for _, _, status in (*seen, *lives)} == {200}
    return [
        Ratio("pages before, p99 in ms", _p99_ms(before)),
        Ratio("other pages after 3 s of it, p99 in ms", _p99_ms(after), 300, at_most=True),
        Ratio("/livez, the longest in ms", alive[-1] * 1000, 1000, at_most=True),
    ]


def _p99_ms(seen: Seen) -> float:
    times = sorted(seconds for _, seconds, _ in seen)
    return times[int(len(times) * 0.99)] * 1000


def _database_hangs(port: int, pages: Sequence[str]) -> list[Ratio]:
    server = serving.database_process()
    with _looking(port, pages) as seen, _looking(port, ["/livez"], clients=1) as lives:
        time.sleep(1)
        os.kill(server, signal.SIGSTOP)
        try:
            time.sleep(FROZEN_SECONDS)
        finally:
            os.kill(server, signal.SIGCONT)
        woke = time.monotonic()
        time.sleep(5)
    statuses = {status for _, _, status in seen}
    refused = max((at - woke for at, _, status in seen if status == 503), default=0.0)
    print(f"\nThe database is stopped for {FROZEN_SECONDS} s  ({len(seen):,} pages)")
    assert statuses == {200, 503} and {status for _, _, status in lives} == {200}, statuses
    return [
        Ratio("a page, the longest in seconds", max(seconds for _, seconds, _ in seen), 6, at_most=True),
        Ratio("the last 503, seconds after it goes on", max(refused, 0.0), 3, at_most=True),
        Ratio(
            "/livez, the longest in ms", max(seconds for _, seconds, _ in lives) * 1000, 1000, at_most=True
        ),
    ]


@contextmanager
def _looking(port: int, paths: Sequence[str], clients: int = CLIENTS) -> Iterator[Seen]:
    seen: Seen = []
    stop = threading.Event()

    def look() -> None:
        for path in itertools.cycle(paths):
            if stop.wait(SECONDS_TO_READ):
                return
            seen.append(_ask(port, "GET", path))

    threads = [threading.Thread(target=look) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _check(port: int, browser: "Browser", path: str) -> None:
    body = urlencode({"csrfmiddlewaretoken": browser.csrf_token})
    form = {"Content-Type": "application/x-www-form-urlencoded", "Origin": environment.SITE_URL}
    _ask(port, "POST", path, body, {"Cookie": browser.cookies, **form})


def _ask(
    port: int, method: str, path: str, body: str | None = None, headers: dict[str, str] | None = None
) -> tuple[float, float, int]:
    began = time.monotonic()
    connection = http.client.HTTPConnection(serving.HOST, port, timeout=40)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        answer.read()
        status = answer.status
    except (OSError, http.client.HTTPException):
        status = 0
    finally:
        connection.close()
    return began, time.monotonic() - began, status


if __name__ == "__main__":
    raise SystemExit(main())
