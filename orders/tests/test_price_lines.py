"""The price of an order: frozen line by line, charged as it was quoted, refunded by policy."""

import json
from datetime import date, timedelta

import pytest
import time_machine
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from houses import quotes
from houses.models import House, PriceRule
from houses.quotes import Line, Rates, quote
from houses.tests.test_quotes import all_rates, days
from orders import booking, price_lines
from orders.booking import PriceChanged, Seen
from orders.models import Order
from payments import cancellation
from tests import make
from tests.interleaving import before

FRIDAY = date(2027, 3, 5)
NOON = "2026-11-22T12:00:00+08:00"


@pytest.fixture
def house() -> House:
    home = make.house(
        price_fen=30000,
        weekend_price_fen=40000,
        week_discount=10,
        cleaning_fee_fen=8000,
        guests_included=2,
        guest_fee_fen=5000,
        instant_book=True,
    )
    day = FRIDAY + timedelta(days=2)
    rule = {"first_night": day, "last_night": day, "price_fen": 90000, "name": "节", "name_en": "Feast"}
    PriceRule.objects.create(house=home, **rule)
    return home


def stay(nights: int = 3, guests: int = 3, check_in: date = FRIDAY) -> dict[str, object]:
    return {"check_in": check_in, "check_out": check_in + timedelta(days=nights), "guests": guests}


def book(house: House, seen: Seen | None = None, **changes: int) -> Order:
    with time_machine.travel(NOON, tick=False):
        return booking.book(house, renter=make.user(), seen=seen, **stay(**changes))


@settings(max_examples=300, deadline=None)
@given(all_rates(), days, st.integers(1, 60), st.integers(1, 9))
def test_stored_lines_are_read_as_they_were_written(
    rates: Rates, check_in: date, count: int, guests: int
) -> None:
    price = quote(rates, check_in, check_in + timedelta(days=count), guests)
    columns = price_lines.columns_of(price)
    order = Order(**{**columns, "price_lines": json.loads(json.dumps(columns["price_lines"]))})
    assert order.quote == price
    assert order.amount_fen == sum(line.fen for line in order.quote.lines)


@pytest.mark.django_db
def test_the_lines_are_frozen_when_the_stay_is_booked(house: House) -> None:
    order = book(house)
    PriceRule.objects.update(price_fen=1)
    House.objects.filter(pk=house.pk).update(price_fen=1, cleaning_fee_fen=1)
    order = Order.objects.get(pk=order.pk)
    shown = [(line.kind, line.count, line.fen, line.name) for line in order.quote.lines]
    assert shown == [
        ("nights", 2, 80000, ""),
        ("nights", 1, 90000, "节"),
        ("cleaning", 1, 8000, ""),
        ("guests", 3, 15000, ""),
    ]
    assert (order.amount_fen, order.price_per_night_fen) == (193000, 170000 // 3)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "seen", [Seen("193001"), Seen("30000"), Seen("", "30000"), Seen("", "56666"), Seen("x")]
)
def test_PRI02_another_price_than_the_one_seen_books_nothing(house: House, seen: Seen) -> None:
    with pytest.raises(PriceChanged):
        book(house, seen)
    assert not make.rows(Order).exists()
    assert book(house, Seen("193000", "30000")).amount_fen == 193000


@pytest.mark.django_db
def test_a_price_per_night_is_enough_where_the_price_is_plain() -> None:
    assert book(make.house(price_fen=30000), Seen("", "30000")).amount_fen == 90000


@pytest.mark.django_db
def test_the_least_nights_of_a_season_hold_at_the_form_and_under_the_lock(house: House) -> None:
    PriceRule.objects.create(
        house=house, name="春", price_fen=5, first_night=FRIDAY, last_night=FRIDAY, min_nights=4
    )
    client = make.browser_of(make.user())
    with time_machine.travel(NOON, tick=False):
        page = client.post(f"/houses/{house.pk}/book/", stay())
    assert (page.status_code, page.context["form"].errors["check_out"]) == (
        422,
        ["The minimum stay is 4 nights."],
    )
    with pytest.raises(PriceChanged):
        book(house)
    assert book(house, nights=4).nights == 4


@pytest.mark.parametrize(
    "lines", [[], [{"kind": "nights", "fen": 1, "each_fen": 1}]], ids=["before lines", "changed before lines"]
)
def test_an_order_without_lines_of_its_own_has_one(lines: list[object]) -> None:
    order = Order(price_lines=lines, nights=2, price_per_night_fen=15000, amount_fen=30000, check_in=FRIDAY)
    assert order.quote.lines == (Line(quotes.NIGHTS, 30000, 15000, 2, first=FRIDAY),)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("policy", "days_ahead", "refunded_before", "fen"),
    [
        ("FLEXIBLE", 1, 0, 193000),
        ("FLEXIBLE", 0, 0, 0),
        ("MODERATE", 4, 0, 185000 // 2 + 8000),
        ("MODERATE", 0, 0, 185000 // 2),
        ("STRICT", 7, 0, 185000 // 2 + 8000),
        ("STRICT", 6, 0, 8000),
        ("STRICT", 6, 190000, 3000),
    ],
)
def test_the_cleaning_fee_is_given_back_whole_before_check_in(
    house: House, policy: str, days_ahead: int, refunded_before: int, fen: int
) -> None:
    House.objects.filter(pk=house.pk).update(refund_policy=policy)
    order = book(house)
    payment = make.attempt(
        order,
        status="PAID",
        live_for=None,
        received_fen=193000,
        refund_reserved_fen=refunded_before,
        paid_at=timezone.now(),
    )
    Order.objects.filter(pk=order.pk).update(status="WAIT_COMMENT")
    order.refresh_from_db()
    with time_machine.travel(f"{FRIDAY - timedelta(days=days_ahead)}T12:00:00+08:00", tick=False):
        assert cancellation.preview_for_staff(order).refund_fen == fen
        assert cancellation.share_of_payment(payment) == fen


def _book_while_the_season_begins(house: House) -> Order:
    """Book at the price that was seen, while staff save a season between the look and the lock."""
    season = {"first_night": FRIDAY, "last_night": FRIDAY, "price_fen": 70000, "name": "春"}
    with before("orders.booking._book", lambda: PriceRule.objects.create(house=house, **season)):
        return book(house, Seen("193000"))


@pytest.mark.django_db
def test_a_season_that_begins_during_the_booking_is_not_charged_unseen(house: House) -> None:
    with pytest.raises(PriceChanged):
        _book_while_the_season_begins(house)
    assert not make.rows(Order).exists()


@pytest.mark.django_db
def test_twin_without_the_second_look_it_would_be(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Seen, "is_price", lambda seen, quote: True)
    assert _book_while_the_season_begins(house).amount_fen == 193000 + 30000
