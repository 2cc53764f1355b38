"""Page on which the renter changes dates or guests before payment: what it costs first, then the change."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.guards import signed_in_or_back_to
from core.refusal import Refusal
from orders.access import order_of, own_page
from orders.models import Order
from payments import stay_changes
from payments.change_form import ChangeForm


class RenterChangeForm(ChangeForm):
    preview_of = staticmethod(stay_changes.preview_for_renter)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@signed_in_or_back_to(own_page("payments:change"))
def change(request: HttpRequest, number: str) -> HttpResponse:
    """The first POST shows the new price; the second, with that price as `agreed`, changes the stay."""
    order = order_of(request, number, "house__area")
    if not order.is_changeable_by_renter:
        messages.info(request, _("This stay can't be changed here any more. Please contact us."))
        return redirect(order)
    form = RenterChangeForm(request.POST if request.method == "POST" else None, order=order)
    if form.is_valid() and _is_agreed(request, form) and _change(order, form):
        messages.success(request, _("Your stay has been changed."))
        return redirect(order)
    status = 422 if form.errors else 200
    return render(request, "payments/change.html", {"order": order, "form": form}, status=status)


def _is_agreed(request: HttpRequest, form: RenterChangeForm) -> bool:
    """Return True for the price that was seen, and the box ticked where nothing would be refunded."""
    if not form.preview or request.POST.get("agreed") != form.preview.agreed:
        return False
    if form.terms and form.terms.is_lost and not request.POST.get("no_refund"):
        form.add_error(None, _("This stay can't be refunded. Please tick the box to confirm that you know."))
        return False
    return True


def _change(order: Order, form: RenterChangeForm) -> bool:
    """Change the stay. False, with the reason in the form, if that is not possible."""
    assert form.preview
    try:
        stay_changes.change_for_renter(order, form.new_stay, agreed=form.preview.agreed)
    except Refusal as refusal:
        order.refresh_from_db()
        form.preview = None
        form.add_error("check_in", str(refusal))
        return False
    return True
