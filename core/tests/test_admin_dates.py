"""Date filters of the admin's lists, given by hand in the address."""

import pytest
from django.contrib import admin
from django.contrib.messages import get_messages
from django.db.models import DateField
from django.test import Client
from django.urls import reverse

from houses.models import BookedNight
from tests import make

pytestmark = pytest.mark.django_db

LISTS = [
    (reverse(f"admin:{model._meta.label_lower.replace('.', '_')}_changelist"), field.name)
    for model in admin.site._registry
    for field in model._meta.get_fields()
    if isinstance(field, DateField)
]
SEARCHES = [
    reverse(f"admin:{model._meta.label_lower.replace('.', '_')}_changelist")
    for model, its_admin in admin.site._registry.items()
    if its_admin.search_fields
]
BEYOND = [
    *("year=9999", "year=99999", "year=10000", "year=1", "year=0", "iso_year=9999", "year__gte=9999"),
    *("gte=0001-01-01", "lt=9999-12-31", "exact=9999-12-31", "date=9999-12-31", "date__gt=0001-01-01"),
    *("gte=0001-01-01 00:00:00", "lte=9999-12-31T23:59:59Z", "in=2026-12-01,9999-12-31", "range=0001-01-01,"),
    *("year=9999&{0}__month=12&{0}__day=31", "gte=10000-01-01"),
]
ODD = ["year=x", "year=2026&{0}__month=13", "gte=x", "month=99999", "day=40", "isnull=maybe"]
USUAL = ["year=2026", "gte=2026-01-01", "lt=2027-01-01", "year=2026&{0}__month=12", "isnull=False"]


@pytest.fixture
def staff(client: Client) -> Client:
    client.raise_request_exception = False
    client.force_login(make.user(is_staff=True, is_superuser=True))
    make.attempt()
    return client


def test_D1_every_list_with_dates_is_tested() -> None:
    assert len({address for address, _field in LISTS}) > 8


@pytest.mark.same_statements
@pytest.mark.parametrize(("address", "field"), LISTS)
def test_D1_ROW05_days_beyond_the_range_are_refused_in_words(staff: Client, address: str, field: str) -> None:
    for query in BEYOND:
        answer = staff.get(f"{address}?{field}__{query.format(field)}")
        assert (answer.status_code, answer.headers.get("Location")) == (302, address), query
        assert "2000" in str(list(get_messages(answer.wsgi_request))[-1]), query
    assert staff.get(f"{address}?{field}=9999-12-31").status_code == 302


@pytest.mark.filterwarnings("ignore:.*naive datetime")
@pytest.mark.parametrize(("address", "field"), LISTS)
def test_D1_other_filters_end_in_no_error(staff: Client, address: str, field: str) -> None:
    for query in ODD:
        answer = staff.get(f"{address}?{field}__{query.format(field)}", follow=True)
        assert answer.status_code == 200, query
    for query in USUAL:
        assert staff.get(f"{address}?{field}__{query.format(field)}").status_code == 200, query


def test_D1_a_filter_of_another_field_is_no_day(staff: Client) -> None:
    assert staff.get("/admin/houses/house/?title__contains=9999-12-31").status_code in (200, 302, 400)
    night = BookedNight.objects.create(house=make.house(title="9999-12-31"), night="2026-12-20")
    found = staff.get("/admin/houses/bookednight/?q=9999-12-31").context["cl"].queryset
    assert list(found) == [night]


@pytest.mark.parametrize("address", SEARCHES)
def test_D1_ROW05_a_search_for_a_day_beyond_the_range_finds_nothing(staff: Client, address: str) -> None:
    for typed in ("0001-01-01", "x 0001/1/1", "0001年1月1日", "9999-12-31", "９９９９－１２－３１"):
        answer = staff.get(address, {"q": typed})
        assert answer.status_code == 200, typed
        assert not answer.context["cl"].queryset, typed
