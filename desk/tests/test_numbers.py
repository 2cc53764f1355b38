"""The numbers page: its sums are those of a plain computation, and of its days and homes."""

import csv
import io
import random
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from statistics import median
from typing import Any

import pytest
from django.db.models import QuerySet
from django.test import Client
from django.utils import timezone, translation
from pytest_django import DjangoAssertNumQueries

from accounts import roles
from bills.days import day_of
from desk.charts import MOST_BARS, chart_of, duration_in_text
from desk.numbers import numbers_of
from desk.periods import MAX_DAYS, Period
from houses.models import BookedNight, House
from orders.models import Order
from payments.alipay.answers import BEIJING
from payments.models import Payment, Refund
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    with translation.override("en"):
        yield


FIRST, LAST = date(2026, 11, 1), date(2026, 11, 30)
PERIOD = Period(FIRST, LAST)
DAY = timedelta(days=1)
QUERIES = 20


@pytest.fixture
def manager() -> Client:
    return make.browser_of(make.staff(roles.MANAGER))


def at(day: date, hour: int = 12, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), BEIJING)


def make_random_rows(count: int) -> None:
    chance = random.Random(7)
    homes = [make.house(created_at=at(FIRST + n * 5 * DAY), is_listed=n < 3) for n in range(4)]
    renter = make.user()
    for _ in range(count):
        check_in = FIRST + chance.randrange(-20, 40) * DAY
        nights = chance.randrange(1, 15)
        booked = at(check_in - chance.randrange(0, 30) * DAY, chance.choice([0, 7, 8, 23]), 59)
        price = chance.randrange(1, 99999)
        order = make.order(
            renter,
            house=chance.choice(homes),
            check_in=check_in,
            check_out=check_in + nights * DAY,
            nights=nights,
            amount_fen=price * nights,
            created_at=booked,
            status=chance.choice(Order.Status.values),
        )
        if chance.random() < 0.7:
            pay(order, booked + timedelta(minutes=chance.randrange(3000)), chance.randrange(2))


def pay(order: Order, moment: datetime, refunds: int = 0) -> None:
    payment = make.attempt(order, status="PAID", live_for=None, received_fen=order.amount_fen, paid_at=moment)
    for n in range(refunds):
        Refund.objects.create(
            payment=payment,
            out_request_no=f"{payment}_R{n}",
            amount_fen=1 + n,
            status="DONE",
            reason="STAFF",
            done_at=moment + timedelta(hours=9),
        )


def rows(model: type[Any]) -> QuerySet:
    return make.rows(model)


def nights_in(order: Order, days: set[date]) -> int:
    return len({order.check_in + n * DAY for n in range(order.nights)} & days)


def test_sums_are_those_of_a_plain_computation() -> None:
    make_random_rows(60)
    numbers = numbers_of(PERIOD)
    days = set(PERIOD.days)
    booked = [order for order in rows(Order) if day_of(order.created_at) in days]
    came = [row for row in rows(Payment) if row.paid_at and day_of(row.paid_at) in days]
    went = [row for row in rows(Refund) if day_of(row.done_at) in days]
    sold = [(order, nights_in(order, days)) for order in rows(Order) if order.is_paid]
    total = numbers.total
    assert len(booked) > 5 and len(came) > 5 and len(went) > 2
    assert total.bookings == len(booked)
    assert total.received_fen == sum(row.received_fen for row in came)
    assert total.refunded_fen == sum(row.amount_fen for row in went)
    assert total.nights == sum(nights for _order, nights in sold)
    earned = sum(order.amount_fen * nights // order.nights for order, nights in sold)
    assert total.earned_fen == earned
    assert total.rate_fen == round(earned / total.nights)
    assert numbers.paid == sum(order.is_paid for order in booked)
    ahead = [(order.check_in - day_of(order.created_at)) / DAY for order in booked]
    assert numbers.lead_time is not None
    assert numbers.lead_time / DAY == pytest.approx(sum(ahead) / len(ahead), abs=0.001)
    assert numbers.time_to_pay == median(row.paid_at - row.order.created_at for row in came)


def test_days_homes_and_areas_add_up_to_the_total() -> None:
    make_random_rows(40)
    numbers = numbers_of(PERIOD)
    for name in ("bookings", "received_fen", "refunded_fen", "nights"):
        whole = getattr(numbers.total, name)
        assert whole > 0
        assert sum(getattr(figures, name) for figures in numbers.by_day.values()) == whole
        if not name.endswith("_fen"):
            assert sum(getattr(figures, name) for figures in numbers.by_area.values()) == whole
    alone = [numbers_of(Period(day, day)).total for day in PERIOD.days]
    assert [day.nights for day in alone] == [day.nights for day in numbers.by_day.values()]
    assert [day.received_fen for day in alone] == [day.received_fen for day in numbers.by_day.values()]


def test_days_begin_at_midnight_in_beijing() -> None:
    for moment in (at(FIRST), at(FIRST, 23, 59), at(FIRST + DAY), at(FIRST - DAY, 23, 59)):
        pay(make.order(created_at=moment), moment)
    found = numbers_of(Period(FIRST, FIRST))
    assert (found.total.bookings, found.total.received_fen) == (2, 60000)
    assert list(found.by_day) == [FIRST]


def test_money_outside_alipay_is_counted_apart() -> None:
    pay(make.order(created_at=at(FIRST)), at(FIRST))
    pay(make.order(created_at=at(FIRST)), at(FIRST, 13), refunds=1)
    cash = rows(Payment).latest("pk")
    rows(Payment).filter(pk=cash.pk).update(channel=Payment.Channel.CASH)
    total = numbers_of(Period(FIRST, FIRST)).total
    assert (total.received_fen, total.outside_fen, total.outside_refunded_fen) == (60000, 30000, 1)


def test_nights_on_offer() -> None:
    old, new = make.house(created_at=at(FIRST - 99 * DAY)), make.house(created_at=at(LAST))
    make.house(created_at=at(FIRST - 99 * DAY), is_listed=False)
    BookedNight.objects.create(house=old, night=FIRST)
    BookedNight.objects.create(house=old, night=LAST + DAY)
    found = {home.pk: figures.offered for home, figures in numbers_of(PERIOD).by_home.items()}
    assert (found[old.pk], found[new.pk]) == (29, 1)
    assert numbers_of(PERIOD).total.offered == sum(found.values()) == 30
    stay = {"check_in": FIRST, "check_out": FIRST + DAY, "nights": 1, "status": "COMPLETE"}
    make.order(house=old, **stay)
    assert numbers_of(Period(FIRST, FIRST)).total.occupancy == 1


def test_a_site_without_rows_has_no_shares(manager: Client) -> None:
    House.objects.filter(pk__gt=0).delete()
    answer = manager.get("/admin/numbers/?first=2001-01-01&last=2001-01-31")
    assert answer.status_code == 200
    assert answer.context["numbers"].share_paid is None


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("first=soon", "Enter the days as 2026-12-20."),
        ("first=2026-13-01&last=2026-12-20", "Enter the days as 2026-12-20."),
        ("first=9999-01-01", "Enter the days as 2026-12-20."),
        ("first=2026-12-20&last=2026-12-19", "The last day is before the first."),
        ("first=2025-01-01&last=2026-12-19", "Choose at most 400 days."),
    ],
)
def test_other_days_are_refused_in_words(manager: Client, query: str, problem: str) -> None:
    page = manager.get(f"/admin/numbers/?{query}").content.decode()
    assert problem in page
    answer = manager.get(f"/admin/numbers/days.csv?{query}")
    assert (answer.status_code, answer.url.partition("?")[0]) == (302, "/admin/numbers/")


