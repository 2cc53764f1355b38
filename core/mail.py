"""Shared by all mails of the site."""

from django.conf import settings

NO_AUTOMATIC_REPLY = {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"}
"""RFC 3834, and Exchange's own: holiday replies would come back to our address for each mail."""


def contacts() -> str:
    """Return phone and email of the site, as they are set, for the end of a mail."""
    return " · ".join(filter(None, [settings.CONTACT_PHONE, settings.CONTACT_EMAIL]))
