import math
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from accounts.guards import signed_in_post, signed_in_user, verify_address
from core import rate_limits
from core.caching import never_cache
from core.prepared import Select
from documents import agreements
from houses.availability import NightsTaken
from houses.forms import StayForm
from houses.guest_form import GuestForm, forget_draft, keep_draft
from houses.models import MARKS, House
from houses.pages import house_page, house_query, search_address
from orders import booking, guest_details, review_draft, reviewing
from orders.access import order_of, own_page
from orders.forms import ReviewForm
from orders.ics import calendar_of, has_file
from orders.limits import TooManyUnpaid
from orders.models import Order, OrderEvent, Review, StayChange
from orders.money_state import came_outside, ending_of, has_begun_to_pay_change, money_of, payment_facts
from orders.pages import counts_by_stage, next_trip_first, page_of_orders
from orders.recovery import BookingsHeld
from orders.search import MAX_QUERY_LENGTH
from orders.stages import BY_CHECK_IN, Stage
from orders.transitions import IllegalTransition

PHOTOS_A_DAY = rate_limits.Limit("photos of reviews", 60, timedelta(days=1))
"""Of one renter: decoding costs a second each."""
REFRESH_INTERVAL = timedelta(seconds=20)
"""Refresh interval of a page without scripts while it waits for Alipay."""


def _house_page_with_stay(request: HttpRequest, pk: int) -> str:
    """Return the house's page with the chosen stay; the search if the home is not listed."""
    if not House.objects.filter(pk=pk, is_listed=True).exists():
        return _other_homes(request)
    return f"{reverse('houses:detail', args=[pk])}{house_query(request.POST)}#book"


def _other_homes(request: HttpRequest) -> str:
    return search_address(request.POST)


def _no_longer_offered(request: HttpRequest) -> HttpResponse:
    messages.error(request, _("This home is no longer available. Here are some others."))
    return redirect(_other_homes(request))


def _other_guests_message(order: Order) -> str:
    message = ngettext(
        "You've already booked these nights for %(count)d guest. You can change that in the order.",
        "You've already booked these nights for %(count)d guests. You can change that in the order.",
        order.guests,
    )
    return message % {"count": order.guests}


def _seen(request: HttpRequest) -> booking.Seen:
    names = ("seen_price", "seen_night_price", "seen_policy")
    return booking.Seen(*(request.POST.get(name, "") for name in names))


def _loss_is_accepted(request: HttpRequest, form: StayForm) -> bool:
    """Add an error unless the box is ticked of a stay that can't be refunded any more.

    A request that names no price is no form of ours, and has seen no box.
    """
    if (
        not form.terms
        or not form.terms.is_lost
        or request.POST.get("no_refund")
        or _seen(request) == booking.Seen()
    ):
        return True
    form.add_error(None, _("This stay can't be refunded. Please tick the box to confirm that you know."))
    return False


def _form_at_new_price(request: HttpRequest, house: House, seen: booking.Seen) -> StayForm:
    """Return the form with the prices of now, and why it is shown again."""
    house.refresh_from_db()
    form = StayForm(request.POST, house=house)
    if seen.total:
        form.add_error(None, _("The price or the refund has just changed. Please check both and book again."))
    else:
        form.add_error(None, _("Here is the total for these dates. Please check it and book."))
    return form


