"""Addresses of our own pages, put together without looking for them at each use as reverse() does."""

from functools import cache
from urllib.parse import urljoin

from django.conf import settings
from django.urls import reverse

_SAMPLE = "0" * 14
"""An argument that fits every view with a key or an order number."""


def address(view_name: str, key: object = None) -> str:
    """Return the address of a view, with a key or an order number if it takes one."""
    before, after = _parts(view_name, key is None)
    return f"{before}{'' if key is None else key}{after}"


def any_address(view_name: str, *args: object) -> str:
    """Return the address of a view, also of one that takes other arguments."""
    is_plain = all(str(arg).isascii() and str(arg).isdecimal() for arg in args) and len(args) < 2
    return address(view_name, *args) if is_plain else reverse(view_name, args=args)


def absolute_url(view_name: str, *args: object) -> str:
    """Return the public URL of a view, under SITE_URL: for Alipay, mails and calendar files."""
    return _origin(settings.SITE_URL) + any_address(view_name, *args)


@cache
def _parts(view_name: str, is_whole: bool) -> tuple[str, str]:
    found = reverse(view_name, args=() if is_whole else (_SAMPLE,))
    before, _sample, after = found.partition(_SAMPLE)
    return before, after


@cache
def _origin(site_url: str) -> str:
    return urljoin(f"{site_url}/", "/")[:-1]