def test_days_are_typed_as_anywhere(manager: Client) -> None:
    answer = manager.get("/admin/numbers/", {"first": "2026年11月1日", "last": "20261130"})
    assert answer.context["period"] == PERIOD
    assert manager.get("/admin/numbers/?first=2026/11/30").context["period"] == Period(LAST, LAST)
    days = MAX_DAYS - 1
    longest = f"?first={LAST - days * DAY}&last={LAST}"
    assert "numbers" in manager.get(f"/admin/numbers/{longest}").context


def test_queries_do_not_grow(manager: Client, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    manager.get("/admin/numbers/")
    for rows in (5, 20):
        make_random_rows(rows)
        with django_assert_num_queries(QUERIES):
            manager.get("/admin/numbers/?first=2026-11-01&last=2026-11-30")


def test_the_page_has_charts_with_tables_and_no_script_of_its_own(manager: Client) -> None:
    today = timezone.localdate()
    pay(make.order(), timezone.now())
    page = manager.get(f"/admin/numbers/?first={today}").content.decode()
    assert page.count("<svg viewBox") == page.count('role="img"') == page.count("<desc") == 3
    assert '<rect class="bar" x=' in page
    assert "Money in: ￥300.00 in all, most on" in page
    assert "style=" not in page.partition('<div id="content"')[2]


def test_the_files_have_the_same_sums(manager: Client) -> None:
    make_random_rows(20)
    total = numbers_of(PERIOD).total
    for by, column, whole in (("days", 2, total.received_fen), ("homes", 4, total.earned_fen)):
        answer = manager.get(f"/admin/numbers/{by}.csv?first={FIRST}&last={LAST}")
        text = b"".join(answer.streaming_content).decode("utf-8-sig")
        lines = list(csv.reader(io.StringIO(text, newline="")))[1:]
        assert sum(round(float(line[column]) * 100) for line in lines) == whole


def test_the_file_by_home_has_the_occupancy_in_percent(manager: Client) -> None:
    home = make.house(created_at=at(FIRST))
    make.order(house=home, status="COMPLETE", check_in=FIRST, check_out=FIRST + DAY, nights=1)
    answer = manager.get(f"/admin/numbers/homes.csv?first={FIRST}&last={FIRST + 3 * DAY}")
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    [line] = csv.DictReader(io.StringIO(text, newline=""))
    assert line["Occupancy (percent)"] == "25"


def test_the_front_desk_has_neither_page_nor_link() -> None:
    client = Client()
    client.force_login(make.staff(roles.FRONT_DESK))
    assert "/admin/numbers/" not in client.get("/admin/").content.decode()
    assert client.get("/admin/numbers/").status_code == 403
    client.force_login(make.staff(roles.FINANCE))
    assert "/admin/numbers/" in client.get("/admin/").content.decode()


def test_many_days_are_drawn_by_the_week() -> None:
    days = Period(FIRST, FIRST + MOST_BARS * DAY).days
    chart = chart_of("x", "Nights", days, [("Nights", [1] * len(days))], str)
    assert len(chart.bars) == len(chart.rows) == 9
    assert (chart.top, chart.rows[0][1], chart.bars[0].height) == ("7", ["7"], 100)
    assert "63 in all" in chart.description
    assert not chart_of("x", "None", days, [("None", [0] * len(days))], str).bars


def test_lengths_of_time_are_said_in_a_fitting_unit() -> None:
    lengths = [None, timedelta(minutes=7), timedelta(hours=5), timedelta(days=3)]
    assert [duration_in_text(length) for length in lengths] == ["", "7 min", "5.0 h", "3.0 days"]
