"""What holds for every page: its language, forms that can be read, a database that may be down."""

import logging
from collections.abc import Callable

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation

log = logging.getLogger(__name__)

GetResponse = Callable[[HttpRequest], HttpResponse]


class DatabaseDownMiddleware:
    """503 and words while our own database does not answer."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, (OperationalError, InterfaceError)):
            return None
        log.exception("%s %s: the database does not answer", request.method, request.path)
        response = render(None, "503.html", status=503)  # nothing of the request
        response.headers["Retry-After"] = "10"
        return response


class LanguageCookieMiddleware:
    """Chinese, unless a cookie set by the footer's link says otherwise.

    Unlike Django's LocaleMiddleware, doesn't read Accept-Language: browsers abroad still get Chinese.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        wanted = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
        language = wanted if wanted in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE
        with translation.override(language):
            request.LANGUAGE_CODE = language
            response = self.get_response(request)
            response.headers.setdefault("Content-Language", language)
            return response
