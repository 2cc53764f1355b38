"""A heart that was pressed while signed out: kept in a signed cookie until the sign-in."""

from django.conf import settings
from django.contrib import messages
from django.core import signing
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from accounts.models import User
from core import draft_cookies
from core.refusal import Refusal
from houses import favourites
from houses.models import House

COOKIE = f"{settings.COOKIE_PREFIX}heart"
_SALT = "houses.heart_draft"


def keep(request: HttpRequest, response: HttpResponse, *, pk: int) -> HttpResponse:
    """Return `response` with the heart on it. After a failed CSRF check without: others may have sent it."""
    if request.POST.get("kept") == "1" and getattr(request, "csrf_processing_done", False):
        draft_cookies.keep(response, COOKIE, signing.dumps(pk, salt=_SALT))
    return response


def take(sender: object, request: HttpRequest, user: User, **signal: object) -> None:
    """Receive `user_logged_in`: keep the home for the user, and say so on the next page."""
    try:
        pk = signing.loads(request.COOKIES.get(COOKIE, ""), salt=_SALT, max_age=draft_cookies.SECONDS)
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
        draft_cookies.forget(response, COOKIE)
    return response
