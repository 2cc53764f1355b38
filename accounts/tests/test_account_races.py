"""L2: an account that is closed, or gets another password, while something else of it is saved."""

from collections.abc import Callable
from functools import partial

import pytest
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.forms import SetPasswordForm
from django.contrib.auth.management.commands import changepassword
from django.core.management import call_command
from django.db import connection
from django.test import Client
from pytest_django import Settings

from accounts import invitations
from accounts.forms import NewPasswordForm
from accounts.models import User
from accounts.staff_forms import ChoosePasswordForm
from core.admin_changes import ChangedFieldsAdmin
from core.changed_fields import ChangedFieldsForm
from tests import make
from tests.interleaving import before
from tests.pages import Desk, Fields

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

OLD, NEW, OTHER = "a-good-password", "a-better-password", "the-best-password"
PASSWORDS = {"old_password": OLD, "new_password1": NEW, "new_password2": NEW}
HASH = "accounts.models.User.set_password"


def signed_in(user: User) -> Client:
    browser = Client()
    browser.force_login(user)
    browser.cookies["django_language"] = "en"
    return browser


def close(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def set_password(user: User, password: str) -> None:
    other = User.objects.get(pk=user.pk)
    other.set_password(password)
    User.objects.filter(pk=user.pk).update(password=other.password)


def now(user: User) -> User:
    return User.objects.get(pk=user.pk)


@pytest.fixture
def whole_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Django saves a user: every column, as it was when it was read."""
    monkeypatch.setattr(User, "save", AbstractBaseUser.save)
    for form in (NewPasswordForm, ChoosePasswordForm):
        monkeypatch.setattr(form, "save", SetPasswordForm.save)


# --- the own password page ----------------------------------------------------------------------------


def closed_while_the_new_password_is_hashed() -> tuple[User, str]:
    user = make.user()
    browser = signed_in(user)
    with before(HASH, partial(close, user)):
        page = browser.post("/accounts/password/", PASSWORDS).content.decode()
    return now(user), page


def test_L2_ROW03_an_account_that_is_closed_meanwhile_stays_closed() -> None:
    user, page = closed_while_the_new_password_is_hashed()
    assert (user.is_active, user.check_password(OLD)) == (False, True)
    assert "This account has been closed." in page


def test_L2_ROW03_twin_the_own_password_page_reopens_an_account(whole_rows: None) -> None:
    assert closed_while_the_new_password_is_hashed()[0].is_active


def another_password_while_the_new_one_is_hashed(other: str) -> tuple[User, int, str]:
    user = make.user()
    browser = signed_in(user)
    with before(HASH, partial(set_password, user, other)):
        answer = browser.post("/accounts/password/", PASSWORDS)
    return now(user), answer.status_code, answer.content.decode()


def test_L2_ROW03_a_password_that_staff_set_meanwhile_stays() -> None:
    user, _, page = another_password_while_the_new_one_is_hashed(OTHER)
    assert user.check_password(OTHER)
    assert "Your password was changed elsewhere just now." in page


def test_L2_ROW03_twin_an_old_password_is_enough_to_replace_a_new_one(whole_rows: None) -> None:
    assert another_password_while_the_new_one_is_hashed(OTHER)[0].check_password(NEW)


def test_L2_a_new_password_sent_twice_is_set_once() -> None:
    user, status, _ = another_password_while_the_new_one_is_hashed(NEW)
    assert (status, user.check_password(NEW)) == (302, True)


# --- other places that hash or wait -------------------------------------------------------------------


Act = Callable[[User], Callable[[], object]]


def closed_while(act: Act, at: str) -> User:
    user = make.user()
    step = act(user)
    with before(at, partial(close, user)):
        step()
    return now(user)


def set_by_link(user: User) -> Callable[[], object]:
    key = invitations.new_link(user, by=make.user()).partition("key=")[2]
    typed = {"key": key, "new_password1": NEW, "new_password2": NEW}
    return partial(Client().post, "/accounts/invitation/", typed)


def changed_by_command(user: User) -> Callable[[], object]:
    return partial(call_command, "changepassword", user.mobile)


@pytest.fixture
def typed_at_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changepassword.Command, "_get_pass", lambda self, prompt="": NEW)


@pytest.mark.parametrize(("act", "is_set"), [(set_by_link, False), (changed_by_command, True)])
@pytest.mark.usefixtures("typed_at_the_terminal")
def test_L2_ROW03_a_password_that_others_set_does_not_reopen_the_account(act: Act, is_set: bool) -> None:
    user = closed_while(act, HASH)
    assert (user.is_active, user.check_password(NEW)) == (False, is_set)


@pytest.mark.parametrize("act", [set_by_link, changed_by_command])
@pytest.mark.usefixtures("typed_at_the_terminal", "whole_rows")
def test_L2_ROW03_twin_a_password_that_others_set_reopens_the_account(act: Act) -> None:
    assert closed_while(act, HASH).is_active


# --- sign-in ------------------------------------------------------------------------------------------

SIGN_IN = "/accounts/login/"
CHECKED = "django.contrib.auth.forms.AuthenticationForm.confirm_login_allowed"


def sign_in(browser: Client, user: User) -> Callable[[], object]:
    return partial(browser.post, SIGN_IN, {"username": user.mobile, "password": OLD})


def test_L2_closed_while_signing_in_is_closed_and_signed_out() -> None:
    browser = Client()
    user = closed_while(partial(sign_in, browser), CHECKED)
    assert not user.is_active
    assert browser.get("/orders/").url.startswith(SIGN_IN)


def test_L2_a_sign_in_with_a_password_that_was_changed_meanwhile_ends_at_once() -> None:
    user, browser = make.user(), Client()
    with before(CHECKED, partial(set_password, user, OTHER)):
        browser.post(SIGN_IN, {"username": user.mobile, "password": OLD})
    assert browser.get("/orders/").url.startswith(SIGN_IN)
    assert now(user).check_password(OTHER)


def changed_while_a_sign_in_hashes(settings: Settings) -> User:
    user = make.user()
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.ScryptPasswordHasher",
        *settings.PASSWORD_HASHERS,
    ]
    with before(
        "django.contrib.auth.hashers.ScryptPasswordHasher.encode", partial(set_password, user, OTHER)
    ):
        Client().post(SIGN_IN, {"username": user.mobile, "password": OLD})
    return now(user)


def test_L2_hashing_anew_at_sign_in_does_not_bring_an_old_password_back(settings: Settings) -> None:
    assert changed_while_a_sign_in_hashes(settings).check_password(OTHER)


def test_L2_twin_hashing_anew_without_comparing(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(User, "check_password", AbstractBaseUser.check_password)
    assert changed_while_a_sign_in_hashes(settings).check_password(OLD)


# --- staff's form of a user ---------------------------------------------------------------------------


@pytest.fixture
def unguarded_form(whole_rows: None, monkeypatch: pytest.MonkeyPatch) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("on SQLite the transaction itself is the lock")
    monkeypatch.setattr(ChangedFieldsAdmin, "lock", lambda self, row: row)
    monkeypatch.setattr(ChangedFieldsForm, "write_columns", lambda form: form.instance.save())


def saved_by_staff_while(act: Callable[[User], object]) -> User:
    user, desk = make.user(), Desk("Li Lei")
    form = desk.open(user)
    rival = partial(act, user)
    with before("core.changed_fields.ChangedFieldsForm.write_columns", rival, elsewhere=True):
        assert desk.send(user, form, name="Lin").status_code == 302
    return now(user)


def change_own_password(user: User) -> None:
    assert signed_in(user).post("/accounts/password/", PASSWORDS).status_code == 302


def test_L2_ROW03_staff_saving_a_user_leave_the_new_password() -> None:
    user = saved_by_staff_while(change_own_password)
    assert (user.name, user.check_password(NEW)) == ("Lin", True)


def test_L2_ROW03_twin_staff_saving_a_user_put_the_old_password_back(unguarded_form: None) -> None:
    assert saved_by_staff_while(change_own_password).check_password(OLD)


def test_L2_ROW03_staff_saving_a_user_leave_the_account_closed() -> None:
    assert not saved_by_staff_while(close).is_active


def test_L2_ROW03_twin_staff_saving_a_user_reopen_the_account(unguarded_form: None) -> None:
    assert saved_by_staff_while(close).is_active


def test_L2_ROW03_a_form_that_was_opened_before_the_closing_leaves_it_closed() -> None:
    user, desk = make.user(), Desk("Li Lei")
    form = desk.open(user)
    close(user)
    assert desk.send(user, form, name="Lin", is_staff="on").status_code == 302
    assert (now(user).is_active, now(user).is_staff) == (False, True)


def test_L2_ROW03_a_profile_that_was_opened_before_leaves_what_staff_wrote() -> None:
    user = make.user(name="Lin", email="old@example.com")
    browser = signed_in(user)
    form = Fields(browser.get("/accounts/me/").content.decode()).values
    User.objects.filter(pk=user.pk).update(email="new@example.com", is_active=True)
    assert browser.post("/accounts/me/", {**form, "name": "Lin Xiaoman"}).status_code == 302
    assert (now(user).name, now(user).email) == ("Lin Xiaoman", "new@example.com")
    refused = browser.post("/accounts/me/", {**form, "name": "L."})
    assert refused.status_code == 422
    assert "“Name” was changed to “Lin Xiaoman” after you opened this page." in refused.content.decode()
