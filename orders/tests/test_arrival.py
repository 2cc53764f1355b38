"""The check-in guide of a paid order: address, maps, the message for the taxi; titles in two languages."""

from datetime import time, timedelta
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.test import Client
from django.utils import timezone

from houses.models import House
from orders import booking, mailing
from orders.models import Order, OrderEvent
from tests import make

pytestmark = pytest.mark.django_db

HOME: dict[str, Any] = {
    "title": "海边小屋",
    "title_en": "Cottage by the sea",
    "address": "思明区文青路 18 号",
    "address_en": "18 Wenqing Road, Siming District",
    "arrival": "钥匙在盒子里",
    "coordinates": "118.125740,24.430560",
    "check_in_from": time(15),
}


@pytest.fixture
def paid(client: Client) -> Order:
    home = make.house(**HOME)
    order = make.order(house=home, house_title_en=home.title_en, status=Order.Status.WAIT_COMMENT)
    client.force_login(order.renter)
    return order


def page_of(order: Order, client: Client, language: str = "zh-hans") -> str:
    client.cookies["django_language"] = language
    return client.get(order.get_absolute_url()).content.decode()


def test_the_address_is_there_to_copy_and_on_three_maps(client: Client, paid: Order) -> None:
    html = page_of(paid, client)
    assert 'data-copy="address"' in html
    assert '<span class="whole" id="address">Xiamen 思明区文青路 18 号</span>' in html
    for link in (
        "https://uri.amap.com/marker?position=118.125740%2C24.430560",
        "https://maps.apple.com/?ll=24.430560%2C118.125740",
        "https://www.google.com/maps/search/?api=1&amp;query=24.430560%2C118.125740",
    ):
        assert f'href="{link}' in html
    assert 'target="_blank" rel="noopener noreferrer"' in html
    assert "15:00 起" in html


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_the_message_for_the_taxi_is_in_chinese_on_every_page(
    client: Client, paid: Order, settings: Any, language: str
) -> None:
    settings.CONTACT_PHONE = "0592 000 0000"
    html = page_of(paid, client, language)
    message = html.partition('id="taxi"')[2].partition("</p>")[0]
    for part in ("师傅您好，请送我到：", "思明区文青路 18 号", "0592 000 0000"):
        assert part in message
    assert ('lang="zh-Hans"' in message) == (language == "en")
    assert ("please take me to this address" in html) == (language == "en")


def test_an_english_page_has_the_english_address_and_says_that_the_guide_is_chinese(
    client: Client, paid: Order
) -> None:
    html = page_of(paid, client, "en")
    assert "18 Wenqing Road, Siming District, Xiamen" in html
    assert 'id="address" lang="zh-Hans">Xiamen 思明区文青路 18 号' in html
    assert html.count("In Chinese only") == 1
    make.rows(House).update(arrival_en="The key is in the box.")
    html = page_of(paid, client, "en")
    assert "The key is in the box." in html
    assert "钥匙在盒子里" not in html
    assert "In Chinese only" not in html


def test_without_coordinates_there_is_the_address_alone(client: Client, paid: Order) -> None:
    make.rows(House).update(coordinates="")
    html = page_of(paid, client)
    assert "思明区文青路 18 号" in html
    assert "uri.amap.com" not in html


def test_an_unpaid_order_has_neither_address_nor_maps(client: Client, paid: Order) -> None:
    make.rows(Order).update(status=Order.Status.WAIT_PAYMENT)
    for language in ("zh-hans", "en"):
        html = page_of(paid, client, language)
        for part in ("文青路", "Wenqing", "24.43", "uri.amap.com", "师傅"):
            assert part not in html


def mail_of(order: Order, language: str) -> EmailMessage:
    Order.objects.filter(pk=order.pk).update(language=language)
    event = OrderEvent.objects.create(
        order=order, kind=OrderEvent.Kind.PAID, to_status="WAIT_COMMENT", amount_fen=order.amount_fen
    )
    return mailing.message_of(OrderEvent.objects.get(pk=event.pk))


def test_the_mail_says_from_when_one_can_check_in(paid: Order) -> None:
    mail = mail_of(paid, "en")
    assert ", from 15:00.\n" in mail.body
    assert "Cottage by the sea" in mail.body
    assert "Cottage by the sea" in mail.subject
    mail = mail_of(paid, "zh-hans")
    assert "15:00 起入住。\n" in mail.body
    assert "海边小屋" in mail.subject
    make.rows(House).update(check_in_from=None)
    assert "15:00" not in mail_of(paid, "zh-hans").body


def test_an_order_keeps_both_titles_as_booked(client: Client) -> None:
    home, renter = make.house(**HOME), make.user()
    check_in = timezone.localdate() + timedelta(days=5)
    order = booking.book(
        home, renter=renter, guests=1, check_in=check_in, check_out=check_in + timedelta(days=2)
    )
    make.rows(House).update(title="新名字", title_en="New name")
    client.force_login(renter)
    assert "海边小屋" in page_of(order, client)
    english = page_of(order, client, "en")
    assert "Cottage by the sea" in english
    assert "New name" not in english
    make.rows(Order).update(house_title_en="")
    assert '<h2 lang="zh-Hans">' in page_of(order, client, "en")
