"""Page of an order, its review, and access to both."""

import re
from datetime import date, timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from houses.models import House
from orders import transitions
from orders.models import Order, OrderEvent, Review
from orders.stages import stage_of
from payments.models import Payment
from tests import make

pytestmark = pytest.mark.django_db

Status = Order.Status
TODAY = date(2026, 11, 22)
NOON = "2026-11-22T12:00:00+08:00"


@pytest.fixture
def order() -> Order:
    return make.order(status=Status.WAIT_COMMENT)


@pytest.fixture
def renter(order: Order, client: Client) -> Client:
    client.force_login(order.renter)
    return client


def review(client: Client, stay: Order, **fields: str):
    return client.post(f"/orders/{stay.number}/review/", {"rating": "4", "text": "Quiet & warm", **fields})


def test_the_page_shows_the_terms(renter: Client, order: Order) -> None:
    html = renter.get(order.get_absolute_url()).content.decode()
    for text in (order.number, order.house_title, "￥150.00", "￥300.00", f'datetime="{order.check_in}'):
        assert text in html


def test_the_timeline_has_the_newest_event_first(renter: Client, order: Order) -> None:
    staff = make.user(is_staff=True, name="Wang Staff")
    order.events.create(kind="BOOKED", actor=order.renter)
    order.events.create(kind="ACCEPTED", actor=staff, reason="Welcome")
    order.events.create(kind="PAID", amount_fen=30000)
    page = renter.get(order.get_absolute_url())
    assert [event.kind for event in page.context["events"]] == ["PAID", "ACCEPTED", "BOOKED"]
    html = page.content.decode()
    for words in ("支付宝已确认收款", "已确认", "已下单"):
        assert words in html
    assert "Welcome" in html
    assert "Wang Staff" not in html


def test_the_timeline_shows_time_actor_and_amount(renter: Client, order: Order) -> None:
    renter.cookies["django_language"] = "en"
    make.rows(Order).update(trade_no="2026112222001401")
    with time_machine.travel(NOON, tick=False):
        renter.force_login(order.renter)
        order.events.create(kind="BOOKED", actor=order.renter)
        order.events.create(kind="ACCEPTED", actor=make.user(is_staff=True))
        order.events.create(kind="PAID", amount_fen=30000)
        html = renter.get(order.get_absolute_url()).content.decode()
    items = re.findall("<li>(.*?)</li>", html.split('<ol class="timeline">')[1].split("</ol>")[0], re.DOTALL)
    assert [" ".join(re.sub("<[^>]+>", " ", item).split()) for item in items] == [
        "Payment confirmed by Alipay ￥300.00 22 Nov, 12:00",
        "Accepted 22 Nov, 12:00 · We",
        "Booked 22 Nov, 12:00 · You",
    ]
    assert "<dd>2026112222001401</dd>" in html


