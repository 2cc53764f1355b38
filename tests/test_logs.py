"""Log lines: no signature, no forged line, and no alarm that a stranger can raise."""

import errno
import io
import logging
import os
import re
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings as site
from django.core.exceptions import BadRequest
from django.core.management import call_command
from django.utils import timezone
from pytest_django import Settings

from ihome_site.logs import OneLine, RefusedRequestsAreWarnings, StripQueryString
from ihome_site.requests import Utf8Request
from ihome_site.settings import LOGGING
from jobs.management.commands import sweep
from tests import alipay, make
from tests.browser.running import free_port, wait_until_ready
from tests.odd_requests import HEAD, REQUESTS, send
from tests.serving import database_url

LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d [A-Z]+ [\w.]+: ")
ACCESS = re.compile(r'[0-9a-f.:]+ \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "')


def record(message: str, *args: object, **extra: object) -> logging.LogRecord:
    made = logging.LogRecord("django.request", logging.ERROR, "", 0, message, args, None)
    made.__dict__.update(extra)
    return made


def line_of(made: logging.LogRecord) -> str:
    return OneLine(LOGGING["formatters"]["line"]["form"]).format(made)


@pytest.mark.parametrize(
    "quoted",
    [
        "Invalid HTTP request line: 'GET /payments/paycomplete/?a=\xff&sign=SECRET%2B HTTP/1.1'",
        "Invalid HTTP Version: 'b&sign=SECRET HTTP/1.1'",
    ],
)
def test_SEC10_the_query_is_cut_off(quoted: str) -> None:
    made = logging.LogRecord("gunicorn.error", logging.WARNING, "", 0, "%s from %s", (quoted, "ip"), None)
    assert StripQueryString().filter(made)
    assert "SECRET" not in made.getMessage()
    assert "HTTP/1.1" in made.getMessage()
    assert made.getMessage().endswith("from ip")


# --- lines ------------------------------------------------------------------------------------------

