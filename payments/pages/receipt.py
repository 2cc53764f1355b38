"""The printable receipt of an order: what was paid and what was refunded."""

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from core.money import yuan_in_capitals
from orders.access import order_of
from payments.models import Payment, Refund
from payments.page_state import is_delayed


@require_safe
@never_cache
@login_required
def receipt(request: HttpRequest, number: str) -> HttpResponse:
    """For the renter of an order that was paid, also if it was cancelled later. Excludes surplus money."""
    order = order_of(request, number, "renter")
    payments = list(order.payments.filter(status=Payment.Status.PAID).order_by("created_at", "id"))
    if not payments:
        raise Http404
    received_fen = sum(payment.received_fen for payment in payments)
    refunds = list(Refund.objects.filter(payment__in=payments).order_by("created_at", "id"))
    done = [refund for refund in refunds if refund.status == Refund.Status.DONE]
    delayed = [refund for refund in refunds if is_delayed(refund)]
    on_their_way = [refund for refund in refunds if refund.status in Refund.ON_ITS_WAY]
    context = {
        "order": order,
        "payments": payments,
        "received_fen": received_fen,
        "in_capitals": yuan_in_capitals(received_fen),
        "refunds": done,
        "on_their_way": [refund for refund in on_their_way if refund not in delayed],
        "delayed": delayed,
        "kept_fen": received_fen - sum(refund.amount_fen for refund in done),
    }
    return render(request, "payments/receipt.html", context)
