"""Absolute URLs of our own pages."""

from urllib.parse import urljoin

from django.conf import settings
from django.urls import reverse


def absolute_url(view_name: str, *args: object) -> str:
    """Return the public URL of a view, under SITE_URL: for Alipay, mails and calendar files."""
    return urljoin(settings.SITE_URL + "/", reverse(view_name, args=args))
