"""Accounts in the admin."""

import pytest
from django.test import Client

from accounts.models import User
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss(client: Client) -> User:
    person = make.user(is_staff=True, is_superuser=True)
    client.force_login(person)
    return person


def test_staff_add_an_account(client: Client, boss: User) -> None:
    assert client.get("/admin/accounts/user/add/").status_code == 200
    typed = {"mobile": "13912345678", "password1": "a-good-password", "password2": "a-good-password"}
    answer = client.post("/admin/accounts/user/add/", {**typed, "usable_password": "true"})
    assert answer.status_code == 302
    assert User.objects.get(mobile="13912345678").check_password("a-good-password")


def test_staff_close_an_account(client: Client, boss: User) -> None:
    renter = make.user(name="Li")
    address = f"/admin/accounts/user/{renter.pk}/change/"
    form = client.get(address).context["adminform"].form
    typed = {name: form[name].value() for name in ("mobile", "name", "email")}
    assert client.post(address, typed).status_code == 302  # without `is_active`: unticked
    renter.refresh_from_db()
    assert (renter.is_active, renter.name) == (False, "Li")


def test_staff_find_people(client: Client, boss: User) -> None:
    renter = make.user(name="Han Meimei")
    make.user()
    for query in (renter.mobile, "Meimei"):
        rows = client.get("/admin/accounts/user/", {"q": query}).context["cl"].queryset
        assert list(rows) == [renter]


def test_a_number_in_full_width_digits_is_refused(client: Client, boss: User) -> None:
    renter = make.user()
    address = f"/admin/accounts/user/{renter.pk}/change/"
    answer = client.post(address, {"mobile": "１３９１２３４５６７８", "is_active": "on"})
    assert answer.status_code == 200
    assert "mobile" in answer.context["adminform"].form.errors
