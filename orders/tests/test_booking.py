"""Booking a house: terms, refusals and their messages."""

import re
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from accounts.models import User
from core.money import MAX_FEN
from houses import availability
from houses.models import BookedNight, House
from orders import booking
from orders.models import Order, OrderEvent
from payments.models import Payment
from tests import make
from tests.interleaving import before

pytestmark = pytest.mark.django_db

BEIJING = ZoneInfo("Asia/Shanghai")
TODAY = date(2026, 11, 22)
NOON = "2026-11-22T12:00:00+08:00"


@pytest.fixture
def house() -> House:
    return make.house(title="Sea view", price_fen=15000, capacity=3, min_nights=2, max_nights=10)


@pytest.fixture
def renter(client: Client) -> User:
    person = make.user()
    client.force_login(person)
    return person


def book(client: Client, place: House, first: object, last: object, **fields: str):
    stay = {"check_in": str(first), "check_out": str(last), **fields}
    return client.post(f"/houses/{place.pk}/book/", stay)


def refusals(page: HttpResponse) -> list[tuple[str, str]]:
    """Return the fields with errors and the message beside each."""
    return re.findall(r'<ul class="errorlist" id="id_(\w+)_error"><li>(.*?)</li></ul>', page.content.decode())


def nights() -> set[date]:
    return set(make.rows(BookedNight).values_list("night", flat=True))


def test_a_booking_waits_for_acceptance(client: Client, renter: User, house: House) -> None:
    with time_machine.travel(NOON, tick=False):
        client.force_login(renter)
        page = book(client, house, "2027-03-05", "2027-03-08", guests="3")
    order = make.rows(Order).get()
    assert (page.status_code, page.url) == (302, f"/orders/{order.number}/")
    assert (order.renter, order.house, order.guests) == (renter, house, 3)
    assert (order.status, order.pay_by) == ("WAIT_ACCEPT", None)
    assert order.accept_by == datetime(2026, 11, 23, 12, tzinfo=BEIJING)
    assert (order.nights, order.price_per_night_fen, order.amount_fen) == (3, 15000, 45000)
    assert nights() == {date(2027, 3, 5), date(2027, 3, 6), date(2027, 3, 7)}
    assert set(make.rows(BookedNight).values_list("order_number", flat=True)) == {order.number}
    event = order.events.get()
    assert (event.kind, event.actor) == ("BOOKED", renter)
    house.refresh_from_db()
    assert house.order_count == 0  # paid stays alone count
    assert client.get(page.url).status_code == 200


def test_instant_booking_waits_for_payment_for_half_an_hour(renter: User, house: House) -> None:
    make.rows(House).update(instant_book=True)
    with time_machine.travel(NOON, tick=False):
        order = booking.book(
            house, renter=renter, check_in=date(2027, 3, 5), check_out=date(2027, 3, 8), guests=1
        )
    order.refresh_from_db()
    assert order.status == "WAIT_PAYMENT"
    assert order.pay_by == datetime(2026, 11, 22, 12, 30, tzinfo=BEIJING)
    assert [(event.kind, event.actor) for event in order.events.all()] == [
        ("ACCEPTED", None),
        ("BOOKED", renter),
    ]
    assert not make.rows(Payment).exists()


def test_the_terms_of_an_order_stay_when_a_house_changes(client: Client, renter: User, house: House) -> None:
    make.rows(House).update(refund_policy="STRICT")
    day = timezone.localdate() + timedelta(days=9)
    book(client, house, day, day + timedelta(days=2))
    make.rows(House).update(price_fen=99900, title="Palace", refund_policy="FLEXIBLE")
    order = make.rows(Order).get()
    assert (order.house_title, order.price_per_night_fen, order.amount_fen) == ("Sea view", 15000, 30000)
    assert order.refund_policy == "STRICT"
    page = client.get(order.get_absolute_url()).content.decode()
    assert "Sea view" in page
    assert "￥300.00" in page
    assert "Palace" not in page


def test_USR05_only_dates_and_guests_are_taken_from_the_form(
    client: Client, renter: User, house: House
) -> None:
    other = make.house(title="Cellar", price_fen=1)
    day = timezone.localdate() + timedelta(days=9)
    claims = {
        "amount_fen": "1",
        "price_per_night_fen": "1",
        "price_fen": "1",
        "nights": "1",
        "house": str(other.pk),
        "pk": str(other.pk),
        "number": "26112200000001",
        "renter": str(make.user().pk),
        "status": "WAIT_COMMENT",
    }
    book(client, house, day, day + timedelta(days=2), **claims)
    order = make.rows(Order).get()
    assert (order.house, order.amount_fen, order.nights) == (house, 30000, 2)
    assert (order.renter, order.status) == (renter, "WAIT_ACCEPT")
    assert order.number != "26112200000001"


