"""A heart that was pressed while signed out: kept in a signed cookie until the sign-in."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core import signing
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from accounts.models import User
from core.refusal import Refusal
from houses import favourites
from houses.models import House

COOKIE = f"{settings.COOKIE_PREFIX}heart"
SECONDS = 3600
_SALT = "houses.heart_draft"


def keep(request: HttpRequest, response: HttpResponse, *, pk: int) -> HttpResponse:
    """Return `response` with the heart on it. After a failed CSRF check without: others may have sent it."""
    if request.POST.get("kept") == "1" and getattr(request, "csrf_processing_done", False):
        is_secure = settings.SESSION_COOKIE_SECURE
        options: dict[str, Any] = {"max_age": SECONDS, "httponly": True, "samesite": "Lax"}
        response.set_cookie(COOKIE, signing.dumps(pk, salt=_SALT), secure=is_secure, **options)
    return response


def take(sender: object, request: HttpRequest, user: User, **signal: object) -> None:
    """Receive `user_logged_in`: keep the home for the user, and say so on the next page."""
    try:
        pk = signing.loads(request.COOKIES.get(COOKIE, ""), salt=_SALT, max_age=SECONDS)
        if House.objects.filter(pk=pk, is_listed=True).exists():
            favourites.keep(user, pk)
            messages.success(request, _("Saved to your favourites."))
    except Refusal as refusal:
        messages.error(request, str(refusal))
    except (signing.BadSignature, IntegrityError):  # none, or staff deleted the home in this moment
        return


def forget(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Delete the cookie once its heart is taken, so that nobody else who signs in here gets it."""
    if COOKIE in request.COOKIES and request.user.is_authenticated:
        response.delete_cookie(COOKIE, samesite="Lax")
    return response
