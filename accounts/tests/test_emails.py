"""ACC02, ACC03: emails that are confirmed by a link and the password, and reset links to them."""

import re
import time
from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.models import User
from tests import make
from tests.interleaving import before
from tests.proving import prove

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("mails_leave_at_once")]

ME, CONFIRM, BY_EMAIL = "/accounts/me/", "/accounts/me/email/", "/accounts/password/reset/email/"
REMOVE = "/accounts/me/email/remove/"
OLD, NEW = "a-good-password", "a-better-password"
PASSWORDS = {"new_password1": NEW, "new_password2": NEW}
EMAIL = "lin@example.com"


@pytest.fixture
def person() -> User:
    return make.user(email=EMAIL)


def browser(person: User | None = None, address: str = "198.51.100.1") -> Client:
    client = Client(REMOTE_ADDR=address)
    client.cookies["django_language"] = "en"
    if person:
        client.force_login(person)
    return client


def now(user: User) -> User:
    return User.objects.get(pk=user.pk)


def link() -> str:
    """Return the path and query of the link in the newest mail."""
    (address,) = re.findall(r"^http://testserver(/\S+)$", mail.outbox[-1].body, re.MULTILINE)
    return address


# --- confirming -----------------------------------------------------------------------------------------


def test_ACC02_an_email_is_confirmed_by_the_link_and_the_password(person: User) -> None:
    User.objects.update(email_verified_at=None)
    own = browser(person)
    page = own.post(ME, {"name": "Lin", "email": "new@example.com"}, follow=True)
    assert now(person).email_verified_at is None
    assert "We&#39;ve sent a link to your email." in page.content.decode()
    assert "new@example.com is not confirmed yet." in page.content.decode()
    assert [message.to for message in mail.outbox] == [["new@example.com"]]
    opened = own.get(link())
    assert opened.status_code == 200
    assert now(person).email_verified_at is None  # opening changes nothing
    assert own.post(link(), {"password": "wrong"}).status_code == 200
    assert now(person).email_verified_at is None
    assert own.post(link(), {"password": OLD}).url == ME
    assert now(person).email_verified_at is not None
    assert "is not confirmed yet" not in own.get(ME).content.decode()


def test_ACC02_an_address_gets_one_confirmation_an_hour() -> None:
    one, other = (browser(make.user(email=EMAIL, email_verified_at=None)) for _ in range(2))
    for client in (one, one, other):
        page = client.post(CONFIRM, follow=True)
    assert "Too many links requested. Try again at" in page.content.decode()
    assert len(mail.outbox) == 1
    with time_machine.travel(timezone.now() + timedelta(minutes=61)):
        other.post(CONFIRM)
    assert len(mail.outbox) == 2


def test_ACC02_a_confirmation_is_for_one_account_and_one_address_and_a_day(person: User) -> None:
    User.objects.update(email_verified_at=None)
    own = browser(person)
    own.post(CONFIRM)
    stranger = make.user(email=EMAIL, email_verified_at=None)
    for client in (browser(stranger), browser()):
        assert client.post(link(), {"password": OLD}).status_code == 302
    with time_machine.travel(timezone.now() + timedelta(hours=25)):
        assert browser(person).post(link(), {"password": OLD}).url == ME
    User.objects.filter(pk=person.pk).update(email="other@example.com")
    own.post(link(), {"password": OLD})
    own.post(f"{CONFIRM}confirm/?token=x:y:z", {"password": OLD})
    assert not User.objects.filter(email_verified_at__isnull=False).exists()


def test_ACC02_nothing_is_sent_for_a_confirmed_email_or_none(person: User) -> None:
    browser(person).post(CONFIRM)
    browser(make.user(email_verified_at=None)).post(CONFIRM)
    assert browser(person).get(CONFIRM).status_code == 405
    assert mail.outbox == []


@pytest.mark.parametrize("field", ["mobile", "email"])
def test_ACC02_whoever_replaces_a_number_or_an_email_it_is_unproven(person: User, field: str) -> None:
    user = now(person)
    setattr(user, field, {"mobile": "13911112222", "email": "new@example.com"}[field])
    user.save(update_fields=[field])
    assert getattr(now(person), f"{field}_verified_at") is None
    user = now(person)
    user.name = "Lin"
    user.save()
    other = {"mobile": "email", "email": "mobile"}[field]
    assert getattr(now(person), f"{other}_verified_at") is not None


def test_ACC02_an_email_that_is_typed_at_sign_up_gets_one_mail_to_confirm_it() -> None:
    typed = {"username": "13912345678", "password": OLD, "email": EMAIL}
    prove(browser(), "/accounts/signup/", typed)
    prove(browser(), "/accounts/signup/", {**typed, "username": "13912345679"})
    assert [message.to for message in mail.outbox] == [[EMAIL]]
    assert User.objects.count() == 2
    assert not User.objects.filter(email_verified_at__isnull=False).exists()


def test_saving_another_field_sends_no_mail(person: User) -> None:
    browser(person).post(ME, {"name": "Xiaolin", "email": EMAIL})
    browser(person).post(ME, {"name": "Xiaolin", "email": ""})
    assert mail.outbox == []


