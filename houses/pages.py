"""The page of a house, and the links that keep what a visitor searched for and typed."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse

from core.templatetags.ihome import WEEKDAYS
from houses import availability, calendar
from houses.forms import StayForm
from houses.models import House

REVIEWS_SHOWN = 10

LONGEST_VALUE = 20
"""Characters of a day or a number of guests that somebody may mean."""
STAY_FIELDS = ("check_in", "check_out", "guests")
SEARCH_FIELDS = ("area", *STAY_FIELDS, "sort", "page")
LONGEST_SEARCH = len(SEARCH_FIELDS) * (LONGEST_VALUE + len("check_out=&"))


def meant(asked: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, str]:
    """Those values of `names` that were given, without what is too long."""
    values = {name: str(asked.get(name) or "") for name in names}
    return {name: value for name, value in values.items() if 0 < len(value) <= LONGEST_VALUE}


def search_address(asked: Mapping[str, Any]) -> str:
    """The search for what was asked."""
    query = urlencode(meant(asked, SEARCH_FIELDS))
    return reverse("houses:search") + (f"?{query}" if query else "")


def search_of(asked: Mapping[str, Any]) -> dict[str, str]:
    """The search that led to a home: its page carries it along as `search`, "area=4&sort=price"."""
    search = str(asked.get("search") or "")[:LONGEST_SEARCH]
    return meant(dict(parse_qsl(search)), SEARCH_FIELDS)


def with_stay(asked: Mapping[str, Any]) -> dict[str, str]:
    """What goes along with the page of a home: the stay as it was typed, and the search."""
    search = urlencode(search_of(asked))
    return {**meant(asked, STAY_FIELDS), **({"search": search} if search else {})}


def as_query(asked: Mapping[str, Any]) -> str:
    """The same as "?check_in=…"; empty without any of it."""
    query = urlencode(with_stay(asked))
    return f"?{query}" if query else ""


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
