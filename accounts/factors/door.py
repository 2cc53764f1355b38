"""The door of the admin: second factor, 30 minutes without use, 12 hours at most."""

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url

from accounts.factors import again, sessions, store
from accounts.guards import signed_in_user

RENEWAL = "renewed"
"""In the query of a page that renewed itself: nobody need be there, so that is no use of the session."""
QUESTION, SET_UP = "accounts:factor", "accounts:factor_app"


def stop(request: HttpRequest) -> HttpResponse | None:
    """Return the page that this member of staff needs first; None if they may go on."""
    stopped = unproven(request)
    if stopped is None and store.is_required() and not sessions.has_factor(request):
        return _lead_to(SET_UP, request)
    return stopped


def unproven(request: HttpRequest) -> HttpResponse | None:
    """As stop(), without asking anybody to set up a factor."""
    if sessions.is_over(request) and (page := again.ask(request, fully=True)):
        return page
    if not sessions.has_factor(request) and store.has_any(signed_in_user(request)):
        return _lead_to(QUESTION, request)
    if again.METHOD in request.POST and (page := again.unless_proven(request)):
        return page  # a late answer: the view must not take it for its own form
    if RENEWAL not in request.GET:
        sessions.note_use(request)
    return None


def _lead_to(view_name: str, request: HttpRequest) -> HttpResponse:
    return redirect_to_login(request.get_full_path(), resolve_url(view_name))
