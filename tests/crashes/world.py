"""The site in its own processes, a stand-in Alipay, and the actions before and after a crash."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from select import select
from subprocess import PIPE
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.db import connection
from django.db.models import F, Sum
from django.test import Client

from accounts.models import User
from houses import availability
from houses.models import BookedNight
from orders.models import Order, OrderEvent
from payments.books.invariants import broken_rules
from payments.models import Payment, Refund
from standin import StandIn
from tests import make
from tests.browser.running import HOST, ROOT, free_port, process, wait_until_ready
from tests.crashes.killing import FOLDER, Point, Trap

LONGER_THAN_ANY_LEASE = timedelta(minutes=10)
LONGER_THAN_THE_FIRST_PAUSE_SECONDS = 5 * 60  # Alipay repeats a notice after 4 minutes
PATIENCE_SECONDS = 90
LOG = "site.log"

CSRF_TOKEN = "c" * 32
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Mobile"


@dataclass(frozen=True)
class Page:
    status: int
    location: str


def until(condition: Callable[[], object], description: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"timed out after {PATIENCE_SECONDS} s: {description}"
        time.sleep(0.02)


class World:
    """One gunicorn with one worker, sweeps on demand, and the stand-in Alipay."""

    def __init__(self, url: str, standin: StandIn, sweeps: subprocess.Popen[bytes], folder: Path) -> None:
        self.url, self.standin = url, standin
        self._sweeps, self._folder = sweeps, folder
        self._trap = Trap(folder)
        self.mailed: list[str] = []
        self._success_too_early: set[str] = set()

    def clean(self) -> None:
        """Remove the state of the previous test."""
        self._trap.disarm()
        self.standin.reset()
        self.mailed.clear()
        self._success_too_early.clear()

    # Actions of users

    def order(self, **fields: object) -> Order:
        """Make an order that holds its nights and whose renter has an email address."""
        order = make.order(make.user(email="renter@ihome.example"), **fields)
        availability.hold(order.house, order.check_in, order.check_out, order_number=order.number)
        return order

    def visit(
        self, renter: User, path: str, *, post: dict[str, object] | None = None, agent: str = ""
    ) -> Page | None:
        """GET or POST a page; None if the server closed the connection without an answer."""
        browser = Client()
        browser.force_login(renter)
        session = browser.cookies[settings.SESSION_COOKIE_NAME].value
        headers = {"Cookie": f"sessionid={session}; csrftoken={CSRF_TOKEN}", "User-Agent": agent}
        if post is None:
            return _fetch("GET", self.url + path, None, headers)
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        form = urlencode({**post, "csrfmiddlewaretoken": CSRF_TOKEN})
        return _fetch("POST", self.url + path, form, headers)

    def press(self, button: str, order: Order, *, agent: str = "", **fields: object) -> Page | None:
        """Post the form of a button, such as `pay`, `cancel` or `change/drop`."""
        path = f"/payments/{order.number}/{button}/"
        return self.visit(order.renter, path, post=fields, agent=agent)

    def go_to_alipay(self, order: Order, *, button: str = "pay", agent: str = "") -> str:
        """Press Pay and follow the link to Alipay; return the attempt's number."""
        link = self.press(button, order, agent=agent)
        assert link is not None and link.location.startswith(self.standin.gateway_url), link
        assert _fetch("GET", link.location, None, {}).status == 302
        return order.payments.latest("id").out_trade_no

    def come_back(self, order: Order, out_trade_no: str) -> Page | None:
        return self.visit(order.renter, f"/payments/paycomplete/?{self.standin.signed_return(out_trade_no)}")

    def pay(self, order: Order) -> str:
        """Pay an order, including Alipay's notice; return the attempt's number."""
        number = self.go_to_alipay(order)
        self.standin.pay(number)
        self.notices_are_tried()
        assert state(order)[0] == Order.Status.WAIT_COMMENT
        return number

    # Crashes

    def arm(self, point: Point) -> None:
        self._trap.arm(point)

    def worker_dies(self) -> None:
        """Wait until the worker has died and gunicorn has logged that and started another."""
        until(self._trap.died, "the worker reaches its point")
        log, line = self._folder / LOG, f"Worker (pid:{self._trap.died()}) was sent SIGKILL!"
        until(lambda: line in log.read_text(errors="replace"), "gunicorn notices that its worker is gone")
        assert _fetch("GET", f"{self.url}/livez", None, {}) == Page(200, "")
        self.notices_are_tried()
        self._success_too_early |= acknowledged(self.standin) - set(money_here())

    def sweep_dies(self) -> None:
        sweep = self._sweep()
        assert (sweep.status, self._trap.died()) == (-signal.SIGKILL, sweep.pid), sweep.output

    # Recovery

    def recover(self) -> None:
        """Let Alipay repeat its notices, let every lease expire, and run one sweep."""
        self.notices_are_repeated()
        time_passes()
        self.sweep()

    def sweep(self) -> None:
        sweep = self._sweep()
        assert sweep.status == 0, sweep.output
        self.notices_are_tried()

    def notices_are_tried(self) -> None:
        until(lambda: all(notice["tries"] for notice in self._notices()), "Alipay tries every notice")

    def notices_are_repeated(self) -> None:
        """Advance the clock until each notice not answered `success` has been repeated."""

        def done(notice: dict) -> bool:
            return notice["tries"] > 1 or any(a["body"] == "success" for a in notice["answers"])

        self.standin.clock(LONGER_THAN_THE_FIRST_PAUSE_SECONDS)
        until(lambda: all(done(notice) for notice in self._notices()), "Alipay repeats its notices")
        self.standin.clock(0)

    def broken(self) -> list[str]:
        """Return descriptions of the broken rules of docs/fault-matrix.md."""
        wrong_nights = [order for order in Order.objects.all() if not holds_its_nights(order)]
        return [
            *map(str, broken_rules()),
            *_differences("I1 money", money_here(), money_at(self.standin)),
            *_differences("I1 refunds", refunds_here(), refunds_at(self.standin)),
            *(f"I6 {order}: its nights" for order in wrong_nights),
            *(f"I8 {number}: success was answered too early" for number in self._success_too_early),
        ]

    def _notices(self) -> Iterator[dict]:
        return (notice for trade in self.standin.trades() for notice in trade["notices"])

    def _sweep(self) -> "_Sweep":
        log = self._folder / "sweep.log"
        self._sweeps.stdin.write(f"{log}\n".encode())
        self._sweeps.stdin.flush()
        until(lambda: select([self._sweeps.stdout.fileno()], [], [], 0)[0], "a sweep ends")
        pid, status = map(int, self._sweeps.stdout.readline().split())
        sweep = _Sweep(pid, status, log.read_text(errors="replace"))
        self.mailed += re.findall(r"^Message-ID: <(.+)>$", sweep.output, re.MULTILINE)
        return sweep


