"""Reasons of staff: chosen from a list or written; each renter reads them in their own language."""

import pytest
from django.test import Client
from django.utils import translation

from orders import mailing, reasons
from orders.models import Order, OrderEvent
from tests import make

pytestmark = pytest.mark.django_db

USUAL = reasons.DECLINED[0]


@pytest.fixture
def order() -> Order:
    return make.order(status="WAIT_ACCEPT", pay_by=None)


def decline(client: Client, order: Order, **typed: str) -> object:
    client.force_login(make.staff("前台"))
    chosen = {"action": "reject_bookings", "_selected_action": [str(order.pk)]}
    return client.post("/admin/orders/order/", {**chosen, **typed})


@pytest.mark.parametrize(("language", "text"), [("en", USUAL), ("zh-hans", "这几天房源在维修。")])
def test_a_usual_reason_is_read_in_the_language_of_the_page(
    client: Client, order: Order, language: str, text: str
) -> None:
    decline(client, order, usual_reason=USUAL, reason="")
    order.refresh_from_db()
    assert (order.status, order.closing_reason) == ("REJECTED", USUAL)
    client.force_login(order.renter)
    client.cookies["django_language"] = language
    for page in (order.get_absolute_url(), "/orders/"):
        assert text in client.get(page).content.decode().replace("&#39;", "'")


def test_the_list_is_shown_in_the_language_of_staff(client: Client, order: Order) -> None:
    page = decline(client, order).content.decode()
    assert f'<option value="{USUAL}">这几天房源在维修。</option>' in page


def test_a_reason_of_ones_own_stays_as_it_is(client: Client, order: Order) -> None:
    decline(client, order, reason="那几天我们休息")
    order.refresh_from_db()
    assert order.closing_reason == "那几天我们休息"
    with translation.override("en"):
        assert reasons.shown(order.closing_reason) == "那几天我们休息"


@pytest.mark.parametrize(
    ("reason", "shown"),
    [(USUAL, "这几天房源在维修。"), ("Being painted", '<span lang="en">Being painted</span>')],
)
def test_a_reason_on_a_page_of_another_language_says_which_it_is_in(
    order: Order, reason: str, shown: str
) -> None:
    Order.objects.filter(pk=order.pk).update(status="REJECTED", closing_reason=reason)
    renter = Client()
    renter.force_login(order.renter)
    renter.cookies["django_language"] = "zh-hans"
    for address in ("/orders/", order.get_absolute_url()):
        assert shown in renter.get(address).content.decode()


@pytest.mark.parametrize("typed", [{"reason": ""}, {"reason": "x", "usual_reason": USUAL}, {"reason": " "}])
def test_one_reason_is_needed(client: Client, order: Order, typed: dict[str, str]) -> None:
    page = decline(client, order, **typed)
    order.refresh_from_db()
    assert order.status == "WAIT_ACCEPT"
    assert page.context["form"].errors["reason"]


@pytest.mark.parametrize(("language", "text"), [("en", USUAL), ("zh-hans", "这几天房源在维修。")])
def test_a_mail_has_the_reason_in_the_language_of_the_booking(order: Order, language: str, text: str) -> None:
    Order.objects.filter(pk=order.pk).update(status="REJECTED", closing_reason=USUAL, language=language)
    event = OrderEvent.objects.create(order=order, kind="REJECTED", reason=USUAL)
    assert text in mailing.message_of(OrderEvent.objects.get(pk=event.pk)).body


def test_every_usual_reason_fits_the_column() -> None:
    assert max(map(len, (*reasons.DECLINED, *reasons.CANCELED))) <= 200
