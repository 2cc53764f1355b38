"""Paid orders over HTTP: gunicorn with two workers and their threads, MariaDB, eight renters at once.

    deploy/mariadb.py python -m benchmarks.load [--base COMMIT]

Each renter books, pays, has Alipay's notice posted, returns, and opens 我的订单, again and again. `--base`
then runs the same with the code of another commit, in a worktree with a server of its own.
"""

import argparse
import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode, urlsplit

from benchmarks import environment, serving
from benchmarks.measure import Ratio
from benchmarks.serving import HOST, ROOT

if TYPE_CHECKING:  # Django is not set up yet
    from benchmarks.standin import Alipay
    from benchmarks.wsgi import Browser

WORKERS, RENTERS = 2, 8
ORDERS_OF_EACH, WARM_UP_ORDERS = 25, 3
FIRST_DAY = 20
MEMORY_REACH_MIB = 45
FIGURES = {
    "a_second": "paid orders a second",
    "p50_ms": "p50 of a paid order, ms",
    "p99_ms": "p99 of a paid order, ms",
    "cpu_ms": "CPU of the workers for a paid order, ms",
    "database_ms": "CPU of MariaDB for a paid order, ms",
    "share": "share of the machine's CPU that the workers had",
    "private_mib": "private memory of a worker, MiB",
}


def load(standin_url: str, base: str | None) -> list[Ratio]:
    """Measure ours, and the code of a commit beside it."""
    ours = measured(standin_url)
    theirs = beside(base) if base else None
    show(ours, theirs)
    more = (
        [
            Ratio(f"paid orders a second: times those of {base}", ours["a_second"] / theirs["a_second"], 2.2),
            Ratio(f"CPU of the site for a paid order: of {base}'s", ours["cpu_ms"] / theirs["cpu_ms"]),
        ]
        if theirs
        else []
    )
    return [
        *more,
        Ratio("private memory of a worker, MiB", ours["private_mib"], MEMORY_REACH_MIB, at_most=True),
    ]


def measured(standin_url: str) -> dict[str, float]:
    """Run it on the database of `environment.prepared()`. Returns FIGURES."""
    from benchmarks.standin import Alipay
    from benchmarks.wsgi import Browser
    from tests import make

    alipay = Alipay(standin_url)
    with serving.gunicorn(WEB_CONCURRENCY=str(WORKERS)) as (port, master):
        renters = [
            Renter(port, alipay, Browser.of(make.user()), make.house(instant_book=True).pk)
            for _ in range(RENTERS)
        ]
        with ThreadPoolExecutor(RENTERS) as pool:
            list(pool.map(lambda renter: renter.orders(0, WARM_UP_ORDERS), renters))
            workers = serving.workers(master)
            database, start = serving.database_process(), time.monotonic()
            cpu, database_cpu = sum(map(_cpu_seconds, workers)), _cpu_seconds(database)
            found = pool.map(lambda renter: renter.orders(WARM_UP_ORDERS, ORDERS_OF_EACH), renters)
            seconds = sorted(each for times in found for each in times)
            elapsed = time.monotonic() - start
        cpu = sum(map(_cpu_seconds, workers)) - cpu
        database_cpu = _cpu_seconds(database) - database_cpu
        private = max(map(serving.private_mib, workers))
    count = len(seconds)
    share = cpu / elapsed / (os.cpu_count() or 1)
    values = (
        count / elapsed,
        *(1000 * seconds[int(count * part)] for part in (0.5, 0.99)),
        *(1000 * each / count for each in (cpu, database_cpu)),
        *(share, private),
    )
    return dict(zip(FIGURES, values, strict=True))


