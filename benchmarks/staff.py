"""Pages of staff in the admin, with a table of a million orders."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode

from django.utils import timezone

from accounts.models import User
from benchmarks import exports, my_orders, rows
from benchmarks.measure import Act, Ratio, Side, alternate
from benchmarks.wsgi import Browser
from houses.models import House
from ihome_site.wsgi import application as ihome
from orders.models import Order
from payments.models import Payment
from tests import make

REACH_MS = 300
ORDERS, PAYMENTS, REFUNDS = "/admin/orders/order/", "/admin/payments/payment/", "/admin/payments/refund/"


@dataclass(frozen=True)
class Page:
    title: str
    path: str
    query: dict[str, str]


def staff(orders: int, rounds: int) -> list[Ratio]:
    """Measure whole pages for a superuser. Fills the tables unless "my orders" did."""
    if not House.objects.filter(title__startswith=rows.TITLE).exists():
        my_orders.fill(orders, min(1000, orders // 20))
    rows.use(rows.BIG)
    rows.make_payments()
    superuser = make.user(is_staff=True, is_superuser=True)
    browser = Browser.of(superuser)
    ratios = []
    for page in _pages():
        (found,) = alternate(f"Staff: {page.title}", [_side(page, browser)], rounds)
        ratios.append(Ratio(f"staff, {page.title}: ms", found.seconds * 1000, REACH_MS, at_most=True))
    return [*ratios, *exports.downloads(superuser)]


def _pages() -> Iterator[Page]:
    today = timezone.localdate()
    order = Order.objects.filter(status=Order.Status.COMPLETE).order_by("-pk").select_related("renter")[100]
    payment = Payment.objects.filter(status=Payment.Status.PAID).order_by("-pk")[100]
    oldest = Order.objects.order_by("created_at", "pk")[100]
    yield Page("today", "/admin/", {})
    yield Page("an order", f"{ORDERS}{order.pk}/change/", {})
    yield Page("the calendar", "/admin/calendar/", {})
    yield Page("the calendar of a month", "/admin/calendar/", {"span": "31"})
    yield Page("who did what", "/admin/log/", {})
    year_ago, in_a_week = str(today - timedelta(days=399)), str(today + timedelta(days=6))
    lists = {
        "orders": {},
        "the last page of orders": {"after": str(oldest.pk)},
        "orders to accept": {"status__exact": "WAIT_ACCEPT"},
        "orders of an area": {"house__area__id__exact": str(order.house.area_id)},
        "arrivals today": {"stay": "arriving", "first": str(today)},
        "arrivals of 400 days": {
            "stay": "arriving",
            "first": year_ago,
            "last": str(today),
        },
        "departures of a week": {"stay": "leaving", "first": str(today), "last": in_a_week},
        "in house": {"stay": "in_house", "first": str(today)},
        "refunds on their way": {"money": "on_its_way"},
        "refunded in part": {"money": "part_refunded"},
        "overdue": {"money": "overdue"},
        "differences to be paid": {"money": "difference"},
    }
    for title, query in lists.items():
        yield Page(title, ORDERS, query)
    typed = {
        "a number": order.number,
        "a mobile number": order.renter.mobile,
        "four digits": order.renter.mobile[-4:],
        "a name": order.renter.name,
        "a home": order.house.title,
        "a home and a day": f"{order.house.title} {order.check_in}",
        "Alipay's number": payment.trade_no,
        "nothing there": "nobody",
    }
    for title, text in typed.items():
        yield Page(f"search for {title}", ORDERS, {"q": text})
    yield Page("payments", PAYMENTS, {})
    yield Page("payments to check", PAYMENTS, {"for_staff": "1"})
    yield Page("payments by name", PAYMENTS, {"q": order.renter.name})
    yield Page("refunds to check", REFUNDS, {"for_staff": "1"})
    yield Page("users by name", "/admin/accounts/user/", {"q": User.objects.get(pk=order.renter_id).name})


def _side(page: Page, browser: Browser) -> Side:
    @contextmanager
    def attempt() -> Iterator[Act]:
        answers = []
        yield lambda: answers.append(browser.get(ihome, page.path, urlencode(page.query)))
        assert answers[0].status == 200, f"{page.title}: {answers[0].status}"

    return Side("ihome", attempt)
