"""Lines of JSON, and what they carry: the id of the request or round, the client, the order, who of staff."""

import io
import json
import logging
import re
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.http import HttpRequest
from django.test import Client, RequestFactory
from django.utils.timezone import localdate
from gunicorn.config import Config
from pytest_django import Settings

from core import log_context
from core.log_context import LogContext
from ihome_site.gunicorn_logs import Logger
from ihome_site.logs import SiteFormatter
from jobs import sweep
from jobs.sweep import Task, sweep_once
from orders import booking
from tests import make

GIVEN = "0123456789abcdef0123456789abcdef"
HOSTILE = "x\nFORGED\r\x1b[2J\u2028\x85\udc80 房"

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines(settings: Settings) -> Iterator[Lines]:
    """Return what the console would get, parsed."""
    settings.LOG_FORMAT = "json"
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    handler.setFormatter(SiteFormatter("%(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    yield lambda: [json.loads(line) for line in text.getvalue().splitlines()]
    root.removeHandler(handler)


def test_a_line_is_one_object_whatever_it_says(settings: Settings) -> None:
    settings.LOG_FORMAT = "json"
    try:
        raise RuntimeError(HOSTILE)
    except RuntimeError:
        made = logging.LogRecord("x", logging.ERROR, "", 0, "failed: %s", (HOSTILE,), sys.exc_info())
    line = json.loads(SiteFormatter("%(message)s").format(made))
    assert line["message"] == f"failed: {HOSTILE}"
    assert line["traceback"].endswith(f"RuntimeError: {HOSTILE}")
    assert (line["level"], line["logger"]) == ("ERROR", "x")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+08:00", line["time"])


def test_the_written_line_is_printable(settings: Settings) -> None:
    settings.LOG_FORMAT = "json"
    made = logging.LogRecord("x", logging.INFO, "", 0, HOSTILE, (), None)
    text = SiteFormatter("%(message)s").format(made)
    assert text.isprintable()
    assert "房" in text
    settings.LOG_FORMAT = "text"
    assert SiteFormatter("%(message)s").format(made).startswith("x\\nFORGED")


@pytest.mark.parametrize(
    ("is_trusted", "given", "is_taken"),
    [(True, GIVEN, True), (False, GIVEN, False), (True, "a b", False), (True, "x" * 65, False)],
)
def test_only_our_proxy_names_a_request(
    client: Client, settings: Settings, is_trusted: bool, given: str, is_taken: bool
) -> None:
    settings.TRUST_PROXY = is_trusted
    answer = client.get("/livez", headers={"X-Request-Id": given}).headers["X-Request-Id"]
    assert (answer == given) is is_taken
    assert re.fullmatch(r"[0-9a-z]{16,32}", answer)


@pytest.mark.django_db
def test_a_refusal_carries_request_client_and_order(client: Client, settings: Settings, lines: Lines) -> None:
    """Django logs it after the last middleware."""
    settings.TRUST_PROXY = True
    answer = client.get("/orders/26112700000000/none/", headers={"X-Forwarded-For": "203.0.113.9"})
    (line,) = lines()
    assert line["request"] == answer.headers["X-Request-Id"]
    assert (line["client"], line["order"]) == ("203.0.113.9", "26112700000000")
    assert "staff" not in line


@pytest.mark.django_db
def test_a_line_names_staff_by_id_and_no_renter(lines: Lines, rf: RequestFactory) -> None:
    for is_staff in (True, False):
        request = rf.get("/")
        request._cached_user = make.user(is_staff=is_staff)
        with log_context.within(LogContext("request", "1", request)):
            logging.getLogger("x").info("done")
        assert lines()[-1].get("staff") == (request._cached_user.pk if is_staff else None)


@pytest.mark.django_db
def test_a_booking_names_its_order(
    lines: Lines, rf: RequestFactory, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    house, renter, today = make.house(), make.user(), localdate()
    stay = {"check_in": today + timedelta(days=3), "check_out": today + timedelta(days=5)}
    context = LogContext("request", "1", rf.post("/houses/1/book/"))
    with log_context.within(context), django_capture_on_commit_callbacks(execute=True):
        order = booking.book(house, renter=renter, guests=1, **stay)
    (line,) = [line for line in lines() if line["logger"] == "orders.booking"]
    assert line["message"] == f"order {order.number} booked for house {house.pk}"
    assert line["order"] == context.order == order.number


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("attempt 26112700000000_2 by notify: paid", "26112700000000"),
        ("refund 26112700000000_1_r1 refused", "26112700000000"),
        ("trade 2026112722001400000000000000", ""),
        ("answer 261127000000001", ""),
    ],
)
def test_an_order_is_found_in_the_number_of_an_attempt(text: str, order: str) -> None:
    assert log_context.order_in(text) == order


@pytest.mark.django_db
def test_lines_of_a_round_share_its_id_and_not_their_orders(
    lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def act(item: int) -> int:
        if item == 1:
            log_context.note_order("26112700000000_1")
        logging.getLogger("x").info("item %d", item)
        return 1

    monkeypatch.setattr(sweep, "TASKS", [Task("tried", lambda: [1, 2], act)])
    sweep_once()
    sweep_once()
    told = [line for line in lines() if line["logger"] == "x"]
    assert [line.get("order") for line in told] == ["26112700000000", None] * 2
    first, second = told[0]["round"], told[2]["round"]
    assert [line["round"] for line in told] == [first, first, second, second]
    assert first != second


def test_the_access_line_carries_the_same_id(settings: Settings, rf: RequestFactory) -> None:
    settings.LOG_FORMAT = "json"
    text = io.StringIO()
    log = Logger(Config())
    log.access_log.handlers = [logging.StreamHandler(text)]
    log.access_log.handlers[0].setFormatter(SiteFormatter(log.access_fmt))
    log.access_log.propagate = False
    request: HttpRequest = rf.get("/livez?sign=SECRET")
    context = LogContext("request", GIVEN, request, "26112700000000")
    environ = {**request.META, log_context.KEY: context, "RAW_URI": "/livez?sign=SECRET"}
    answer = SimpleNamespace(status="200 OK", headers=[], sent=3, response_length=3)
    asked = SimpleNamespace(headers=[])
    log.access(answer, asked, environ, SimpleNamespace(total_seconds=float, microseconds=1500, seconds=0))
    line = json.loads(text.getvalue())
    assert (line["request"], line["order"], line["status"]) == (GIVEN, "26112700000000", 200)
    assert (line["method"], line["path"], line["client"]) == ("GET", "/livez", "127.0.0.1")
    assert "SECRET" not in text.getvalue()
