"""Health checks and error pages."""

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

from accounts.guards import form_page, keep_posted_form
from core import database_checks
from jobs.heartbeat import sweep_is_missed_since

log = logging.getLogger(__name__)


@require_safe
@never_cache
def livez(request: HttpRequest) -> HttpResponse:
    """Liveness: the process answers requests. Checks nothing else."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    """Readiness: 503 unless the database answers and is set up well, has our tables, and a sweep runs."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM django_migrations WHERE app = 'payments' LIMIT 1")
            ready = cursor.fetchone() is not None
        faults = list(database_checks.problems(connection))
        missed_since = sweep_is_missed_since() if ready else None
    except DatabaseError as error:
        log.error("not ready: %s", error)
        ready, faults = False, []
    if faults:
        log.error("not ready: %s", " ".join(faults))
        return _plain(f"database: {faults[0]}", status=503)
    if not ready:
        return _plain("database: no answer, or not migrated", status=503)
    if missed_since:
        log.error("not ready: no sweep since %s", missed_since)
        return _plain(f"sweep: not at work since {missed_since:%Y-%m-%d %H:%M:%S} UTC", status=503)
    return _plain("ok")


def _plain(line: str, *, status: int = 200) -> HttpResponse:
    return HttpResponse(f"{line}\n", status=status, content_type="text/plain")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Return the message of a BadRequest as plain text: no page of ours sends such a request."""
    if isinstance(exception, BadRequest):
        return _plain(str(exception), status=400)
    return defaults.bad_request(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Render the 404 page. Unlike Django's view, does not read the form, which may be malformed."""
    return render(request, "404.html", status=404)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Refuse a form whose CSRF token is wrong.

    If it came from a page of ours, the user has usually signed in in another tab since: redirect to the page
    of the form (`form_page`), with the input as after a sign-in and a message. Any other form gets a
    403 page, as does a browser without cookies, which the message would need.
    """
    referer = request.headers.get("Referer", "")
    from_us = _is_ours(request, request.headers["Origin"] + "/" if "Origin" in request.headers else referer)
    has_cookies = settings.CSRF_COOKIE_NAME in request.COOKIES
    if from_us and has_cookies and request.accepts("text/html") and (page := form_page(request)):
        messages.warning(
            request,
            _(
                "You signed in or out in another tab, or this page was open for too long, so nothing was "
                "submitted. Please check it and submit again."
            ),
        )
        # To the message. Without a fragment, browsers would keep that of the form's address.
        return keep_posted_form(request, redirect(f"{page.partition('#')[0]}#main"))
    context = {"page": referer if _is_ours(request, referer) else "", "has_cookies": has_cookies}
    return render(request, "403_csrf.html", context, status=403)


def _is_ours(request: HttpRequest, address: str) -> bool:
    host = request.get_host()
    return address.startswith((f"https://{host}/", f"http://{host}/"))
