"""Addresses that are put together from their parts are those that reverse() finds."""

import pytest
from django.urls import NoReverseMatch, reverse

from core.links import absolute_url, address


@pytest.mark.parametrize(
    ("view", "key"),
    [("orders:detail", "26112200000001"), ("houses:detail", 7), ("payments:pay", "26112200000001")],
)
def test_an_address_with_a_key(view: str, key: object) -> None:
    assert address(view, key) == reverse(view, args=[key])


def test_an_address_without_a_key() -> None:
    assert address("orders:list") == reverse("orders:list")
    with pytest.raises(NoReverseMatch):
        address("orders:detail")


def test_an_address_with_other_arguments() -> None:
    assert address("houses:feed", 7, "x") == reverse("houses:feed", args=[7, "x"])
    with pytest.raises(NoReverseMatch):
        address("houses:detail", "x")


def test_an_absolute_address(settings: object) -> None:
    settings.SITE_URL = "https://ihome.example"
    assert absolute_url("payments:notify") == "https://ihome.example/payments/notify/"
    assert (
        absolute_url("houses:feed", 7, "x") == f"https://ihome.example{reverse('houses:feed', args=[7, 'x'])}"
    )
