"""Access to views: sign-in, and redirects to the page that holds a form."""

import functools
from collections.abc import Callable

from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode

from accounts.models import User

View = Callable[..., HttpResponse]
GetPage = Callable[..., str]
"""Returns the address of a page for a request and the view's URL arguments. Raises Http404 if it is
not the signed-in user's."""
KeepForm = Callable[..., HttpResponse]
"""Returns a response with the posted form kept on it, for a request, the response, and the view's URL
arguments; or a page that says why it can't be kept, with all that was typed."""


def signed_in_user(request: HttpRequest) -> User:
    """Return `request.user` with its type, in a view that requires sign-in. Raises TypeError if anonymous."""
    if not isinstance(request.user, User):
        raise TypeError("this view must require sign-in")
    return request.user


def verify_address(page: str) -> str:
    """Return the address where signed-in users prove their number, which then leads to `page`."""
    return f"{reverse('accounts:verify')}?{urlencode({REDIRECT_FIELD_NAME: page})}"


def post_only_page(request: HttpRequest, page: str) -> HttpResponse:
    """Return a 405 that links to `page`. Browsers GET such addresses when they restore a tab."""
    response = render(request, "405.html", {"page": page}, status=405)
    response.headers["Allow"] = "POST"
    return response


def signed_in_post(get_page: GetPage, keep_form: KeepForm | None = None) -> Callable[[View], View]:
    """Decorate a POST-only view for signed-in users.

    Anonymous users sign in and come back to the page with the form (`get_page`). GET gets a 405 that links to
    it. After a failed CSRF check, form_page() finds it.
    """

    def decorate(view: View) -> View:
        guarded = signed_in_or_back_to(get_page, keep_form)(view)

        @functools.wraps(guarded)
        def post_only(request: HttpRequest, **kwargs: object) -> HttpResponse:
            if request.method != "POST":
                return post_only_page(request, get_page(request, **kwargs))
            return guarded(request, **kwargs)

        return post_only

    return decorate


def form_page(request: HttpRequest) -> str | None:
    """Return the page with the form that was posted.

    None if the view names no such page, or if the user who is signed in now may not see it.
    """
    match = request.resolver_match
    get_page: GetPage | None = getattr(match.func, "form_page", None) if match else None
    try:
        return get_page(request, **match.kwargs) if match and get_page else None
    except Http404:
        return None


def keep_posted_form(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Return the response with the form that was posted, as before a sign-in (`KeepForm`)."""
    match = request.resolver_match
    keep: KeepForm | None = getattr(match.func, "keep_form", None) if match else None
    return keep(request, response, **match.kwargs) if match and keep else response


def signed_in_or_back_to(get_page: GetPage, keep_form: KeepForm | None = None) -> Callable[[View], View]:
    """Decorate a view for signed-in users.

    Anonymous users sign in and come back to `get_page`, not to this address: their POST can't be repeated.
    `keep_form` keeps it for that page.
    """

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def guarded(request: HttpRequest, **kwargs: object) -> HttpResponse:
            if not request.user.is_authenticated:
                sign_in = redirect_to_login(get_page(request, **kwargs))
                return keep_form(request, sign_in, **kwargs) if keep_form else sign_in
            return view(request, **kwargs)

        guarded.form_page = get_page  # type: ignore[attr-defined]  # read by form_page()
        guarded.keep_form = keep_form  # type: ignore[attr-defined]  # read by keep_posted_form()
        return guarded

    return decorate