class Renter:
    def __init__(self, port: int, alipay: "Alipay", browser: "Browser", house: int) -> None:
        self._site = http.client.HTTPConnection(HOST, port, timeout=60)
        self._alipay, self._browser, self._house = alipay, browser, house

    def orders(self, first: int, end: int) -> list[float]:
        """Pay for orders, each of another night. Returns the seconds of the site's answers for each."""
        return [self._order(number) for number in range(first, end)]

    def _order(self, number: int) -> float:
        from django.utils import timezone

        day = timezone.localdate() + timedelta(days=FIRST_DAY + number)
        stay = {"check_in": str(day), "check_out": str(day + timedelta(days=1)), "guests": "1"}
        self._seconds = 0.0
        order = self._post(f"/houses/{self._house}/book/", stay, "/orders/").rstrip("/").rpartition("/")[2]
        link = self._post(f"/payments/{order}/pay/", {}, "")
        self._alipay.open_pay_link(link)
        (content,) = parse_qs(urlsplit(link).query)["biz_content"]
        trade = json.loads(content)["out_trade_no"]
        self._alipay.pay(trade)
        notice = self._alipay.signed_notify(trade)
        assert self._ask("POST", "/payments/notify/", notice, cookies="")[1] == b"success"
        self._ask("GET", f"/payments/paycomplete/?{self._alipay.signed_return(trade)}")
        assert order.encode() in self._ask("GET", "/orders/")[1]
        return self._seconds

    def _post(self, path: str, fields: dict[str, str], leads_to: str) -> str:
        body = urlencode({**fields, "csrfmiddlewaretoken": self._browser.csrf_token}).encode()
        location = self._ask("POST", path, body)[0]
        assert location and location.startswith(leads_to), f"{path} leads to {location!r}"
        return location

    def _ask(
        self, method: str, path: str, body: bytes = b"", cookies: str | None = None
    ) -> tuple[str, bytes]:
        headers = {"Cookie": self._browser.cookies if cookies is None else cookies}
        if method == "POST":
            headers |= {"Origin": environment.SITE_URL, "Content-Type": "application/x-www-form-urlencoded"}
        start = time.monotonic()
        self._site.request(method, path, body, headers)
        answer = self._site.getresponse()
        text = answer.read()
        self._seconds += time.monotonic() - start
        assert answer.status in (200, 302), f"{method} {path}: {answer.status}"
        return answer.getheader("Location") or "", text


def _cpu_seconds(process: int) -> float:
    user, system = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def beside(commit: str) -> dict[str, float]:
    """Run this file with the code of another commit, and return its figures."""
    with tempfile.TemporaryDirectory(prefix="ihome-base-") as folder:
        subprocess.run(["git", "worktree", "add", "-q", "--detach", folder, commit], cwd=ROOT, check=True)
        try:
            for module in (__file__, serving.__file__):
                shutil.copy(module, Path(folder) / "benchmarks")
            command = [sys.executable, "deploy/mariadb.py", sys.executable, "-m", "benchmarks.load", "--json"]
            done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True)
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", folder], cwd=ROOT, check=True)
    if done.returncode:
        raise environment.NotPossible(f"The code of {commit} did not run: see above.")
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def show(ours: dict[str, float], base: dict[str, float] | None = None) -> None:
    print(f"\nPaid orders over HTTP: gunicorn, {WORKERS} workers, {RENTERS} renters at once")
    for name, title in FIGURES.items():
        line = f"  {title:<44}{ours[name]:>12,.2f}"
        print(
            f"{line}   base {base[name]:>8,.2f}   ratio {ours[name] / base[name]:.2f}" if base else line,
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--base", metavar="COMMIT", help="measure the code of this commit beside it")
    parser.add_argument("--json", action="store_true", help="print the figures for a program")
    arguments = parser.parse_args()
    with environment.prepared() as standin_url:
        figures = measured(standin_url)
    if arguments.json:
        print(json.dumps(figures))
    else:
        show(figures, beside(arguments.base) if arguments.base else None)


if __name__ == "__main__":
    try:
        main()
    except environment.NotPossible as why:
        raise SystemExit(str(why)) from None
