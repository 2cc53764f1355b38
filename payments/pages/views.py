"""Views for the renter, and the two addresses that Alipay calls: paycomplete and notify."""

import logging
from collections.abc import Sequence

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.guards import signed_in_or_back_to, signed_in_post, signed_in_user
from accounts.models import User
from core.caching import never_cache
from orders.access import order_of, own_order, own_page
from orders.models import Order
from orders.waiting_changes import waiting_change_of
from payments import callbacks, cancellation, checkout, page_state, queries
from payments.alipay.answers import Refused, Unknown
from payments.alipay.keys import KeyProblem
from payments.alipay.messages import MAX_BYTES, Reason, Rejected
from payments.books import message_log
from payments.books.message_log import Channel
from payments.models import Payment
from payments.page_state import PaymentPageState, page_of
from payments.pages.way_to_alipay import lead_to_alipay

log = logging.getLogger(__name__)


@never_cache
@signed_in_post(own_page("orders:detail"))
def pay(request: HttpRequest, number: str) -> HttpResponse:
    """去支付: redirect to Alipay, or back to the order with a message. In WeChat: to the way_out page."""
    return lead_to_alipay(request, order_of(request, number), checkout.press_pay)


@csrf_exempt  # so that a POST gets 405, not a CSRF error
@require_http_methods(["GET", "HEAD"])
@never_cache
def paycomplete(request: HttpRequest) -> HttpResponse:
    """支付完成: Alipay's return. The only GET that writes: a signed return may settle an attempt."""
    if request.method == "HEAD":
        return HttpResponse()
    try:
        page = callbacks.receive_return(request.META.get("QUERY_STRING", "").encode("latin-1"))
    except KeyProblem as problem:
        log.error("Alipay is not set up: %s", problem)
        page = page_state.NEUTRAL
    payment, order = page.payment, None
    if payment is not None and isinstance(request.user, User):
        order = own_order(request.user, payment.order_id)
    if payment is not None and page.state is PaymentPageState.CONFIRMING:  # a notice may have come meanwhile
        payment.refresh_from_db()
        page = page_of(payment)
    context: dict[str, object] = {"state": page.state, "order": order}
    if order is not None:  # details are for the renter only
        context |= {"payment": payment, "refunds": page.refunds, "refunds_fen": page.refunds_fen}
    response = render(request, "payments/paycomplete.html", context)
    # The URL contains a signature. Not "no-referrer": forms on the page would be sent with "Origin: null".
    response.headers["Referrer-Policy"] = "strict-origin"
    return response


@csrf_exempt
@require_POST
@never_cache
def notify(request: HttpRequest) -> HttpResponse:
    """Alipay's notice. The answer `success`, after the commit, tells Alipay not to send it again."""
    body = request.read(MAX_BYTES + 1)
    try:
        if request.content_type != "application/x-www-form-urlencoded":
            message_log.record_bad(Channel.NOTIFY, body, Rejected(Reason.NOT_FORM_ENCODED))
            return _plain("fail", status=415)
        if len(body) > MAX_BYTES:
            message_log.record_bad(Channel.NOTIFY, body, Rejected(Reason.TOO_LONG))
            return _plain("fail", status=413)
        return _plain("success" if callbacks.receive_notify(body) else "fail")
    except KeyProblem as problem:
        log.error("Alipay is not set up: %s", problem)
        return _plain("fail", status=503)
    except DatabaseError:
        log.exception("notice not recorded; Alipay will send it again")
        return _plain("fail", status=503)


def _plain(text: str, *, status: int = 200) -> HttpResponse:
    return HttpResponse(text, status=status, content_type="text/plain")


@require_GET
@never_cache
@login_required
def status(request: HttpRequest, number: str) -> HttpResponse:
    """Statuses of the order and its payment as JSON, polled by the page; for the renter only."""
    return _status_json(order_of(request, number))


def _status_json(order: Order) -> JsonResponse:
    statuses = [payment.status for payment in _attempts_that_count(order)]
    payment = Payment.Status.PAID if Payment.Status.PAID in statuses else next(iter(statuses), None)
    return JsonResponse({"order": order.status, "payment": payment})


def _attempts_that_count(order: Order) -> list[Payment]:
    """The attempts, the newest first: while a change of a paid stay waits, those to pay its difference."""
    made = order.payments.order_by("-created_at", "-id")
    if order.is_paid and (change := waiting_change_of(order)):
        return list(made.filter(stay_change=change))
    return list(made)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@signed_in_or_back_to(own_page("payments:cancel"))
def cancel(request: HttpRequest, number: str) -> HttpResponse:
    """取消订单: GET shows what is refunded and what is not; POST cancels."""
    order = order_of(request, number)
    if request.method == "POST":
        # Both amounts: a refund of 0 with nothing paid is not consent to a refund of 0 after a payment.
        fields = {"comes_back_fen": "refund_fen", "stays_fen": "kept_fen"}
        agreed = {fields[name]: request.POST[name] for name in fields if name in request.POST}
        try:
            cancellation.cancel(order, by=signed_in_user(request), agreed=agreed)
        except cancellation.CannotCancel as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, _("Your order has been cancelled."))
            return redirect(order)
        order.refresh_from_db()
    preview = cancellation.preview(order)
    if preview is None:
        messages.info(request, _("This order can't be cancelled now."))
        return redirect(order)
    return render(request, "payments/cancel.html", {"order": order, "preview": preview})


@never_cache
@signed_in_post(own_page("orders:detail"))
def check(request: HttpRequest, number: str) -> HttpResponse:
    """我已付款，帮我查一下: query Alipay now. Redirects with a message; scripts get the JSON of `status`."""
    order = order_of(request, number)
    attempts_made = _attempts_that_count(order)
    still_open = [payment for payment in attempts_made if payment.status == Payment.Status.OPEN]
    answers = [
        queries.query_trade(payment, deadline=seconds)
        for payment, seconds in queries.within_interactive_timeout(still_open)
    ]
    if request.get_preferred_type(["text/html", "application/json"]) == "application/json":
        order.refresh_from_db()
        return _status_json(order)
    messages.info(request, _check_result(attempts_made, answers))
    return redirect(order)


def _check_result(attempts_made: list[Payment], answers: Sequence[object]) -> str:
    """The message for the renter. A PAID attempt comes before a SURPLUS one, and that before all others."""
    if not attempts_made:
        return _("You haven't started paying for this order yet.")
    rank = {Payment.Status.PAID.value: 2, Payment.Status.SURPLUS.value: 1}
    match page_of(max(attempts_made, key=lambda payment: rank.get(payment.status, 0))).state:
        case PaymentPageState.PAID:
            return _("We've received your payment.")
        case PaymentPageState.REFUNDING:
            return _("We received your payment and are refunding it.")
        case PaymentPageState.DELAYED:
            return _("We received your payment. Its refund is delayed, and we're seeing to it.")
        case PaymentPageState.REFUNDED:
            return _("We received your payment and have refunded it.")
        case PaymentPageState.NEUTRAL:
            return _("We received your payment. See the order history below.")
    if any(isinstance(answer, (Unknown, Refused)) for answer in answers):
        return _(
            "Alipay isn't responding right now. If you've paid, this page will update by itself; you don't "
            "need to pay again."
        )
    if answers and all(answer is None for answer in answers):
        return _(
            "We checked with Alipay a moment ago. If you've paid, this page will update by itself; you "
            "don't need to pay again."
        )
    return _(
        "Alipay has no record of your payment yet. If you've paid, this page will update by itself; you "
        "don't need to pay again."
    )
