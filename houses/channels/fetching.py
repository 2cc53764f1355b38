"""GET of a calendar at an address that staff typed: bounded in time and size, never into a private network.

libcurl, because it keeps a total timeout even if a server sends one byte a second. The address that a name
resolves to is checked at the socket that connects to it, so a name that resolves anew can't lead elsewhere.
"""

import ipaddress
import logging
import os
import socket
from dataclasses import dataclass, field
from time import monotonic
from typing import Any
from urllib.parse import urljoin, urlsplit

import certifi
import pycurl
from django.conf import settings

from houses.channels.models import Trouble
from houses.channels.reading import Unreadable

log = logging.getLogger(__name__)

DEADLINE = 10.0
"""Seconds for all of it, redirects included."""
MAX_BYTES = 1024 * 1024
MAX_REDIRECTS = 3
_EMBEDDING = [ipaddress.ip_network(net) for net in ("::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16")]
"""IPv6 networks whose addresses stand for IPv4 addresses: a gateway would lead there."""


@dataclass
class Answer:
    """`content` is None if nothing has changed since the answer with these tags."""

    content: bytes | None
    etag: str = ""
    last_modified: str = ""


@dataclass
class _Exchange:
    body: bytearray = field(default_factory=bytearray)
    headers: dict[str, str] = field(default_factory=dict)
    is_private: bool = False

    def take(self, chunk: bytes) -> int:
        self.body.extend(chunk)
        return len(chunk) if len(self.body) <= MAX_BYTES else 0  # 0 makes libcurl stop

    def take_header(self, line: bytes) -> None:
        name, _, value = line.decode("latin-1").partition(":")
        self.headers[name.strip().lower()] = value.strip()

    def open_socket(self, purpose: int, address: Any) -> Any:
        """Refuse the address that libcurl is about to connect to, unless it is public."""
        family, kind, protocol, where = address
        if not may_connect(str(where[0])):
            self.is_private = True
            return pycurl.SOCKET_BAD
        return socket.socket(family, kind, protocol)


def leads_inside(url: str) -> bool:
    """Return True for a URL that names this machine or a private address. A name may lead there, too."""
    try:
        host = urlsplit(url).hostname or ""
        ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return not may_connect(host)


def may_connect(address: str) -> bool:
    """Return True for an address of the public internet."""
    if address in settings.CHANNELS_ALSO_AT:
        return True
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if ip.version == 6 and any(ip in net for net in _EMBEDDING):
        return False
    ip = getattr(ip, "ipv4_mapped", None) or ip
    is_odd = ip.is_multicast or ip.is_reserved or getattr(ip, "is_site_local", False)
    return ip.is_global and not is_odd


def fetch(url: str, *, etag: str = "", last_modified: str = "") -> Answer:
    """GET a calendar. Raises Unreadable."""
    ends_at = monotonic() + DEADLINE
    tags = [f"If-None-Match: {etag}"] * bool(etag)
    tags += [f"If-Modified-Since: {last_modified}"] * bool(last_modified)
    for _attempt in range(MAX_REDIRECTS + 1):
        _check(url)
        exchange = _Exchange()
        status = _perform(url, tags, exchange, ends_at - monotonic())
        if status not in (301, 302, 303, 307, 308):
            return _answer(status, exchange)
        there = urljoin(url, exchange.headers.get("location", ""))
        if url.lower().startswith("https:") and not there.lower().startswith("https:"):
            raise Unreadable(Trouble.REDIRECTS)
        url = there
    raise Unreadable(Trouble.REDIRECTS)


def _check(url: str) -> None:
    try:
        parts = urlsplit(url)
        is_plain = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        is_plain = False
    if not is_plain or "@" in parts.netloc or not url.isprintable() or " " in url:
        raise Unreadable(Trouble.ADDRESS)


def _answer(status: int, exchange: _Exchange) -> Answer:
    if status == 304:
        return Answer(None)
    if status != 200:
        raise Unreadable(Trouble.STATUS, f"HTTP {status}")
    headers = exchange.headers
    return Answer(
        bytes(exchange.body),
        _short(headers.get("etag", ""), 300),
        _short(headers.get("last-modified", ""), 100),
    )


def _short(tag: str, length: int) -> str:
    """Return a tag that can be kept and sent back; empty otherwise."""
    return tag if len(tag) <= length and tag.isascii() and tag.isprintable() else ""


def _perform(url: str, tags: list[str], exchange: _Exchange, seconds: float) -> int:
    curl = _handle(exchange)
    try:
        curl.setopt(pycurl.URL, url.encode())
        curl.setopt(pycurl.HTTPHEADER, ["Accept: text/calendar, */*;q=0.1", *tags])
        curl.setopt(pycurl.TIMEOUT_MS, max(1, int(seconds * 1000)))
        curl.perform()
        return curl.getinfo(pycurl.RESPONSE_CODE)
    except pycurl.error as error:
        raise _refusal(error, exchange) from error
    finally:
        curl.close()


def _refusal(error: pycurl.error, exchange: _Exchange) -> Unreadable:
    if exchange.is_private:
        return Unreadable(Trouble.PRIVATE)
    if len(exchange.body) > MAX_BYTES:
        return Unreadable(Trouble.LARGE)
    log.info("calendar of a channel not fetched: %s", error)
    is_late = error.args[0] == pycurl.E_OPERATION_TIMEDOUT
    return Unreadable(Trouble.SLOW if is_late else Trouble.UNREACHABLE)


def _handle(exchange: _Exchange) -> Any:
    """Return a handle of its own for each exchange: no connection outlives the check of its address."""
    curl = pycurl.Curl()
    curl.setopt(pycurl.NOSIGNAL, 1)
    curl.setopt(pycurl.FOLLOWLOCATION, 0)
    curl.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
    curl.setopt(pycurl.PROXY, "")  # a proxy would connect in our place, unchecked
    curl.setopt(pycurl.CONNECTTIMEOUT_MS, 3000)
    curl.setopt(pycurl.CAINFO, os.environ.get("SSL_CERT_FILE") or certifi.where())
    curl.setopt(pycurl.USERAGENT, "ihome")
    curl.setopt(pycurl.OPENSOCKETFUNCTION, exchange.open_socket)
    curl.setopt(pycurl.WRITEFUNCTION, exchange.take)
    curl.setopt(pycurl.HEADERFUNCTION, exchange.take_header)
    return curl
