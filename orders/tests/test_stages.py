"""Stage of a stay: by status and day in Beijing, on pages, in tabs and in lists of staff."""

from datetime import date, timedelta
from itertools import product

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.translation import override

from accounts import roles
from accounts.models import User
from orders.models import Order
from orders.pages import counts_by_stage
from orders.stages import Stage, matching_stage, stage_of
from tests import make

pytestmark = pytest.mark.django_db

LIST = "/orders/"
Status = Order.Status
DAY = timedelta(days=1)
STAY = (date(2026, 12, 4), date(2026, 12, 6))

PAID = [
    # time in Beijing, stage of a paid stay, stage once it is reviewed
    ("2026-12-03T23:59:59+08:00", Stage.UPCOMING, Stage.UPCOMING),
    ("2026-12-04T00:00:00+08:00", Stage.IN_HOUSE, Stage.IN_HOUSE),
    ("2026-12-05T23:59:59+08:00", Stage.IN_HOUSE, Stage.IN_HOUSE),
    ("2026-12-06T00:00:00+08:00", Stage.WAIT_COMMENT, Stage.COMPLETE),
    ("2027-12-06T00:00:00+08:00", Stage.WAIT_COMMENT, Stage.COMPLETE),
]


@pytest.fixture
def renter(client: Client) -> User:
    client.cookies["django_language"] = "en"
    person = make.user()
    client.force_login(person)
    return person


def shown(page: object) -> list[str]:
    return [order.number for order in page.context["orders"]]


def stage_now(order: Order) -> Stage:
    return stage_of(order.status, order.check_in, order.check_out)


@pytest.mark.parametrize(("now", "paid", "reviewed"), PAID)
def test_a_paid_stay_is_ahead_then_in_house_then_to_review(now: str, paid: Stage, reviewed: Stage) -> None:
    with time_machine.travel(now, tick=False):
        assert stage_of(Status.WAIT_COMMENT, *STAY) == paid
        assert stage_of(Status.COMPLETE, *STAY) == reviewed


@pytest.mark.parametrize("status", [*Order.UNPAID, *Order.OVER])
def test_of_an_unpaid_or_ended_order_the_status_says_it_all(status: str) -> None:
    for now, *_ in PAID:
        with time_machine.travel(now, tick=False):
            assert stage_of(status, *STAY) == Stage(status)


def of_every_kind(renter: User) -> None:
    today, home = timezone.localdate(), make.house()
    days = [(-3, -1), (-2, 0), (-1, 1), (0, 1), (1, 2)]
    for status, (first, last) in product(Status, days):
        stay = {"check_in": today + first * DAY, "check_out": today + last * DAY}
        make.order(renter, house=home, status=status, **stay)


def test_filters_and_counts_agree_with_the_stage_of_each_order(renter: User) -> None:
    of_every_kind(renter)
    own = Order.objects.placed_by(renter)
    by_stage = {stage: set(own.filter(matching_stage(stage))) for stage in Stage}
    for order in own:
        assert [stage for stage, orders in by_stage.items() if order in orders] == [stage_now(order)]
    with CaptureQueriesContext(connection) as queries:
        assert counts_by_stage(renter) == {stage: len(orders) for stage, orders in by_stage.items()}
    assert len(queries) == 1


@pytest.mark.parametrize("stage", Stage)
def test_each_tab_shows_its_stage_and_its_pill(client: Client, renter: User, stage: Stage) -> None:
    of_every_kind(renter)
    page = client.get(LIST, {"stage": stage})
    orders = page.context["orders"]
    assert {stage_now(order) for order in orders} == {stage}
    assert (stage, stage.label, len(orders)) in page.context["tabs"]
    html = page.content.decode()
    assert html.count(f'class="pill {stage.value}"') == len(orders)
    assert f'stage={stage.value}" aria-current="page"' in html
    with override("en"):
        assert f"<title>{stage.label} · " in html


def test_an_unknown_stage_shows_all(client: Client, renter: User) -> None:
    make.order(renter)
    for stage in ("", "upcoming", "PAID", "\0"):
        assert len(shown(client.get(LIST, {"stage": stage}))) == 1


def test_a_stage_without_orders_has_no_tab(client: Client, renter: User) -> None:
    make.order(renter)
    for query, tabs in (({}, ["WAIT_PAYMENT"]), ({"stage": "UPCOMING"}, ["WAIT_PAYMENT", "UPCOMING"])):
        assert [value for value, *_ in client.get(LIST, query).context["tabs"]] == tabs


def test_stays_ahead_are_paged_by_check_in_the_next_first(client: Client, renter: User) -> None:
    """Booked in another order than they begin, several on one day; new ones meanwhile shift no page."""
    today, home = timezone.localdate(), make.house()
    for n in range(45):
        check_in = today + (1 + 7 * n % 15) * DAY
        stay = {"check_in": check_in, "check_out": check_in + DAY, "status": Status.WAIT_COMMENT}
        make.order(renter, house=home, **stay, created_at=timezone.now() - n * DAY)
    make.order(renter, status=Status.CANCELED, check_in=today + DAY)
    paid = Order.objects.placed_by(renter).filter(status=Status.WAIT_COMMENT)
    expected = list(paid.order_by("check_in", "pk").values_list("number", flat=True))
    pages: list[list[str]] = []
    before: str | None = ""
    while before is not None:
        page = client.get(LIST, {"stage": "UPCOMING", **({"before": before} if before else {})})
        pages.append(shown(page))
        before = page.context["next_before"]
        make.order(renter, house=home, status=Status.WAIT_COMMENT, check_in=today + DAY)
    assert [len(numbers) for numbers in pages] == [20, 20, 5]
    assert [number for numbers in pages for number in numbers] == expected


def test_the_pill_of_a_stay_ahead_has_its_day(client: Client, renter: User) -> None:
    with time_machine.travel("2026-11-22T12:00:00+08:00", tick=False):
        client.force_login(renter)
        order = make.order(renter, status=Status.WAIT_COMMENT, check_in=STAY[0], check_out=STAY[1])
        for address in (LIST, order.get_absolute_url()):
            html = client.get(address).content.decode()
            assert "Upcoming · 4 Dec</span>" in html
            assert ">To review" not in html


def test_staff_read_the_stage_and_filter_by_it(client: Client, renter: User) -> None:
    order = make.order(renter, status=Status.WAIT_COMMENT)
    asked = make.order(renter, status=Status.WAIT_ACCEPT)
    client.force_login(make.staff(roles.FRONT_DESK))
    pill, listed = '<span class="status status-UPCOMING">Upcoming</span>', "/admin/orders/order/"
    assert pill in client.get(listed).content.decode()
    assert pill in client.get(f"{listed}{order.pk}/change/").content.decode()
    assert "Awaiting acceptance" in client.get(f"{listed}{asked.pk}/change/").content.decode()
    found = client.get(listed, {"stage": "UPCOMING"}).content.decode()
    assert order.number in found
    assert asked.number not in found
    for stage in ("IN_HOUSE", "WAIT_COMMENT", "COMPLETE"):
        assert order.number not in client.get(listed, {"stage": stage}).content.decode()
