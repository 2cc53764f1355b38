"""Health checks and error pages."""

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views import defaults
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.guards import form_page, keep_posted_form
from ihome_site import health


@require_safe
@never_cache
def livez(request: HttpRequest) -> HttpResponse:
    """Liveness: the process answers requests. Checks nothing else."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    """Readiness: 503 and one line with the reason unless all is well; see health.py."""
    reason = health.reason_not_ready()
    return _plain(reason, status=503) if reason else _plain("ok")


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
