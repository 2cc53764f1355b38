"""The heart of a home, and the page of all that have one."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db import IntegrityError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.guards import signed_in_post, signed_in_user
from core.refusal import Refusal
from houses import favourites, heart_draft
from houses.cards import cards_of
from houses.models import House

PER_PAGE = 24
MAX_PAGE_LENGTH = 2000


def _page_of_heart(request: HttpRequest, pk: int) -> str:
    """Return the page with the heart that was pressed, down at its home; else the page of the home."""
    page = request.POST.get("next", "").split("#")[0]
    is_ours = page.startswith("/") and url_has_allowed_host_and_scheme(page, allowed_hosts=None)
    if not is_ours or len(page) > MAX_PAGE_LENGTH:
        page = reverse("houses:detail", args=[pk])
    return f"{page}#home-{pk}"


@signed_in_post(_page_of_heart, keep_form=heart_draft.keep)
def favourite(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep a home, or drop it. The form says which, so that a second press at once changes nothing."""
    house = get_object_or_404(House, pk=pk)
    is_wanted = request.POST.get("kept") == "1"
    try:
        _set(request, house, is_wanted=is_wanted)
    except Refusal as refusal:
        messages.error(request, str(refusal))
        return redirect(_page_of_heart(request, pk))
    if "application/json" in request.headers.get("Accept", ""):  # static/js/favourites.js
        return JsonResponse({"kept": is_wanted})
    done = _("Saved to your favourites.") if is_wanted else _("Removed from your favourites.")
    messages.success(request, done)
    return redirect(_page_of_heart(request, pk))


def _set(request: HttpRequest, house: House, *, is_wanted: bool) -> None:
    """Raises Http404 for a home that is not listed: its title and photos are nobody's business."""
    user = signed_in_user(request)
    if not is_wanted:
        favourites.drop(user, house.pk)
        return
    if not house.is_listed:
        raise Http404
    try:
        favourites.keep(user, house.pk)
    except IntegrityError as error:  # staff deleted the home in this moment
        raise Http404 from error


@require_safe
@never_cache
@login_required
def favourite_list(request: HttpRequest) -> HttpResponse:
    kept = favourites.newest_first(signed_in_user(request))
    page = Paginator(kept, PER_PAGE).get_page(request.GET.get("page"))
    cards = cards_of(list(page.object_list), kept=set(kept))
    return render(request, "houses/favourites.html", {"page": page, "cards": cards})
