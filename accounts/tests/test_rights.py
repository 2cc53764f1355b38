"""ACC04: nobody gives rights that they lack, or touches superusers, themselves, or others' sign-in."""

import importlib
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.core import mail
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.test import Client

from accounts import roles, telling
from accounts.models import AccountEvent, User
from jobs.sweep import sweep_once
from tests import make
from tests.pages import Fields, change_page

pytestmark = pytest.mark.django_db


class Person:
    """A member of staff with a browser, in English."""

    def __init__(self, user: User) -> None:
        self.user, self.browser = user, Client()
        self.browser.force_login(user)
        self.browser.cookies["django_language"] = "en"

    def form(self, row: User | Group) -> dict[str, list[str]]:
        return Fields(self.browser.get(change_page(row)).content.decode()).values

    def send(self, row: User | Group, **typed: object):
        return self.browser.post(change_page(row), {**self.form(row), **typed})


@pytest.fixture
def boss() -> Person:
    return Person(make.user(name="Owner", is_staff=True, is_superuser=True, email="owner@example.com"))


@pytest.fixture
def manager() -> Person:
    return Person(make.staff(roles.MANAGER, name="Du"))


def role(name: str) -> Group:
    roles.add_missing()
    return Group.objects.get(name=name)


def permission(name: str) -> Permission:
    app, _, codename = name.partition(".")
    return Permission.objects.get(content_type__app_label=app, codename=codename)


def kinds(user: User) -> list[str]:
    return list(user.events.order_by("id").values_list("kind", flat=True))


def now(user: User) -> User:
    return User.objects.get(pk=user.pk)


def state(user: User) -> tuple[object, ...]:
    user = now(user)
    return (user.password, user.mobile, user.email, user.is_active, roles.labels_of(user))


# --- roles by migration -------------------------------------------------------------------------------


def migrated_again() -> None:
    apps = MigrationLoader(connection).project_state().apps  # as the migration sees them
    importlib.import_module("accounts.migrations.0004_roles").add_missing_roles(apps, None)


def test_the_migration_makes_the_roles_with_all_their_permissions() -> None:
    Group.objects.all().delete()
    migrated_again()
    for name, names in roles.ROLES.items():
        found = Group.objects.get(name=name).permissions.values_list("content_type__app_label", "codename")
        assert {f"{app}.{codename}" for app, codename in found} == set(names)
    assert set(roles.ROLES[roles.MANAGER]) >= {*roles.ROLES[roles.FRONT_DESK], *roles.ROLES[roles.FINANCE]}


def test_the_migration_leaves_what_a_superuser_changed() -> None:
    group = role(roles.FRONT_DESK)
    group.permissions.set([permission("houses.view_area")])
    Group.objects.get(name=roles.FINANCE).delete()
    migrated_again()
    assert list(group.permissions.all()) == [permission("houses.view_area")]
    assert Group.objects.get(name=roles.FINANCE).permissions.count() == len(roles.ROLES[roles.FINANCE])


def test_a_superuser_changes_a_role(boss: Person) -> None:
    group, clerk = role(roles.FRONT_DESK), make.staff(roles.FRONT_DESK)
    more = [*group.permissions.values_list("pk", flat=True), permission("houses.change_house").pk]
    assert boss.send(group, permissions=more).status_code == 302
    assert "houses.change_house" in roles.rights_of(clerk)
    event = clerk.events.get()
    assert (event.kind, event.actor, event.detail) == (
        "RIGHTS_GIVEN",
        boss.user,
        f"{roles.FRONT_DESK}: +change_house",
    )


@pytest.mark.parametrize("step", ["add/", "{pk}/change/", "{pk}/delete/"])
def test_ACC04_only_superusers_change_roles(step: str) -> None:
    clerk = make.user(is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(content_type__app_label="auth"))
    group = role(roles.FRONT_DESK)
    before = set(group.permissions.all())
    address = f"/admin/auth/group/{step.format(pk=group.pk)}"
    assert Person(clerk).browser.post(address, {"name": "Mine", "post": "yes"}).status_code == 403
    assert (Group.objects.count(), set(group.permissions.all())) == (3, before)


# --- giving rights ------------------------------------------------------------------------------------


def test_a_manager_gives_roles_that_they_have(manager: Person) -> None:
    clerk = make.user(is_staff=True)
    finance, desk = role(roles.FINANCE), role(roles.FRONT_DESK)
    assert manager.send(clerk, groups=[finance.pk, desk.pk]).status_code == 302
    assert set(clerk.groups.all()) == {finance, desk}
    assert manager.send(clerk, groups=[desk.pk]).status_code == 302
    given, taken = clerk.events.order_by("id")
    assert (given.kind, given.detail) == ("RIGHTS_GIVEN", f"+{roles.FRONT_DESK}, +{roles.FINANCE}")
    assert (taken.kind, taken.detail, taken.actor) == ("RIGHTS_TAKEN", f"−{roles.FINANCE}", manager.user)


