"""Alipay hangs or is down: the circuit breaker opens, and the site stays fast."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from core import circuit_breaker as breaking
from core.circuit_breaker import FAILURES_TO_OPEN, SECONDS_TO_REST, CircuitBreaker
from jobs.sweep import sweep_once
from orders.models import Order
from payments import queries
from payments.alipay import http
from payments.alipay.answers import Unknown
from payments.alipay.http import GatewayUnreachable
from payments.books.invariants import broken_rules
from payments.models import Payment
from tests import alipay, make
from tests.races import at_once
from tests.serving import serving

FORM = "method=alipay.trade.query"
THREADS = 8
"""Threads of one gunicorn process, see deploy/gunicorn.conf.py."""


class Gateway:
    """Answers with `status` and `body`; hangs while `status` is 0."""

    def __init__(self) -> None:
        self.status, self.body, self.asked = 0, b"{}", 0
        self.going = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.asked += 1
                self.rfile.read(int(self.headers["Content-Length"]))
                if not outer.status:
                    outer.going.wait(120)
                    return
                self.send_response(outer.status)
                self.end_headers()
                self.wfile.write(outer.body)

            def log_message(self, *args: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/gateway.do"


@pytest.fixture
def server() -> Iterator[Gateway]:
    made = Gateway()
    with serving(made.http, made.going):
        yield made


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Advances the breaker's clock by seconds."""
    now = [1000.0]
    monkeypatch.setattr(breaking, "monotonic", lambda: now[0])

    def move(seconds: float) -> None:
        now[0] += seconds

    return move


def fail(breaker: CircuitBreaker, times: int = FAILURES_TO_OPEN) -> None:
    for _ in range(times):
        assert breaker.allows_call()
        breaker.failed()


def test_GWX02_opens_after_failures_in_a_row(clock: Callable[[float], None]) -> None:
    breaker = CircuitBreaker("Alipay")
    fail(breaker, FAILURES_TO_OPEN - 1)
    breaker.succeeded()
    fail(breaker, FAILURES_TO_OPEN - 1)
    assert breaker.allows_call()
    breaker.failed()
    assert not breaker.allows_call()


def test_GWX02_one_call_probes_after_a_rest(clock: Callable[[float], None]) -> None:
    breaker = CircuitBreaker("Alipay")
    fail(breaker)
    clock(SECONDS_TO_REST - 0.1)
    assert not breaker.allows_call()
    clock(0.2)
    assert [breaker.allows_call() for _ in range(3)] == [True, False, False]
    breaker.failed()
    clock(SECONDS_TO_REST - 0.1)
    assert not breaker.allows_call()
    clock(0.2)
    assert breaker.allows_call()
    breaker.succeeded()
    assert [breaker.allows_call() for _ in range(3)] == [True] * 3


def test_GWX02_a_probe_that_never_ends_is_followed_by_another(clock: Callable[[float], None]) -> None:
    breaker = CircuitBreaker("Alipay")
    fail(breaker)
    clock(SECONDS_TO_REST + 1)
    assert breaker.allows_call()  # and its thread dies
    clock(SECONDS_TO_REST + 1)
    assert breaker.allows_call()


@pytest.mark.race
def test_GWX02_exactly_one_thread_probes(clock: Callable[[float], None]) -> None:
    breaker = CircuitBreaker("Alipay")
    fail(breaker)
    clock(SECONDS_TO_REST + 1)
    assert sum(at_once(*[breaker.allows_call] * 16)) == 1


def unreachable(url: str) -> str:
    with pytest.raises(GatewayUnreachable) as error:
        http.post(url, FORM, deadline=20)
    return str(error.value)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_GWX02_a_5xx_counts_as_no_answer(server: Gateway, status: int) -> None:
    server.status = status
    for _ in range(FAILURES_TO_OPEN):
        assert unreachable(server.url) == f"HTTP {status}"
    assert "not called" in unreachable(server.url)
    assert server.asked == FAILURES_TO_OPEN


@pytest.mark.parametrize("status", [301, 400, 404, 429])
def test_GWX02_odd_answers_are_answers(server: Gateway, status: int) -> None:
    server.status = status
    for _ in range(FAILURES_TO_OPEN + 1):
        assert f"HTTP {status}" in unreachable(server.url)


def test_GWX02_nobody_listens_and_then_somebody_does(
    server: Gateway, clock: Callable[[float], None], caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))  # and does not listen
        nobody = f"http://127.0.0.1:{deaf.getsockname()[1]}/"
        for _ in range(FAILURES_TO_OPEN):
            unreachable(nobody)
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    server.status = 200
    assert "not called" in unreachable(server.url)
    clock(SECONDS_TO_REST + 1)
    for _ in range(3):
        assert http.post(server.url, FORM, deadline=20) == b"{}"
    assert "answers again" in caplog.text


# --- The site meanwhile -----------------------------------------------------------------------------------


class Site:
    """One process of the site: THREADS requests at once, any more are queued."""

    def __init__(self) -> None:
        self.threads = ThreadPoolExecutor(THREADS)

    def renters_ask(self, orders: list[Order]) -> None:
        """Submit a press of 我已付款，帮我查一下 for each order, without waiting for the answers."""
        browsers = [Client() for _ in orders]
        for browser, order in zip(browsers, orders, strict=True):
            browser.force_login(order.renter)
        for browser, order in zip(browsers, orders, strict=True):
            self.threads.submit(served, browser.post, reverse("payments:check", args=[order.number]))

    def serves_a_page(self) -> bool:
        """Submit a request of a page behind the earlier ones, and wait for its answer."""
        return self.threads.submit(served, Client().get, "/livez").result().status_code == 200