@dataclass(frozen=True)
class _Sweep:
    pid: int
    status: int
    output: str


def time_passes() -> None:
    """Move all due times ten minutes back: every lease has expired and everything is due again."""
    for model, columns in (
        (Payment, ("next_try_at", "asked_at")),
        (Refund, ("next_try_at", "tried_at")),
        (OrderEvent, ("mail_due_at",)),
    ):
        model.objects.update(**{name: F(name) - LONGER_THAN_ANY_LEASE for name in columns})


def state(order: Order) -> tuple[str, list[str]]:
    """Return the order's status and the statuses of its attempts, oldest first."""
    statuses = order.payments.order_by("id").values_list("status", flat=True)
    return Order.objects.get(pk=order.pk).status, list(statuses)


def money_here() -> dict[str, int]:
    """Return the received fen by attempt."""
    return dict(Payment.objects.filter(received_fen__gt=0).values_list("out_trade_no", "received_fen"))


def money_at(standin: StandIn) -> dict[str, int]:
    return {t["out_trade_no"]: t["received_fen"] for t in standin.trades() if t["received_fen"]}


def refunds_here() -> dict[str, int]:
    return dict(Refund.objects.filter(status=Refund.Status.DONE).values_list("out_request_no", "amount_fen"))


def refunds_at(standin: StandIn) -> dict[str, int]:
    return {r["out_request_no"]: r["amount_fen"] for t in standin.trades() for r in t["refunds"]}


