"""Page of a house, and links that carry the visitor's search and dates along."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import add_never_cache_headers

from core.prepared import Select
from core.templatetags.ihome import WEEKDAYS
from houses import availability, calendar, destinations, place
from houses.favourites import kept_by
from houses.forms import StayForm
from houses.guest_form import GuestForm, read_draft
from houses.models import Facility, House, HousePhoto
from houses.search_form import FOLDED

REVIEWS_SHOWN = 10

_LISTED = Select(
    lambda value: House.objects.select_related("area").filter(pk=value(House, "pk"), is_listed=True)
)
_PHOTOS = Select(lambda value: HousePhoto.objects.filter(house=value(HousePhoto, "house")))
_FACILITIES = Select(lambda value: Facility.objects.filter(houses=value(House, "pk", "house")))

MAX_VALUE_LENGTH = 20
"""Longer values are dropped: no date or number has so many characters."""
LONGER = {"place": destinations.MAX_LENGTH, "facilities": 100}
STAY_FIELDS = ("check_in", "check_out", "guests")
SEARCH_FIELDS = ("place", "area", *STAY_FIELDS, *FOLDED, "sort", "page")
MAX_SEARCH_LENGTH = 2000


def listed(pk: int) -> House:
    """Return a home that visitors may see. Raises Http404."""
    house = _LISTED.first(pk=pk)
    if house is None:
        raise Http404
    return house


def pick(params: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, str]:
    """Return the parameters `names` that are set, without values that are too long.

    Several values of one name are joined by commas, as houses/search_form.py: Ticks reads them.
    """
    values = {name: _text(params, name) for name in names}
    return {
        name: value for name, value in values.items() if 0 < len(value) <= LONGER.get(name, MAX_VALUE_LENGTH)
    }


def _text(params: Mapping[str, Any], name: str) -> str:
    if name == "facilities" and isinstance(params, QueryDict):
        return ",".join(params.getlist(name))
    return str(params.get(name) or "")


def search_address(params: Mapping[str, Any]) -> str:
    """Return the address of the search with these parameters."""
    query = urlencode(pick(params, SEARCH_FIELDS))
    return reverse("houses:search") + (f"?{query}" if query else "")


def parse_search(params: Mapping[str, Any]) -> dict[str, str]:
    """Return the search that led to a home, from the parameter `search`: "area=4&sort=price"."""
    search = str(params.get("search") or "")[:MAX_SEARCH_LENGTH]
    return pick(dict(parse_qsl(search)), SEARCH_FIELDS)


def house_params(params: Mapping[str, Any]) -> dict[str, str]:
    """Return the parameters of a house's page: the stay as typed, and the search."""
    search = urlencode(parse_search(params))
    return {**pick(params, STAY_FIELDS), **({"search": search} if search else {})}


def house_query(params: Mapping[str, Any]) -> str:
    """Return house_params() as "?check_in=…", or empty if there are none."""
    query = urlencode(house_params(params))
    return f"?{query}" if query else ""


def _own_order(request: HttpRequest, house: House, check_in: date, check_out: date) -> object | None:
    """Return the visitor's order for exactly this stay, while it holds the nights."""
    if not request.user.is_authenticated:
        return None
    holders = house.booked_nights.values("order_number")
    # `orders` and `reviews` are reverse relations: houses does not import orders.
    own = house.orders.filter(renter=request.user, number__in=holders)
    return own.filter(check_in=check_in, check_out=check_out).first()


def _check_free(request: HttpRequest, house: House, form: StayForm) -> object | None:
    """Return the visitor's own order of the stay. Otherwise add an error to the form if nights are taken."""
    if not form.stay or not availability.taken(house, *form.stay):
        return None
    own_order = _own_order(request, house, *form.stay)
    if not own_order:
        form.add_taken_error()
    return own_order


def quote_page(request: HttpRequest, house: House, form: StayForm) -> HttpResponse:
    """Render the price of the stay, or why it is refused."""
    context = {"house": house, "form": form, "is_fragment": True}
    context["own_order"] = _check_free(request, house, form)
    return render(request, "houses/quote.html", context)


def house_page(
    request: HttpRequest,
    house: House,
    form: StayForm,
    *,
    guest_form: GuestForm | None = None,
    status: int = 200,
) -> HttpResponse:
    """Render the page of a house with its booking form, also after a refused booking."""
    draft = read_draft(request, house.pk)
    photos = _PHOTOS.all(house=house.pk)
    house.cover = photos[0] if photos else None
    own_order = _check_free(request, house, form)
    shown = {name: form[name].value() for name in STAY_FIELDS}
    search = request.POST.get("search") or request.GET.get("search")
    context = {
        "house": house,
        "photos": photos,
        "facilities": _FACILITIES.all(house=house.pk),
        "form": form,
        "guest_form": guest_form or GuestForm(initial=draft),
        "own_order": own_order,
        "calendar": calendar.of_house(form.rates, request.GET.get("month") or str(shown["check_in"])),
        "weekdays": WEEKDAYS,
        "kept": QueryDict(urlencode(house_params({**shown, "search": search}))),
        "back": search_address(parse_search({"search": search})),
        "reviews": latest_reviews(house),
        "is_kept": house.pk in kept_by(request.user, [house.pk]),
        "mark_averages": house.mark_averages,
        **rough_place(house),
    }
    response = render(request, "houses/detail.html", context, status=status)
    if own_order or draft:
        add_never_cache_headers(response)
    return response


def latest_reviews(house: House) -> list[object]:
    """Return the newest reviews."""
    return list(
        house.reviews.counted()
        .select_related("renter")
        .prefetch_related("photos")
        .order_by("-id")[:REVIEWS_SHOWN]
    )


def rough_place(house: House) -> dict[str, object]:
    """Return the links to maps that everybody may have, to the rough place of a house."""
    point = house.point
    if point is None:
        return {}
    name = house.shown_district or str(house.area)
    return {"maps": place.maps(point.rough, name), "rough_metres": place.ROUGH_METRES}