def served(act: Callable[[str], object], url: str) -> object:
    try:
        return act(url)
    finally:
        connection.close()


@pytest.fixture
def site(server: Gateway, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    settings.ALIPAY_GATEWAY_URL = server.url
    monkeypatch.setattr(queries, "INTERACTIVE_TIMEOUT", 1.5)  # half of what a user waits
    site = Site()
    yield site
    server.going.set()
    site.threads.shutdown()


def orders_with_attempts(count: int) -> list[Order]:
    return [make.attempt().order for _ in range(count)]


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_GWX02_other_pages_wait_for_the_first_only_while_alipay_hangs(
    site: Site, server: Gateway, clock: Callable[[float], None]
) -> None:
    site.renters_ask(orders_with_attempts(THREADS))
    others = orders_with_attempts(THREADS * 2)
    assert site.serves_a_page()
    give_up = time.monotonic() + 60
    while not http.breaker.is_open:
        assert time.monotonic() < give_up
        time.sleep(0.05)
    site.renters_ask(others)
    assert site.serves_a_page()
    assert server.asked == THREADS
    assert not server.going.is_set()
    assert set(make.rows(Payment).values_list("status", flat=True)) == {"OPEN"}


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_GWX02_twin_without_the_breaker_other_pages_wait(
    site: Site, server: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http.breaker, "allows_call", lambda: True)
    site.renters_ask(orders_with_attempts(THREADS * 2))
    assert site.serves_a_page()
    assert server.asked > THREADS


@pytest.mark.django_db
def test_GWX02_money_that_came_meanwhile_is_found_when_alipay_is_back(
    server: Gateway, settings: Settings, clock: Callable[[float], None]
) -> None:
    settings.ALIPAY_GATEWAY_URL = server.url
    payment = make.attempt(next_try_at=timezone.now())
    for _ in range(FAILURES_TO_OPEN):
        http.breaker.failed()
    assert isinstance(queries.query_trade(payment), Unknown)
    server.status, server.body = 200, alipay.paid(payment)
    make.rows(Payment).update(next_try_at=timezone.now(), asked_at=None)
    sweep_once()
    assert (server.asked, make.rows(Payment).get().status) == (0, "OPEN")
    clock(SECONDS_TO_REST + 1)
    make.rows(Payment).update(next_try_at=timezone.now(), asked_at=None)
    sweep_once()
    assert make.rows(Payment).get().status == "PAID"
    assert list(broken_rules()) == []


@pytest.mark.django_db
def test_GWX02_pay_says_so_kindly_and_at_once(client: Client, settings: Settings) -> None:
    payment = make.attempt(product="PAGE")
    order = payment.order
    client.force_login(order.renter)
    client.cookies["django_language"] = "en"
    for _ in range(FAILURES_TO_OPEN):
        http.breaker.failed()
    pay, check = (reverse(f"payments:{name}", args=[order.number]) for name in ("pay", "check"))
    page = client.post(pay, {"another": "1"}, follow=True).content.decode()
    assert (
        "Alipay isn&#39;t responding right now. We&#39;re keeping your order; please try again in a moment."
        in page
    )
    make.rows(Payment).update(asked_at=None)
    page = client.post(check, follow=True).content.decode()
    assert (
        "Alipay isn&#39;t responding right now. If you&#39;ve paid, this page will update by itself;" in page
    )
    # The live attempt needs no answer: its renter can still pay.
    assert client.post(pay).headers["Location"].startswith(settings.ALIPAY_GATEWAY_URL)


def test_GWX01_the_calls_of_one_press_share_three_seconds(
    db: None, gateway: alipay.Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Query, close, and query again because the close was refused: each takes most of its timeout."""
    payment, now, given = make.attempt(), [1000.0], list[float]()
    monkeypatch.setattr(queries, "time", SimpleNamespace(monotonic=lambda: now[0]))

    def slowly(url: str, form: str, *, deadline: float) -> bytes:
        given.append(deadline)
        now[0] += deadline * 0.8
        return gateway.post(url, form, deadline=deadline)

    monkeypatch.setattr(http, "post", slowly)
    gateway.says["query"] = alipay.waiting(payment)
    gateway.says["close"] = alipay.business_error("close", "ACQ.TRADE_STATUS_ERROR")
    queries.query_and_close(payment)
    assert [method for method, _ in gateway.calls] == ["query", "close", "query"]
    assert given == [3.0, 1.0, 1.0]


def test_GWX01_closing_a_superseded_attempt_has_a_short_timeout(
    db: None, gateway: alipay.Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One attempt was paid; another one is still live, and Alipay is slow to close it."""
    paid, given = make.attempt(live_for=None), dict[str, float]()
    superseded = make.attempt(paid.order, out_trade_no=f"{paid.order.number}_2")
    assert superseded.live_for == paid.order

    def noted(url: str, form: str, *, deadline: float) -> bytes:
        answer = gateway.post(url, form, deadline=deadline)
        given[gateway.calls[-1][0]] = deadline
        return answer

    monkeypatch.setattr(http, "post", noted)
    gateway.says["query"] = alipay.paid(paid)
    gateway.says["close"] = alipay.answer("close", out_trade_no=superseded.out_trade_no)
    queries.query_trade(paid)
    assert given == {"query": 3.0, "close": 1.0}
