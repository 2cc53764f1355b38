"""Alipay can't be opened inside WeChat: a page that leads to the phone's own browser."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from core.links import absolute_url
from orders.access import order_of


def is_inside(request: HttpRequest) -> bool:
    return "MicroMessenger" in request.headers.get("User-Agent", "")


@require_safe
@never_cache
def way_out(request: HttpRequest, number: str) -> HttpResponse:
    """Explain how to continue in the phone's browser.

    WeChat's menu opens this same URL there; outside WeChat it redirects to the order, which asks to sign in.
    """
    if not is_inside(request) or not request.user.is_authenticated:
        return redirect("orders:detail", number)
    order = order_of(request, number)
    if not order.is_payable:
        return redirect(order)
    address = absolute_url("orders:detail", number)
    return render(request, "payments/way_out.html", {"order": order, "address": address})
