"""Deployment checks of Alipay's keys and gateway: wrong ones would lose money or accept fake payments.

`check --deploy`, wsgi.py, sweep and reconcile_bill run them; other commands work without keys.
"""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from payments.alipay import PRODUCTION_GATEWAY, keys

ALIPAY_TAG = "alipay"


@register(Tags.security, ALIPAY_TAG, deploy=True)
def check_alipay(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    problems = [*_names(), *_gateway(), *_keys()]
    return [Error(message, id=f"payments.E{number:03d}") for number, message in problems]


def _names() -> Iterator[tuple[int, str]]:
    for number, name in ((1, "ALIPAY_APP_ID"), (2, "ALIPAY_SELLER_ID")):
        value = getattr(settings, name)
        if not (value.isascii() and value.isdigit()):
            yield (number, f"{name} is not set to the digits that Alipay's console shows.")


def _gateway() -> Iterator[tuple[int, str]]:
    if not _ADDRESS.fullmatch(settings.ALIPAY_GATEWAY_URL):
        yield 3, "ALIPAY_GATEWAY_URL is not a plain http(s) address."
        return
    url = urlsplit(settings.ALIPAY_GATEWAY_URL)
    production = is_production()
    if production and settings.ALIPAY_GATEWAY_URL != PRODUCTION_GATEWAY:
        yield 9, f"ALIPAY_GATEWAY_URL is a host of Alipay; write it exactly so: {PRODUCTION_GATEWAY}"
    if url.scheme == "http" and url.hostname not in ("127.0.0.1", "localhost", "::1"):
        yield 4, "ALIPAY_GATEWAY_URL is not https: answers could be read on the way."
    if settings.DEBUG:
        return
    if not production and not settings.REHEARSAL:
        yield (
            5,
            (
                f"ALIPAY_GATEWAY_URL is not Alipay's production gateway ({PRODUCTION_GATEWAY}). "
                "If no real money is meant to move, set REHEARSAL=1."
            ),
        )
    if production and settings.REHEARSAL:
        yield (
            6,
            "REHEARSAL=1 tells visitors that no real money moves, but the gateway is the production one.",
        )
    if production and settings.ALIPAY_APP_ID.startswith("9021"):
        yield (7, "ALIPAY_APP_ID is one of Alipay's sandbox, but the gateway is the production one.")
    if production and urlsplit(settings.SITE_URL).scheme != "https":
        yield 8, "SITE_URL must be https if real money moves."


_ADDRESS = re.compile(r"https?://(\[::1\]|[A-Za-z0-9.-]+)(:[0-9]{1,5})?/[A-Za-z0-9_./-]*")
"""Only URLs that Python and browsers parse alike: for browsers, `al%69pay.com` is Alipay's host, too."""


def is_production() -> bool:
    """True for any host of Alipay, in any spelling: real money moves there."""
    if not _ADDRESS.fullmatch(settings.ALIPAY_GATEWAY_URL):
        return False
    host = urlsplit(settings.ALIPAY_GATEWAY_URL).hostname
    return f".{host}".rstrip(".").endswith(".alipay.com")


def _keys() -> Iterator[tuple[int, str]]:
    private_path, public_path = (settings.ALIPAY_APP_PRIVATE_KEY_PATH, settings.ALIPAY_PUBLIC_KEY_PATH)
    private_key = public_keys = None
    try:
        private_key = keys.load_private_key(private_path)
    except keys.KeyProblem as problem:
        yield 10, f"ALIPAY_APP_PRIVATE_KEY_PATH: {problem}"
    try:
        public_keys = keys.load_public_keys(public_path)
    except keys.KeyProblem as problem:
        yield 11, f"ALIPAY_PUBLIC_KEY_PATH: {problem}"
    if private_key is None or public_keys is None:
        return
    try:
        keys.check_pair(private_key, public_keys)
    except keys.KeyProblem as problem:
        yield 12, str(problem)
    if is_production() and (keys.is_demo_key(private_path) or keys.is_demo_key(public_path)):
        yield (13, "The keys were made for the stand-in Alipay; the production gateway does not know them.")
