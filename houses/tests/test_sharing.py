"""Description, canonical address and picture of public pages, for links that are shared."""

import re
from html import unescape

import pytest
from django.core.files.base import ContentFile
from django.test import Client

from houses.models import HousePhoto
from houses.tests.pictures import encoded, plain
from tests import make

pytestmark = pytest.mark.django_db


def tags(client: Client, address: str) -> dict[str, str]:
    html = unescape(client.get(address).content.decode())
    found = dict(re.findall(r'<meta (?:property|name)="((?:og:|desc)[\w:]+)" content="([^"]*)"', html))
    return {**found, **dict(re.findall(r'<link rel="(canonical)" href="([^"]*)"', html))}


def test_a_home_is_shared_with_its_cover_as_a_jpeg(client: Client) -> None:
    house = make.house(title="Lane 6 house", description="A quiet lane. " * 30)
    HousePhoto(house=house, image=ContentFile(encoded(plain(size=(640, 480))), "a.jpg")).save()
    found = tags(client, f"{house.get_absolute_url()}?check_in=2030-01-01&guests=2")
    assert found["og:title"] == "Lane 6 house"
    assert "A quiet lane." in found["description"] == found["og:description"]
    assert "。A quiet lane." in found["description"]  # Chinese has no space between sentences
    assert found["canonical"] == found["og:url"] == f"http://testserver/houses/{house.pk}/"
    assert re.fullmatch(r"http://testserver/media/.+\.jpg", found["og:image"])
    assert (found["og:type"], found["og:locale"]) == ("website", "zh_CN")


def test_a_home_without_photos_is_shared_with_the_picture_of_the_site(client: Client) -> None:
    assert tags(client, make.house().get_absolute_url())["og:image"].endswith(".jpg")


def test_the_search_keeps_only_place_and_page_in_its_address(client: Client) -> None:
    area = make.house().area
    found = tags(client, f"/?area={area.pk}&guests=2&sort=price&page=1")
    assert found["canonical"] == f"http://testserver/?area={area.pk}&page=1"
    client.cookies["django_language"] = "en"
    assert tags(client, "/")["og:locale"] == "en_US"


def test_private_pages_have_none(client: Client) -> None:
    order = make.order()
    client.force_login(order.renter)
    for address in ("/orders/", order.get_absolute_url(), "/accounts/me/", "/payments/paycomplete/"):
        assert tags(client, address) == {}
