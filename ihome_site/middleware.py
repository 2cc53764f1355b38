"""Middleware for every answer: headers, the language, and a 503 while the database is down."""

import logging
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.translation.trans_real import parse_accept_lang_header

from core import log_context, metrics
from core.log_context import LogContext
from core.transactions import is_outage

log = logging.getLogger(__name__)

GetResponse = Callable[[HttpRequest], HttpResponse]


DEBUG_PAGES = (404, 500)
"""With DEBUG, Django's own pages of these have inline scripts and styles."""


class RequestIdMiddleware:
    """Give each request an id that its log lines and its answer carry."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        context = LogContext("request", log_context.id_of(request), request)
        request.META[log_context.KEY] = context
        with log_context.within(context):
            response = self.get_response(request)
        match = request.resolver_match
        metrics.count_request(match.view_name or "unnamed" if match else "none", response.status_code)
        response.headers[log_context.HEADER] = context.id
        return response


class DatabaseDownMiddleware:
    """Answer 503 with an error page while our database is down."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not is_outage(error):
            return None
        log.exception("%s %s: database unavailable", request.method, request.path)
        response = render(None, "503.html", status=503)  # context processors would query the database
        response.headers["Retry-After"] = "10"
        return response


class HeadersMiddleware:
    """Set the headers that no answer goes without, unless a view or another middleware has set them."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        headers = response.headers
        if not (settings.DEBUG and response.status_code in DEBUG_PAGES):
            headers.setdefault("Content-Security-Policy", settings.CONTENT_SECURITY_POLICY)
        headers.setdefault("Permissions-Policy", settings.PERMISSIONS_POLICY)
        headers.setdefault("X-Content-Type-Options", "nosniff")  # a refused Host comes before Django's own
        headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        content_type = headers.get("Content-Type", "")
        if content_type.startswith("text/") and "charset" not in content_type:
            headers["Content-Type"] = f"{content_type}; charset=utf-8"
        return response


class LanguageCookieMiddleware:
    """Set the language from the cookie of the footer's language switch; Chinese without one.

    Unlike Django's LocaleMiddleware, goes by no Accept-Language: browsers abroad get Chinese, too, with a
    line that offers English until they choose (`request.offers_english`). The cookie keeps either choice.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        wanted = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
        language = wanted if wanted and wanted in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE
        with translation.override(language):
            request.LANGUAGE_CODE = language
            request.offers_english = not wanted and _reads_no_chinese(request)  # type: ignore[attr-defined]
            response = self.get_response(request)
            response.headers.setdefault("Content-Language", language)
            if response.headers.get("Content-Type", "").startswith("text/html"):
                patch_vary_headers(response, ("Cookie", "Accept-Language"))
            return response


def _reads_no_chinese(request: HttpRequest) -> bool:
    """Whether a browser names its languages, and none of them is Chinese."""
    named = [name for name, _weight in parse_accept_lang_header(request.META.get("HTTP_ACCEPT_LANGUAGE", ""))]
    return bool(named) and not any(name == "*" or name.split("-")[0] == "zh" for name in named)
