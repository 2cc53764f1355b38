"""Address of the client. The only place that reads X-Forwarded-For: limits and log lines ask here."""

from collections.abc import Mapping
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

from django.conf import settings
from django.http import HttpRequest

UNKNOWN = "-"
IPV6_PREFIX = 64
"""A household gets all addresses below such a prefix."""


def client_address(request: HttpRequest) -> str:
    """Return the address that sent the request, in its canonical form; "-" if there is none."""
    return address_in(request.META)


def client_network(request: HttpRequest) -> str:
    """Return what limits count as one client: the address, or the prefix of an IPv6 one."""
    address = client_address(request)
    if address == UNKNOWN or not isinstance(ip_address(address), IPv6Address):
        return address
    return str(ip_network(f"{address}/{IPV6_PREFIX}", strict=False))


def address_in(environ: Mapping[str, Any]) -> str:
    """Return the client's address from a WSGI environment.

    With TRUST_PROXY it is the last one in X-Forwarded-For, which our own proxy wrote; whatever stands left of
    it came with the request and may be invented. If that is no address, the peer's counts.
    """
    peer = _canonical(str(environ.get("REMOTE_ADDR", "")))
    if not settings.TRUST_PROXY:
        return peer or UNKNOWN
    forwarded = str(environ.get("HTTP_X_FORWARDED_FOR", "")).rpartition(",")[2]
    return _canonical(forwarded) or peer or UNKNOWN


def network_of(address: str) -> str:
    """Return the beginning of an address for people: 203.0.*.* or 2001:db8:*. Empty if there is none."""
    if not _canonical(address):
        return ""
    if ":" in address:
        first, second = IPv6Address(address).exploded.split(":")[:2]
        return f"{int(first, 16):x}:{int(second, 16):x}:*"
    return ".".join([*address.split(".")[:2], "*", "*"])


def _canonical(text: str) -> str:
    """Return one spelling for each address: ::ffff:192.0.2.1 is 192.0.2.1. Empty for anything else."""
    try:
        address = ip_address(text.strip())
    except ValueError:
        return ""
    if isinstance(address, IPv6Address):
        # The scope is text that a sender may choose: fe80::1%anything.
        return str(address.ipv4_mapped or IPv6Address(int(address)))
    return str(address)
