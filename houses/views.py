from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from core.templatetags.ihome import WEEKDAYS
from houses import availability, calendar
from houses.forms import SearchForm, StayForm
from houses.models import House
from houses.search import Sort, find

HOUSES_PER_PAGE = 24
MOST_SHOWN = 10 * HOUSES_PER_PAGE
"""Who finds more is asked to say more: nobody reads on, and counting on would read the whole table."""
REVIEWS_SHOWN = 10

LONGEST_VALUE = 20
"""Characters of a day or a number of guests that somebody may mean."""
STAY_FIELDS = ("check_in", "check_out", "guests")


def as_query(stay: Mapping[str, Any]) -> str:
    """What was typed of a stay as "?check_in=…"; empty without any, and without what is too long."""
    values = {name: str(stay.get(name) or "") for name in STAY_FIELDS}
    query = urlencode({name: value for name, value in values.items() if 0 < len(value) <= LONGEST_VALUE})
    return f"?{query}" if query else ""


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    form = SearchForm(request.GET)
    sort = Sort(request.GET["sort"]) if request.GET.get("sort") in Sort.values else Sort.NEW
    form.is_valid()  # a field that is refused doesn't narrow the search: its words say so
    area, guests = form.cleaned_data.get("area"), form.cleaned_data.get("guests")
    homes = find(area=area, stay=form.stay, guests=guests, sort=sort)
    found = list(homes.values_list("pk", flat=True)[: MOST_SHOWN + 1])
    page = Paginator(found[:MOST_SHOWN], HOUSES_PER_PAGE).get_page(request.GET.get("page"))
    typed = {name: request.GET[name] for name in ("area", *STAY_FIELDS) if request.GET.get(name)}
    stay = {name: typed[name] for name in STAY_FIELDS if name in typed and name not in form.errors}
    context = {
        "form": form,
        "page": page,
        "houses": _cards(list(page.object_list)),
        "is_cut": len(found) > MOST_SHOWN,
        "sort": sort,
        "sorts": Sort,
        "typed": typed,
        "stay_query": as_query(stay),
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
        if form.stay and availability.taken(house, *form.stay):
            form.refuse_taken()
    else:
        form = StayForm(house=house, initial=typed)
    return house_page(request, house, form)


def house_page(request: HttpRequest, house: House, form: StayForm, *, status: int = 200) -> HttpResponse:
    """The page of a house with its booking form; also what a refused booking comes back to."""
    shown = {name: form[name].value() for name in STAY_FIELDS}
    context = {
        "house": house,
        "photos": house.photos.all(),
        "facilities": house.facilities.all(),
        "form": form,
        "calendar": calendar.of_house(house, request.GET.get("month") or str(shown["check_in"])),
        "weekdays": WEEKDAYS,
        "stay_query": as_query(shown),
        "reviews": latest_reviews(house),
    }
    return render(request, "houses/detail.html", context, status=status)


def latest_reviews(house: House) -> list[object]:
    """The newest reviews. `orders` owns them and hangs them on the house as `reviews`."""
    return list(house.reviews.that_count().select_related("renter").order_by("-id")[:REVIEWS_SHOWN])
