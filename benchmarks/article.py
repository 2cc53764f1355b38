"""Baseline for comparison: the views of one Django article on Alipay, rebuilt as it has them.

The SDK's client is built from PEM texts in each request, the amount is a float, the SDK signs and verifies,
a correctly signed message sets the order's status, and a renter's orders are all on one page. As in the
article there is no record of the attempt, no message log, no lock, and no check of app, seller, amount or
status. If the article leaves a choice, the faster one is taken: rows and photos are fetched in as few queries
as ours, and the page is our own template.

Everything around the views, from middleware to database, is the site's.
"""

from alipay import AliPay
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import ResolverMatch, path
from django.views.decorators.csrf import csrf_exempt

from benchmarks.environment import SITE_URL, pem_text
from ihome_site.urls import urlpatterns as site_urlpatterns
from orders.models import Order

APP_PRIVATE_KEY = pem_text(settings.ALIPAY_APP_PRIVATE_KEY_PATH)
ALIPAY_PUBLIC_KEY = pem_text(settings.ALIPAY_PUBLIC_KEY_PATH)


def alipay_client() -> AliPay:
    client = AliPay(
        appid=settings.ALIPAY_APP_ID,
        app_private_key_string=APP_PRIVATE_KEY,
        alipay_public_key_string=ALIPAY_PUBLIC_KEY,
        sign_type="RSA2",
        debug=True,
    )
    client._gateway = settings.ALIPAY_GATEWAY_URL
    return client


@login_required
def my_orders(request: HttpRequest) -> HttpResponse:
    rows = Order.objects.filter(renter=request.user)
    orders = rows.select_related("house", "review", "waiting_change")
    context = {
        "orders": orders.prefetch_related("house__photos").order_by("-created_at"),
        "tabs": [(value, label, 0) for value, label in Order.Status.choices],
    }
    return render(request, "orders/order_list.html", context)


@login_required
def pay(request: HttpRequest, number: str) -> HttpResponse:
    order = get_object_or_404(Order, number=number, renter=request.user, status=Order.Status.WAIT_PAYMENT)
    query = alipay_client().api_alipay_trade_page_pay(
        subject=f"爱家租房 订单 {order.number}",
        out_trade_no=order.number,
        total_amount=order.amount_fen / 100,
        return_url=f"{SITE_URL}/article/return/",
    )
    return HttpResponseRedirect(f"{settings.ALIPAY_GATEWAY_URL}?{query}")


@login_required
def returned(request: HttpRequest) -> HttpResponse:
    return _save(request.GET.dict())


@login_required
def returned_and_asked(request: HttpRequest) -> HttpResponse:
    """Handle a return and query Alipay as our site does. The article does not query."""
    return _save(request.GET.dict(), ask=True)


@csrf_exempt
def notify(request: HttpRequest) -> HttpResponse:
    return _save(request.POST.dict())


def _save(data: dict[str, str], *, ask: bool = False) -> HttpResponse:
    signature = data.pop("sign")
    client = alipay_client()
    paid = client.verify(data, signature)
    if paid and ask:
        answer = client.api_alipay_trade_query(out_trade_no=data["out_trade_no"])
        paid = answer.get("trade_status") == "TRADE_SUCCESS"
    if paid:
        number = data["out_trade_no"].split("_")[0]
        Order.objects.filter(number=number).update(
            status=Order.Status.WAIT_COMMENT, trade_no=data["trade_no"]
        )
    return JsonResponse({"errno": 0, "errmsg": "OK"})


urlpatterns = [
    path("article/orders/", my_orders),
    path("article/orders/<str:number>/pay/", pay),
    path("article/return/", returned),
    path("article/return-and-ask/", returned_and_asked),
    path("article/notify/", notify),
    *site_urlpatterns,
]


class Article(WSGIHandler):
    """The site's WSGI application with the addresses above."""

    def resolve_request(self, request: HttpRequest) -> ResolverMatch:
        request.urlconf = __name__
        return super().resolve_request(request)
