"""A review that was posted while signed out: kept for an hour in a signed cookie of the browser.

Not in the session: anybody may post one, and each would leave a row in the database.
"""

from typing import Any

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext as _

from core.signed_text import Utf16
from houses.models import MARKS
from orders.forms import ReviewForm

COOKIE = f"{settings.COOKIE_PREFIX}review"
SECONDS = 3600
MAX_COOKIE_LENGTH = 3500
"""Browsers drop a cookie above 4096 bytes. A thousand Chinese characters take about 2,800."""
_SALT = "orders.review_draft"


def keep(request: HttpRequest, response: HttpResponse, *, number: str) -> HttpResponse:
    """Return `response` with the posted review on it. If it is too long, return a page to shorten it."""
    if request.method != "POST":
        return response
    form = ReviewForm(request.POST)
    draft = {
        "number": number,
        **{name: request.POST.get(name, "")[:1] for name in ("rating", *MARKS)},
        "text": request.POST.get("text", "").replace("\r\n", "\n"),
        "lost_photos": _has_photos(request),
    }
    value = signing.dumps(draft, salt=_SALT, serializer=Utf16, compress=True)
    if form.has_error("text", "max_length") or len(value) > MAX_COOKIE_LENGTH:
        return _page_to_shorten(request, form, number)
    response.set_cookie(
        COOKIE,
        value,
        max_age=SECONDS,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    return response


def _page_to_shorten(request: HttpRequest, form: ReviewForm, number: str) -> HttpResponse:
    """Render the form with all of the text. Tells nothing of the order: who asks may be anybody."""
    if not form.has_error("text"):
        form.add_error("text", _("Please shorten your review a little: it is too long to keep for later."))
    context = {"review_form": form, "order": {"number": number}, "lost_photos": _has_photos(request)}
    response = render(request, "orders/review_too_long.html", context, status=422)
    add_never_cache_headers(response)
    return response


def _has_photos(request: HttpRequest) -> bool:
    """Tell whether photos were posted: a cookie has no room for them, so the renter chooses them again."""
    return "photos" in request.FILES or "photos-kept" in request.POST


def read(request: HttpRequest, number: str) -> dict[str, Any] | None:
    """Return stars and text of the draft for this order, and whether it lost photos; None without one."""
    try:
        draft = signing.loads(request.COOKIES.get(COOKIE, ""), salt=_SALT, serializer=Utf16, max_age=SECONDS)
    except signing.BadSignature:
        return None
    return draft if draft["number"] == number else None


def forget(request: HttpRequest, response: HttpResponse, number: str) -> None:
    """Delete the draft if it is of this order."""
    if read(request, number):
        response.delete_cookie(COOKIE, samesite="Lax")
