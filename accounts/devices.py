"""The browsers that an account has been used with, remembered in a signed cookie of theirs.

Wrong passwords from other browsers can't keep such a browser out, since its tries are counted apart. The
cookie signs nobody in. Stolen, it is worth ten tries of its own.
"""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import get_random_string, salted_hmac

AGE = 365 * 24 * 3600
MOST_ACCOUNTS = 8
"""Accounts remembered for a browser, newest last."""
SALT = "accounts.devices"


def known_device(request: HttpRequest, subject: str) -> str | None:
    """Return the id of the browser if the subject, such as an account's number, is in its cookie."""
    device, tags = _read(request)
    return device if _tag(subject) in tags else None


def is_known(request: HttpRequest) -> bool:
    """Tell whether any account has been used with the browser."""
    return bool(_read(request)[1])


def remember_device(sender: object, request: HttpRequest | None, user: Any, **kwargs: object) -> None:
    """Add the account to the cookie after a sign-in of any kind."""
    if request is not None:
        remember(request, user.mobile)


def remember(request: HttpRequest, subject: str) -> None:
    """Add the subject to the cookie; DeviceMiddleware sends it."""
    device, tags = _read(request)
    tag = _tag(subject)
    kept = [*(known for known in tags if known != tag), tag][-MOST_ACCOUNTS:]
    request.device_cookie = signing.dumps([device, kept], salt=SALT)  # type: ignore[attr-defined]


def _read(request: HttpRequest) -> tuple[str, list[str]]:
    try:
        device, tags = signing.loads(
            request.COOKIES.get(settings.DEVICE_COOKIE_NAME, ""), salt=SALT, max_age=AGE
        )
    except signing.BadSignature:
        return get_random_string(22), []
    return device, tags


def _tag(subject: str) -> str:
    return salted_hmac(SALT, subject, algorithm="sha256").hexdigest()[:16]


class DeviceMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if value := getattr(request, "device_cookie", None):
            response.set_cookie(
                settings.DEVICE_COOKIE_NAME,
                value,
                max_age=AGE,
                secure=settings.SESSION_COOKIE_SECURE,
                httponly=True,
                samesite="Lax",
            )
        return response