@signed_in_post(_house_page_with_stay, keep_form=keep_draft)
def book(request: HttpRequest, pk: int) -> HttpResponse:
    house = get_object_or_404(House.objects.select_related("area"), pk=pk)
    form = StayForm(request.POST, house=house)
    if not house.is_listed:
        return _no_longer_offered(request)
    is_valid = form.is_valid() and _loss_is_accepted(request, form)
    guest_form = GuestForm(request.POST, guests=form.cleaned_data.get("guests"))
    if guest_form.is_valid() and is_valid:
        seen, stay = _seen(request), form.cleaned_data
        try:
            agreed = request.POST.get(agreements.FIELD, "")
            order = booking.book(house, renter=signed_in_user(request), seen=seen, agreed=agreed, **stay)
        except NightsTaken:
            form.add_taken_error()
        except IllegalTransition:  # midnight passed between validation and booking
            form.add_error("check_in", _("This date has passed."))
        except TooManyUnpaid as refusal:
            orders = reverse("orders:list")
            form.add_error(None, format_html('{} <a href="{}">{}</a>', refusal, orders, _("My orders")))
        except booking.NumberUnverified as refusal:
            messages.info(request, str(refusal))
            verify = redirect(verify_address(_house_page_with_stay(request, pk)))
            return keep_draft(request, verify, pk=pk)
        except (booking.AccountClosed, BookingsHeld) as refusal:
            form.add_error(None, str(refusal))
        except booking.PriceChanged:
            form = _form_at_new_price(request, house, seen)
        except House.DoesNotExist:
            return _no_longer_offered(request)
        else:
            if order.guests != stay["guests"]:
                messages.info(request, _other_guests_message(order))
            if any(guest_form.cleaned_data.values()):
                guest_details.keep(order, **guest_form.cleaned_data)
            return forget_draft(request, redirect(order))
    return house_page(request, house, form, guest_form=guest_form, status=422)


@require_safe
@never_cache
@login_required
def order_list(request: HttpRequest) -> HttpResponse:
    status = request.GET.get("status", "")
    if status not in Order.Status:
        status = ""
    stage = Stage(request.GET["stage"]) if request.GET.get("stage") in Stage.values else None
    before = request.GET.get("before", "")
    text = request.GET.get("q", "").replace("\0", "").strip()[:MAX_QUERY_LENGTH]
    renter = signed_in_user(request)
    before_if_possible = before if before.isascii() else ""
    page = page_of_orders(renter, status=status, stage=stage, text=text, before=before_if_possible)
    counts = counts_by_stage(renter, text=text)
    is_first_of_all = not (status or stage or text or before)
    context = {
        "orders": next_trip_first(page.orders) if is_first_of_all else page.orders,
        "look_again_after": _seconds_until(order.turns_at for order in page.orders),
        "next_before": page.next_before,
        "status": status,
        "stage": stage,
        "by_check_in": stage in BY_CHECK_IN,
        "tabs": [
            (each, each.label, counts.get(each, 0)) for each in Stage if each in counts or each is stage
        ],
        "total": sum(counts.values()),
        "q": text,
        "before": before,
    }
    return render(request, "orders/order_list.html", context)


_EVENTS = Select(
    lambda value: OrderEvent.objects.filter(order=value(OrderEvent, "order")).order_by("-created_at", "-id")
)


@require_safe
@never_cache
@login_required
def order_detail(request: HttpRequest, number: str) -> HttpResponse:
    related = ("house__area", "review", "invoice", "waiting_change")
    return order_page(request, order_of(request, number, *related))


def order_page(
    request: HttpRequest, order: Order, review_form: ReviewForm | None = None, *, status: int = 200
) -> HttpResponse:
    """Render the page of an order, also after a refused review."""
    written = order.review_or_none
    draft: dict[str, Any] = {}
    if review_form is None and (order.is_reviewable or _wants_to_edit(request, written)):
        draft = review_draft.read(request, order.number) or {}
        review_form = ReviewForm(initial=draft or _as_written(written))
    events = _EVENTS.all(order=order.pk)
    money = money_of(order, events)
    context: dict[str, object] = {
        "order": order,
        "events": events,
        "review_form": review_form,
        "lost_photos": draft.get("lost_photos"),
        "review_version": reviewing.version_of(written) if written else "",
        "money": money,
    }
    if order.status == Order.Status.WAIT_PAYMENT:
        context |= _payment_context(order)
    elif change := order.waiting_change_or_none:
        context |= _change_context(change)
    elif order.status == Order.Status.CANCELED:
        context |= {"ending": ending_of(order, events), "came_outside": came_outside(order, events)}
        context |= {"is_in_calendars": has_file(order)}
        if money["on_its_way_fen"] or money["delayed_fen"]:
            context |= {"is_watched": True, "look_again_after": REFRESH_INTERVAL.seconds}
    return render(request, "orders/order_detail.html", context, status=status)


