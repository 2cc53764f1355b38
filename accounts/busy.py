"""Keeps the shop open while strangers guess or sign up: few threads take them, all others are told at once.

Of gunicorn's twelve threads in a process, AT_DOORS take posts of the sign-in pages, and one more may wait: a
browser that somebody has signed in with before. HASHING lets one of them compare a password, which takes a
third of a second of a core; gunicorn has a process for each core. AT_CODES take posts of the pages that send
codes and links to whoever asks; they may wait for the SMS provider, and hold up no sign-in with a password.
"""

from collections.abc import Callable
from functools import cache

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation

from accounts.devices import is_known
from core.places import NoPlace, Places

AT_DOORS = Places(at_once=3, waiting=1)
AT_CODES = Places(at_once=2)
HASHING = Places(at_once=1, waiting=3)
DOORS = ("accounts:login", "admin:login")
SENDERS = ("accounts:signup", "accounts:login_code", "accounts:forgotten", "accounts:reset_by_email")
WAIT_SECONDS = 3
RETRY_SECONDS = 5


class DoorMiddleware:
    """Answer 503 to a post that finds no place, before anything is read for it, compared or sent."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        places = _places(request.path) if request.method == "POST" else None
        if places is None:
            return self.get_response(request)
        try:
            with places.one(wait=WAIT_SECONDS if is_known(request) else 0):
                return self.get_response(request)
        except NoPlace:
            return _busy()


def _places(path: str) -> Places | None:
    doors, senders = _guarded()
    if path in doors:
        return AT_DOORS
    return AT_CODES if path in senders else None


@cache
def _guarded() -> tuple[set[str], set[str]]:
    return {reverse(name) for name in DOORS}, {reverse(name) for name in SENDERS}


def _busy() -> HttpResponse:
    response = HttpResponse(_page(translation.get_language()), status=503)
    response.headers["Retry-After"] = str(RETRY_SECONDS)
    response.headers["Cache-Control"] = "private, no-store"
    response._has_been_logged = True  # type: ignore[attr-defined]  # Django would log an error for each 5xx
    return response


@cache
def _page(language: str) -> str:
    """Render the page, once for each language: that of the request."""
    return render_to_string("503_busy.html")
