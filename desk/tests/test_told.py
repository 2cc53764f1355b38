"""The page on which staff choose what they are told of."""

import re

import pytest
from django.test import Client
from django.utils import timezone

from accounts import roles
from jobs import staff_news
from jobs.models import ToldChoice
from tests import make

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]

ADDRESS = "/admin/told/"


def signed_in(role: str, **fields: object) -> Client:
    return make.browser_of(make.staff(role, **fields))


def test_what_the_role_may_see_is_offered_and_the_default_ticked() -> None:
    page = signed_in(roles.FRONT_DESK, email="a@example.com", email_verified_at=timezone.now()).get(ADDRESS)
    form = page.context["form"]
    assert [name for name, _title in form.fields["kinds"].choices] == [
        "accept",
        "approve",
        "refused",
        "double_sales",
        "silent",
    ]
    assert form.initial["kinds"] == ["accept", "double_sales"]
    checked = re.findall(r'value="(\w+)"[^>]* checked', page.content.decode())
    assert checked == ["accept", "double_sales"]
    assert "Mails go to a@example.com" in page.content.decode()


def test_a_choice_is_kept() -> None:
    client = signed_in(roles.MANAGER)
    answer = client.post(ADDRESS, {"kinds": ["approve", "silent"]}, follow=True)
    assert answer.redirect_chain == [(ADDRESS, 302)]
    assert answer.context["form"].initial["kinds"] == ["approve", "silent"]
    client.post(ADDRESS, {})
    assert staff_news.chosen(ToldChoice.objects.get().user) == set()


def test_what_the_role_may_not_see_can_t_be_chosen() -> None:
    page = signed_in(roles.FRONT_DESK).post(ADDRESS, {"kinds": ["check"]})
    assert page.status_code == 200
    assert page.context["form"].errors
    assert not ToldChoice.objects.exists()


@pytest.mark.parametrize(
    ("fields", "told"),
    [({}, "no email address"), ({"email": "a@example.com", "email_verified_at": None}, "not confirmed yet")],
)
def test_who_can_t_be_mailed_is_told(fields: dict[str, object], told: str) -> None:
    assert told in signed_in(roles.FRONT_DESK, **fields).get(ADDRESS).content.decode()
