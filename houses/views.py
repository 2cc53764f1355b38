from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from houses import heart_draft
from houses.cards import cards_of
from houses.chips import chips_of
from houses.destinations import near
from houses.favourites import kept_by
from houses.forms import StayForm
from houses.models import Area
from houses.pages import (
    SEARCH_FIELDS,
    STAY_FIELDS,
    house_page,
    house_query,
    listed,
    pick,
    quote_page,
)
from houses.search import Sort, keys
from houses.search_form import SearchForm

HOUSES_PER_PAGE = 24
MOST_AREAS = 12
"""Areas that a search without results suggests."""
MAX_RESULTS = 10 * HOUSES_PER_PAGE
"""Beyond this, the page asks to narrow the search: counting all homes would read the whole table."""


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    form = SearchForm(request.GET)
    sort = Sort(request.GET["sort"]) if request.GET.get("sort") in Sort.values else Sort.NEW
    form.is_valid()  # refused fields don't narrow the search: the page says so beside them
    found = keys(MAX_RESULTS + 1, **form.filters, sort=sort)
    page = Paginator(found[:MAX_RESULTS], HOUSES_PER_PAGE).get_page(request.GET.get("page"))
    shown = list(page.object_list)
    kept = kept_by(request.user, shown)
    cards = cards_of(shown, form.stay, form.accepted.get("guests", 1), kept=kept)
    params = pick(request.GET, SEARCH_FIELDS)
    stay = {name: params[name] for name in STAY_FIELDS if name in params and name not in form.errors}
    context = {
        "form": form,
        "page": page,
        "cards": cards,
        "houses": [card.house for card in cards],
        "chips": chips_of(form, request.GET),
        "is_cut": len(found) > MAX_RESULTS,
        "sort": sort,
        "sorts": Sort,
        **({} if found else _alternatives(form)),
        "house_query": house_query({**stay, "search": urlencode(params)}),
    }
    return heart_draft.forget(request, render(request, "houses/search.html", context))


def _alternatives(form: SearchForm) -> dict[str, list[Area]]:
    """Return areas for a search without results: some with a name like the place, and the others."""
    place = form.accepted.get("place", "")
    chosen = form.accepted.get("area")
    similar = near(place, form.areas) if place else []
    others = [area for area in form.areas if area not in (*similar, chosen)]
    return {"near": similar, "others": others[:MOST_AREAS]}


@require_safe
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    house = listed(pk)
    typed = {"guests": "1", **{name: request.GET[name] for name in STAY_FIELDS if name in request.GET}}
    if typed.get("check_in") and typed.get("check_out"):
        form = StayForm(typed, house=house)
    else:
        form = StayForm(house=house, initial=typed)
    return heart_draft.forget(request, house_page(request, house, form))


@require_safe
@never_cache
def quote(request: HttpRequest, pk: int) -> HttpResponse:
    """Price of a stay, for the script of the booking box."""
    house = listed(pk)
    return quote_page(request, house, StayForm(request.GET, house=house))


@require_safe
def photos(request: HttpRequest, pk: int) -> HttpResponse:
    """Show all photos of a house, one below the other: without scripts, the gallery leads here."""
    house = listed(pk)
    found = list(house.photos.all())
    if not found:
        raise Http404
    back = house.get_absolute_url() + house_query(request.GET)
    return render(request, "houses/photos.html", {"house": house, "photos": found, "back": back})