REFUSED = {
    "end before start": (5, 4, "1", "check_out", "Check-out must be after check-in."),
    "zero nights": (5, 5, "1", "check_out", "Check-out must be after check-in."),
    "too few nights": (5, 6, "1", "check_out", "The minimum stay is 2 nights."),
    "too many nights": (5, 16, "1", "check_out", "The maximum stay is 10 nights."),
    "ten years": (5, 3655, "1", "check_out", "The maximum stay is 10 nights."),
    "yesterday": (-1, 2, "1", "check_in", "This date has passed."),
    "beyond a year": (366, 368, "1", "check_in", "You can book up to a year ahead."),
    "too many guests": (5, 7, "4", "guests", "This home takes up to 3 guests."),
    "no guest": (5, 7, "-1", "guests", "Ensure this value is greater than or equal to 1."),
    "half a guest": (5, 7, "1.5", "guests", "Enter a whole number."),
}


@pytest.mark.parametrize(("first", "last", "guests", "field", "error"), REFUSED.values(), ids=REFUSED.keys())
def test_BOK06_impossible_stays_are_refused_beside_the_field(
    client: Client, renter: User, house: House, first: int, last: int, guests: str, field: str, error: str
) -> None:
    client.cookies["django_language"] = "en"
    typed = [str(TODAY + timedelta(days=days)) for days in (first, last)]
    with time_machine.travel(NOON, tick=False):
        client.force_login(renter)
        page = book(client, house, *typed, guests=guests)
    assert page.status_code == 422
    html = page.content.decode()
    for value in (*typed, guests):
        assert f'value="{value}"' in html
    assert refusals(page) == [(field, error)]
    assert not make.rows(Order).exists()
    assert not make.rows(BookedNight).exists()


@pytest.mark.parametrize(
    "value",
    [
        "",
        "x",
        "2027-02-29",
        "2027-13-01",
        "0000-01-01",
        "99999-01-01",
        "2027-03-05T00:00",
        "９",
        "9" * 500,
        "\0",
    ],
)
def test_BOK06_an_invalid_date_is_refused_with_a_message(
    client: Client, renter: User, house: House, value: str
) -> None:
    page = book(client, house, value, value)
    assert page.status_code == 422
    assert set(page.context["form"].errors) >= {"check_in", "check_out"}
    assert not make.rows(Order).exists()


def test_today_and_a_year_ahead_are_the_first_and_last_days(
    client: Client, renter: User, house: House
) -> None:
    with time_machine.travel(NOON, tick=False):
        client.force_login(renter)
        for first in (0, 365):
            day = TODAY + timedelta(days=first)
            assert book(client, house, day, day + timedelta(days=2)).status_code == 302


def test_BOK01_taken_nights_are_refused_and_nothing_is_written(
    client: Client, renter: User, house: House
) -> None:
    day = timezone.localdate() + timedelta(days=9)
    availability.hold(house, day, day + timedelta(days=1))
    page = book(client, house, day - timedelta(days=1), day + timedelta(days=1))
    assert page.status_code == 422
    assert list(page.context["form"].errors) == ["check_in"]
    assert f'value="{day - timedelta(days=1)}"' in page.content.decode()
    assert nights() == {day}
    assert not make.rows(Order).exists()
    assert not make.rows(OrderEvent).exists()
    house.refresh_from_db()
    assert house.order_count == 0


def test_BOK02_check_out_and_check_in_on_the_same_day(client: Client, renter: User, house: House) -> None:
    day = timezone.localdate() + timedelta(days=9)
    for first in (0, 2, -2):
        client.force_login(make.user())
        check_in = day + timedelta(days=first)
        assert book(client, house, check_in, check_in + timedelta(days=2)).status_code == 302
    assert len(nights()) == 6


def test_a_house_that_is_not_listed_can_not_be_booked(client: Client, renter: User, house: House) -> None:
    day = timezone.localdate() + timedelta(days=9)
    make.rows(House).update(is_listed=False)
    assert book(client, house, day, day + timedelta(days=2)).url.startswith("/?check_in=")
    assert client.post("/houses/999999/book/").status_code == 404
    with pytest.raises(House.DoesNotExist):
        booking.book(house, renter=renter, check_in=day, check_out=day + timedelta(days=2), guests=1)
    assert not make.rows(BookedNight).exists()


