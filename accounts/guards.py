"""Who may go on, and where the others are sent."""

import functools
from collections.abc import Callable

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse

from accounts.models import User

View = Callable[..., HttpResponse]


def signed_in_user(request: HttpRequest) -> User:
    """Who asks, in a view or an admin action that only people who are signed in get to."""
    if not isinstance(request.user, User):
        raise TypeError("this view is for people who are signed in")
    return request.user


def signed_in_or_back_to(get_page: Callable[..., str]) -> Callable[[View], View]:
    """A view of POST for people who are signed in.

    Others sign in first and land on the GET page that `get_page(request, **path)` names, since a POST
    can't be repeated for them.
    """

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def guarded(request: HttpRequest, **path: object) -> HttpResponse:
            if not request.user.is_authenticated:
                return redirect_to_login(get_page(request, **path))
            return view(request, **path)

        return guarded

    return decorate