def test_a_manager_makes_a_renter_staff_closes_and_reopens_them(manager: Person) -> None:
    renter = make.user()
    assert manager.send(renter, is_staff="on").status_code == 302
    form = manager.form(renter)
    del form["is_active"]
    manager.browser.post(change_page(renter), form)
    assert not now(renter).is_active
    assert manager.send(renter, is_active="on").status_code == 302
    assert now(renter).is_active
    assert kinds(renter) == ["RIGHTS_GIVEN", "CLOSED", "REOPENED"]


def test_what_may_not_be_given_is_not_offered(manager: Person) -> None:
    role(roles.MANAGER)
    Group.objects.create(name="Owners").permissions.add(permission("accounts.delete_user"))
    form = manager.browser.get(change_page(make.user(is_staff=True))).context["adminform"].form
    assert {group.name for group in form.fields["groups"].queryset} == set(roles.ROLES)
    offered = form.fields["user_permissions"].queryset
    assert permission("accounts.delete_user") not in offered
    assert set(offered) == set(role(roles.MANAGER).permissions.all())
    assert not {"is_superuser", "mobile", "email", "password"} & form.fields.keys()


def beyond(name: str) -> dict[str, Any]:
    """A post that gives a right which a manager lacks."""
    owners = Group.objects.get_or_create(name="Owners")[0]
    owners.permissions.add(permission("accounts.delete_user"))
    typed: dict[str, dict[str, Any]] = {
        "superuser": {"is_superuser": "on"},
        "a role": {"groups": [owners.pk]},
        "a permission": {"user_permissions": [permission("auth.change_group").pk]},
        "a number": {"mobile": "13912345678"},
        "an address": {"email": "me@example.com"},
    }
    return typed[name]


BEYOND = ["superuser", "a role", "a permission", "a number", "an address"]


@pytest.mark.parametrize("name", BEYOND)
def test_ACC04_a_crafted_post_gives_nothing_and_superusers_are_told(
    manager: Person, boss: Person, name: str
) -> None:
    clerk = make.staff(roles.FRONT_DESK, email="clerk@example.com")
    before = state(clerk)
    assert manager.send(clerk, **beyond(name)).status_code == 403
    assert state(clerk) == before
    event = clerk.events.get()
    assert (event.kind, event.actor) == ("REFUSED", manager.user)
    sweep_once()
    [told] = mail.outbox
    assert told.recipients() == ["owner@example.com"]
    assert "Du" in told.body
    assert event.detail_in_words in told.body


@pytest.mark.parametrize("name", [*BEYOND[:3]])
def test_ACC04_nor_with_a_new_account(manager: Person, name: str) -> None:
    typed = {"mobile": "13912345678", "name": "Chen", **beyond(name)}
    assert manager.browser.post("/admin/accounts/user/add/", typed).status_code == 403
    assert not User.objects.filter(mobile="13912345678").exists()


def superuser() -> User:
    return make.user(is_staff=True, is_superuser=True)


def with_more_rights() -> User:
    person = make.staff(roles.MANAGER)
    person.user_permissions.add(permission("accounts.delete_user"))
    return person


def closed_with_more_rights() -> User:
    person = with_more_rights()
    User.objects.filter(pk=person.pk).update(is_active=False)
    return person


@pytest.mark.parametrize("other", [superuser, with_more_rights, closed_with_more_rights])
def test_ACC04_a_manager_does_not_touch_superiors(manager: Person, other: Callable[[], User]) -> None:
    person = other()
    before = state(person)
    assert manager.browser.get(change_page(person)).context["has_change_permission"] is False
    typed = {"mobile": person.mobile, "name": "Mine", "is_active": "on", "is_staff": "on"}
    assert manager.browser.post(change_page(person), typed).status_code == 403
    assert manager.browser.post(f"/admin/accounts/user/{person.pk}/password/").status_code == 403
    assert manager.browser.get(f"/admin/accounts/user/{person.pk}/password/").status_code == 403
    assert state(person) == before
    assert kinds(person) == ["REFUSED", "REFUSED"]


def test_ACC04_nobody_changes_their_own_rights(manager: Person) -> None:
    typed = {"mobile": manager.user.mobile, "is_active": "on", "is_staff": "on", "is_superuser": "on"}
    before = state(manager.user)
    assert manager.browser.post(change_page(manager.user), typed).status_code == 403
    assert manager.browser.get(change_page(manager.user)).status_code == 200
    assert state(manager.user) == before


