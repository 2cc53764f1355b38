"""我的订单: sorting, filters, paging, cards, and access."""

import re
from datetime import date, timedelta

import pytest
import time_machine
from django.core.files.base import ContentFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.translation import gettext
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from houses.models import Area, House, HousePhoto
from orders.models import Order, Review
from tests import make

pytestmark = pytest.mark.django_db

LIST = "/orders/"
Status = Order.Status
NOON = "2026-11-22T12:00:00+08:00"
GIF = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")


@pytest.fixture
def renter(client: Client) -> User:
    person = make.user()
    client.force_login(person)
    return person


def many(renter: User, count: int, **fields: object) -> list[str]:
    """Create `count` orders, in groups of three at the same instant; return their numbers, newest first."""
    now, home = timezone.now(), make.house()
    return [
        make.order(renter, house=home, created_at=now - timedelta(hours=n // 3), **fields).number
        for n in reversed(range(count))
    ][::-1]


def shown(page: object) -> list[str]:
    return [order.number for order in page.context["orders"]]


def walk(client: Client, **query: str) -> list[list[str]]:
    """Follow the links to older orders; return the numbers on each page."""
    pages, before = [], ""
    while before is not None:
        page = client.get(LIST, {**query, "before": before} if before else query)
        pages.append(shown(page))
        before = page.context["next_before"]
        link = f"before={before}"
        assert before is None or link in page.content.decode()
        assert len(pages) < 20
    return pages


def test_paging_through_45_orders_visits_each_once_newest_first(client: Client, renter: User) -> None:
    many(make.user(), 5)
    numbers = many(renter, 45)
    pages = walk(client)
    assert [len(page) for page in pages] == [20, 20, 5]
    visited = [number for page in pages for number in page]
    expected = Order.objects.placed_by(renter).order_by("-created_at", "-pk")
    assert visited == list(expected.values_list("number", flat=True))
    assert sorted(visited) == sorted(numbers)


def test_paging_by_status_visits_each_of_that_status_once(client: Client, renter: User) -> None:
    many(renter, 25, status=Status.COMPLETE)
    numbers = many(renter, 25, status=Status.CANCELED)
    pages = walk(client, status="CANCELED")
    assert [len(page) for page in pages] == [20, 5]
    assert sorted(pages[0] + pages[1]) == sorted(numbers)


@pytest.mark.parametrize("count", [20, 40])
def test_a_full_last_page_has_no_link_to_an_empty_one(client: Client, renter: User, count: int) -> None:
    many(renter, count)
    assert [len(page) for page in walk(client)] == [20] * (count // 20)


def test_a_new_order_while_paging_does_not_shift_pages(client: Client, renter: User) -> None:
    many(renter, 25)
    before = client.get(LIST).context["next_before"]
    expected = shown(client.get(LIST, {"before": before}))
    make.order(renter)
    assert shown(client.get(LIST, {"before": before})) == expected


@pytest.mark.parametrize("status", Status)
def test_each_status_shows_its_own(client: Client, renter: User, status: str) -> None:
    numbers = {value: make.order(renter, status=value).number for value in Status}
    assert shown(client.get(LIST, {"status": status})) == [numbers[status]]
    assert len(shown(client.get(LIST))) == len(Status)


@pytest.mark.parametrize(
    "status", ["PAID", "wait_payment", "WAIT_PAYMENT ", "", "１", "\0", "' OR 1=1 --", "%s"]
)
def test_an_unknown_status_shows_all(client: Client, renter: User, status: str) -> None:
    many(renter, 3)
    assert len(shown(client.get(LIST, {"status": status}))) == 3


@pytest.mark.parametrize(
    "before",
    [
        "26010100000000",
        "x",
        "1",
        "１２３４５６７８９０１２３４",
        "' OR 1=1 --",
        "9" * 500,
        "\0",
        "\udcff",
        "😀",
    ],
)
def test_an_unknown_cursor_is_no_error(client: Client, renter: User, before: str) -> None:
    many(renter, 3)
    page = client.get(LIST, {"before": before.encode("utf-8", "surrogatepass")})
    assert page.status_code == 200
    assert shown(page) in ([], shown(client.get(LIST)))


def test_another_renters_number_is_no_cursor(client: Client, renter: User) -> None:
    many(renter, 3)
    foreign = make.order(created_at=timezone.now() + timedelta(days=1)).number
    assert shown(client.get(LIST, {"before": foreign})) == []


def test_other_renters_orders_are_never_shown(client: Client, renter: User) -> None:
    others = many(make.user(), 25)
    own = make.order(renter).number
    for query in ({}, {"status": "WAIT_PAYMENT"}, {"before": others[0]}, {"renter": "1"}):
        page = client.get(LIST, query)
        assert set(shown(page)) <= {own}
        assert not any(number in page.content.decode() for number in others[1:])


def test_an_empty_list_links_to_the_houses(client: Client, renter: User) -> None:
    page = client.get(LIST)
    assert shown(page) == []
    assert "scene-no-orders" in page.content.decode()
    assert 'class="button" href="/"' in page.content.decode()


def test_an_empty_filtered_list_links_to_all_orders(client: Client, renter: User) -> None:
    make.order(renter)
    for query in ({"status": "REJECTED"}, {"before": "26010100000000"}):
        page = client.get(LIST, query)
        assert shown(page) == []
        assert f'class="button" href="{LIST}"' in page.content.decode()


def test_anonymous_users_sign_in_first(client: Client) -> None:
    assert client.get(LIST).url == "/accounts/login/?next=/orders/"


def with_photos_and_reviews(renter: User, count: int) -> None:
    for n in range(count):
        house = make.house()
        HousePhoto.objects.create(house=house, image=ContentFile(GIF, name="photo.gif"))
        order = make.order(
            renter, house=house, status=list(Status)[n % 6], created_at=timezone.now() - timedelta(hours=n)
        )
        if order.status == Status.COMPLETE:
            Review.objects.create(order=order, house=house, renter=renter, rating=5, text="Fine")


@pytest.mark.parametrize("count", [0, 20, pytest.param(200, marks=pytest.mark.any_database)])
def test_at_most_five_queries_however_many_orders(
    client: Client, renter: User, count: int, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    """The whole page with the session; each card with its own house and photo, some with reviews."""
    with_photos_and_reviews(renter, count)
    own = Order.objects.placed_by(renter)
    complete = own.filter(status="COMPLETE").count()
    newest = own.values_list("number", flat=True).first() or "26010100000000"
    for query, expected in (
        ({}, count),
        ({"before": newest}, count - 1),
        ({"status": "COMPLETE"}, complete),
        ({"status": "COMPLETE", "before": newest}, complete),
        ({"q": "House"}, count),
        ({"q": "House", "status": "COMPLETE", "before": newest}, complete),
        ({"q": "nowhere"}, 0),
    ):
        with django_assert_max_num_queries(5):
            page = client.get(LIST, query)
        assert len(shown(page)) == min(20, max(0, expected))


def test_the_next_trip_is_on_top_of_all_orders(client: Client, renter: User) -> None:
    """Only there: other tabs, searches and older orders keep their order."""
    today, home = timezone.localdate(), make.house()
    stays = {"over": -2, "second": 30, "next": 10, "to pay": 5, "cancelled": 2}
    statuses = {"to pay": Status.WAIT_PAYMENT, "cancelled": Status.CANCELED}
    numbers = {}
    for name, days in stays.items():
        dates = {"check_in": today + timedelta(days=days), "check_out": today + timedelta(days=days + 2)}
        status = statuses.get(name, Status.WAIT_COMMENT)
        numbers[name] = make.order(renter, house=home, status=status, **dates).number
    newest = [numbers[name] for name in ("cancelled", "to pay", "next", "second", "over")]
    assert shown(client.get(LIST)) == [newest[2], *newest[:2], *newest[3:]]
    assert shown(client.get(LIST, {"q": home.title})) == newest
    assert shown(client.get(LIST, {"before": newest[0]})) == newest[1:]
    make.rows(Order).filter(number=numbers["second"]).update(check_in=today)
    assert shown(client.get(LIST))[0] == numbers["second"]


# --- Tabs and search ----------------------------------------------------------------------------------


def tabs(page: object) -> dict[str, int]:
    return {value: count for value, _, count in page.context["tabs"] if count}


def test_tabs_count_the_orders_of_each_status(client: Client, renter: User) -> None:
    many(renter, 25, status=Status.COMPLETE)
    many(renter, 2, status=Status.WAIT_PAYMENT)
    many(make.user(), 3)
    for query in ({}, {"status": "COMPLETE"}, {"before": many(renter, 1, status=Status.REJECTED)[0]}):
        page = client.get(LIST, query)
    assert tabs(page) == {"UPCOMING": 25, "WAIT_PAYMENT": 2, "REJECTED": 1}
    assert page.context["total"] == 28
    html = page.content.decode()
    assert "<small>25</small>" in html
    assert "<small>0</small>" not in html


@pytest.fixture
def stays(renter: User) -> dict[str, Order]:
    """Two orders that no search matches both by chance."""
    sea = make.house(title="临海小屋 · Sea view")
    year = timezone.localdate().year
    return {
        "sea": make.order(
            renter,
            house=sea,
            check_in=date(year, 12, 5),
            check_out=date(year, 12, 8),
            number="26110112345678",
        ),
        "leap": make.order(
            renter,
            house=make.house(title="100% _quiet_ 院子"),
            check_in=date(2028, 2, 28),
            check_out=date(2028, 3, 1),
            status=Status.COMPLETE,
            number="26110299990000",
        ),
    }


FINDS = {
    "": "sea leap",
    "26110112345678": "sea",
    " 345678 ": "sea",
    "３４５６７８": "sea",
    "9999": "leap",
    "临海": "sea",
    "SEA": "sea",
    "100%": "leap",
    "0% _q": "leap",
    "%": "leap",
    "\\": "",
    "12-05": "sea",
    "12/8": "sea",
    "12.6": "sea",
    "12月5日": "sea",
    "１２月５日": "sea",
    "5 Dec": "sea",
    "5 december": "sea",
    "12月5日 周日": "sea",
    "12月5号": "sea",
    "20261205": "sea",
    "Sat 5 Dec": "sea",
    "Saturday, 5 Dec 2026": "sea",
    "Dec 5": "sea",
    "#26110112 345678": "sea",
    "#": "",
    "Foo 5": "",
    "20261299": "",
    "12-04": "",
    "12-09": "",
    "2028-02-29": "leap",
    "2028年2月28日": "leap",
    "29 Feb 2028": "leap",
    "2027-02-29": "",
    "13-45": "",
    "5 Foo": "",
    "0000-12-05": "",
    "\0": "sea leap",
    "' OR 1=1 --": "",
    "😀": "",
}


@pytest.mark.parametrize(("text", "found"), FINDS.items(), ids=map(repr, FINDS))
def test_an_order_is_found_by_number_title_or_day(
    client: Client, stays: dict[str, Order], text: str, found: str
) -> None:
    page = client.get(LIST, {"q": text})
    assert set(shown(page)) == {stays[name].number for name in found.split()}
    assert page.context["total"] == len(found.split())


@pytest.mark.parametrize(
    "typed",
    [
        "26110112345678",
        "订单号：26110112345678",
        "Order no. 26110112345678",
        "26110112345678_1",
        "商户订单号 26110112345678_1",
        "26110112345678_1_R1",
        "２６１１０１１２３４５６７８＿１",
        "261101-12345678",
        "2026112722001476121409983210",
        "支付宝交易号：2026112722001476121409983210",
        "2026 1127 2200 1476 1214 0998 3210",
        "HZ01RF001",
        "厦门",
        "厦门市",
        "Xiamen",
        "xiamen city",
    ],
)
def test_D2_ROW06_a_renter_finds_an_order_by_every_number_on_its_papers_and_by_city(
    client: Client, stays: dict[str, Order], typed: str
) -> None:
    """Its own number, that of a payment, of a refund, of Alipay's trade; and never somebody else's order."""
    area = Area.objects.create(name="厦门", name_en="Xiamen")
    make.rows(Area).filter(name="Xiamen").update(name="大理", name_en="Dali")
    others = make.order(number="26110155555555")
    for order, trade in ((stays["sea"], "2026112722001476121409983210"), (others, "2" * 28)):
        order.house.area = area
        order.house.save()
        payment = make.attempt(order, trade_no=trade, status="PAID", received_fen=30000)
        payment.refunds.create(out_request_no="HZ01RF001", amount_fen=1, reason="EXTERNAL")
    make.attempt(stays["sea"], live_for=None)
    page = client.get(LIST, {"q": typed})
    assert shown(page) == [stays["sea"].number]
    assert page.context["total"] == 1
    for foreign in ("26110155555555", "26110155555555_1", "2" * 28):
        assert shown(client.get(LIST, {"q": foreign})) == []


def test_D2_a_whole_number_is_looked_up_without_a_scan(client: Client, stays: dict[str, Order]) -> None:
    for typed in ("订单号：26110112345678_1", "2" * 28):
        with CaptureQueriesContext(connection) as queries:
            client.get(LIST, {"q": typed})
        # Alipay's last answer on each order shown is read by its beginning.
        statements = [re.sub(r'["`]detail["`] LIKE', "", query["sql"]) for query in queries.captured_queries]
        assert not [statement for statement in statements if "LIKE" in statement]


def test_a_day_without_its_year_may_be_last_years(client: Client, renter: User) -> None:
    order = make.order(renter, check_in=date(2026, 12, 30), check_out=date(2027, 1, 2))
    with time_machine.travel("2027-01-05T12:00:00+08:00", tick=False):
        client.force_login(renter)
        assert shown(client.get(LIST, {"q": "12-30"})) == [order.number]


def test_the_search_is_kept_in_input_tabs_and_links_to_older_orders(client: Client, renter: User) -> None:
    many(renter, 25, status=Status.COMPLETE)
    html = client.get(LIST, {"q": 'House & "', "status": "COMPLETE"}).content.decode()
    assert 'value="House &amp; &#34;"' in html
    assert '<input type="hidden" name="status" value="COMPLETE">' in html
    html = client.get(LIST, {"q": "House ", "status": "COMPLETE"}).content.decode()
    assert "?q=House+&amp;stage=UPCOMING" in html
    pages = walk(client, q="House", status="COMPLETE")
    assert [len(page) for page in pages] == [20, 5]
    assert "q=House" in client.get(LIST, {"q": "House"}).content.decode().split('class="more"')[1]


def test_a_search_without_results_says_so_and_links_back(client: Client, stays: dict[str, Order]) -> None:
    html = client.get(LIST, {"q": "<b>nowhere"}).content.decode()
    assert "“&lt;b&gt;nowhere”" in html
    assert f'class="button" href="{LIST}"' in html
    html = client.get(LIST, {"q": "临海", "status": "COMPLETE"}).content.decode()
    assert f'class="button" href="{LIST}?q=%E4%B8%B4%E6%B5%B7"' in html


def test_only_own_orders_are_found(client: Client, stays: dict[str, Order]) -> None:
    client.force_login(make.user())
    page = client.get(LIST, {"q": "26110112345678"})
    assert shown(page) == []
    assert tabs(page) == {}


def test_a_long_search_text_is_truncated(client: Client, renter: User) -> None:
    make.order(renter)
    page = client.get(LIST, {"q": "x" * 3000})
    assert (page.status_code, len(page.context["q"])) == (200, 100)


# --- Cards --------------------------------------------------------------------------------------------

ACTIONS = {
    Status.WAIT_ACCEPT: (False, False),
    Status.WAIT_PAYMENT: (True, False),
    Status.WAIT_COMMENT: (False, True),
    Status.COMPLETE: (False, False),
    Status.CANCELED: (False, False),
    Status.REJECTED: (False, False),
}


@pytest.mark.parametrize(("status", "actions"), ACTIONS.items())
def test_the_next_step_is_on_the_card(
    client: Client, renter: User, status: str, actions: tuple[bool, bool]
) -> None:
    order = make.order(renter, status=status)
    for page in (client.get(LIST), client.get(order.get_absolute_url())):
        html = page.content.decode()
        pay, review = f'action="/payments/{order.number}/pay/"', "#review"
        assert (pay in html) is actions[0]
        if page.context.get("orders"):
            assert (review in html) is actions[1]
        else:
            assert (f'action="/orders/{order.number}/review/#review"' in html) is actions[1]
        assert "￥300.00" in html


def test_until_check_out_the_card_leads_to_the_check_in_guide(client: Client, renter: User) -> None:
    order, today = make.order(renter, status=Status.WAIT_COMMENT), timezone.localdate()
    view, guide, review = (
        f'href="{order.get_absolute_url()}{place}"' for place in ("", "#arrival", "#review")
    )
    for check_in in (order.check_in, today):
        make.rows(Order).update(check_in=check_in)
        html = client.get(LIST).content.decode()
        assert f'class="button" {guide}' in html
        assert f'class="plain" {review}' in html
        assert 'id="arrival"' in client.get(order.get_absolute_url()).content.decode()
    make.rows(Order).update(check_in=today - timedelta(days=2), check_out=today)
    html = client.get(LIST).content.decode()
    assert f'class="plain" {view}' in html
    assert f'class="button" {review}' in html


def test_the_card_and_the_page_say_until_when_staff_answer(client: Client, renter: User) -> None:
    client.cookies["django_language"] = "en"
    with time_machine.travel(NOON, tick=False):
        client.force_login(renter)
        soon = timezone.now() + timedelta(hours=5)
        order = make.order(renter, status=Status.WAIT_ACCEPT, pay_by=None, accept_by=soon)
        for address in (LIST, order.get_absolute_url()):
            assert "We'll reply by 22 Nov, 17:00" in client.get(address).content.decode()


def test_the_card_and_the_page_say_until_when_to_pay(client: Client, renter: User) -> None:
    """As text, and for countdown.js with the server's time."""
    client.cookies["django_language"] = "en"
    times = (
        'data-turns="2026-11-22T12:29:00+08:00" data-deadline="2026-11-22T12:30:00+08:00" '
        'data-now="2026-11-22T12:00:00+08:00"'
    )
    with time_machine.travel(NOON, tick=False):
        client.force_login(renter)
        order = make.order(renter, pay_by=timezone.now() + timedelta(minutes=30))
        for address in (LIST, order.get_absolute_url()):
            html = client.get(address).content.decode()
            for piece in (times, ">Pay by 22 Nov, 12:30<", "js/countdown.js"):
                assert piece in html


@pytest.mark.parametrize("seconds", [0, 1])
def test_an_order_at_or_past_its_deadline_says_so_and_cant_be_paid(
    client: Client, renter: User, seconds: int
) -> None:
    with time_machine.travel(NOON, tick=False):
        client.force_login(renter)
        order = make.order(renter, pay_by=timezone.now() - timedelta(seconds=seconds))
        for address in (LIST, order.get_absolute_url()):
            html = client.get(address).content.decode()
            assert f"/payments/{order.number}/pay/" not in html
            assert gettext("Time's up, closing") in html
            assert "data-turns" not in html
        assert shown(client.get(LIST, {"status": "WAIT_PAYMENT"})) == [order.number]


@pytest.mark.parametrize("seconds", [60, 59, 1])
def test_pay_is_shown_exactly_as_long_as_it_is_accepted(client: Client, renter: User, seconds: int) -> None:
    """The last minute is for renters who are already at Alipay. The page refreshes when it begins."""
    client.cookies["django_language"] = "en"
    with time_machine.travel(NOON, tick=False):
        client.force_login(renter)
        order = make.order(renter, pay_by=timezone.now() + timedelta(seconds=seconds))
        pay = f"/payments/{order.number}/pay/"
        turns = "2026-11-22T12:00:00" if seconds == 60 else f"2026-11-22T12:00:{seconds:02}"
        for address in (LIST, order.get_absolute_url()):
            html = client.get(address).content.decode()
            assert (pay in html) is (seconds == 60)
            assert ("Less than a minute left" in html) is (seconds < 60)
            assert f'data-turns="{turns}+08:00"' in html
            assert "Time's up, closing" not in html
        assert (f"by 12:00:{seconds:02}." in html) is (seconds < 60)
        taken = client.post(pay).url != order.get_absolute_url()
        assert taken is (seconds == 60)
        if not taken:
            told = client.get(order.get_absolute_url()).content.decode()
            assert "Less than a minute left: it&#39;s too late to start a payment." in told


@pytest.mark.parametrize(
    ("seconds", "look"), [(1800, 1741), (61, 2), (60, 1), (59, 60), (1, 2), (0, None), (None, None)]
)
def test_without_scripts_the_page_refreshes_when_its_state_changes(
    client: Client, renter: User, seconds: int | None, look: int | None
) -> None:
    with time_machine.travel(NOON, tick=False):
        client.force_login(renter)
        pay_by = None if seconds is None else timezone.now() + timedelta(seconds=seconds)
        order = make.order(renter, pay_by=pay_by)
        make.order(renter, pay_by=timezone.now() + timedelta(hours=3))
        listed, page = client.get(LIST), client.get(order.get_absolute_url())
    assert listed.context["look_again_after"] == (look or 3 * 3600 - 59)
    assert page.context["look_again_after"] == (20 + 1 if seconds == 0 else look)
    if look:
        refresh = f'<noscript><meta http-equiv="refresh" content="{look}"></noscript>'
        for html in (listed.content.decode(), page.content.decode()):
            assert refresh in html


def test_a_rejection_and_a_review_are_on_the_card(client: Client, renter: User) -> None:
    make.order(renter, status=Status.REJECTED, closing_reason="Being painted")
    order = make.order(renter, status=Status.COMPLETE)
    Review.objects.create(order=order, house=order.house, renter=renter, rating=4, text="Quiet & warm")
    html = client.get(LIST).content.decode()
    assert "Being painted" in html
    assert "Quiet &amp; warm" in html


def test_a_house_that_is_no_longer_listed_is_still_on_the_card(client: Client, renter: User) -> None:
    order = make.order(renter)
    make.rows(House).update(is_listed=False, title="Gone")
    assert order.house_title in client.get(LIST).content.decode()
    assert order.house.get_absolute_url() not in client.get(order.get_absolute_url()).content.decode()
