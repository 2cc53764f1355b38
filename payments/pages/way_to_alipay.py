"""From a press of Pay to Alipay, or back to the order with the reason why not."""

import logging
import re
from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from orders.models import Order
from payments.alipay.keys import KeyProblem
from payments.checkout import CannotPay, Product
from payments.pages import wechat

log = logging.getLogger(__name__)

_PHONE = re.compile(r"Mobi|iPhone|iPod", re.IGNORECASE)


def lead_to_alipay(request: HttpRequest, order: Order, press_pay: Callable[..., str]) -> HttpResponse:
    """Redirect to the URL of `press_pay`, or back to the order. In WeChat: to the way_out page."""
    if wechat.is_inside(request):
        return redirect("payments:way_out", order.number)
    product = Product.WAP if _PHONE.search(request.headers.get("User-Agent", "")) else Product.PAGE
    try:
        return HttpResponseRedirect(press_pay(order, product, another="another" in request.POST))
    except CannotPay as refusal:
        messages.error(request, str(refusal))
    except KeyProblem as problem:
        log.error("Alipay is not set up: %s", problem)
        messages.error(request, _("Payment isn't available yet. We're keeping your order."))
    return redirect(order)
