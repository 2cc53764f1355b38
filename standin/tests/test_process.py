"""The process prints its address, logs no secrets and stops cleanly."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.database_use import NOWHERE
from tests.test_imports import LAYERS

from .merchant import NUMBER, Merchant, fetch

ROOT = Path(__file__).parents[2]
WITHOUT_DJANGO = ["-m", "standin"]
WITH_DJANGO = ["manage.py", "alipay_standin"]


@contextmanager
def process(
    command: list[str], *options: str, **environment: str
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run a command on a free port; yield the process and its URL."""
    running = subprocess.Popen(
        [sys.executable, *command, "--port", "0", *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    try:
        line = running.stdout.readline()
        assert line.startswith("stand-in Alipay on http://127.0.0.1:")
        yield running, line.split()[-1]
    finally:
        running.kill()
        running.communicate()


class RemoteStandIn:
    """Addresses of a stand-in in another process, for Merchant."""

    def __init__(self, url: str) -> None:
        self.url, self.gateway_url = url, f"{url}/gateway.do"


@pytest.mark.parametrize(
    ("command", "number"),
    [(WITHOUT_DJANGO, signal.SIGTERM), (WITH_DJANGO, signal.SIGTERM), (WITH_DJANGO, signal.SIGINT)],
)
def test_it_serves_without_the_sites_database_and_stops_on_a_signal(standin_keys, tmp_path, command, number):
    state = tmp_path / "state.sqlite3"
    options = ("--keys", str(standin_keys), "--state", str(state))
    with process(command, *options, DATABASE_URL=NOWHERE) as (running, url):
        merchant = Merchant(RemoteStandIn(url), standin_keys)
        assert merchant.press_pay().status == 302
        fetch(f"{url}/_standin/pay", json.dumps({"out_trade_no": NUMBER}).encode())
        sign = json.loads(merchant.call("trade.query", out_trade_no=NUMBER).body)["sign"]
        running.send_signal(number)
        _, log = running.communicate(timeout=10)
    assert running.returncode == 0
    assert f"alipay.trade.query {NUMBER} 10000" in log
    assert sign not in log
    assert "PRIVATE" not in log
    assert "Traceback" not in log


def test_payments_survive_a_kill(standin_keys, tmp_path):
    options = ("--keys", str(standin_keys), "--state", str(tmp_path / "state.sqlite3"))
    with process(WITHOUT_DJANGO, *options) as (running, url):
        Merchant(RemoteStandIn(url), standin_keys).press_pay()
        fetch(f"{url}/_standin/pay", json.dumps({"out_trade_no": NUMBER}).encode())
        running.kill()
        running.wait()
    with process(WITHOUT_DJANGO, *options) as (_, url):
        node = Merchant(RemoteStandIn(url), standin_keys).call("trade.query", out_trade_no=NUMBER).node
    assert node["trade_status"] == "TRADE_SUCCESS"


def test_startup_errors_are_one_message_without_a_traceback(standin_keys, tmp_path):
    def start(*options: str) -> subprocess.CompletedProcess:
        command = [sys.executable, *WITHOUT_DJANGO, *options]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20)

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        runs = [
            start("--port", port, "--keys", str(standin_keys)),
            start("--port", "0", "--keys", str(tmp_path / "nowhere")),
            start("--port", "0", "--keys", str(standin_keys), "--host", "0.0.0.0"),
        ]
    for run, message in zip(runs, (f"port {port}", "keys in", "loopback"), strict=True):
        assert run.returncode
        assert message in run.stderr
        assert "Traceback" not in run.stderr


def test_it_shares_no_code_with_the_site():
    """Checked in a fresh process: this one has imported everything."""
    code = "import sys, standin.main; print([m for m in sys.modules if m.split('.')[0] in %r])"
    others = ["django", "alipay", *LAYERS, "demo"]
    run = subprocess.run([sys.executable, "-c", code % others], cwd=ROOT, capture_output=True, text=True)
    assert run.stdout.strip() == "[]"