@pytest.mark.parametrize(
    ("now", "today"),
    [
        ("2026-11-22T23:59:59+08:00", date(2026, 11, 22)),
        ("2026-11-23T00:00:00+08:00", date(2026, 11, 23)),
        ("2026-11-22T16:00:00+00:00", date(2026, 11, 23)),
        ("2028-02-28T23:59:59+08:00", date(2028, 2, 28)),
        ("2028-02-29T00:00:00+08:00", date(2028, 2, 29)),
        # Days of clock changes in Europe and America; Beijing has none.
        ("2027-03-28T01:00:00+00:00", date(2027, 3, 28)),
        ("2027-11-07T06:00:00+00:00", date(2027, 11, 7)),
    ],
)
def test_FMT07_days_change_at_midnight_in_beijing(
    client: Client, renter: User, house: House, now: str, today: date
) -> None:
    with time_machine.travel(now, tick=False):
        client.force_login(renter)
        assert book(client, house, today - timedelta(days=1), today + timedelta(days=2)).status_code == 422
        assert book(client, house, today, today + timedelta(days=2)).status_code == 302
    order = make.rows(Order).get()
    assert order.number[:6] == f"{today:%y%m%d}"
    assert (order.check_in, order.nights, order.amount_fen) == (today, 2, 30000)
    assert nights() == {today, today + timedelta(days=1)}


@pytest.mark.parametrize("instant_book", [True, False])
def test_FMT07_midnight_between_form_and_booking_is_an_error_of_check_in(
    client: Client, renter: User, house: House, instant_book: bool
) -> None:
    make.rows(House).update(instant_book=instant_book)
    client.cookies["django_language"] = "en"
    with time_machine.travel("2026-11-22T23:59:59+08:00", tick=False) as clock:
        client.force_login(renter)
        with before("orders.booking.book", lambda: clock.shift(1)):
            page = book(client, house, TODAY, TODAY + timedelta(days=2))
    assert page.status_code == 422
    assert refusals(page) == [("check_in", "This date has passed.")]
    assert not make.rows(Order).exists()
    assert not nights()


def test_FMT07_a_stay_over_29_february(client: Client, renter: User, house: House) -> None:
    with time_machine.travel("2028-02-01T12:00:00+08:00", tick=False):
        client.force_login(renter)
        book(client, house, "2028-02-28", "2028-03-01")
    order = make.rows(Order).get()
    assert (order.nights, order.amount_fen) == (2, 30000)
    assert nights() == {date(2028, 2, 28), date(2028, 2, 29)}


@pytest.mark.parametrize(
    ("now", "pay_by"),
    [
        ("2026-11-22T23:54:59+08:00", "2026-11-23T00:00:00+08:00"),
        ("2026-11-22T23:59:59+08:00", "2026-11-23T00:29:59+08:00"),  # a second is too short to pay
        ("2026-11-22T23:15:00+08:00", "2026-11-22T23:45:00+08:00"),
    ],
)
def test_FMT07_time_to_pay_ends_when_the_day_of_check_in_begins(
    renter: User, house: House, now: str, pay_by: str
) -> None:
    make.rows(House).update(instant_book=True)
    with time_machine.travel(now, tick=False):
        order = booking.book(
            house, renter=renter, check_in=date(2026, 11, 23), check_out=date(2026, 11, 25), guests=1
        )
    assert order.pay_by == datetime.fromisoformat(pay_by)


def test_a_stay_that_begins_today_can_be_paid(renter: User, house: House) -> None:
    make.rows(House).update(instant_book=True)
    with time_machine.travel(NOON, tick=False):
        order = booking.book(
            house, renter=renter, check_in=TODAY, check_out=TODAY + timedelta(days=2), guests=1
        )
        assert order.is_payable


def test_FMT05_any_title_is_kept_and_escaped(client: Client, renter: User, house: House) -> None:
    title = "🏠 “Sea” & {view} 'x' \u202eright to left <script>alert(1)</script> 房"
    make.rows(House).update(title=title)
    day = timezone.localdate() + timedelta(days=9)
    page = client.get(book(client, house, day, day + timedelta(days=2)).url).content.decode()
    assert make.rows(Order).get().house_title == title
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "🏠 “Sea” &amp; {view}" in page


def test_FMT03_a_stay_that_costs_more_than_can_be_paid_is_refused(
    client: Client, renter: User, house: House
) -> None:
    make.rows(House).update(price_fen=MAX_FEN)
    day = timezone.localdate() + timedelta(days=9)
    answer = book(client, house, day, day + timedelta(days=2))
    assert answer.status_code == 422
    assert "check_out" in answer.context["form"].errors


