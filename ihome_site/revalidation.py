"""Revalidation of pages: a browser that has a page of a visitor who is not signed in gets 304 for the same.

Two answers differ by the mask of the CSRF token in their forms though they say the same, so the tag is made
of the rest. The browser then keeps the token that it has, which its CSRF cookie accepts: a page for another
cookie has another tag. Pages for a session have no tag, and neither have those that must not be kept.
"""

import re

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response, patch_cache_control
from django.utils.crypto import salted_hmac

from ihome_site.middleware import GetResponse

_TOKEN = re.compile(rb'name="csrfmiddlewaretoken" value="\w+"')


class RevalidationMiddleware:
    """Tag the pages of visitors without a session. Answer 304 to a browser that names the tag of today."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not _may_be_kept(request, response):
            return response
        tag = _tag(request, response)
        patch_cache_control(response, private=True, no_cache=True)  # kept, but asked about each time
        return get_conditional_response(request, etag=tag, response=response) or response


def _may_be_kept(request: HttpRequest, response: HttpResponse) -> bool:
    is_page = response.status_code == 200 and response.headers.get("Content-Type", "").startswith("text/html")
    session = settings.SESSION_COOKIE_NAME
    has_session = session in request.COOKIES or session in response.cookies
    is_private = "no-store" in response.headers.get("Cache-Control", "")
    return request.method == "GET" and is_page and not has_session and not is_private


def _tag(request: HttpRequest, response: HttpResponse) -> str:
    secret = request.META.get("CSRF_COOKIE") or ""
    content = secret.encode() + _TOKEN.sub(b"", response.content)
    digest = salted_hmac("ihome.revalidation", content, algorithm="sha256").hexdigest()
    tag = response.headers["ETag"] = f'W/"{digest}"'
    return tag
