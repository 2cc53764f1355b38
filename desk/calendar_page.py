"""The page of the calendar, where staff also block and release nights."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from core.transactions import durable_transaction
from desk import calendar, navigation
from desk.calendar import Choice, Window
from desk.calendar_forms import NightsForm, WindowForm, choice_in
from houses import availability, blocking
from houses.availability import NightsTaken
from houses.models import BookedNight, House
from orders.models import Order


def page(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    navigation.CALENDAR.refuse_others(request)
    window_form = WindowForm(request.GET)
    window = window_form.window()
    houses, more = calendar.houses_of(window)
    choice = choice_in(request.GET)
    held = _held_by_staff(choice) if choice else None
    form = _nights_form(request, houses, choice, held)
    if request.method == "POST" and (address := _do(request, form, window)):
        return HttpResponseRedirect(address)
    choice = form.choice if form.is_bound else choice
    shown = {
        "title": _("Calendar"),
        "window": window,
        "window_form": window_form,
        "form": form,
        "choice": choice,
        "offers": _offers(request, form, choice, held),
        "rows": calendar.rows_of(window, houses, _may_choose(request, window), choice),
        "more": more,
        "kinds": calendar.KINDS,
        "spans": [(window.query(span=span), label, span == window.span) for span, label in calendar.SPANS],
        **_rights(request),
    }
    return TemplateResponse(request, "admin/calendar.html", {**context, **shown})


def _rights(request: HttpRequest) -> dict[str, bool]:
    verbs = {"may_block": "add", "may_release": "delete"}
    rights = {name: request.user.has_perm(f"houses.{verb}_bookednight") for name, verb in verbs.items()}
    return {
        **rights,
        "may_open_channels": request.user.has_perm("houses.view_channelcalendar"),
        "may_open_houses": request.user.has_perm("houses.view_house"),
        "may_price": request.user.has_perm("houses.change_house"),
    }


def _offers(
    request: HttpRequest, form: NightsForm, choice: Choice | None, held: BookedNight | None
) -> dict[str, bool]:
    """Tell which buttons to show: of nights chosen by a link, the one that applies."""
    rights, is_open = _rights(request), form.is_bound or choice is None
    return {
        "block": rights["may_block"] and (is_open or held is None),
        "release": rights["may_release"] and (is_open or held is not None),
    }


def _may_choose(request: HttpRequest, window: Window) -> Callable[[date], bool]:
    last = window.today + timedelta(days=blocking.MAX_DAYS_HELD_AHEAD)
    may_block = _rights(request)["may_block"]
    return lambda day: may_block and window.today <= day <= last


def _held_by_staff(choice: Choice) -> BookedNight | None:
    """Return the first night of the choice if staff block it."""
    return BookedNight.objects.filter(
        house=choice.house, night=choice.first, order_number="", calendar=None
    ).first()


def _nights_form(
    request: HttpRequest, houses: Sequence[House], choice: Choice | None, held: BookedNight | None
) -> NightsForm:
    if request.method == "POST":
        return NightsForm(request.POST, houses=houses)
    if not choice:
        return NightsForm(houses=houses)
    initial = {"house": choice.house, "first": choice.first, "last": choice.last, "note": held and held.note}
    return NightsForm(houses=houses, initial=initial)


def _do(request: HttpRequest, form: NightsForm, window: Window) -> str | None:
    """Do what the pressed button says. Returns where to go; None, with errors in the form, if it can't be."""
    if request.POST.get("do") == "price":
        return _address_of_prices(request, form)
    if not _is_done(request, form):
        return None
    return f"{request.path}{window.query()}#house-{form.cleaned_data['house'].pk}"


def _address_of_prices(request: HttpRequest, form: NightsForm) -> str | None:
    if not _rights(request)["may_price"]:
        raise PermissionDenied
    if not form.is_valid() or not (choice := form.choice):
        return None
    nights = urlencode({"first_night": choice.first, "last_night": choice.last})
    return f"{reverse('admin:houses_house_prices', args=[choice.house])}?{nights}#rule"


def _is_done(request: HttpRequest, form: NightsForm) -> bool:
    """Block or release what the form says. Returns False, with errors in the form, if that can't be."""
    is_release = request.POST.get("do") == "release"
    if not _rights(request)["may_release" if is_release else "may_block"]:
        raise PermissionDenied
    if form.is_valid() and not is_release:
        form.check_blockable()
    choice = form.choice
    if form.errors or not choice:
        return False
    return (_release if is_release else _block)(request, form, choice)


def _block(request: HttpRequest, form: NightsForm, choice: Choice) -> bool:
    house, note = form.cleaned_data["house"], form.cleaned_data["note"]
    entry = blocking.blocked_entry(choice.first, choice.last, note)

    @durable_transaction
    def block() -> None:
        availability.hold_range_for_staff(choice.house, choice.first, choice.last, note=note)
        _log(request, house, entry)

    try:
        block()
    except NightsTaken:
        form.add_error(
            None, _("Nothing was blocked. Already taken: %(nights)s.") % {"nights": _taken(choice)}
        )
        return False
    messages.success(request, f"{house}: {entry}")
    return True


def _release(request: HttpRequest, form: NightsForm, choice: Choice) -> bool:
    house = form.cleaned_data["house"]

    @durable_transaction
    def release() -> str:
        nights = availability.release_range_for_staff(choice.house, choice.first, choice.last)
        entry = blocking.released_entry(nights) if nights else ""
        if entry:
            _log(request, house, entry)
        return entry

    if entry := release():
        messages.success(request, f"{house}: {entry}")
        return True
    form.add_error(
        None, _("Staff block none of these nights. Nights of an order are released with the order.")
    )
    return False


def _log(request: HttpRequest, house: House, entry: str) -> None:
    admin.site.get_model_admin(House).log_change(request, house, entry)


def _taken(choice: Choice) -> str:
    """Name the taken nights of the choice, with who has them."""
    rows = BookedNight.objects.filter(house=choice.house, night__range=(choice.first, choice.last))
    nights = list(rows.order_by("night"))
    numbers = [night.order_number for night in nights if night.order_number]
    renters = {
        order.number: order.renter.get_full_name()
        for order in Order.objects.filter(number__in=numbers).prefetch_related("renter")
    }
    return ", ".join(_taken_by(night, renters) for night in nights)


def _taken_by(night: BookedNight, renters: dict[str, str]) -> str:
    holder = f"{renters.get(night.order_number, '')} {night.order_number}".strip() or night.note
    return f"{night.night} ({holder or _('Blocked')})"