def test_ACC04_who_may_not_change_accounts_is_refused_and_told_of(boss: Person) -> None:
    clerk = Person(make.staff(roles.FINANCE))
    for address in (change_page(clerk.user), change_page(boss.user), "/admin/accounts/user/add/"):
        assert clerk.browser.post(address, {"is_superuser": "on"}).status_code == 403
    assert not now(clerk.user).is_superuser
    assert AccountEvent.objects.filter(kind="REFUSED", actor=clerk.user).count() == 3


def test_ACC04_deleting_is_refused_alike(manager: Person) -> None:
    manager.user.user_permissions.add(permission("accounts.delete_user"))
    boss = superuser()
    assert manager.browser.post(f"/admin/accounts/user/{boss.pk}/delete/", {"post": "yes"}).status_code == 403
    typed = {"action": "delete_selected", "_selected_action": [boss.pk, make.user().pk], "post": "yes"}
    count = User.objects.count()
    assert manager.browser.post("/admin/accounts/user/", typed).status_code == 403
    assert User.objects.count() == count


def test_a_superuser_may_do_all_of_it(boss: Person) -> None:
    other = superuser()
    assert boss.send(other, mobile="13912345678", email="a@example.com").status_code == 302
    assert (now(other).mobile, now(other).email) == ("13912345678", "a@example.com")
    assert kinds(other) == ["CONTACT"]
    clerk = make.user(is_staff=True)
    assert boss.send(clerk, is_superuser="on").status_code == 302
    assert now(clerk).is_superuser


def test_rights_and_their_event_are_written_together(boss: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*args: object, **kwargs: object) -> None:
        raise RuntimeError

    clerk = make.user(is_staff=True)
    monkeypatch.setattr("accounts.events.note", fails)
    boss.browser.raise_request_exception = False
    assert boss.send(clerk, is_superuser="on").status_code == 500
    assert not now(clerk).is_superuser


# --- events and mails ---------------------------------------------------------------------------------


def test_managers_see_the_events_and_others_do_not(manager: Person) -> None:
    clerk = make.staff(roles.FRONT_DESK, name="Chen")
    manager.send(clerk, is_active="")
    rows = manager.browser.get("/admin/accounts/accountevent/", {"q": clerk.mobile}).context["cl"].queryset
    assert [event.kind for event in rows] == ["CLOSED"]
    finance = Person(make.staff(roles.FINANCE))
    assert finance.browser.get("/admin/accounts/accountevent/").status_code == 403


def test_an_event_outlives_its_account(boss: Person) -> None:
    clerk = make.user(is_staff=True)
    boss.send(clerk, is_staff="")
    key = clerk.pk
    boss.browser.post(f"/admin/accounts/user/{key}/delete/", {"post": "yes"})
    event = AccountEvent.objects.get(kind="RIGHTS_TAKEN")
    assert (event.user, event.account, event.detail) == (None, key, "−is_staff")


def refused(manager: Person) -> AccountEvent:
    manager.browser.post("/admin/accounts/user/add/", {"is_superuser": "on"})
    return AccountEvent.objects.latest("pk")


def test_many_refused_attempts_of_one_account_are_one_mail(manager: Person, boss: Person) -> None:
    due = [refused(manager).mail_due_at for _ in range(5)]
    assert [bool(at) for at in due] == [True, False, False, False, False]


def test_a_mail_that_fails_is_sent_later(
    manager: Person, boss: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = refused(manager)
    with monkeypatch.context() as broken:
        broken.setattr("django.core.mail.EmailMessage.send", lambda self: (_ for _ in ()).throw(OSError))
        assert telling.send(telling.due()[0]) == 0
    assert telling.due() == []  # within its lease
    AccountEvent.objects.update(mail_due_at=event.created_at)
    assert telling.send(telling.due()[0]) == 1
    assert (len(mail.outbox), telling.due()) == (1, [])


def test_two_sweeps_send_one_mail(manager: Person, boss: Person) -> None:
    refused(manager)
    [keys] = telling.due()
    assert (telling.send(keys), telling.send(keys)) == (1, 0)
    assert len(mail.outbox) == 1


def test_an_address_that_was_typed_a_moment_ago_gets_nothing(manager: Person, boss: Person) -> None:
    """An open session is enough to type another one; to confirm it takes the mailbox and the password."""
    typed = {"name": "", "nickname": "", "email": "stranger@example.com"}
    assert boss.browser.post("/accounts/me/", typed).status_code == 302
    refused(manager)
    mail.outbox.clear()
    assert telling.send(telling.due()[0]) == 1
    assert [message.recipients() for message in mail.outbox] == [[boss.user.email]]


def test_without_an_address_nothing_is_sent_and_the_event_stays(
    manager: Person, caplog: pytest.LogCaptureFixture
) -> None:
    event = refused(manager)
    assert telling.send(telling.due()[0]) == 0
    assert "no superuser has a confirmed email" in caplog.text
    assert (telling.due(), AccountEvent.objects.filter(pk=event.pk).exists()) == ([], True)