def test_ACC03_a_confirmed_email_stays_until_the_new_one_is_confirmed(person: User) -> None:
    own = browser(person)
    page = own.post(ME, {"name": "Lin", "email": "new@example.com"}, follow=True).content.decode()
    assert "We&#39;ve sent a link to new@example.com." in page
    assert "is not confirmed yet" not in page
    assert (now(person).name, now(person).email) == ("Lin", EMAIL)
    assert now(person).email_verified_at is not None
    assert [message.to for message in mail.outbox] == [["new@example.com"]]
    address = link()
    assert browser(make.user()).post(address, {"password": OLD}).url == ME
    own.post(address, {"password": "wrong"})
    assert now(person).email == EMAIL
    for _ in range(2):  # the second time it is no longer a link of this account
        assert own.post(address, {"password": OLD}).url == ME
    assert (now(person).email, now(person).email_verified_at is None) == ("new@example.com", False)


def test_ACC03_a_link_to_a_new_email_ends_when_another_one_is_set(person: User) -> None:
    own = browser(person)
    own.post(ME, {"email": "new@example.com"})
    User.objects.filter(pk=person.pk).update(email="other@example.com")
    page = own.post(link(), {"password": OLD}, follow=True)
    assert "This link no longer works." in page.content.decode()
    assert now(person).email == "other@example.com"


def test_ACC03_a_confirmed_email_is_removed_by_the_password(person: User) -> None:
    own = browser(person)
    assert own.post(ME, {"name": "Lin", "email": ""}).url == REMOVE
    assert EMAIL in own.get(REMOVE).content.decode()
    own.post(REMOVE, {"password": "wrong"})
    assert (now(person).name, now(person).email) == ("Lin", EMAIL)
    assert [own.post(REMOVE, {"password": OLD}).url for _ in range(2)] == [ME, ME]
    assert (now(person).email, now(person).email_verified_at) == ("", None)
    assert browser().get(REMOVE).url.startswith("/accounts/login/")


# --- a forgotten password by a link -----------------------------------------------------------------------


def test_ACC03_a_link_to_the_confirmed_email_sets_a_new_password_once(person: User) -> None:
    own, anywhere = browser(person), browser()
    assert anywhere.post(BY_EMAIL, {"email": "LIN@example.com"}).url == "/accounts/login/"
    assert mail.outbox[-1].to == [EMAIL]
    assert mail.outbox[-1].extra_headers["Auto-Submitted"] == "auto-generated"
    page = anywhere.get(link())
    assert (page.status_code, now(person).check_password(OLD)) == (200, True)
    assert "no-store" in page.headers["Cache-Control"]
    assert list(anywhere.post(link(), {**PASSWORDS, "new_password1": "short"}).context["form"].errors)
    assert anywhere.post(link(), PASSWORDS).url == "/accounts/login/"
    assert now(person).check_password(NEW)
    assert own.get(ME).status_code == 302
    again = anywhere.post(
        link(), {"new_password1": "the-best-password", "new_password2": "the-best-password"}
    )
    assert "This link no longer works." in again.content.decode()
    assert now(person).check_password(NEW)
    assert not anywhere.session.get("_auth_user_id")


def test_L2_a_link_that_was_used_meanwhile_is_refused_in_words(person: User) -> None:
    browser().post(BY_EMAIL, {"email": EMAIL})
    other = {"new_password1": "the-best-password", "new_password2": "the-best-password"}
    with before("accounts.passwords.replace", lambda: browser().post(link(), other)):
        refused = browser().post(link(), PASSWORDS)
    assert "This link was used just now" in refused.content.decode()
    assert now(person).check_password("the-best-password")


def test_ACC03_a_link_works_for_an_hour(person: User) -> None:
    browser().post(BY_EMAIL, {"email": EMAIL})
    with time_machine.travel(time.time() + 61 * 60):  # an aware time changes the zone
        assert "This link no longer works." in browser().post(link(), PASSWORDS).content.decode()
    assert now(person).check_password(OLD)


@pytest.mark.parametrize(
    "fields", [{"email_verified_at": None}, {"is_active": False}, {"is_staff": True}], ids=str
)
def test_ACC02_no_link_is_sent_to_who_may_not_use_it_and_the_answer_is_the_same(
    person: User, fields: dict[str, object]
) -> None:
    make.user(email="other@example.com", **fields)
    pages = []
    for n, email in enumerate((EMAIL, "other@example.com", "nobody@example.com")):
        page = browser(address=f"203.0.113.{n}").post(BY_EMAIL, {"email": email}, follow=True)
        pages.append(re.sub(r'value="[^"]*"', "", page.content.decode()))
    assert len(set(pages)) == 1
    assert [message.to for message in mail.outbox] == [[EMAIL]]


def test_ACC05_an_address_gets_two_links_an_hour_and_a_client_asks_for_ten(person: User) -> None:
    asked = [browser(address=f"203.0.113.{n}").post(BY_EMAIL, {"email": EMAIL}) for n in range(4)]
    assert [page.status_code for page in asked] == [302, 302, 200, 200]
    assert len(mail.outbox) == 2
    others = [browser().post(BY_EMAIL, {"email": f"{n}@example.com"}) for n in range(12)]
    assert [page.status_code for page in others] == [302] * 10 + [200] * 2


@pytest.mark.parametrize(
    "query",
    ["", "?key=&token=", "?key=AAAA&token=x", "?key=%FF&token=%00", "?key=" + "OTk5" * 30 + "&token=a-b"],
)
def test_a_made_up_link_is_a_page(query: str) -> None:
    page = browser().get(f"/accounts/password/reset/link/{query}")
    assert "This link no longer works." in page.content.decode()
