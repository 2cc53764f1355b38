"""The complete site and a stand-in Alipay, in separate processes on free ports."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

ROOT = Path(__file__).parents[2]
HOST = "127.0.0.1"
DATABASE = "ihome.sqlite3"
START_SECONDS = 60
STOP_SECONDS = 15


class StandIn:
    """Client of the stand-in's control API (docs/standin.md)."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._open = build_opener(ProxyHandler({})).open

    def get(self, path: str) -> Any:
        return self._request(Request(f"{self.url}/_standin/{path}"))

    def post(self, path: str, **fields: object) -> Any:
        return self._request(Request(f"{self.url}/_standin/{path}", json.dumps(fields).encode()))

    def attempts(self, number: str) -> dict[str, dict[str, Any]]:
        """Return the order's attempts that reached the gateway, by `out_trade_no`."""
        return {t["out_trade_no"]: t for t in self.get("trades") if t["out_trade_no"].startswith(number)}

    def _request(self, request: Request) -> Any:
        try:
            with self._open(request, timeout=20) as answer:
                return json.load(answer)
        except HTTPError as error:
            raise AssertionError(f"{request.full_url}: {error.read().decode()}") from error


@dataclass(frozen=True)
class Site:
    """The running site."""

    url: str
    _env: dict[str, str]

    def sweep(self) -> None:
        """Run one round of the sweep."""
        _manage(self._env, "sweep")

    def run(self, code: str) -> None:
        """Run Python code with the site's settings."""
        _manage(self._env, "shell", "--verbosity=0", "--command", code)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


@contextmanager
def running_standin(keys: Path, log: Path) -> Iterator[StandIn]:
    port = free_port()
    with process(["-m", "standin", f"--port={port}", f"--keys={keys}"], dict(os.environ), log) as it:
        wait_until_ready(it, log, port, "/_standin/health")
        yield StandIn(f"http://{HOST}:{port}")


@contextmanager
def running_site(keys: Path, standin: StandIn, folder: Path) -> Iterator[Site]:
    """Run the site with demo data behind gunicorn, with hashed static files and DEBUG off."""
    port = free_port()
    env = _environment(f"http://{HOST}:{port}", keys, standin, folder)
    _manage(
        env, "shell", "--verbosity=0", "--command", "from tests.browser import more_data; more_data.set_up()"
    )
    log = folder / "site.log"
    arguments = [
        "-m",
        "gunicorn",
        "-c",
        "deploy/gunicorn.conf.py",
        f"--bind={HOST}:{port}",
        "ihome_site.wsgi",
    ]
    with process(arguments, env, log) as it:
        wait_until_ready(it, log, port, "/readyz")
        yield Site(env["SITE_URL"], env)


def _environment(url: str, keys: Path, standin: StandIn, folder: Path) -> dict[str, str]:
    """Return the environment. tests/settings.py has set every variable in ours; only differences are here."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.browser.settings",
        "PYTHONUNBUFFERED": "1",
        "SITE_URL": url,
        "ALLOWED_HOSTS": f"{HOST},localhost",  # browsers take passkeys for a name alone
        "CSRF_TRUSTED_ORIGINS": url,
        "DATABASE_URL": f"sqlite:///{folder / DATABASE}",
        "EMAIL_URL": "consolemail://",
        "SMS_PER_ADDRESS": "500",  # all visitors come from one address
        "CONTACT_PHONE": "0592-000-0000",
        "CONTACT_EMAIL": "hello@ihome.example",
        "MEDIA_ROOT": str(folder / "media"),
        "STATIC_ROOT": str(folder / "static"),
        "ALIPAY_GATEWAY_URL": f"{standin.url}/gateway.do",
        "ALIPAY_APP_PRIVATE_KEY_PATH": str(keys / "app_private_key.pem"),
        "ALIPAY_PUBLIC_KEY_PATH": str(keys / "alipay_public_key.pem"),
    }


def _manage(env: dict[str, str], *arguments: str) -> None:
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, f"manage.py {arguments[0]}:\n{done.stdout}{done.stderr}"


@contextmanager
def process(arguments: list[str], env: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        it = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield it
    finally:
        it.terminate()
        try:
            it.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            it.kill()
            it.wait()


def wait_until_ready(it: subprocess.Popen[bytes], log: Path, port: int, path: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not _is_ready(port, path):
        alive = it.poll() is None and time.monotonic() < deadline
        assert alive, f"it did not get ready; the end of its log:\n{log.read_text(errors='replace')[-3000:]}"
        time.sleep(0.1)


def _is_ready(port: int, path: str) -> bool:
    connection = HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
