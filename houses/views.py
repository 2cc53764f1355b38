from collections.abc import Mapping
from datetime import date
from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
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
SEARCH_FIELDS = ("area", *STAY_FIELDS, "sort", "page")
LONGEST_SEARCH = len(SEARCH_FIELDS) * (LONGEST_VALUE + len("check_out=&"))


def _meant(asked: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, str]:
    """Those values of `names` that were given, without what is too long."""
    values = {name: str(asked.get(name) or "") for name in names}
    return {name: value for name, value in values.items() if 0 < len(value) <= LONGEST_VALUE}


def search_address(asked: Mapping[str, Any]) -> str:
    """The search for what was asked."""
    query = urlencode(_meant(asked, SEARCH_FIELDS))
    return reverse("houses:search") + (f"?{query}" if query else "")


def search_of(asked: Mapping[str, Any]) -> dict[str, str]:
    """The search that led to a home: its page carries it along as `search`, "area=4&sort=price"."""
    search = str(asked.get("search") or "")[:LONGEST_SEARCH]
    return _meant(dict(parse_qsl(search)), SEARCH_FIELDS)


def with_stay(asked: Mapping[str, Any]) -> dict[str, str]:
    """What goes along with the page of a home: the stay as it was typed, and the search."""
    search = urlencode(search_of(asked))
    return {**_meant(asked, STAY_FIELDS), **({"search": search} if search else {})}


def as_query(asked: Mapping[str, Any]) -> str:
    """The same as "?check_in=…"; empty without any of it."""
    query = urlencode(with_stay(asked))
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
    asked = _meant(request.GET, SEARCH_FIELDS)
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


def _own_order(request: HttpRequest, house: House, check_in: date, check_out: date) -> object | None:
    """The visitor's own, where just these nights are theirs. `orders` hangs them on the house as `orders`."""
    if not request.user.is_authenticated:
        return None
    holding = house.booked_nights.values("order_number")
    own = house.orders.filter(renter=request.user, number__in=holding)
    return own.filter(check_in=check_in, check_out=check_out).first()


def house_page(request: HttpRequest, house: House, form: StayForm, *, status: int = 200) -> HttpResponse:
    """The page of a house with its booking form; also what a refused booking comes back to."""
    own_order = None
    if form.stay and availability.taken(house, *form.stay):
        own_order = _own_order(request, house, *form.stay)
        if not own_order:
            form.refuse_taken()
    shown = {name: form[name].value() for name in STAY_FIELDS}
    search = request.POST.get("search") or request.GET.get("search")
    context = {
        "house": house,
        "photos": house.photos.all(),
        "facilities": house.facilities.all(),
        "form": form,
        "own_order": own_order,
        "calendar": calendar.of_house(house, request.GET.get("month") or str(shown["check_in"])),
        "weekdays": WEEKDAYS,
        "kept": QueryDict(urlencode(with_stay({**shown, "search": search}))),
        "back": search_address(search_of({"search": search})),
        "reviews": latest_reviews(house),
    }
    return render(request, "houses/detail.html", context, status=status)


def latest_reviews(house: House) -> list[object]:
    """The newest reviews. `orders` owns them and hangs them on the house as `reviews`."""
    return list(house.reviews.that_count().select_related("renter").order_by("-id")[:REVIEWS_SHOWN])
