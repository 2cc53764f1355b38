"""Page on which the renter changes dates or guests: what it costs or gives back first, then the change."""

from datetime import timedelta
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.guards import signed_in_or_back_to, signed_in_user
from core.refusal import Refusal
from core.templatetags.ihome import WEEKDAYS
from houses import calendar
from houses.pages import STAY_FIELDS, pick
from orders import changes, waiting_changes
from orders.access import order_of, own_page
from orders.models import Order
from payments import stay_changes
from payments.change_form import ChangeForm
from payments.stay_changes import Preview


class RenterChangeForm(ChangeForm):
    preview_of = staticmethod(stay_changes.preview_for_renter)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@signed_in_or_back_to(own_page("payments:change"))
def change(request: HttpRequest, number: str) -> HttpResponse:
    """The first POST shows the new price; the second, with that price as `agreed`, changes the stay.

    A dearer stay of a paid order then waits for its difference, which is paid from the order's page.
    """
    order = order_of(request, number, "house__area", "waiting_change")
    if not order.is_changeable_by_renter:
        messages.info(request, _("This stay can't be changed here any more. Please contact us."))
        return redirect(order)
    if order.waiting_change_or_none:  # the order's page shows it, and how to pay or drop it
        return redirect(f"{order.get_absolute_url()}#change")
    form = RenterChangeForm(request.POST if request.method == "POST" else None, order=order)
    form.initial.update(
        pick(request.GET, STAY_FIELDS)
    )  # as typed before another month, or language, was chosen
    if form.is_valid() and _is_agreed(request, form) and (done := _change(order, form)):
        if not done.difference_fen:  # otherwise the order's page says what is to be paid
            messages.success(request, _("Your stay has been changed."))
        return redirect(order)
    status = 422 if form.errors else 200
    context = {"order": order, "form": form, "minutes_to_pay": _minutes_to_pay(request, form)}
    context |= _limits(order) | _calendar(request, form)
    return render(request, "payments/change.html", context, status=status)


def _minutes_to_pay(request: HttpRequest, form: RenterChangeForm) -> int | None:
    """Return how long the nights of a dearer stay would be held: shorter before the day of check-in."""
    if not form.preview or not form.preview.difference_fen:
        return None
    until = waiting_changes.pay_by(form.order, form.new_stay, signed_in_user(request))
    return round((until - timezone.now()) / timedelta(minutes=1))


def _limits(order: Order) -> dict[str, object]:
    """Return what this page can't change, before anything is typed."""
    dates_stay = changes.why_dates_stay(order)
    return {"dates_stay": dates_stay, "limits": dates_stay or changes.why_no_shorter_stay(order)}


def _calendar(request: HttpRequest, form: RenterChangeForm) -> dict[str, object]:
    """Return the context of houses/_calendar.html, from the month of the arrival if no other is asked for."""
    shown = {name: str(form[name].value() or "") for name in STAY_FIELDS}
    wanted = request.GET.get("month") or shown["check_in"]
    return {
        "house": form.house,
        "calendar": calendar.of_house(form.rates, wanted, order_number=form.order.number),
        "weekdays": WEEKDAYS,
        "kept": QueryDict(urlencode(shown)),
    }


def _is_agreed(request: HttpRequest, form: RenterChangeForm) -> bool:
    """Return True for the price that was seen, and the box ticked where nothing would be refunded."""
    if not form.preview or request.POST.get("agreed") != form.preview.agreed:
        return False
    if form.terms and form.terms.is_lost and not request.POST.get("no_refund"):
        form.add_error(None, _("This stay can't be refunded. Please tick the box to confirm that you know."))
        return False
    return True


def _change(order: Order, form: RenterChangeForm) -> Preview | None:
    """Change the stay. None, with the reason in the form, if that is not possible."""
    assert form.preview
    try:
        return stay_changes.change_for_renter(
            order, form.new_stay, agreed=form.preview.agreed, guest_names=form.new_names
        )
    except Refusal as refusal:
        order.refresh_from_db()
        form.preview = None
        form.add_error("check_in", str(refusal))
        return None
