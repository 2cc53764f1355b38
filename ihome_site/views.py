"""Health, and the pages that stand outside any app."""

import logging

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import BadRequest
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views import defaults
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.guards import form_page
from jobs.heartbeat import sweep_is_missed_since

log = logging.getLogger(__name__)


@require_safe
@never_cache
def livez(request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    """What money needs is at work: the database answers and holds our tables; somebody sweeps. Else 503."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM django_migrations WHERE app = 'payments' LIMIT 1")
            ready = cursor.fetchone() is not None
        missed_since = sweep_is_missed_since() if ready else None
    except DatabaseError as error:
        log.error("not ready: %s", error)
        ready = False
    if not ready:
        return _plain("database: no answer, or not migrated", status=503)
    if missed_since:
        log.error("nobody has swept since %s", missed_since)
        return _plain(f"sweep: not at work since {missed_since:%Y-%m-%d %H:%M:%S} UTC", status=503)
    return _plain("ok")


def _plain(line: str, *, status: int = 200) -> HttpResponse:
    return HttpResponse(f"{line}\n", status=status, content_type="text/plain")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Say what is wrong with a request that no page of ours sends."""
    if isinstance(exception, BadRequest):
        return _plain(str(exception), status=400)
    return defaults.bad_request(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Unlike Django's own, reads no form, which may be one that can't be read."""
    return render(request, "404.html", status=404)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form without the right token: nothing is done of what it asks.

    Whoever sent it from a page of ours, having signed in in another tab meanwhile, is led back to that page,
    where what they typed is kept as for those who must sign in first. From elsewhere nothing is kept. Who
    allows no cookies is told so here: the words for the next page would travel in one.
    """
    referer = request.headers.get("Referer", "")
    is_ours = _is_ours(request, request.headers["Origin"] + "/" if "Origin" in request.headers else referer)
    has_cookies = settings.CSRF_COOKIE_NAME in request.COOKIES
    if is_ours and has_cookies and request.accepts("text/html") and (page := form_page(request)):
        messages.warning(
            request,
            _(
                "You signed in or out in another tab meanwhile, or the page was open for very long, "
                "so nothing was sent. Please look at it again and press once more."
            ),
        )
        return redirect(f"{page.partition('#')[0]}#main")  # where the words are; else the form's own # stays
    context = {"page": referer if _is_ours(request, referer) else "", "has_cookies": has_cookies}
    return render(request, "403_csrf.html", context, status=403)


def _is_ours(request: HttpRequest, address: str) -> bool:
    host = request.get_host()
    return address.startswith((f"https://{host}/", f"http://{host}/"))
