"""Staff's lists of orders: pages by key, filters by the days of the stay, search by what is typed."""

from datetime import date, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts import roles
from core.admin_pages import ByKey
from houses.models import Area
from orders.models import Order, Review
from tests import make

pytestmark = pytest.mark.django_db

LIST = "/admin/orders/order/"
DAY = timedelta(days=1)


@pytest.fixture
def desk() -> Client:
    client = Client()
    client.force_login(make.staff(roles.MANAGER))
    return client


def found(client: Client, address: str = LIST, **query: str) -> list[str]:
    """Return the numbers of our orders on the page. Those of the bystanders have keys below zero."""
    page = client.get(address, query)
    assert page.status_code == 200
    return [order.number for order in page.context["cl"].result_list if order.pk > 0]


# --- pages --------------------------------------------------------------------------------------------


def test_pages_have_each_row_once_newest_first(desk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ByKey, "list_per_page", 2)
    same = timezone.now() + DAY  # booked at the same instant, and newer than the bystanders
    orders = [make.order(created_at=same) for _ in range(5)]
    numbers: list[str] = []
    address = LIST
    while len(numbers) < 5:
        page = desk.get(address)
        numbers += [order.number for order in page.context["cl"].result_list]
        address = LIST + page.context["cl"].next_page
    assert numbers[:5] == [order.number for order in reversed(orders)]


def test_the_last_page_has_no_next_one(desk: Client) -> None:
    cl = desk.get(LIST).context["cl"]
    assert (cl.next_page, cl.first_page) == ("", "")


@pytest.mark.parametrize("key", ["x", "99999999999", "-"])
def test_an_unknown_key_leads_to_the_first_page(desk: Client, key: str) -> None:
    order = make.order()
    answer = desk.get(LIST, {"after": key}, follow=True)
    assert answer.status_code == 200
    assert order in answer.context["cl"].result_list


def test_no_address_sorts_by_another_column(desk: Client) -> None:
    make.order(amount_fen=1)
    newest = make.order(amount_fen=50000)
    assert found(desk, o="5")[0] == newest.number


def test_filters_survive_the_next_page(desk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ByKey, "list_per_page", 1)
    rejected = [make.order(status=Order.Status.REJECTED) for _ in range(2)]
    make.order()
    first = desk.get(LIST, {"status__exact": "REJECTED"}).context["cl"]
    assert found(desk, LIST + first.next_page) == [rejected[0].number]


def test_filters_and_search_of_a_later_page_begin_at_their_first(desk: Client) -> None:
    """Newer orders, which earlier pages have, must not be missing from what is found."""
    make.order()
    newest = make.order()
    page = desk.get(LIST, {"after": newest.pk, "status__exact": newest.status})
    cl = page.context["cl"]
    assert newest not in cl.result_list
    links = [choice["query_string"] for spec in cl.filter_specs for choice in spec.choices(cl)]
    assert links
    assert not [link for link in (*links, cl.clear_all_filters_qs) if "after" in link]
    assert 'name="after"' not in page.content.decode()


def test_a_list_takes_no_more_queries_for_more_renters(desk: Client, django_assert_max_num_queries) -> None:
    for _ in range(5):
        make.order()
    with django_assert_max_num_queries(8):
        desk.get(LIST)


# --- filters ------------------------------------------------------------------------------------------


@pytest.fixture
def stays() -> dict[str, Order]:
    today = timezone.localdate()

    def stay(check_in: int, nights: int, status: str = Order.Status.WAIT_COMMENT) -> Order:
        start = today + check_in * DAY
        return make.order(check_in=start, check_out=start + nights * DAY, nights=nights, status=status)

    return {
        "arrives": stay(0, 2),
        "arrives unpaid": stay(0, 1, Order.Status.WAIT_PAYMENT),
        "cancelled": stay(0, 2, Order.Status.CANCELED),
        "leaves": stay(-2, 2, Order.Status.COMPLETE),
        "stays": stay(-3, 9),
        "next week": stay(6, 1),
        "yesterday": stay(-1, 1),
    }


@pytest.mark.parametrize(
    ("kind", "first", "last", "names"),
    [
        ("arriving", 0, 0, {"arrives", "arrives unpaid"}),
        ("arriving", -1, -1, {"yesterday"}),
        ("arriving", 0, 6, {"arrives", "arrives unpaid", "next week"}),
        ("leaving", 0, 0, {"leaves", "yesterday"}),
        ("in_house", 0, 0, {"arrives", "stays"}),
        ("in_house", -1, -1, {"leaves", "stays", "yesterday"}),
        ("in_house", -9, 9, {"arrives", "leaves", "stays", "next week", "yesterday"}),
    ],
)
def test_stays_by_day(
    desk: Client, stays: dict[str, Order], kind: str, first: int, last: int, names: set[str]
) -> None:
    today = timezone.localdate()
    query = {"stay": kind, "first": str(today + first * DAY), "last": str(today + last * DAY)}
    assert set(found(desk, **query)) == {stays[name].number for name in names}


@pytest.mark.parametrize(
    ("first", "last", "says"),
    [
        ("soon", "2026-12-01", "2026-12-20"),
        ("9999-12-31", "9999-12-31", "2026-12-20"),
        ("2026-12-02", "2026-12-01", "最后一天早于第一天"),
        ("2024-01-01", "2026-12-01", "400"),
    ],
)
def test_D1_days_that_make_no_range_are_told(desk: Client, first: str, last: str, says: str) -> None:
    page = desk.get(LIST, {"stay": "arriving", "first": first, "last": last})
    assert page.status_code == 200
    assert says in "".join(str(message) for message in page.context["messages"])