def _wants_to_edit(request: HttpRequest, written: Review | None) -> bool:
    return written is not None and request.GET.get("edit") == "review" and written.is_editable


def _as_written(written: Review | None) -> dict[str, object]:
    return {name: getattr(written, name) for name in ("rating", *MARKS, "text")} if written else {}


def _payment_context(order: Order) -> dict[str, object]:
    """Return the context of an order to pay. `is_watched`: a script polls until the state changes."""
    facts = payment_facts(order)
    is_payable = facts["begun"] and not facts["confirming"] and order.is_payable
    soon = timezone.now() + REFRESH_INTERVAL if facts["begun"] or order.is_overdue else None
    return {
        **facts,
        "result_unknown": is_payable and facts["result_unknown"],
        "live": is_payable and facts["live"],
        "is_watched": True,
        "look_again_after": _seconds_until([order.turns_at, soon]),
    }


def _change_context(change: StayChange) -> dict[str, object]:
    """Return the context of a paid order with a change to pay."""
    begun = has_begun_to_pay_change(change)
    soon = timezone.now() + REFRESH_INTERVAL if begun or change.is_overdue else None
    return {
        "change": change,
        "change_begun": begun,
        "is_watched": True,
        "look_again_after": _seconds_until([change.turns_at, soon]),
    }


def _seconds_until(moments: Iterable[datetime | None]) -> int | None:
    """Return whole seconds until just after the earliest of `moments`; None if there is none."""
    first = min((moment for moment in moments if moment), default=None)
    return None if first is None else math.floor((first - timezone.now()).total_seconds()) + 1


@require_safe
@never_cache
@login_required
def calendar_file(request: HttpRequest, number: str) -> HttpResponse:
    """Download the stay as an iCalendar file. 404 if there is none."""
    order = order_of(request, number, "house__area")
    if not has_file(order):
        raise Http404
    disposition = content_disposition_header(as_attachment=True, filename=f"ihome-{number}.ics")
    return HttpResponse(
        calendar_of(order),
        content_type="text/calendar; charset=utf-8",
        headers={"Content-Disposition": disposition},
    )


def _review_form_of(request: HttpRequest, *, may_decode: bool) -> ReviewForm:
    """Read the form. Pictures are decoded only for a review that may be written, and so many a day."""
    files, refusal = request.FILES if may_decode else None, ""
    try:
        for _photo in request.FILES.getlist("photos") if may_decode else []:
            rate_limits.take(PHOTOS_A_DAY, str(signed_in_user(request).pk))
    except rate_limits.LimitReached:
        files, refusal = None, _("You've uploaded a lot of photos today. Please add more tomorrow.")
    form = ReviewForm(request.POST, files)
    if refusal:
        form.add_error("photos", refusal)
    return form


@never_cache
@signed_in_post(own_page("orders:detail", "#review"), keep_form=review_draft.keep)
def review(request: HttpRequest, number: str) -> HttpResponse:
    order = order_of(request, number, "review")
    written = order.review_or_none
    form = _review_form_of(request, may_decode=order.is_reviewable or written is not None)
    if not form.is_valid() and (order.is_reviewable or written):
        return order_page(request, order, form, status=422)
    try:
        if not form.is_valid():
            raise IllegalTransition(order, "review")
        seen, renter = request.POST.get("seen", ""), signed_in_user(request)
        removed = request.POST.getlist("photos-remove")
        reviewing.save(order, by=renter, seen=seen, removed=removed, **form.cleaned_data)
    except reviewing.CannotReview as refusal:  # what was typed stays, beside what is published
        form.add_error(None, str(refusal))
        return order_page(request, order_of(request, number, "review"), form, status=409)
    except IllegalTransition:
        messages.error(request, _("You can't review this stay now."))
        return redirect(order)
    messages.success(request, _("Thanks for your review."))
    response = redirect(order)
    review_draft.forget(request, response, number)
    return response
