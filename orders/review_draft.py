"""A review that was posted while signed out: kept in a signed cookie until the sign-in."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext as _

from core import draft_cookies
from houses.models import MARKS
from orders.forms import ReviewForm

COOKIE = f"{settings.COOKIE_PREFIX}review"
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
    value = draft_cookies.signed(draft, salt=_SALT)
    if form.has_error("text", "max_length") or len(value) > draft_cookies.MAX_LENGTH:
        return _page_to_shorten(request, form, number)
    draft_cookies.keep(response, COOKIE, value)
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
    draft = draft_cookies.read(request, COOKIE, salt=_SALT)
    return draft if draft and draft["number"] == number else None


def forget(request: HttpRequest, response: HttpResponse, number: str) -> None:
    """Delete the draft if it is of this order."""
    if read(request, number):
        draft_cookies.forget(response, COOKIE)
