"""Who may go on, and where the others are sent."""

import functools
from collections.abc import Callable

from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.models import User

View = Callable[..., HttpResponse]
Page = Callable[..., str]
"""Makes the address of a page of the request and the view's own parameters. Http404: whoever is signed in has
no such page."""


def signed_in_user(request: HttpRequest) -> User:
    """Who asks, in a view or an admin action that only people who are signed in get to."""
    if not isinstance(request.user, User):
        raise TypeError("this view is for people who are signed in")
    return request.user


def post_only_page(request: HttpRequest, page: str) -> HttpResponse:
    """405 to whoever opens an address that takes forms alone, as a browser does that brings a tab back."""
    response = render(request, "405.html", {"page": page}, status=405)
    response.headers["Allow"] = "POST"
    return response


def signed_in_post(get_page: Page) -> Callable[[View], View]:
    """A view that takes a form of people who are signed in. The form is on the page that `get_page` names:
    others sign in first and land there, and who opens this address is led there. So is, by `form_page`, whose
    token is not right.
    """

    def decorate(view: View) -> View:
        guarded = signed_in_or_back_to(get_page)(view)

        @functools.wraps(guarded)
        def take(request: HttpRequest, **path: object) -> HttpResponse:
            if request.method != "POST":
                return post_only_page(request, get_page(request, **path))
            return guarded(request, **path)

        return take

    return decorate


def form_page(request: HttpRequest) -> str | None:
    """The page of the form that was sent, which keeps what was typed; None where the view names none, or one
    that is not there for whoever is signed in now.
    """
    match = request.resolver_match
    get_page: Page | None = getattr(match.func, "form_page", None) if match else None
    try:
        return get_page(request, **match.kwargs) if match and get_page else None
    except Http404:
        return None


def signed_in_or_back_to(get_page: Page) -> Callable[[View], View]:
    """A view for people who are signed in.

    Others sign in first and land on the page that `get_page` names, since a POST can't be repeated for them.
    """

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def guarded(request: HttpRequest, **path: object) -> HttpResponse:
            if not request.user.is_authenticated:
                return redirect_to_login(get_page(request, **path))
            return view(request, **path)

        guarded.form_page = get_page  # type: ignore[attr-defined]  # see form_page()
        return guarded

    return decorate
