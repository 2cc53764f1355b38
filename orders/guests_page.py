"""Page on which the renter changes guests' names, arrival time and note until arrival."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.guards import signed_in_or_back_to
from houses.guest_form import GuestForm
from orders import guest_details
from orders.access import order_of, own_page


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@signed_in_or_back_to(own_page("orders:guests"))
def guests(request: HttpRequest, number: str) -> HttpResponse:
    order = order_of(request, number)
    if not order.guests_are_editable:
        raise Http404
    names, note = order.guest_names, order.renter_note
    initial = {"guest_names": names, "arrival_time": order.arrival_time, "note": note}
    posted = request.POST if request.method == "POST" else None
    form = GuestForm(posted, initial=initial, guests=guest_details.most_names(order))
    if not form.is_valid():
        status = 422 if form.is_bound else 200
        return render(request, "orders/guests.html", {"form": form, "order": order}, status=status)
    if guest_details.keep(order, **form.cleaned_data):
        messages.success(request, gettext("Saved."))
    return redirect(order)
