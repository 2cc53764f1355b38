"""Renters change dates and guests: the new price first, then the change, or the difference to pay."""

import re
from contextlib import suppress
from datetime import date, datetime, timedelta
from urllib.parse import unquote, urlencode

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.utils import timezone

from core.money import MAX_FEN
from houses import availability
from houses.models import BookedNight, House
from orders import guest_details, limits, mailing
from orders.changes import CannotChange, Stay
from orders.models import Order
from payments import callbacks, stay_changes
from payments.books import refunds
from payments.models import Payment, Refund
from tests import alipay, make
from tests.alipay import Gateway
from tests.races import at_once

pytestmark = pytest.mark.django_db

TWO_NIGHTS = timedelta(days=2)


def first_day() -> date:
    return timezone.localdate() + timedelta(days=10)


def booked(**fields: object) -> Order:
    """An order of two nights at 150 yuan each in ten days, whose nights are held."""
    house = fields.pop("house", None) or make.house(price_fen=15000, instant_book=True)
    stay = {"check_in": first_day(), "check_out": first_day() + TWO_NIGHTS, "guests": 2}
    order = make.order(house=house, **{**stay, **fields})
    availability.hold(order.house, order.check_in, order.check_out, order_number=order.number)
    return order


def browser_of(order: Order) -> Client:
    return make.browser_of(order.renter)


def typed(first: int, nights: int, guests: int = 2) -> dict[str, str]:
    check_in = first_day() + timedelta(days=first)
    check_out = check_in + timedelta(days=nights)
    return {"check_in": str(check_in), "check_out": str(check_out), "guests": str(guests)}


def address(order: Order) -> str:
    return f"/payments/{order.number}/change/"


def agreed_in(html: str) -> str:
    [agreed] = re.findall(r'name="agreed" value="(.*?)"', html)
    return agreed


def change(order: Order, stay: dict[str, str]):
    """Type the stay, then agree to the price that the page shows."""
    client = browser_of(order)
    page = client.post(address(order), stay).content.decode()
    return client.post(address(order), {**stay, "agreed": agreed_in(page)})


def nights_of(order: Order) -> list[date]:
    return sorted(make.rows(BookedNight).filter(order_number=order.number).values_list("night", flat=True))


@pytest.mark.parametrize("status", ["WAIT_ACCEPT", "WAIT_PAYMENT"])
def test_the_price_is_shown_before_the_stay_is_changed(status: str) -> None:
    order = booked(status=status)
    page = browser_of(order).post(address(order), typed(1, 3))
    assert "￥450.00" in page.content.decode()
    order.refresh_from_db()
    assert order.nights == 2
    assert change(order, typed(1, 3)).headers["Location"] == order.get_absolute_url()
    order.refresh_from_db()
    assert (order.nights, order.amount_fen, order.status) == (3, 45000, status)
    assert nights_of(order) == [first_day() + timedelta(days=n) for n in (1, 2, 3)]
    event = order.events.get()
    assert (event.kind, event.actor) == ("CHANGED", order.renter)


def test_the_calendar_shows_the_nights_of_others_as_taken_and_the_own_as_free() -> None:
    order = booked()
    other = order.check_out + timedelta(days=1)
    availability.hold(order.house, other, other + timedelta(days=1))
    client = browser_of(order)
    page = client.get(address(order)).content.decode()
    nights = re.findall(r'<td class="(\w+)" data-date="([-0-9]+)"', page)
    states = {day: state for state, day in nights}
    assert [states[str(day)] for day in (order.check_in, order.check_out, other)] == ["free", "free", "taken"]
    [later] = re.findall(r'rel="next nofollow" href="([^"#]+)', page)
    assert later.startswith(f"{address(order)}?check_in={order.check_in}&amp;check_out={order.check_out}")
    typed_there = client.get(f"{address(order)}?{urlencode({**typed(1, 3), 'month': '2099-01'})}")
    assert f'value="{first_day() + timedelta(days=1)}"' in typed_there.content.decode()


def test_an_attempt_at_the_old_price_is_closed_first(gateway: Gateway) -> None:
    order = booked()
    payment = make.attempt(order)
    gateway.says = {"query": alipay.not_existing()}
    change(order, typed(0, 1))
    payment.refresh_from_db()
    assert payment.live_for is None
    order.refresh_from_db()
    assert order.amount_fen == 15000


def paid(**fields: object) -> Order:
    order = booked(**fields)
    assert callbacks.receive_notify(alipay.notify_body(make.attempt(order)))
    order.refresh_from_db()
    return order


