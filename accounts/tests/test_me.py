"""我的: the profile and the password."""

import pytest
from django.contrib.messages import get_messages
from django.test import Client

from accounts.forms import ProfileForm
from accounts.models import User
from tests import make

pytestmark = pytest.mark.django_db

ME, PASSWORD_PAGE = "/accounts/me/", "/accounts/password/"
OLD, NEW = "a-good-password", "a-better-password"


@pytest.fixture
def person(client: Client) -> User:
    made = make.user(name="Lin", email="lin@example.com")
    client.force_login(made)
    return made


def change_password(client: Client, **changes: str):
    typed = {"old_password": OLD, "new_password1": NEW, "new_password2": NEW, **changes}
    return client.post(PASSWORD_PAGE, typed)


def is_signed_in(client: Client) -> bool:
    return client.get(ME).status_code == 200


def test_the_page_shows_the_profile(client: Client, person: User) -> None:
    page = client.get(ME)
    html = page.content.decode()
    for piece in (
        person.mobile,
        'value="Lin"',
        'value="lin@example.com"',
        PASSWORD_PAGE,
        "/accounts/logout/",
    ):
        assert piece in html
    assert "no-store" in page.headers["Cache-Control"]


def test_name_and_email_can_be_changed_and_left_empty(client: Client, person: User) -> None:
    User.objects.update(email_verified_at=None)
    for name, email in (("林小满", "xiaoman@example.com"), ("", "")):
        page = client.post(ME, {"name": name, "email": email})
        assert (page.status_code, page.url) == (302, ME)
        person.refresh_from_db()
        assert (person.name, person.email) == (name, email)


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"email": "lin@"}, "email"), ({"name": "x" * 41}, "name"), ({"name": "x\0"}, "name")],
    ids=str,
)
def test_refusals_keep_the_input_and_change_nothing(
    client: Client, person: User, changes: dict[str, str], field: str
) -> None:
    page = client.post(ME, {"name": "Typed", "email": "typed@example.com", **changes})
    assert page.status_code == 422
    assert list(page.context["form"].errors) == [field]
    kept = "typed@example.com" if field == "name" else "Typed"
    assert f'value="{kept}"' in page.content.decode()
    person.refresh_from_db()
    assert (person.name, person.email) == ("Lin", "lin@example.com")


def test_saving_a_name_does_not_overwrite_a_password_changed_meanwhile(person: User) -> None:
    form = ProfileForm({"name": "林小满", "email": ""}, instance=User.objects.get())
    assert form.is_valid()
    person.set_password(NEW)
    person.save()
    form.save()
    person.refresh_from_db()
    assert person.name == "林小满"
    assert person.check_password(NEW)


def test_invisible_characters_are_stripped_from_a_name(client: Client, person: User) -> None:
    client.post(ME, {"name": "\u202e林小满\u202c", "email": ""})
    person.refresh_from_db()
    assert person.name == "林小满"


@pytest.mark.parametrize("is_staff", [True, False])
def test_only_staff_see_the_link_to_the_admin(client: Client, person: User, is_staff: bool) -> None:
    User.objects.update(is_staff=is_staff)
    assert ('href="/admin/"' in client.get(ME).content.decode()) is is_staff


def test_nothing_else_can_be_changed(client: Client, person: User) -> None:
    claims = {"mobile": "13912345678", "is_staff": "1", "is_superuser": "1", "password": "x", "pk": "1"}
    client.post(ME, {"name": "Lin", "email": "", **claims})
    after = User.objects.get()
    assert (after.mobile, after.is_staff, after.is_superuser) == (person.mobile, False, False)
    assert after.check_password(OLD)


def test_a_name_is_escaped(client: Client, person: User) -> None:
    client.post(ME, {"name": "<script>alert(1)</script>", "email": ""})
    assert "<script>alert" not in client.get(ME).content.decode()


def test_anonymous_users_sign_in_first(client: Client) -> None:
    assert client.get(ME).url == f"/accounts/login/?next={ME}"
    assert client.post(ME, {"name": "x"}).url == f"/accounts/login/?next={ME}"
    assert client.get(PASSWORD_PAGE).url == f"/accounts/login/?next={PASSWORD_PAGE}"


def test_a_new_password_ends_the_sessions_of_other_devices_only(client: Client, person: User) -> None:
    other, stranger = Client(), Client()
    other.force_login(person)
    stranger.force_login(make.user())
    key_before = client.session.session_key
    page = change_password(client)
    assert (page.status_code, page.url) == (302, ME)
    assert [str(message) for message in get_messages(page.wsgi_request)] != []
    assert (is_signed_in(client), is_signed_in(other), is_signed_in(stranger)) == (True, False, True)
    assert client.session.session_key != key_before
    person.refresh_from_db()
    assert person.check_password(NEW)
    assert not person.check_password(OLD)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"old_password": "wrong"}, "old_password"),
        ({"new_password2": "another-password"}, "new_password2"),
        ({"new_password1": "short1x", "new_password2": "short1x"}, "new_password2"),
        ({"new_password1": "839174650287", "new_password2": "839174650287"}, "new_password2"),
        ({"new_password1": "", "new_password2": ""}, "new_password1"),
    ],
    ids=str,
)
def test_a_password_is_refused_beside_the_field(
    client: Client, person: User, changes: dict[str, str], field: str
) -> None:
    page = change_password(client, **changes)
    assert field in page.context["form"].errors
    html = page.content.decode()
    assert page.context["form"].errors[field][0] in html
    assert NEW not in html
    person.refresh_from_db()
    assert person.check_password(OLD)
    assert is_signed_in(client)
