"""The booking form: limits and total of a stay."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.forms import BaseForm, DateField
from django.test import Client
from django.utils import timezone

from core.fields import TypedDateField
from houses.forms import StayForm
from houses.models import House
from tests import make

pytestmark = pytest.mark.django_db


def stay(first: int, last: int, **fields: object) -> dict[str, object]:
    today = timezone.localdate()
    dates = {"check_in": today + timedelta(days=first), "check_out": today + timedelta(days=last)}
    return {name: str(value) for name, value in {**dates, **fields}.items()}


def house() -> House:
    return make.house(price_fen=12_345, min_nights=2, max_nights=5, capacity=3)


@pytest.mark.parametrize("nights", [2, 5])
def test_the_nights_times_the_price_is_the_total(client: Client, nights: int) -> None:
    home = house()
    form = StayForm(stay(3, 3 + nights), house=home)
    assert (form.nights, form.total_fen) == (nights, nights * 12_345)
    html = client.get(home.get_absolute_url(), stay(3, 3 + nights)).content.decode()
    assert {2: "￥246.90", 5: "￥617.25"}[nights] in html


def check_no_total(dates: dict[str, object]) -> None:
    for form in (StayForm(house=house(), initial=dates), StayForm(dates, house=house())):
        assert (form.nights, form.total_fen) == (None, None)


@pytest.mark.parametrize("dates", [{}, {"check_in": "2027-03-05"}, {"check_in": "x", "check_out": "y"}])
def test_missing_or_invalid_dates_have_no_total(dates: dict[str, object]) -> None:
    check_no_total(dates)


@pytest.mark.parametrize(("first", "last"), [(3, 3), (3, 4), (3, 9), (5, 3), (-1, 2), (400, 402)])
def test_dates_that_the_house_does_not_take_have_no_total(first: int, last: int) -> None:
    check_no_total(stay(first, last))


def test_a_stay_that_is_refused_for_its_guests_keeps_its_total_and_its_errors() -> None:
    form = StayForm(stay(3, 5, guests=4), house=house())
    form.add_error("guests", "Error of a view")
    assert (form.nights, form.total_fen) == (2, 24_690)
    assert "Error of a view" in form.errors["guests"]


def test_nights_that_somebody_else_took_have_no_total() -> None:
    form = StayForm(stay(3, 5), house=house())
    form.add_error("check_in", "Taken")
    assert form.nights is None
    assert form.errors["check_in"] == ["Taken"]


def all_subclasses(kind: Any) -> list[Any]:
    found = [kind]
    for subclass in kind.__subclasses__():
        found += all_subclasses(subclass)
    return found


def test_D5_every_date_of_a_form_is_a_typed_date_field() -> None:
    forms = [form for form in all_subclasses(BaseForm) if not form.__module__.startswith("django.")]
    fields = [field for form in forms for field in getattr(form, "base_fields", {}).values()]
    assert {type(field) for field in fields if isinstance(field, DateField)} == {TypedDateField}


@pytest.mark.parametrize("language", ["zh-hans", "en"])
@pytest.mark.parametrize("pattern", ["%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%Y年%m月%d日"])
def test_D5_a_stay_typed_without_a_picker(client: Client, pattern: str, language: str) -> None:
    home = house()
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = language
    first = timezone.localdate() + timedelta(days=3)
    last = first + timedelta(days=2)
    typed = {"check_in": first.strftime(pattern), "check_out": last.strftime(pattern)}
    page = client.get(home.get_absolute_url(), typed)
    assert page.context["form"].nights == 2
    assert f'value="{first}"' in page.content.decode()
    assert client.get("/", typed).context["form"].stay == (first, last)


def test_guests_default_to_one() -> None:
    form = StayForm(stay(3, 5, guests=""), house=house())
    assert form.is_valid()
    assert form.cleaned_data["guests"] == 1


def test_the_inputs_have_their_limits_as_attributes(client: Client) -> None:
    with time_machine.travel("2026-11-22T23:30:00+08:00", tick=False):
        html = client.get(house().get_absolute_url()).content.decode()
    for name, limit in (
        ("check_in", 'min="2026-11-22"'),
        ("check_in", 'max="2027-11-22"'),
        ("check_out", 'min="2026-11-23"'),
        ("guests", 'min="1"'),
        ("guests", 'max="3"'),
    ):
        assert re.search(rf'<input[^>]* name="{name}"[^>]* {limit}', html), limit


def test_one_guest_unless_the_address_says_more(client: Client) -> None:
    home = house()
    assert 'name="guests" value="1"' in client.get(home.get_absolute_url()).content.decode()
    assert 'name="guests" value="3"' in client.get(home.get_absolute_url(), {"guests": 3}).content.decode()
