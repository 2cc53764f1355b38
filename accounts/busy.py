"""Keeps the shop open while passwords are guessed: few threads sign in at once, all others are told at once.

Of gunicorn's eight threads in a process, AT_DOORS take posts of the sign-in pages, and one more may wait: a
browser that somebody has signed in with before. HASHING lets one of them compare a password, which takes a
third of a second of a core; gunicorn has a process for each core.
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
HASHING = Places(at_once=1, waiting=3)
WAIT_SECONDS = 3
RETRY_SECONDS = 5


class DoorMiddleware:
    """Answer 503 to a sign-in that finds no place, before anything is read for it or compared."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method != "POST" or request.path not in _doors():
            return self.get_response(request)
        try:
            with AT_DOORS.one(wait=WAIT_SECONDS if is_known(request) else 0):
                return self.get_response(request)
        except NoPlace:
            return _busy()


@cache
def _doors() -> tuple[str, str]:
    return reverse("accounts:login"), reverse("admin:login")


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
