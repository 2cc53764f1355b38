"""ACC03: a forgotten password and a new number, with a code to the number; ACC01, ACC02 on those pages."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.models import User
from tests import make
from tests.interleaving import before
from tests.proving import code_form, prove

pytestmark = pytest.mark.django_db

FORGOTTEN, NUMBER, LOGIN = "/accounts/password/reset/", "/accounts/me/number/", "/accounts/login/"
OLD, NEW = "a-good-password", "a-better-password"
NEW_MOBILE = "13911112222"


@pytest.fixture
def person() -> User:
    return make.user()


@pytest.fixture
def own(person: User) -> Client:
    client = Client()
    client.cookies["django_language"] = "en"
    client.post(LOGIN, {"username": person.mobile, "password": OLD})
    return client


def now(user: User) -> User:
    return User.objects.get(pk=user.pk)


# --- a forgotten password -----------------------------------------------------------------------------


def test_ACC03_a_code_sets_a_new_password_signs_in_and_ends_other_sessions(
    client: Client, person: User, own: Client
) -> None:
    page = prove(client, FORGOTTEN, {"username": person.mobile, "next": "/accounts/me/"}, password=NEW)
    assert (page.status_code, page.url) == (302, "/accounts/me/")
    assert now(person).check_password(NEW)
    assert client.get("/accounts/me/").status_code == 200
    assert own.get("/accounts/me/").status_code == 302
    assert Client().post(LOGIN, {"username": person.mobile, "password": OLD}).status_code == 200


@pytest.mark.parametrize("password", ["short1x", "839174650287", "password", ""])
def test_ACC03_a_weak_password_is_refused_and_the_code_stays_valid(
    client: Client, person: User, password: str
) -> None:
    page = client.post(FORGOTTEN, {"username": person.mobile})
    refused = client.post(FORGOTTEN, {**code_form(page), "password": password})
    assert list(refused.context["form"].errors) == ["password"]
    assert f'value="{code_form(page)["code"]}"' in refused.content.decode()
    assert client.post(FORGOTTEN, {**code_form(page), "password": NEW}).status_code == 302


def test_ACC03_a_wrong_code_changes_nothing(client: Client, person: User) -> None:
    page = client.post(FORGOTTEN, {"username": person.mobile})
    for code in ("000000", "", "x" * 30):
        client.post(FORGOTTEN, {**code_form(page), "code": code, "password": NEW})
    assert now(person).check_password(OLD)


@pytest.mark.parametrize("fields", [{"is_active": False}, {"is_staff": True}])
def test_ACC03_staff_and_closed_accounts_get_no_password_by_code(
    client: Client, fields: dict[str, bool]
) -> None:
    user = make.user(**fields)
    page = prove(client, FORGOTTEN, {"username": user.mobile}, password=NEW)
    assert list(page.context["form"].errors) == ["code"]
    assert now(user).check_password(OLD)
    assert "_auth_user_id" not in client.session


def test_ACC02_the_page_does_not_tell_who_has_an_account(person: User) -> None:
    pages = []
    for mobile in (person.mobile, "13999999999"):
        html = Client().post(FORGOTTEN, {"username": mobile}).content.decode()
        fields = (
            r'value="[^"]*"|<strong class="figures">[0-9]{6}'  # tokens, proofs, the code of the rehearsal
        )
        pages.append(re.sub(fields, "", html).replace(mobile, ""))
    assert pages[0] == pages[1]


def test_ACC02_a_code_for_signing_in_sets_no_password(client: Client, person: User) -> None:
    page = client.post("/accounts/login/code/", {"username": person.mobile})
    refused = client.post(FORGOTTEN, {**code_form(page), "password": NEW})
    assert "code" in refused.context["form"].errors
    assert now(person).check_password(OLD)


def test_ACC01_the_current_password_is_not_guessed_on_the_page_that_changes_it(
    own: Client, person: User
) -> None:
    passwords = {"new_password1": NEW, "new_password2": NEW}
    for _ in range(10):
        page = own.post("/accounts/password/", {"old_password": "wrong", **passwords})
        assert "Your current password is incorrect." in page.content.decode()
    page = own.post("/accounts/password/", {"old_password": OLD, **passwords})
    assert "Too many wrong tries." in page.content.decode()
    assert now(person).check_password(OLD)


# --- a new number -------------------------------------------------------------------------------------


def test_ACC03_the_password_and_a_code_to_the_new_number_change_it(own: Client, person: User) -> None:
    page = own.post(NUMBER, {"username": f"+86 {NEW_MOBILE}", "password": OLD})
    assert NEW_MOBILE in page.content.decode()
    assert now(person).mobile == person.mobile
    assert own.post(NUMBER, code_form(page)).url == "/accounts/me/"
    changed = now(person)
    assert changed.mobile == NEW_MOBILE
    assert changed.mobile_verified_at > person.mobile_verified_at
    assert own.get("/accounts/me/").status_code == 200
    assert Client().post(LOGIN, {"username": NEW_MOBILE, "password": OLD}).status_code == 302
    assert Client().post(LOGIN, {"username": person.mobile, "password": OLD}).status_code == 200


def test_ACC03_without_the_password_no_code_is_sent(own: Client, person: User) -> None:
    answers = [own.post(NUMBER, {"username": NEW_MOBILE, "password": "wrong"}) for _ in range(12)]
    assert all("rehearsal_code" not in page.context for page in answers)
    assert list(answers[0].context["form"].errors) == ["password"]
    assert "Your current password is incorrect." in answers[0].content.decode()
    assert "Too many wrong tries." in answers[11].content.decode()
    assert own.post(NUMBER, {"username": NEW_MOBILE, "password": OLD}).context["form"].errors
    assert now(person).mobile == person.mobile


def test_ACC02_a_number_of_another_account_is_refused_only_to_who_holds_it(own: Client, person: User) -> None:
    other = make.user()
    page = own.post(NUMBER, {"username": other.mobile, "password": OLD})
    assert page.context["rehearsal_code"]
    refused = own.post(NUMBER, code_form(page))
    assert "Another account has this number." in refused.content.decode()
    assert now(person).mobile == person.mobile


def test_ACC02_another_session_can_not_use_the_first_step(own: Client, person: User) -> None:
    other, thief = make.user(), Client()
    thief.force_login(other)
    page = own.post(NUMBER, {"username": NEW_MOBILE, "password": OLD})
    assert list(thief.post(NUMBER, code_form(page)).context["form"].errors) == ["code"]
    assert now(other).mobile == other.mobile
    elsewhere = prove(Client(), "/accounts/signup/", {"username": "13911113333", "password": OLD})
    assert elsewhere.status_code == 302
    drafted = Client().post("/accounts/signup/", {"username": "13911114444", "password": OLD})
    assert list(own.post(NUMBER, code_form(drafted)).context["form"].errors) == ["code"]
    assert now(person).mobile == person.mobile


def test_L2_an_account_that_is_closed_meanwhile_keeps_its_number(own: Client, person: User) -> None:
    page = own.post(NUMBER, {"username": NEW_MOBILE, "password": OLD})

    def close() -> None:
        User.objects.filter(pk=person.pk).update(is_active=False)

    with before("accounts.views.change_number", close):
        refused = own.post(NUMBER, code_form(page))
    assert list(refused.context["form"].errors) == ["code"]
    assert now(person).mobile == person.mobile


def test_L2_an_account_that_is_closed_meanwhile_keeps_its_password(client: Client, person: User) -> None:
    def close() -> None:
        User.objects.filter(pk=person.pk).update(is_active=False)

    with before("accounts.passwords.replace", close):
        refused = prove(client, FORGOTTEN, {"username": person.mobile}, password=NEW)
    assert list(refused.context["form"].errors) == ["code"]
    assert now(person).check_password(OLD)
    assert not now(person).is_active


def test_the_new_number_is_another_one(own: Client, person: User) -> None:
    page = own.post(NUMBER, {"username": person.mobile, "password": OLD})
    assert list(page.context["form"].errors) == ["username"]
    assert "This is your number already." in page.content.decode()


def test_a_new_number_needs_a_sign_in(client: Client) -> None:
    assert client.get(NUMBER).url == f"{LOGIN}?next={NUMBER}"
    assert client.post(NUMBER, {"from_sign_in": "1"}).url == f"{LOGIN}?next={NUMBER}"


def test_a_browser_is_known_by_the_new_number(own: Client, person: User) -> None:
    prove(own, NUMBER, {"username": NEW_MOBILE, "password": OLD})
    own.post("/accounts/logout/")
    for n in range(12):
        Client(REMOTE_ADDR=f"203.0.113.{n}").post(LOGIN, {"username": NEW_MOBILE, "password": "wrong"})
    assert own.post(LOGIN, {"username": NEW_MOBILE, "password": OLD}).status_code == 302


def test_a_first_step_expires_after_an_hour(own: Client, person: User) -> None:
    page = own.post(NUMBER, {"username": NEW_MOBILE, "password": OLD})
    with time_machine.travel(timezone.now() + timedelta(minutes=61)):
        again = own.post(NUMBER, {**code_form(page), "again": "1"})
        assert list(own.post(NUMBER, code_form(again)).context["form"].errors) == ["code"]
    assert now(person).mobile == person.mobile