@pytest.mark.parametrize("events", [1, 40])
def test_the_page_takes_the_same_number_of_queries_however_much_happened(
    renter: Client, order: Order, events: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(events):
        order.events.create(kind="BOOKED", actor=order.renter)
    with django_assert_num_queries(6):
        renter.get(order.get_absolute_url())


@pytest.mark.parametrize("status", Status)
def test_every_status_has_a_page(renter: Client, order: Order, status: str) -> None:
    soon, was_accepted = timezone.now() + timedelta(hours=1), status not in ("WAIT_ACCEPT", "REJECTED")
    make.rows(Order).update(status=status, accept_by=soon, pay_by=soon if was_accepted else None)
    page = renter.get(order.get_absolute_url())
    assert page.status_code == 200
    assert str(stage_of(status, order.check_in, order.check_out).label) in page.content.decode()


def test_a_review_completes_the_order_and_is_shown(renter: Client, order: Order) -> None:
    make.end_stay(order)
    page = review(renter, order)
    assert (page.status_code, page.url) == (302, order.get_absolute_url())
    order.refresh_from_db()
    assert order.status == Status.COMPLETE
    written = make.rows(Review).get()
    assert (written.order, written.renter, written.house) == (order, order.renter, order.house)
    assert (written.rating, written.text) == (4, "Quiet & warm")
    house = make.rows(House).get()
    assert (house.review_count, house.rating_sum) == (1, 4)
    assert [event.kind for event in order.events.all()] == ["REVIEWED"]
    for address in (order.get_absolute_url(), house.get_absolute_url(), "/orders/"):
        html = renter.get(address).content.decode()
        assert "Quiet &amp; warm" in html
        assert f"/orders/{order.number}/review/" not in html


def test_a_stay_is_reviewed_once(renter: Client, order: Order) -> None:
    """A second one, from another window or pressed twice, is an edit; it must have seen the first."""
    make.end_stay(order)
    review(renter, order)
    assert review(renter, order).url == order.get_absolute_url()
    again = review(renter, order, rating="1", text="Changed my mind")
    assert again.status_code == 409
    for text in ("Quiet &amp; warm", "Changed my mind"):
        assert text in again.content.decode()
    assert make.rows(Review).get().rating == 4
    house = make.rows(House).get()
    assert (house.review_count, house.rating_sum) == (1, 4)
    assert order.events.count() == 1


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.WAIT_COMMENT}))
def test_only_a_paid_stay_can_be_reviewed(renter: Client, order: Order, status: str) -> None:
    make.rows(Order).update(status=status)
    assert review(renter, order).url == order.get_absolute_url()
    assert not make.rows(Review).exists()
    assert not make.rows(OrderEvent).exists()
    assert make.rows(Order).get().status == status


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"rating": "0"}, "rating"),
        ({"rating": "6"}, "rating"),
        ({"rating": "-1"}, "rating"),
        ({"rating": "4.5"}, "rating"),
        ({"rating": "５"}, "rating"),
        ({"rating": ""}, "rating"),
        ({"text": ""}, "text"),
        ({"text": "   \n"}, "text"),
        ({"text": "x" * 1001}, "text"),
        ({"text": "x\0"}, "text"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_an_invalid_review_is_refused_and_the_input_kept(
    renter: Client, order: Order, fields: dict[str, str], wrong: str
) -> None:
    page = review(renter, order, **fields)
    assert page.status_code == 422
    assert list(page.context["review_form"].errors) == [wrong]
    html = page.content.decode()
    assert page.context["review_form"].errors[wrong][0] in html
    if wrong == "rating":
        assert "Quiet &amp; warm</textarea>" in html
    else:
        assert 'value="4" required checked' in html
    assert not make.rows(Review).exists()
    order.refresh_from_db()
    assert order.status == Status.WAIT_COMMENT


def test_a_long_review_in_chinese_and_emoji_is_kept(renter: Client, order: Order) -> None:
    text = "房😀" * 500
    assert review(renter, order, text=text).status_code == 302
    assert make.rows(Review).get().text == text


def test_FMT05_invisible_characters_are_stripped_from_a_review(renter: Client, order: Order) -> None:
    review(renter, order, text="\u202eQuiet\u202c")
    assert make.rows(Review).get().text == "Quiet"


def test_USR05_a_review_is_of_the_order_in_the_address(renter: Client, order: Order) -> None:
    other = make.order(order.renter, status=Status.WAIT_COMMENT)
    claims = {
        "order": other.number,
        "house": str(other.house_id),
        "renter": str(other.renter_id),
        "status": "X",
    }
    review(renter, order, **claims)
    assert make.rows(Review).get().order == order
    assert make.rows(Review).get().house == order.house


# --- Access -------------------------------------------------------------------------------------------

PAGES = [
    ("get", "orders:detail"),
    ("get", "orders:calendar"),
    ("post", "orders:review"),
    ("post", "payments:pay"),
    ("get", "payments:status"),
    ("post", "payments:check"),
    ("get", "payments:cancel"),
    ("post", "payments:cancel"),
    ("get", "payments:receipt"),
]


def call(client: Client, method: str, address: str):
    return getattr(client, method)(address, {"rating": "5", "text": "Mine now"})


@pytest.mark.parametrize(("method", "name"), PAGES)
@pytest.mark.parametrize("status", [Status.WAIT_PAYMENT, Status.WAIT_COMMENT])
def test_USR06_another_renters_order_does_not_exist(
    client: Client, method: str, name: str, status: str, gateway: object
) -> None:
    order = make.attempt().order
    make.rows(Order).update(status=status)
    for stranger in (make.user(), make.user(is_staff=True, is_superuser=True)):
        client.force_login(stranger)
        page = call(client, method, reverse(name, args=[order.number]))
        unknown = call(client, method, reverse(name, args=["26010100000000"]))
        assert page.status_code == unknown.status_code == 404
        assert order.house_title not in page.content.decode()
    assert gateway.calls == []
    assert make.rows(Payment).count() == 1
    assert not make.rows(Review).exists()
    assert not order.events.exists()


@pytest.mark.same_statements
@pytest.mark.parametrize(("method", "name"), PAGES)
@pytest.mark.parametrize(
    "number",
    [
        "１２３４５６７８９０１２３４",
        "1234567890123",
        "123456789012345",
        "1234567890123x",
        "12345678901234%00",
        "12345678901234%0A",
        "-1234567890123",
        "%FF%FE",
        "..%2f..%2fadmin",
        "' OR 1=1 --",
    ],
)
def test_USR06_an_invalid_number_is_not_found(client: Client, method: str, name: str, number: str) -> None:
    client.force_login(make.user())
    address = reverse(name, args=["26010100000000"]).replace("26010100000000", number)
    assert call(client, method, address).status_code == 404


@pytest.mark.parametrize(("method", "name"), PAGES)
def test_USR06_the_renters_own_number_in_other_digits_is_not_found(
    client: Client, method: str, name: str
) -> None:
    """In MariaDB's collation, `１２` equals `12`."""
    order = make.order(status=Status.WAIT_COMMENT)
    client.force_login(order.renter)
    wide = order.number.translate({ord("0") + n: ord("０") + n for n in range(10)})
    address = reverse(name, args=[order.number]).replace(order.number, wide)
    assert call(client, method, address).status_code == 404
    assert not make.rows(Review).exists()


def test_USR06_anonymous_users_sign_in_first(client: Client, order: Order) -> None:
    for address in (order.get_absolute_url(), f"/payments/{order.number}/status/"):
        assert client.get(address).url == f"/accounts/login/?next={address}"


# --- The next step ------------------------------------------------------------------------------------

SECRET = "The key is under the third stone."


@pytest.mark.same_statements
@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize(("from_today", "is_over"), [(5, False), (0, False), (-2, False), (-3, True)])
def test_address_and_arrival_are_shown_from_payment_until_the_stay_is_over(
    renter: Client, order: Order, status: str, from_today: int, is_over: bool
) -> None:
    check_in = TODAY + timedelta(days=from_today)
    make.rows(Order).update(status=status, check_in=check_in, check_out=check_in + timedelta(days=2))
    make.rows(House).update(arrival=SECRET, address="18 Sea Road")
    with time_machine.travel(NOON, tick=False):
        renter.force_login(order.renter)
        html = renter.get(order.get_absolute_url()).content.decode()
    is_on = status in ("WAIT_COMMENT", "COMPLETE") and not is_over
    for text in (SECRET, "18 Sea Road", f"/orders/{order.number}/calendar.ics"):
        assert (text in html) is is_on


def test_the_rules_of_the_house_are_with_the_arrival(renter: Client, order: Order) -> None:
    make.rows(House).update(rules="In after 15:00, out by 12:00\n\nNo <b>parties")
    html = renter.get(order.get_absolute_url()).content.decode()
    assert "<li>In after 15:00, out by 12:00</li><li>No &lt;b&gt;parties</li>" in html
    make.rows(House).update(rules="")
    assert "House rules" not in renter.get(order.get_absolute_url()).content.decode()


def heading(browser: Client, order: Order) -> str:
    browser.cookies["django_language"] = "en"
    html = browser.get(order.get_absolute_url()).content.decode()
    return html.split('<section class="card next">')[1].split("<h2>")[1].split("</h2>")[0]


def test_the_heading_says_that_the_booking_worked(renter: Client, order: Order) -> None:
    make.rows(Order).update(status=Status.WAIT_ACCEPT)
    assert heading(renter, order).startswith("Booking received")
    make.rows(Order).update(status=Status.WAIT_PAYMENT)
    assert heading(renter, order).startswith("We're holding your dates")


def test_how_it_was_is_asked_once(renter: Client, order: Order) -> None:
    for check_out, text in ((1, "Enjoy your stay"), (-1, "We hope you enjoyed your stay")):
        make.rows(Order).update(
            check_in=TODAY - timedelta(days=3), check_out=TODAY + timedelta(days=check_out)
        )
        with time_machine.travel(NOON, tick=False):
            renter.force_login(order.renter)
            assert heading(renter, order) == text
            html = renter.get(order.get_absolute_url()).content.decode()
        assert html.count("How was") == 1


@pytest.mark.parametrize(("status", "text"), [("COMPLETE", "Stay here again"), ("CANCELED", "Book again")])
def test_only_a_listed_home_can_be_booked_again(renter: Client, order: Order, status: str, text: str) -> None:
    renter.cookies["django_language"] = "en"
    past = timezone.localdate() - timedelta(days=9)
    make.rows(Order).update(status=status, check_in=past, check_out=past + timedelta(days=2))
    link = f'<a class="button" href="{order.house.get_absolute_url()}">{text}</a>'
    assert link in renter.get(order.get_absolute_url()).content.decode()
    make.rows(House).update(is_listed=False)
    html = renter.get(order.get_absolute_url()).content.decode()
    assert text not in html
    assert order.house.get_absolute_url() not in html


def test_an_unpaid_order_can_be_cancelled_and_its_page_polls_its_status(client: Client) -> None:
    order = make.order()
    client.force_login(order.renter)
    html = client.get(order.get_absolute_url()).content.decode()
    assert f'href="/payments/{order.number}/cancel/"' in html
    assert f'data-status-url="/payments/{order.number}/status/" data-order="WAIT_PAYMENT"' in html
    assert "js/status-poll.js" in html


def test_contacts_are_shown_if_they_are_set(renter: Client, order: Order, settings: Settings) -> None:
    html = renter.get(order.get_absolute_url()).content.decode()
    assert "tel:" not in html
    assert "mailto:" not in html
    settings.CONTACT_PHONE, settings.CONTACT_EMAIL = "0592 000 0000", "stay@ihome.example"
    html = renter.get(order.get_absolute_url()).content.decode()
    assert 'href="tel:05920000000"' in html
    assert 'href="mailto:stay@ihome.example?subject=' in html
    assert "0592 000 0000" not in html.split("<footer>")[1]  # it is in a card just above
    footer = renter.get("/").content.decode().split("<footer>")[1]
    assert "0592 000 0000" in footer
    assert "stay@ihome.example" in footer


def test_stay_is_ahead(renter: Client, order: Order) -> None:
    assert order.stay_is_ahead
    transitions.review(order, by=order.renter, rating=5, text="Looking forward")
    assert order.stay_is_ahead
    assert not Order(status=Status.WAIT_COMMENT, check_in=timezone.localdate()).stay_is_ahead
    assert not Order(
        status=Status.WAIT_PAYMENT, check_in=timezone.localdate() + timedelta(days=3)
    ).stay_is_ahead