def test_a_longer_paid_stay_is_agreed_on_then_paid(gateway: Gateway) -> None:
    order = paid()
    client, stay = browser_of(order), typed(0, 3)
    page = client.post(address(order), stay).content.decode()
    assert [sum_ in page for sum_ in ("￥450.00", "￥300.00", "￥150.00")] == [True] * 3
    assert "Continue to payment" in page
    client.post(address(order), {**stay, "agreed": agreed_in(page)})
    order.refresh_from_db()
    assert (order.nights, len(nights_of(order))) == (2, 3)
    shown = client.get(order.get_absolute_url()).content.decode()
    assert "Pay the difference to change your stay" in shown and "￥150.00" in shown
    assert f"{address(order)}pay/" in shown and f"{address(order)}drop/" in shown
    assert f'href="{address(order)}"' not in shown
    assert 'data-mark="change"' in shown  # another tab may pay
    assert "Change pending: ￥150.00 due" in client.get("/orders/").content.decode()
    to_alipay = client.post(f"{address(order)}pay/", headers={"User-Agent": "Mobile"})
    assert "total_amount" in unquote(to_alipay.headers["Location"])
    payment = make.rows(Payment).get(live_for=order)
    assert (payment.product, payment.amount_fen) == ("WAP", 15000)
    assert client.get(f"/payments/{order.number}/status/").json() == {
        "order": "WAIT_COMMENT",
        "payment": "OPEN",
    }
    gateway.says = {"query": alipay.not_existing()}
    client.post(f"/payments/{order.number}/check/")
    assert "The difference has not been received yet" in client.get(order.get_absolute_url()).content.decode()
    assert callbacks.receive_notify(alipay.notify_body(payment))
    shown = client.get(order.get_absolute_url()).content.decode()
    assert "Difference paid" in shown and "Pay the difference" not in shown
    receipt = client.get(f"/payments/{order.number}/receipt/").content.decode()
    assert receipt.count("Merchant order no.") == 2
    assert "￥450.00" in receipt and "肆佰伍拾元整" in receipt
    assert "￥150.00" in client.get(alipay.return_url(payment)).content.decode()


def test_a_waiting_change_can_be_dropped(gateway: Gateway) -> None:
    order = paid()
    change(order, typed(0, 3))
    client = browser_of(order)
    page = client.post(f"{address(order)}drop/", follow=True).content.decode()
    assert "Your stay is as it was" in page and "Pay the difference" not in page
    assert len(nights_of(order)) == 2
    page = client.post(f"{address(order)}drop/", follow=True).content.decode()
    assert "has just changed" in page
    page = client.post(f"{address(order)}pay/", follow=True).content.decode()
    assert "can no longer be paid" in page


def test_a_shorter_paid_stay_gives_the_difference_back(gateway: Gateway) -> None:
    order = paid(renter=make.user(email="lin@example.com"))
    client, stay = browser_of(order), typed(0, 1)
    page = client.post(address(order), stay).content.decode()
    assert "You get back" in page and "usually within a day" in page
    client.post(address(order), {**stay, "agreed": agreed_in(page)})
    order.refresh_from_db()
    refund = make.rows(Refund).get()
    assert (order.nights, order.amount_fen) == (1, 15000)
    assert (refund.amount_fen, refund.reason, refund.status) == (15000, "CHANGED", "DUE")
    mailing.send(order.pk)
    assert "￥150.00" in mail.outbox[-1].body


def test_in_wechat_the_difference_is_paid_elsewhere(gateway: Gateway) -> None:
    order = paid()
    change(order, typed(0, 3))
    client, wechat = browser_of(order), {"User-Agent": "Mobile MicroMessenger"}
    page = client.post(f"{address(order)}pay/", headers=wechat, follow=True).content.decode()
    assert "￥150.00" in page and "￥300.00" not in page


def test_only_the_renter_pays_or_drops(gateway: Gateway) -> None:
    order = paid()
    change(order, typed(0, 3))
    client = browser_of(booked())
    assert client.post(f"{address(order)}pay/").status_code == 404
    assert client.post(f"{address(order)}drop/").status_code == 404


def test_a_paid_stay_that_has_begun_is_not_changed_here() -> None:
    order = booked(status="WAIT_COMMENT")
    make.rows(Order).filter(pk=order.pk).update(check_in=timezone.localdate())
    client = browser_of(order)
    assert client.get(address(order)).headers["Location"] == order.get_absolute_url()
    client.post(address(order), {**typed(0, 1), "agreed": "1-30000-15000"})
    order.refresh_from_db()
    assert order.nights == 2
    assert address(order) not in client.get(order.get_absolute_url()).content.decode()


