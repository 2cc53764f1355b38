"""HTTP calls to Alipay: total timeout, size cap, no redirects, certificates verified.

libcurl, because it keeps a total timeout even if a server sends one byte a second.
"""

import os
import threading

import certifi
import pycurl

from core.circuit_breaker import CircuitBreaker
from core.places import NoPlace, Places

MAX_ANSWER_BYTES = 64 * 1024
MAX_DOWNLOAD_BYTES = 16 * 1024 * 1024
"""Enough for a zipped bill of about 300,000 payments."""

PLACES = Places(at_once=8, waiting=2)
"""Of gunicorn's twelve threads in a process, two are never at Alipay: notices and /livez are answered. The
sweep makes eight calls at once.
"""
WAIT_SECONDS = 1.0

_local = threading.local()

breaker = CircuitBreaker("Alipay")
"""One per process, for post() only: bills come from another host."""


class GatewayUnreachable(Exception):
    """No complete answer came in time, with the reason. `is_down`: no answer at all, or HTTP 5xx."""

    def __init__(self, reason: str, *, is_down: bool = False) -> None:
        super().__init__(reason)
        self.is_down = is_down


def post(url: str, form: str, *, deadline: float) -> bytes:
    """POST a form. Returns the body of a 200 answer, at most MAX_ANSWER_BYTES, within `deadline` seconds.

    Raises GatewayUnreachable, without a call while the circuit breaker is open or too many wait already.
    """
    try:
        with PLACES.one(wait=WAIT_SECONDS):
            return _post(url, form, deadline)
    except NoPlace:
        raise GatewayUnreachable("not called: too many calls wait already") from None


def _post(url: str, form: str, deadline: float) -> bytes:
    if not breaker.allows_call():
        raise GatewayUnreachable("not called: the circuit is open")
    curl = _handle()
    curl.setopt(pycurl.URL, url)
    curl.setopt(pycurl.POSTFIELDS, form)
    try:
        answer = _perform(curl, deadline, MAX_ANSWER_BYTES)
    except GatewayUnreachable as error:
        (breaker.failed if error.is_down else breaker.succeeded)()
        raise
    breaker.succeeded()
    return answer


def download(url: str, *, deadline: float) -> bytes:
    """GET a file. Returns the body of a 200 answer, at most MAX_DOWNLOAD_BYTES, within `deadline` seconds.

    Raises GatewayUnreachable.
    """
    curl = _new_handle()
    curl.setopt(pycurl.URL, url)
    return _perform(curl, deadline, MAX_DOWNLOAD_BYTES)


def _perform(curl: pycurl.Curl, deadline: float, max_bytes: int) -> bytes:
    body = bytearray()

    def take(chunk: bytes) -> int:
        body.extend(chunk)
        return len(chunk) if len(body) <= max_bytes else 0  # 0 makes libcurl stop

    curl.setopt(pycurl.WRITEFUNCTION, take)
    curl.setopt(pycurl.TIMEOUT_MS, int(deadline * 1000))
    try:
        curl.perform()
    except pycurl.error as error:
        if len(body) > max_bytes:
            raise GatewayUnreachable(f"an answer of more than {max_bytes} bytes") from error
        reason = str(error.args[1] if len(error.args) > 1 else error)
        raise GatewayUnreachable(reason, is_down=True) from error
    status = curl.getinfo(pycurl.RESPONSE_CODE)
    if status != 200:
        redirect = ", a redirect, not followed" if 300 <= status < 400 else ""
        raise GatewayUnreachable(f"HTTP {status}{redirect}", is_down=status >= 500)
    return bytes(body)


def _handle() -> pycurl.Curl:
    """This thread's handle, which keeps its connection to the gateway alive between calls."""
    if not hasattr(_local, "curl"):
        curl = _new_handle()
        curl.setopt(
            pycurl.HTTPHEADER,
            [
                "Content-Type: application/x-www-form-urlencoded; charset=utf-8",
                "Accept: application/json",
                "Expect:",
            ],
        )
        _local.curl = curl
    return _local.curl


def _new_handle() -> pycurl.Curl:
    curl = pycurl.Curl()
    curl.setopt(pycurl.NOSIGNAL, 1)
    curl.setopt(pycurl.FOLLOWLOCATION, 0)
    curl.setopt(pycurl.CONNECTTIMEOUT_MS, 3000)
    curl.setopt(pycurl.CAINFO, os.environ.get("SSL_CERT_FILE") or certifi.where())
    curl.setopt(pycurl.NOPROXY, "127.0.0.1,localhost")
    curl.setopt(pycurl.USERAGENT, "ihome")
    return curl
