from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from houses.forms import SearchForm, StayForm
from houses.models import House
from houses.pages import SEARCH_FIELDS, STAY_FIELDS, as_query, house_page, meant
from houses.search import Sort, find

HOUSES_PER_PAGE = 24
MOST_SHOWN = 10 * HOUSES_PER_PAGE
"""Who finds more is asked to say more: nobody reads on, and counting on would read the whole table."""


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    form = SearchForm(request.GET)
    sort = Sort(request.GET["sort"]) if request.GET.get("sort") in Sort.values else Sort.NEW
    form.is_valid()  # a field that is refused doesn't narrow the search: its words say so
    area, guests = form.cleaned_data.get("area"), form.cleaned_data.get("guests")
    homes = find(area=area, stay=form.stay, guests=guests, sort=sort)
    found = list(homes.values_list("pk", flat=True)[: MOST_SHOWN + 1])
    page = Paginator(found[:MOST_SHOWN], HOUSES_PER_PAGE).get_page(request.GET.get("page"))
    asked = meant(request.GET, SEARCH_FIELDS)
    stay = {name: asked[name] for name in STAY_FIELDS if name in asked and name not in form.errors}
    context = {
        "form": form,
        "page": page,
        "houses": _cards(list(page.object_list)),
        "is_cut": len(found) > MOST_SHOWN,
        "sort": sort,
        "sorts": Sort,
        "house_query": as_query({**stay, "search": urlencode(asked)}),
    }
    return render(request, "houses/search.html", context)


def _cards(ids: list[int]) -> list[House]:
    """The houses in the order of `ids`, with what a card shows."""
    rows = House.objects.select_related("area").prefetch_related("photos")
    by_id = rows.defer("description", "rules", "arrival").in_bulk(ids)
    return [by_id[pk] for pk in ids if pk in by_id]


@require_safe
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    house = get_object_or_404(House.objects.select_related("area"), pk=pk, is_listed=True)
    typed = {"guests": "1", **{name: request.GET[name] for name in STAY_FIELDS if name in request.GET}}
    if typed.get("check_in") and typed.get("check_out"):
        form = StayForm(typed, house=house)
    else:
        form = StayForm(house=house, initial=typed)
    return house_page(request, house, form)
