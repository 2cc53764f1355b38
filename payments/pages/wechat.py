"""Alipay can't be opened inside WeChat: a page that leads to the device's own browser."""

import re

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from core.links import absolute_url
from orders.access import order_of
from orders.models import Order, StayChange
from orders.waiting_changes import waiting_change_of


def is_inside(request: HttpRequest) -> bool:
    return "MicroMessenger" in request.headers.get("User-Agent", "")


def _is_on_computer(agent: str) -> bool:
    """WeChat for Windows, macOS and Linux, whose browser has another menu than on phones and tablets."""
    return not re.search(r"Mobi|Android|iPad", agent)


def _heading(agent: str) -> str:
    if _is_on_computer(agent):
        return _("Pay in your computer's browser")
    is_phone = "Mobi" in agent and "iPad" not in agent
    return _("Pay in your phone's browser") if is_phone else _("Pay in your browser")


@require_safe
@never_cache
def way_out(request: HttpRequest, number: str) -> HttpResponse:
    """Explain how to continue in the browser of this device.

    WeChat's menu opens this same URL there; outside WeChat it redirects to the order, which asks to sign in.
    """
    if not is_inside(request) or not request.user.is_authenticated:
        return redirect("orders:detail", number)
    order = order_of(request, number)
    asked = order if order.status == Order.Status.WAIT_PAYMENT else waiting_change_of(order)
    if asked is None or not asked.is_payable:
        return redirect(order)
    agent = request.headers["User-Agent"]
    context = {
        "order": order,
        "asked": asked,
        "amount_fen": asked.difference_fen if isinstance(asked, StayChange) else asked.amount_fen,
        "address": absolute_url("orders:detail", number),
        "heading": _heading(agent),
        "is_on_computer": _is_on_computer(agent),
    }
    return render(request, "payments/way_out.html", context)