def test_days_are_taken_as_people_type_them(desk: Client, stays: dict[str, Order]) -> None:
    typed = f"{timezone.localdate():%Y/%m/%d}"
    assert stays["arrives"].number in found(desk, stay="arriving", first=typed)


def test_area(desk: Client) -> None:
    here = make.order(house=make.house(area=Area.objects.create(name="大理")))
    make.order()
    area = str(here.house.area_id)
    assert found(desk, house__area__id__exact=area) == [here.number]
    for unknown in ("x", "²", "9" * 30, "9" * 5000):
        assert found(desk, house__area__id__exact=unknown) == []


# --- search -------------------------------------------------------------------------------------------


@pytest.fixture
def wanted() -> Order:
    day = date(2026, 12, 5)
    renter = make.user(name="林小满")
    home = make.house(title="临海小屋 · 推窗见海")
    return make.order(renter, house=home, check_in=day, check_out=day + 2 * DAY, nights=2)


@pytest.mark.parametrize(
    "typed",
    [
        "林小满",
        "小满",
        "临海小屋",
        "临海小屋 12月5日",
        "林小满 2026-12-06",
        "2026-12-06",
        "小满 推窗",
    ],
)
def test_an_order_is_found_by_words(desk: Client, wanted: Order, typed: str) -> None:
    day = date(2026, 1, 5)
    make.order(make.user(name="周远"), check_in=day, check_out=day + DAY)
    assert found(desk, q=typed) == [wanted.number]


def test_an_order_is_found_by_digits(desk: Client, wanted: Order) -> None:
    mobile = wanted.renter.mobile
    for typed in (wanted.number, wanted.number[:12], mobile, f"+86 {mobile[:3]} {mobile[3:7]} {mobile[7:]}"):
        assert found(desk, q=typed) == [wanted.number]
    assert wanted.number in found(desk, q=mobile[-4:])


@pytest.mark.parametrize("typed", ["nobody", "林小满 周远", "临海小屋 1月5日", "8" * 28, "%", "_"])
def test_nothing_is_found_for_what_fits_nothing(desk: Client, wanted: Order, typed: str) -> None:
    assert found(desk, q=typed) == []


def test_a_search_keeps_to_the_filters(desk: Client, wanted: Order) -> None:
    assert found(desk, q="林小满", status__exact="CANCELED") == []


@pytest.mark.parametrize("model", ["payments/payment", "orders/orderevent", "orders/review"])
def test_what_belongs_to_an_order_is_found_as_the_order(desk: Client, wanted: Order, model: str) -> None:
    make.attempt(wanted)
    wanted.events.create(kind="BOOKED")
    wanted.status = Order.Status.COMPLETE
    make.rows(type(wanted)).filter(pk=wanted.pk).update(status=wanted.status)
    Review.objects.create(order=wanted, house=wanted.house, renter=wanted.renter, rating=5, text="Fine")
    for typed in ("林小满", "临海小屋 12月5日", wanted.number, wanted.renter.mobile):
        rows = desk.get(f"/admin/{model}/", {"q": typed}).context["cl"].result_list
        assert len(rows) == 1, typed


# --- references of money outside Alipay ----------------------------------------------------------------


@pytest.mark.parametrize("typed", ["收据 0042", "收据 00", "6222 0001", "6222000199887766554433", "r-17"])
def test_the_search_finds_money_outside_alipay_by_its_reference(desk: Client, typed: str) -> None:
    references = ["收据 0042", "6222 0001 7", "6222000199887766554433", "R-17"]
    orders = {text: make.order() for text in references}
    for text, order in orders.items():
        paid = {"status": "PAID", "live_for": None, "received_fen": 30000}
        make.attempt(order, channel="CASH", reference=text, **paid)
    make.attempt(make.order())
    [wanted] = [order for text, order in orders.items() if text.lower().startswith(typed.lower())]
    assert found(desk, q=typed) == [wanted.number]
    page = desk.get("/admin/payments/payment/", {"q": typed})
    assert [row.order_id for row in page.context["cl"].result_list] == [wanted.pk]


def test_the_search_finds_a_refund_given_back_by_hand(desk: Client) -> None:
    payment = make.attempt(status="PAID", live_for=None, received_fen=30000, refund_reserved_fen=100)
    payment.refunds.create(
        out_request_no=f"{payment.out_trade_no}_R1", amount_fen=100, reason="STAFF", reference="回单 88"
    )
    assert found(desk, q="回单 88") == [payment.order.number]


def test_a_list_has_one_search_box_and_it_searches_that_list(desk: Client) -> None:
    for address, is_narrowed in ((LIST, False), ("/admin/payments/payment/", True)):
        page = desk.get(address, {"q": "x", "status__exact": "PAID"} if is_narrowed else {"q": "x"})
        html = page.content.decode()
        assert html.count('type="search"') + html.count('id="searchbar" size') == 1
        assert html.count('role="search"') == 1
        assert ('name="status__exact" value="PAID"' in html) == is_narrowed
        assert 'value="x"' in html
    assert "/admin/orders/order/?q=x" in html  # nothing found here: the orders are a click away
    assert desk.get("/admin/").content.decode().count('role="search"') == 1