def _differences(label: str, here: dict[str, int], at_alipay: dict[str, int]) -> list[str]:
    return [] if here == at_alipay else [f"{label}: {here} here, {at_alipay} at Alipay"]


def acknowledged(standin: StandIn) -> set[str]:
    """Return the attempts whose notice was answered `success`: Alipay does not repeat it."""
    return {
        trade["out_trade_no"]
        for trade in standin.trades()
        for notice in trade["notices"]
        if any(answer["body"] == "success" for answer in notice["answers"])
    }


def holds_its_nights(order: Order) -> bool:
    """Return True if the order holds all of its nights, or none if it is over.

    While a change of it waits, it also holds the nights of that.
    """
    held = set(BookedNight.objects.filter(order_number=order.number).values_list("night", flat=True))
    stays = [] if order.is_over else [order, *order.stay_changes.filter(status="WAITING")]
    nights = (availability.nights_between(stay.check_in, stay.check_out) for stay in stays)
    return held == set().union(*nights)


def mail_of(order: Order, kind: str) -> str:
    """Return the Message-ID of the mail about the event."""
    return f"{order.number}.{order.events.get(kind=kind).pk}@{HOST}"


def event_count(order: Order, kind: str) -> int:
    """Count the events of this kind in the order's timeline."""
    return order.events.filter(kind=kind).count()


def refunded_fen(order: Order) -> int:
    """Return the refunded fen in our books; broken() compares these with Alipay's."""
    done = Refund.objects.filter(payment__order=order, status=Refund.Status.DONE)
    return done.aggregate(sum=Sum("amount_fen", default=0))["sum"]


def _fetch(method: str, url: str, body: str | None, headers: dict[str, str]) -> Page | None:
    """Send a request without following redirects."""
    parts = urlsplit(url)
    line = HTTPConnection(parts.netloc, timeout=PATIENCE_SECONDS)
    try:
        line.request(method, f"{parts.path}?{parts.query}" if parts.query else parts.path, body, headers)
        answer = line.getresponse()
        answer.read()
        return Page(answer.status, answer.headers.get("Location", ""))
    except (ConnectionError, HTTPException):
        return None
    finally:
        line.close()


@contextmanager
def running_world(standin: StandIn, folder: Path) -> Iterator[World]:
    """Run gunicorn and sweeps on the test database; their logs are in `folder`."""
    port = free_port()
    url = f"http://{HOST}:{port}"
    env = {
        **os.environ,  # tests/settings.py has set every variable
        "DJANGO_SETTINGS_MODULE": "ihome_site.settings",
        "PYTHONUNBUFFERED": "1",
        "SITE_URL": url,
        "CSRF_TRUSTED_ORIGINS": url,
        "DATABASE_URL": _url_of_test_database(),
        "EMAIL_URL": "consolemail://",
        "ALIPAY_GATEWAY_URL": standin.gateway_url,
        FOLDER: str(folder),
    }
    gunicorn = ["-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", "--workers=1", f"--bind={HOST}:{port}"]
    log = folder / LOG
    with process([*gunicorn, "tests.crashes.site"], env, log) as web, _sweeps(env) as sweeps:
        wait_until_ready(web, log, port, "/livez")
        yield World(url, standin, sweeps, folder)


@contextmanager
def _sweeps(env: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "tests.crashes.sweep"]
    with subprocess.Popen(
        command, cwd=ROOT, env=env, stdin=PIPE, stdout=PIPE, bufsize=0, start_new_session=True
    ) as sweeps:
        try:
            yield sweeps
        finally:
            os.killpg(sweeps.pid, signal.SIGKILL)  # including a sweep that hangs


def _url_of_test_database() -> str:
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()