def test_dates_that_staff_accepted_are_theirs_to_change() -> None:
    order = booked(house=make.house(price_fen=15000))
    offered = browser_of(order).get(address(order)).content.decode()
    assert "accepted these dates" in offered
    assert f'<input type="hidden" name="check_in" value="{order.check_in}">' in offered
    assert 'type="date"' not in offered and "data-date" not in offered
    page = browser_of(order).post(address(order), typed(1, 2))
    assert page.status_code == 422
    refused = page.content.decode()
    assert refused.count("accepted these dates") == 1
    assert f'value="{order.check_in}"' in refused
    assert "Check-out must be after check-in." in browser_of(order).post(address(order), typed(0, 0)).text
    change(order, typed(0, 2, guests=1))
    order.refresh_from_db()
    assert order.guests == 1


def test_nights_of_others_are_refused_and_nothing_is_lost() -> None:
    order = booked()
    first = first_day() + timedelta(days=3)
    availability.hold(order.house, first, first + timedelta(days=1))
    page = change(order, typed(1, 4)).content.decode()
    assert "Some of these nights are unavailable" in page
    assert f'value="{first_day() + timedelta(days=1)}"' in page
    assert len(nights_of(order)) == 2


def test_a_price_that_has_changed_meanwhile_is_shown_again() -> None:
    order = booked()
    client = browser_of(order)
    agreed = agreed_in(client.post(address(order), typed(1, 3)).content.decode())
    House.objects.filter(pk=order.house_id).update(price_fen=20000)
    page = client.post(address(order), {**typed(1, 3), "agreed": agreed})
    assert "￥600.00" in page.content.decode()
    order.refresh_from_db()
    assert order.amount_fen == 30000


def test_who_comes_with_fewer_says_who_stays_away(gateway: Gateway) -> None:
    order = paid()
    guest_details.keep(order, guest_names="王小明、Ann Lee", arrival_time="21:00", note="")
    client, stay = browser_of(order), typed(0, 3, guests=1)
    page = client.post(address(order), stay)
    assert page.status_code == 422
    shown = page.content.decode()
    assert "more names than the 1 guest" in shown and 'value="王小明、Ann Lee"' in shown
    assert 'name="agreed"' not in shown
    stay["guest_names"] = "Ann Lee"
    page = client.post(address(order), stay).content.decode()
    client.post(address(order), {**stay, "agreed": agreed_in(page)})
    order.refresh_from_db()
    assert (order.guests, order.guest_names, order.arrival_time) == (2, "Ann Lee", "21:00")
    assert order.waiting_change.guests == 1
    names = {"guest_names": "王小明、Ann Lee"}  # both may come now, but not once the change is paid
    assert client.post(f"/orders/{order.number}/guests/", names).status_code == 422
    client.post(f"{address(order)}drop/")
    assert client.post(f"/orders/{order.number}/guests/", names).status_code == 302


def test_a_name_that_came_meanwhile_stops_fewer_guests() -> None:
    order = booked()
    stay = Stay(order.check_in, order.check_out, 1)
    agreed = stay_changes.preview_for_renter(order, stay).agreed
    guest_details.keep(order, guest_names="王小明、Ann Lee", arrival_time="", note="")
    with pytest.raises(CannotChange):
        stay_changes.change_for_renter(order, stay, agreed=agreed)


def test_other_guests_come_whatever_the_least_nights_are_by_now() -> None:
    order = booked()
    House.objects.filter(pk=order.house_id).update(min_nights=3)
    assert change(order, typed(0, 2, guests=3)).status_code == 302
    assert browser_of(order).post(address(order), typed(1, 2, guests=3)).status_code == 422


def test_a_total_that_no_payment_allows_is_refused() -> None:
    order = booked()
    House.objects.filter(pk=order.house_id).update(guest_fee_fen=MAX_FEN)
    page = browser_of(order).post(address(order), typed(0, 2, guests=3))
    assert page.status_code == 422
    assert "more than a single payment allows" in page.content.decode()


def test_who_got_something_back_before_is_told_to_ask(gateway: Gateway) -> None:
    order = paid()
    refunds.create(order.payments.get(), 20000, reason="STAFF", asked_by=make.user(is_staff=True))
    page = browser_of(order).post(address(order), typed(0, 1))
    assert page.status_code == 422
    assert "Please contact us" in page.content.decode()
    order.refresh_from_db()
    assert order.nights == 2


@pytest.mark.parametrize(("minutes", "held"), [(60, 15), (10, 10), (2, 15)])
def test_the_page_says_how_long_the_nights_are_held(minutes: int, held: int, gateway: Gateway) -> None:
    order = paid()
    midnight = timezone.make_aware(datetime.combine(order.check_in, datetime.min.time()))
    with time_machine.travel(midnight - timedelta(minutes=minutes), tick=False):
        page = browser_of(order).post(address(order), typed(0, 3)).content.decode()
    assert f"We hold the new dates for {held} minutes" in page