BREAKS = ["\n", "\r", "\r\n", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"]
MARKS = ["\0", "\b", "\x1b[2J", "\x7f", "\x9b", "\u200b", "\u202e", "\ufeff", "\udc80"]


@pytest.mark.parametrize("mark", BREAKS + MARKS, ids=repr)
def test_no_control_character_of_a_request_reaches_the_log(mark: str) -> None:
    for made in (record(f"/x{mark}FORGED"), record("Not Found: %s", f"/x{mark}FORGED")):
        line = line_of(made)
        assert line.isprintable()
        assert line.splitlines() == [line]
        assert line.endswith(repr(f"/x{mark}FORGED")[3:-1])


def test_readable_text_stays_as_it_is() -> None:
    assert line_of(record("order %s: 未收到", "26112700000000")).endswith(": order 26112700000000: 未收到")


def test_a_line_tells_its_time_with_the_zone() -> None:
    line = line_of(record("x"))
    assert LINE.match(line)
    told = datetime.fromisoformat(line[:29])
    assert abs(datetime.now().astimezone() - told) < timedelta(seconds=5)


def test_a_traceback_begins_no_line_either() -> None:
    made = record("failed")
    try:
        raise RuntimeError("a name\nFORGED\r\x1b[2J")
    except RuntimeError:
        made.exc_info = sys.exc_info()
    first, *trace = line_of(made).split("\n")
    assert first.endswith("django.request: failed")
    assert "    RuntimeError: a name" in trace
    assert all(line.startswith("    ") and line.isprintable() for line in trace)


# --- what strangers provoke -------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 403, 404, 405, 413, 422])
def test_a_refused_request_is_a_warning_without_a_traceback(status: int) -> None:
    made = record("Bad Request", status_code=status)
    made.exc_info = (ValueError, ValueError(), None)
    assert RefusedRequestsAreWarnings().filter(made)
    assert made.levelname == "WARNING"
    assert made.exc_info is None


@pytest.mark.parametrize("extra", [{}, {"status_code": 500}, {"status_code": 503}])
def test_an_error_of_ours_stays_an_error(extra: dict[str, object]) -> None:
    made = record("failed", **extra)
    made.exc_info = (ValueError, ValueError(), None)
    assert RefusedRequestsAreWarnings().filter(made)
    assert made.levelname == "ERROR"
    assert made.exc_info is not None


@pytest.fixture
def live(
    tmp_path: Path, transactional_db: None, request: pytest.FixtureRequest
) -> Iterator[tuple[int, Path]]:
    """The site in gunicorn: its port and its log."""
    port, log = free_port(), Path(getattr(request, "param", tmp_path / "log"))
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "ihome_site.settings",
        "DATABASE_URL": database_url(),
        "WEB_CONCURRENCY": "1",
    }
    command = [sys.executable, "-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", f"--bind=127.0.0.1:{port}"]
    with log.open("wb") as file:
        process = subprocess.Popen(
            [*command, "ihome_site.wsgi"],
            cwd=site.BASE_DIR,
            env=environment,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until_ready(process, log, port, "/livez")
        yield port, log
    finally:
        process.terminate()
        process.wait(40)


def reset(port: int, address: str) -> None:
    """Send half of a form and cut the connection, as a phone does that loses its network."""
    head = f"POST {address} HTTP/1.1\r\n{HEAD}Content-Type: application/x-www-form-urlencoded\r\n"
    with socket.create_connection(("127.0.0.1", port)) as peer:
        peer.sendall(f"{head}Content-Length: 900\r\n\r\na=1".encode())
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.race
def test_FMT09_odd_requests_forge_no_line_and_raise_no_alarm(live: tuple[int, Path]) -> None:
    port, log = live
    answers = {name: send(port, request) for name, request in REQUESTS.items()}
    for address in ("/accounts/login/", "/payments/notify/"):
        reset(port, address)
    send(port, b"GET /livez HTTP/1.1\r\nHost: testserver\r\nConnection: close\r\n\r\n")
    statuses = {name: int(answer.split()[1]) for name, answer in answers.items()}
    assert not {name: status for name, status in statuses.items() if status >= 500}
    assert statuses["two lengths at once"] == 400
    too_long = ("a long request line", "a long query", "a long header")
    assert {name: statuses[name] // 100 for name in too_long} == dict.fromkeys(too_long, 4)
    assert statuses["a query below the limit"] == 200
    text = log.read_bytes().decode()  # also: valid UTF-8
    lines = text.split("\n")[:-1]
    assert len(lines) > len(REQUESTS)
    assert [line for line in lines if not (LINE.match(line) or ACCESS.match(line))] == []
    assert "".join(lines).isprintable()
    assert not [line for line in lines if " ERROR " in line or "Traceback" in line]
    assert "/x\\nFORGED line" in text
    assert " WARNING django.security.DisallowedHost: Invalid HTTP_HOST header: 'evil.example'" in text


def post(port: int, address: str, body: bytes) -> bytes:
    head = f"POST {address} HTTP/1.1\r\n{HEAD}Content-Type: application/x-www-form-urlencoded\r\n"
    head += f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return send(port, head.encode() + body)


@pytest.mark.race
@pytest.mark.parametrize("live", ["/dev/full"], indirect=True)
def test_OPS04_a_full_disk_of_logs_stops_neither_pages_nor_payments(live: tuple[int, Path]) -> None:
    """Every line fails with ENOSPC, also those of gunicorn."""
    port, payment = live[0], make.attempt()
    assert post(port, alipay.NOTIFY, b"a=1").endswith(b"fail")
    assert post(port, alipay.NOTIFY, alipay.notify_body(payment)).endswith(b"success")
    payment.refresh_from_db()
    assert payment.status == payment.Status.PAID


@pytest.mark.django_db
@pytest.mark.parametrize("form", ["text", "json"])
def test_OPS04_the_sweep_goes_on_where_its_output_is_full(settings: Settings, form: str) -> None:
    settings.LOG_FORMAT = form
    make.attempt(next_try_at=timezone.now())
    written: list[str] = []

    class Full(io.StringIO):
        def write(self, text: str) -> int:
            written.append(text)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    call_command(sweep.Command(stdout=Full()))
    assert written == (["sweep: 1 polled\n"] if form == "text" else [])


class BrokenConnection(io.BytesIO):
    def read(self, *args: object) -> bytes:
        raise ConnectionResetError


@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=B"]
)
def test_a_body_that_breaks_off_is_a_bad_request(content_type: str) -> None:
    environ = {"REQUEST_METHOD": "POST", "CONTENT_LENGTH": "9", "CONTENT_TYPE": content_type}
    request = Utf8Request({**environ, "wsgi.input": BrokenConnection()})
    with pytest.raises(BadRequest):
        request.POST  # noqa: B018  reads the form
    assert request.POST == {}  # an error page may look at it
