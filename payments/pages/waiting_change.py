"""A change of a paid stay that waits for its difference: the renter pays it, or drops it."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from accounts.guards import signed_in_post, signed_in_user
from core.refusal import Refusal
from orders.access import order_of, own_page
from payments import checkout_of_change, stay_changes
from payments.pages.way_to_alipay import lead_to_alipay


@never_cache
@signed_in_post(own_page("orders:detail"))
def pay(request: HttpRequest, number: str) -> HttpResponse:
    """去支付 of the difference."""
    return lead_to_alipay(request, order_of(request, number), checkout_of_change.press_pay)


@never_cache
@signed_in_post(own_page("orders:detail"))
def drop(request: HttpRequest, number: str) -> HttpResponse:
    order = order_of(request, number)
    try:
        stay_changes.drop(order, by=signed_in_user(request))
    except Refusal as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("The change has been dropped. Your stay is as it was."))
    return redirect(order)
