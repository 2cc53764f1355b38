"""New staff get a link and set their password themselves; nobody sets it for them."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from accounts import events, invitations, passwords, roles
from accounts.closing import set_closed
from accounts.models import AccountEvent, User
from accounts.staff_forms import ChoosePasswordForm
from core.refusal import Refusal
from tests import make
from tests.pages import Fields
from tests.races import at_once

pytestmark = pytest.mark.django_db

ADD, PAGE = "/admin/accounts/user/add/", "/accounts/invitation/"
NEW, OTHER = "a-better-password", "the-best-password"


def desk_of(person: User) -> Client:
    browser = Client()
    browser.force_login(person)
    browser.cookies["django_language"] = "en"
    return browser


@pytest.fixture
def manager() -> User:
    return make.staff(roles.MANAGER, name="Du")


@pytest.fixture
def newcomer(manager: User) -> User:
    person = make.staff(roles.FRONT_DESK)
    person.set_unusable_password()
    person.save()
    return person


def key_of(link: str) -> str:
    return link.partition("?key=")[2]


def choose(key: str, password: str = NEW) -> int:
    typed = {"key": key, "new_password1": password, "new_password2": password}
    return Client().post(PAGE, typed).status_code


def kinds(user: User) -> list[str]:
    return list(user.events.order_by("id").values_list("kind", flat=True))


def test_a_manager_invites_and_the_newcomer_signs_in(manager: User) -> None:
    desk = desk_of(manager)
    role = Group.objects.get(name=roles.FRONT_DESK)
    typed = {"mobile": "13912345678", "name": "Chen", "groups": [role.pk]}
    page = desk.post(ADD, typed, follow=True)
    made = User.objects.get(mobile="13912345678")
    assert (made.is_staff, made.is_superuser, list(made.groups.all())) == (True, False, [role])
    assert "Make a link" in page.content.decode()
    shown = desk.post(f"/admin/accounts/user/{made.pk}/password/").content.decode()
    link = re.search(r">(http://testserver/accounts/invitation/\?key=[^<]+)<", shown)[1]

    browser = Client()
    assert made.mobile in browser.get(link).content.decode()
    answer = browser.post(PAGE, {"key": key_of(link), "new_password1": NEW, "new_password2": NEW})
    assert (answer.status_code, answer.url) == (302, "/accounts/login/?next=%2Fadmin%2F")
    assert browser.post(answer.url, {"username": made.mobile, "password": NEW}).url == "/admin/"
    assert browser.get("/admin/orders/order/").status_code == 200
    assert kinds(made) == ["ADDED", "RIGHTS_GIVEN", "LINKED", "PASSWORD_SET"]
    assert made.events.get(kind="PASSWORD_SET").actor == made


def test_the_form_for_new_staff_has_no_password(manager: User) -> None:
    html = desk_of(manager).get(ADD).content.decode()
    assert "password" not in re.findall(r'name="(\w+)"', html)
    assert 'type="password"' not in html


def test_the_page_has_no_inline_script_and_stays_out_of_caches_and_logs(
    newcomer: User, manager: User
) -> None:
    link = invitations.new_link(newcomer, by=manager)
    page = Client().get(link)
    assert not re.search(r"<script(?![^>]*\bsrc=)", page.content.decode())
    assert "no-store" in page.headers["Cache-Control"]
    assert page.headers["Referrer-Policy"] == "strict-origin"
    assert key_of(link) not in link.partition("?")[0]  # logs keep no query


def test_a_link_works_once(newcomer: User, manager: User) -> None:
    key = key_of(invitations.new_link(newcomer, by=manager))
    assert choose(key) == 302
    assert choose(key, OTHER) == 410
    newcomer.refresh_from_db()
    assert newcomer.check_password(NEW)


def test_a_link_expires_after_three_days(newcomer: User, manager: User) -> None:
    key = key_of(invitations.new_link(newcomer, by=manager))
    with time_machine.travel(timedelta(days=3, minutes=-1)):
        assert invitations.user_of(key) == newcomer
    with time_machine.travel(timedelta(days=3, minutes=1)):
        assert choose(key) == 410


def test_a_newer_link_a_closed_account_and_another_number_end_it(newcomer: User, manager: User) -> None:
    first = key_of(invitations.new_link(newcomer, by=manager))
    key = key_of(invitations.new_link(newcomer, by=manager))
    assert (invitations.user_of(first), invitations.user_of(key)) == (None, newcomer)
    User.objects.filter(pk=newcomer.pk).update(is_active=False)
    assert choose(key) == 410
    User.objects.filter(pk=newcomer.pk).update(is_active=True, mobile="13912345678")
    assert choose(key) == 410


@pytest.mark.parametrize("key", ["", "x", "-", "1-", "1-x", "１-x", "9" * 30 + "-x", "1-" + "x" * 9000, "\0"])
def test_a_wrong_key_gets_a_sentence(key: str, newcomer: User) -> None:
    browser = Client()
    browser.cookies["django_language"] = "en"
    for page in (browser.get(PAGE, {"key": key}), browser.post(PAGE, {"key": key, "new_password1": NEW})):
        assert page.status_code == 410
        assert "Ask whoever sent it to you for a new one." in page.content.decode()


@pytest.mark.parametrize(("one", "two"), [("12345678", "12345678"), (NEW, OTHER), ("", "")])
def test_a_weak_or_mistyped_password_is_refused_and_the_link_stays(
    newcomer: User, manager: User, one: str, two: str
) -> None:
    key = key_of(invitations.new_link(newcomer, by=manager))
    page = Client().post(PAGE, {"key": key, "new_password1": one, "new_password2": two})
    assert page.status_code == 422
    assert f'value="{key}"' in page.content.decode()
    assert invitations.user_of(key) == newcomer


def test_another_key_of_the_same_account_is_no_key(newcomer: User, manager: User) -> None:
    key = key_of(invitations.new_link(newcomer, by=manager))
    other = make.user()
    assert invitations.user_of(f"{other.pk}-{key.partition('-')[2]}") is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.race
def test_ACC04_a_link_used_eight_times_at_once_sets_one_password(newcomer: User, manager: User) -> None:
    assert used_at_once(newcomer, manager) == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.race
def test_ACC04_twin_without_comparing_it_sets_several(
    newcomer: User, manager: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def replace(user: User, before: str) -> bool:
        return bool(User.objects.filter(pk=user.pk).update(password=user.password))

    monkeypatch.setattr(passwords, "replace", replace)
    assert used_at_once(newcomer, manager) > 1


def used_at_once(newcomer: User, manager: User) -> int:
    """Return the number of forms that set a password, all of them checked before the first was saved."""
    key = key_of(invitations.new_link(newcomer, by=manager))
    forms = []
    for n in range(8):
        typed = {"key": key, "new_password1": f"{NEW}-{n}", "new_password2": f"{NEW}-{n}"}
        forms.append(invitation_form(invitations.user_of(key), typed))

    def save(form: ChoosePasswordForm) -> bool:
        try:
            form.save()
        except Refusal:
            return False
        return True

    return sum(at_once(*[lambda form=form: save(form) for form in forms]))


def invitation_form(user: User | None, typed: dict[str, str]) -> ChoosePasswordForm:
    form = ChoosePasswordForm(user, typed)
    assert form.is_valid()
    return form


# --- helping others to a password ------------------------------------------------------------------------


def make_link(by: User, user: User) -> int:
    return desk_of(by).post(f"/admin/accounts/user/{user.pk}/password/").status_code


def test_ACC04_only_a_superuser_helps_staff_who_have_a_password(manager: User) -> None:
    clerk, boss = make.staff(roles.FRONT_DESK), make.user(is_staff=True, is_superuser=True)
    assert make_link(manager, clerk) == 403
    assert kinds(clerk) == ["REFUSED"]
    assert make_link(boss, clerk) == 200
    assert kinds(clerk) == ["REFUSED", "LINKED"]


def test_ACC04_nobody_makes_a_link_for_themselves_for_renters_or_for_closed_accounts(manager: User) -> None:
    boss = make.user(is_staff=True, is_superuser=True)
    closed = make.user(is_staff=True, is_active=False)
    for by, user in ((manager, manager), (boss, boss), (boss, make.user()), (boss, closed)):
        assert make_link(by, user) == 403
    assert not AccountEvent.objects.filter(kind="LINKED").exists()


def test_ACC04_a_manager_opens_no_account_that_was_a_renters(manager: User) -> None:
    renter = make.user(name="Lin")
    Client().post("/accounts/login/", {"username": renter.mobile, "password": "a-good-password"})
    make.order(renter)
    set_closed(renter, keeps_records=True)
    desk, address = desk_of(manager), f"/admin/accounts/user/{renter.pk}/change/"
    fields = Fields(desk.get(address).content.decode()).values
    sent = {**fields, "is_active": "on", "is_staff": "on"}
    assert desk.post(address, sent).status_code == 302
    renter.refresh_from_db()
    assert (renter.is_active, renter.is_staff) == (True, True)
    assert make_link(manager, renter) == 403
    assert kinds(renter)[-1] == "REFUSED"
    assert make_link(make.user(is_staff=True, is_superuser=True), renter) == 200


def test_ACC04_a_manager_makes_another_link_for_whom_they_added(manager: User, newcomer: User) -> None:
    User.objects.filter(pk=newcomer.pk).update(last_login=timezone.now())
    assert make_link(manager, newcomer) == 403
    events.note(newcomer, AccountEvent.Kind.ADDED, by=manager)
    assert make_link(manager, newcomer) == 200


def test_ACC04_the_old_form_for_the_password_of_others_sets_none(newcomer: User, manager: User) -> None:
    address = f"/admin/accounts/user/{newcomer.pk}/password/"
    typed = {"password1": NEW, "password2": NEW, "usable_password": "true", "set-password": "1"}
    desk_of(manager).post(address, typed)
    newcomer.refresh_from_db()
    assert not newcomer.has_usable_password()


def test_the_admins_own_password_page_leads_to_the_sites(manager: User) -> None:
    for answer in (
        desk_of(manager).get("/admin/password_change/"),
        desk_of(manager).post("/admin/password_change/"),
    ):
        assert answer.url == "/accounts/password/"


def test_changing_ones_own_password_is_an_event(manager: User) -> None:
    typed = {"old_password": "a-good-password", "new_password1": NEW, "new_password2": NEW}
    assert desk_of(manager).post("/accounts/password/", typed).status_code == 302
    assert kinds(manager) == ["PASSWORD_SET"]