def test_while_a_change_waits_another_press_leads_to_it(gateway: Gateway) -> None:
    order = paid()
    client, stay = browser_of(order), typed(0, 3)
    agreed = {**stay, "agreed": agreed_in(client.post(address(order), stay).content.decode())}
    client.post(address(order), agreed)
    for answer in (client.post(address(order), agreed), client.get(address(order))):
        assert answer.url == f"{order.get_absolute_url()}#change"


def test_the_return_of_a_change_that_is_over_says_so(gateway: Gateway) -> None:
    order = paid()
    change(order, typed(0, 3))
    client = browser_of(order)
    client.post(f"{address(order)}pay/")
    payment = make.rows(Payment).get(live_for=order)
    gateway.says = {"query": alipay.not_existing()}
    client.post(f"{address(order)}drop/")
    assert callbacks.receive_notify(alipay.notify_body(payment))
    page = client.get(alipay.return_url(payment)).content.decode()
    assert "the change of your stay was already paid, or over" in page
    assert "the order was already closed" not in page


def test_other_dates_at_the_same_price_are_shown_first(gateway: Gateway) -> None:
    order = paid(refund_policy="MODERATE")
    client = browser_of(order)
    agreed = agreed_in(client.post(address(order), typed(1, 2)).content.decode())
    nearer = typed(-7, 2)
    page = client.post(address(order), {**nearer, "agreed": agreed}).content.decode()
    assert "for half the price" in page
    order.refresh_from_db()
    assert order.check_in == first_day()
    client.post(address(order), {**nearer, "agreed": agreed_in(page)})
    order.refresh_from_db()
    assert str(order.check_in) == nearer["check_in"]


def test_the_page_says_first_that_no_shorter_or_later_stay_is_possible(gateway: Gateway) -> None:
    bound, free = paid(refund_policy="STRICT"), paid(refund_policy="FLEXIBLE")
    make.rows(Order).filter(pk=bound.pk).update(check_in=timezone.localdate() + timedelta(days=2))
    pages = [browser_of(order).get(address(order)).content.decode() for order in (bound, free)]
    assert ["we arrange a shorter or later stay" in page for page in pages] == [True, False]
    assert all('type="date"' in page for page in pages)


def test_a_payment_meanwhile_wins() -> None:
    order = booked()
    client = browser_of(order)
    agreed = agreed_in(client.post(address(order), typed(0, 1)).content.decode())
    make.rows(Order).filter(pk=order.pk).update(status="WAIT_COMMENT")
    client.post(address(order), {**typed(0, 1), "agreed": agreed})  # agreed on while nothing was paid
    order.refresh_from_db()
    assert (order.nights, make.rows(Payment).count()) == (2, 0)


def test_another_renters_order_is_not_found() -> None:
    assert browser_of(booked()).get(address(booked())).status_code == 404


@pytest.mark.parametrize(("nights", "guests"), [(0, 2), (31, 2), (2, 9), (-3, 1)])
def test_odd_stays_are_refused_in_words(nights: int, guests: int) -> None:
    order = booked()
    page = browser_of(order).post(address(order), typed(0, nights, guests))
    assert page.status_code == 422
    assert 'name="agreed"' not in page.content.decode()


def nights_after_two_longer_stays() -> int:
    """Lengthen two unpaid stays at once. Returns the nights that their renter then holds."""
    order = booked()
    other = booked(renter=order.renter)

    def lengthen(each: Order) -> None:
        stay = Stay(each.check_in, each.check_in + timedelta(days=8), 2)
        agreed = stay_changes.preview(each, stay).agreed
        with suppress(limits.TooManyUnpaid):
            stay_changes.change_for_renter(each, stay, agreed=agreed)

    at_once(lambda: lengthen(order), lambda: lengthen(other))
    return sum(make.rows(Order).filter(renter=order.renter).values_list("nights", flat=True))


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_two_tabs_hold_no_more_nights_than_one_may() -> None:
    assert nights_after_two_longer_stays() == 10


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_twin_without_the_limit_they_hold_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "check_longer", lambda order, nights: None)
    assert nights_after_two_longer_stays() == 16


def test_a_stay_that_could_not_be_refunded_needs_the_box() -> None:
    order = booked(refund_policy="STRICT")
    client, stay = browser_of(order), typed(-5, 2)
    page = client.post(address(order), stay).content.decode()
    assert "If you book today, a cancellation is not refunded." in page
    agreed = {**stay, "agreed": agreed_in(page)}
    assert client.post(address(order), agreed).status_code == 422
    order.refresh_from_db()
    assert order.check_in == first_day()
    assert client.post(address(order), {**agreed, "no_refund": "1"}).status_code == 302


def test_the_mail_says_who_changed_the_stay() -> None:
    order = booked(renter=make.user(email="lin@example.com"))
    change(order, typed(1, 2))
    mailing.send(order.pk)
    assert "as you asked" in mail.outbox[-1].body or "按您的要求" in mail.outbox[-1].body
