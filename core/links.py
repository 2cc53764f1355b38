"""Addresses of our pages as somebody outside sees them."""

from urllib.parse import urljoin

from django.conf import settings
from django.urls import reverse


def absolute_url(view_name: str, *args: object) -> str:
    """Where Alipay, a browser or the reader of a mail find a page of ours."""
    return urljoin(settings.SITE_URL + "/", reverse(view_name, args=args))
