"""The end of a session, which is set once, at the sign-in: Django would move it each time it is written."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone


def set_end(sender: object, request: HttpRequest | None, user: Any, **kwargs: object) -> None:
    """Receive Django's signal of a sign-in. Staff must prove who they are much sooner: accounts/factors."""
    if request is not None:
        request.session.set_expiry(timezone.now() + timedelta(seconds=settings.SESSION_COOKIE_AGE))
