"""The site's own pages of staff with a second factor: with a password alone, nobody locks its owner out."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from accounts.factors import again, door, store
from accounts.models import User


def unproven(request: HttpRequest) -> HttpResponse | None:
    """Return the page that such a member of staff needs first; None for everybody else."""
    return door.unproven(request) if _has_factor(request) else None


def unproven_lately(request: HttpRequest) -> HttpResponse | None:
    """As unproven(), and ask for a recent proof: the page changes how its owner signs in or is told."""
    if not _has_factor(request):
        return None
    return door.unproven(request) or again.unless_proven(request)


def _has_factor(request: HttpRequest) -> bool:
    user = request.user
    return isinstance(user, User) and user.is_staff and store.has_any(user)


class ChangesSignIn:
    """Mixin of the views of such pages."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return unproven_lately(request) or super().dispatch(request, *args, **kwargs)  # type: ignore[misc]
