"""Pages say what a stay costs and what may be lost, before it is booked and before it is paid."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from houses import availability
from houses.models import House, PriceRule
from orders.models import Order
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def house() -> House:
    return make.house(price_fen=30000, cleaning_fee_fen=8000, refund_policy="STRICT", instant_book=True)


@pytest.fixture
def renter(client: Client) -> Client:
    client.force_login(make.user())
    client.cookies["django_language"] = "en"
    return client


def stay(days: int = 3, nights: int = 2) -> dict[str, str]:
    first = timezone.localdate() + timedelta(days=days)
    return {"check_in": str(first), "check_out": str(first + timedelta(days=nights)), "guests": "1"}


def hidden(html: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="(seen\w+)" value="([^"]*)"', html))


def test_the_box_has_the_lines_and_what_may_be_lost(renter: Client, house: House) -> None:
    html = renter.get(house.get_absolute_url(), stay()).content.decode()
    assert hidden(html) == {"seen_price": "68000", "seen_night_price": "30000", "seen_policy": "STRICT"}
    for shown in ("￥300.00 × 2 nights", "Cleaning fee", "￥680.00", "If you book today", "no_refund"):
        assert shown in html
    later = renter.get(house.get_absolute_url(), stay(30)).content.decode()
    assert "for half the price, after that for none." in later
    assert "no_refund" not in later


def test_the_line_of_further_guests_names_the_nights(renter: Client) -> None:
    house = make.house(price_fen=30000, capacity=4, guest_fee_fen=2000)
    for guests, line in ((2, "1 extra guest × 2 nights"), (3, "2 extra guests × 2 nights")):
        html = renter.get(house.get_absolute_url(), {**stay(), "guests": guests}).content.decode()
        assert f"<dt>{line} × ￥20.00</dt>" in html


def test_the_script_gets_the_same_box(renter: Client, house: House, django_assert_num_queries) -> None:
    with django_assert_num_queries(3):  # the house, its prices, its nights
        html = renter.get(f"/houses/{house.pk}/quote/", stay()).content.decode()
    assert hidden(html) == {"seen_price": "68000"}
    availability.hold(
        house, timezone.localdate() + timedelta(days=4), timezone.localdate() + timedelta(days=5)
    )
    refused = renter.get(f"/houses/{house.pk}/quote/", stay()).content.decode()
    assert "Some of these nights are unavailable." in refused
    assert hidden(refused) == {"seen_price": ""}


def test_a_stay_that_cannot_be_refunded_needs_the_tick(renter: Client, house: House) -> None:
    form = {**stay(), "seen_price": "68000"}
    page = renter.post(f"/houses/{house.pk}/book/", form)
    assert page.status_code == 422
    assert "Please tick the box" in page.content.decode()
    assert not make.rows(Order).exists()
    page = renter.post(f"/houses/{house.pk}/book/", {**form, "no_refund": "1", "seen_price": "1"})
    html = page.content.decode()
    assert (page.status_code, hidden(html)["seen_price"]) == (422, "68000")
    assert re.search(r'name="no_refund" value="1" required checked', html)
    assert renter.post(f"/houses/{house.pk}/book/", {**form, "no_refund": "1"}).status_code == 302
    assert make.rows(Order).get().amount_fen == 68000


def test_another_refund_policy_meanwhile_is_shown_before_it_is_booked(renter: Client, house: House) -> None:
    page = renter.get(house.get_absolute_url(), stay(30)).content.decode()
    House.objects.filter(pk=house.pk).update(refund_policy="FLEXIBLE")
    refused = renter.post(f"/houses/{house.pk}/book/", {**stay(30), **hidden(page)})
    assert "The price or the refund has just changed." in refused.content.decode()
    assert not make.rows(Order).exists()
    again = {**stay(30), **hidden(refused.content.decode())}
    assert renter.post(f"/houses/{house.pk}/book/", again).status_code == 302
    assert make.rows(Order).get().refund_policy == "FLEXIBLE"


def test_without_a_total_the_lines_are_shown_first(renter: Client, house: House) -> None:
    form = {**stay(30), "seen_price": "", "seen_night_price": "30000"}
    page = renter.post(f"/houses/{house.pk}/book/", form)
    assert page.status_code == 422
    assert "Here is the total for these dates." in page.content.decode()
    House.objects.filter(pk=house.pk).update(cleaning_fee_fen=0)
    assert renter.post(f"/houses/{house.pk}/book/", form).status_code == 302  # the price that was shown


def test_the_order_its_cancellation_and_the_pay_box_tell_the_same(renter: Client, house: House) -> None:
    first = timezone.localdate() + timedelta(days=30)
    PriceRule.objects.create(
        house=house, name="夏", name_en="Summer", price_fen=50000, first_night=first, last_night=first
    )
    renter.post(f"/houses/{house.pk}/book/", stay(30))
    order = make.rows(Order).get()
    html = renter.get(order.get_absolute_url()).content.decode()
    for shown in ("Summer", "￥500.00 × 1 night", "￥300.00 × 1 night", "Cleaning fee", "￥880.00"):
        assert shown in html
    assert "for half the price, after that for none." in html
    Order.objects.filter(pk=order.pk).update(check_in=timezone.localdate() + timedelta(days=2))
    assert (
        "After you pay, a cancellation is not refunded."
        in renter.get(order.get_absolute_url()).content.decode()
    )