def test_USR05_signed_out_the_stay_is_kept_unless_it_is_too_long_for_an_address(
    client: Client, house: House
) -> None:
    page = book(client, house, "2027-03-05", "2" * 10_000)
    assert (page.status_code, "2027-03-05" in page.url) == (302, True)
    assert len(page.url) < 200


def test_PRI02_a_price_that_changed_meanwhile_is_shown_before_booking(
    client: Client, renter: User, house: House
) -> None:
    stay = "?check_in=2027-03-05&check_out=2027-03-08"
    with time_machine.travel(NOON, tick=False):
        html = client.get(house.get_absolute_url() + stay).content.decode()
    seen = re.search(r'name="seen_price" value="([0-9]+)"', html)[1]
    make.rows(House).update(price_fen=99900)
    with time_machine.travel(NOON, tick=False):
        page = book(client, house, "2027-03-05", "2027-03-08", seen_price=seen, guests="2")
        html = page.content.decode()
        assert (page.status_code, make.rows(Order).count()) == (422, 0)
        assert "￥2,997.00" in html
        for kept in ('value="2027-03-05"', 'value="2027-03-08"', 'name="seen_price" value="299700"'):
            assert kept in html
        assert book(client, house, "2027-03-05", "2027-03-08", seen_price="299700").status_code == 302
    assert make.rows(Order).get().amount_fen == 299700


@pytest.mark.parametrize("paid", [False, True])
def test_booking_again_leads_to_the_existing_order(
    client: Client, renter: User, house: House, paid: bool
) -> None:
    with time_machine.travel(NOON, tick=False):
        first = book(client, house, "2027-03-05", "2027-03-08")
        if paid:
            make.rows(Order).update(status="WAIT_COMMENT")
        assert book(client, house, "2027-03-05", "2027-03-08").url == first.url
        assert book(client, house, "2027-03-05", "2027-03-07").status_code == 422  # another stay
        make.rows(Order).update(status="CANCELED")
        assert book(client, house, "2027-03-05", "2027-03-08").status_code == 422  # its nights are still held
    order = make.rows(Order).get()
    assert order.events.count() == 1


def test_the_same_stay_of_another_renter_is_refused(client: Client, renter: User, house: House) -> None:
    with time_machine.travel(NOON, tick=False):
        book(client, house, "2027-03-05", "2027-03-08")
        client.force_login(make.user())
        page = book(client, house, "2027-03-05", "2027-03-08")
    assert page.status_code == 422
    assert make.rows(Order).get().renter == renter


@pytest.mark.parametrize(
    ("check_in", "accept_by"),
    [
        ("2026-11-22", "2026-11-23T00:00:00+08:00"),
        ("2026-11-23", "2026-11-23T00:00:00+08:00"),
        ("2026-11-24", "2026-11-23T12:00:00+08:00"),
    ],
)
def test_staff_answer_before_it_is_too_late_to_pay(
    client: Client, renter: User, house: House, check_in: str, accept_by: str
) -> None:
    with time_machine.travel(NOON, tick=False):
        first = date.fromisoformat(check_in)
        book(client, house, first, first + timedelta(days=2))
    assert make.rows(Order).get().accept_by == datetime.fromisoformat(accept_by)


def test_a_home_that_is_no_longer_offered_leads_to_others_for_the_same_days(
    client: Client, renter: User, house: House
) -> None:
    make.rows(House).update(is_listed=False)
    client.cookies["django_language"] = "en"
    page = book(client, house, "2027-03-05", "2027-03-08", guests="2")
    assert page.url == "/?check_in=2027-03-05&check_out=2027-03-08&guests=2"
    assert "no longer available" in client.get("/").content.decode()


def test_the_same_nights_with_another_number_of_guests_show_a_message(
    client: Client, renter: User, house: House
) -> None:
    client.cookies["django_language"] = "en"
    with time_machine.travel(NOON, tick=False):
        first = book(client, house, "2027-03-05", "2027-03-08", guests="1")
        again = book(client, house, "2027-03-05", "2027-03-08", guests="3")
        assert again.url == first.url
        assert "already booked these nights for 1 guest." in client.get(again.url).content.decode()
    assert make.rows(Order).get().guests == 1


def test_signed_out_a_home_that_is_no_longer_offered_leads_to_others(client: Client, house: House) -> None:
    make.rows(House).update(is_listed=False)
    page = book(client, house, "2027-03-05", "2027-03-08")
    assert page.url == "/accounts/login/?next=/%3Fcheck_in%3D2027-03-05%26check_out%3D2027-03-08"
