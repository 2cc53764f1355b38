"""Accounts in the admin."""

import pytest
from django.test import Client

from accounts.models import User
from accounts.tests.test_signing_in import SPELLINGS
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
    made = User.objects.get(mobile="13912345678")
    assert answer.url == f"/admin/accounts/user/{made.pk}/password/"
    assert (made.is_staff, made.has_usable_password()) == (True, False)


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


@pytest.mark.same_statements
@pytest.mark.parametrize("typed", SPELLINGS)
def test_D3_staff_type_a_number_in_any_spelling(client: Client, boss: User, typed: str) -> None:
    renter = make.user()
    address = f"/admin/accounts/user/{renter.pk}/change/"
    email = "li@qq.com。\u202c"
    assert client.post(address, {"mobile": typed, "email": email, "is_active": "on"}).status_code == 302
    renter.refresh_from_db()
    assert (renter.mobile, renter.email) == ("13912345678", "li@qq.com")
    new = {"mobile": typed, "password1": "a-good-password", "password2": "a-good-password"}
    taken = client.post("/admin/accounts/user/add/", {**new, "usable_password": "true"})
    assert list(taken.context["adminform"].form.errors) == ["mobile"]
    renter.delete()
    assert client.post("/admin/accounts/user/add/", {**new, "usable_password": "true"}).status_code == 302
    assert User.objects.filter(mobile="13912345678").exists()


@pytest.mark.same_statements
@pytest.mark.parametrize("typed", SPELLINGS)
def test_D3_staff_search_and_sign_in_by_a_number_in_any_spelling(client: Client, typed: str) -> None:
    staff = User.objects.create_superuser("13912345678", password="a-good-password")
    make.user()
    order = make.order(staff)
    make.order()
    assert client.post("/admin/login/", {"username": typed, "password": "a-good-password"}).status_code == 302
    users, orders = (
        client.get(address, {"q": typed}).context["cl"].queryset
        for address in ("/admin/accounts/user/", "/admin/orders/order/")
    )
    assert (list(users), list(orders)) == ([staff], [order])


def test_a_number_in_digits_of_another_script_is_refused(client: Client, boss: User) -> None:
    renter = make.user()
    address = f"/admin/accounts/user/{renter.pk}/change/"
    answer = client.post(address, {"mobile": "١٣٩١٢٣٤٥٦٧٨", "is_active": "on"})
    assert answer.status_code == 200
    assert "mobile" in answer.context["adminform"].form.errors
