"""The second person of a refund is another human (ACC04), and superusers are told of every approval."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import Group
from django.core import mail
from django.test import Client
from django.urls import reverse

from accounts import events, roles
from accounts.models import AccountEvent, User
from accounts.tests.test_rights import Person
from jobs.sweep import sweep_once
from payments import callbacks, refunding
from payments.books import refunds
from payments.books.invariants import broken_rules
from payments.models import Refund
from payments.refunding import NotASecondPerson, approve, request_refund
from tests import alipay, make
from tests.interleaving import before
from tests.races import at_once_whatever_breaks

pytestmark = pytest.mark.django_db

Status = Refund.Status
FEN = 2000_00


@pytest.fixture
def asker() -> Person:
    """A manager: may refund, and add and change accounts."""
    return Person(make.staff(roles.MANAGER, name="Du"))


@pytest.fixture
def boss() -> Person:
    return Person(make.user(name="Owner", is_staff=True, is_superuser=True, email="owner@example.com"))


def finance(**fields: object) -> User:
    return make.staff(roles.FINANCE, **fields)


def proposed_by(person: User) -> Refund:
    payment = make.attempt(make.order(amount_fen=FEN))
    assert callbacks.receive_notify(alipay.notify_body(payment))
    payment.refresh_from_db()
    refund = request_refund(payment, FEN, number=refunds.next_number(payment), by=person, explanation="x")
    assert refund.status == Status.PROPOSED
    return refund


def press_approve(browser: Client, refund: Refund) -> str:
    fields = {"action": "approve", "_selected_action": [refund.pk], "agreed": "1"}
    answer = browser.post(reverse("admin:payments_refund_changelist"), fields, follow=True)
    return answer.content.decode()


def status_of(refund: Refund) -> str:
    refund.refresh_from_db()
    return refund.status


# --- as staff would do it, through the pages ------------------------------------------------------------


def invited(by: Person) -> User:
    typed = {"mobile": "13912345678", "name": "Puppet", "groups": [Group.objects.get(name=roles.FINANCE).pk]}
    roles.add_missing()
    by.browser.post("/admin/accounts/user/add/", typed)
    return User.objects.get(mobile="13912345678")


def given_a_role(by: Person) -> User:
    person = make.user()
    by.send(person, is_staff="on", groups=[Group.objects.get(name=roles.FINANCE).pk])
    person.refresh_from_db()  # its sign-in is then one of staff
    return person


def reopened(by: Person) -> User:
    person = finance(is_active=False)
    by.send(person, is_active="on")
    return person


def helped_to_a_password(by: Person) -> User:
    person = finance()
    person.set_unusable_password()
    person.save()
    by.browser.post(f"/admin/accounts/user/{person.pk}/password/")
    return person


def helped_to_a_factor(by: Person) -> User:
    person = finance()
    events.note(person, AccountEvent.Kind.FACTOR_HELP, by=by.user)
    return person


def of_a_helper(by: Person) -> User:
    """An account that was added by one which the asker had added."""
    helper, person = make.staff(roles.MANAGER), finance()
    events.note(helper, AccountEvent.Kind.ADDED, by=by.user)
    events.note(person, AccountEvent.Kind.ADDED, by=helper)
    return person


HELPED = [invited, given_a_role, reopened, helped_to_a_password, helped_to_a_factor, of_a_helper]


@pytest.mark.parametrize("new", HELPED)
def test_ACC04_an_account_that_the_asker_helped_does_not_approve(
    asker: Person, boss: Person, new: Callable[[Person], User]
) -> None:
    make.staff(roles.FINANCE)
    puppet, refund = new(asker), proposed_by(asker.user)
    page = press_approve(Person(puppet).browser, refund)
    assert "Someone else has to approve it." in page
    assert status_of(refund) == Status.PROPOSED
    event = AccountEvent.objects.get(kind="REFUSED")
    assert (event.actor, event.detail) == (puppet, f"{refund.out_request_no}: approve")
    sweep_once()
    assert refund.out_request_no in mail.outbox[-1].body
    with time_machine.travel(timedelta(days=29, hours=23)), pytest.raises(NotASecondPerson):
        approve(refund, by=puppet)
    with time_machine.travel(timedelta(days=31)):
        approve(refund, by=puppet)
    assert status_of(refund) == Status.DUE
    assert list(broken_rules()) == []


def test_ACC04_nor_one_that_a_superuser_helped_for_their_own_refund(boss: Person) -> None:
    puppet, refund = finance(), proposed_by(boss.user)
    boss.send(puppet, name="Puppet", email="puppet@example.com")
    with pytest.raises(NotASecondPerson):
        approve(refund, by=puppet)


def test_ACC04_nor_does_the_asker_of_a_puppet(asker: Person) -> None:
    """The other way round: the puppet asks."""
    refund = proposed_by(invited_as_finance(asker))
    with pytest.raises(NotASecondPerson):
        approve(refund, by=asker.user)


def test_ACC04_nor_a_second_puppet(asker: Person) -> None:
    one, two = invited_as_finance(asker), invited_as_finance(asker)
    with pytest.raises(NotASecondPerson):
        approve(proposed_by(one), by=two)


def invited_as_finance(by: Person) -> User:
    person = finance()
    events.note(person, AccountEvent.Kind.ADDED, by=by.user)
    return person


def test_staff_whom_a_superuser_set_up_approve_for_each_other(boss: Person) -> None:
    one, two = invited_as_finance(boss), invited_as_finance(boss)
    refund, own = proposed_by(one), proposed_by(one)
    approve(refund, by=two)
    approve(own, by=boss.user)  # a superuser could make two accounts anyway
    assert (status_of(refund), status_of(own)) == (Status.DUE, Status.DUE)


@pytest.mark.parametrize("kind", ["RIGHTS_TAKEN", "CLOSED", "PASSWORD_SET"])
def test_other_events_do_not_count(asker: Person, kind: str) -> None:
    other = finance()
    events.note(other, kind, by=asker.user)
    refund = proposed_by(asker.user)
    approve(refund, by=other)
    assert status_of(refund) == Status.DUE


def test_who_asked_is_refused_without_a_mail(asker: Person) -> None:
    refund = proposed_by(asker.user)
    assert "you requested this refund yourself" in press_approve(asker.browser, refund)
    assert status_of(refund) == Status.PROPOSED
    assert not AccountEvent.objects.exists()


# --- superusers are told --------------------------------------------------------------------------------


def test_superusers_are_told_of_every_approval(asker: Person, boss: Person) -> None:
    make.user(is_staff=True, is_superuser=True, is_active=False, email="closed@example.com")
    make.user(is_staff=True, is_superuser=True, email="second@example.com")
    other = finance(name="Fang")
    for refund in (proposed_by(asker.user), proposed_by(asker.user)):
        press_approve(Person(other).browser, refund)
        sweep_once()
        [told] = [each for each in mail.outbox if len(each.recipients()) > 1]  # others go to one person each
        mail.outbox.clear()
        assert sorted(told.recipients()) == ["owner@example.com", "second@example.com"]
        for piece in (refund.out_request_no, "￥2000.00", "Fang", "Du"):
            assert piece in told.body


def test_the_mail_is_due_exactly_when_the_approval_is_committed(
    asker: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*args: object, **kwargs: object) -> None:
        raise RuntimeError

    refund, other = proposed_by(asker.user), finance()
    monkeypatch.setattr("payments.books.refunds.note_due", fails)
    with pytest.raises(RuntimeError):
        approve(refund, by=other)
    assert (status_of(refund), AccountEvent.objects.count()) == (Status.PROPOSED, 0)


@pytest.mark.django_db(transaction=True)
@pytest.mark.race
def test_REF10_four_approve_at_once_and_superusers_are_told_once(asker: Person) -> None:
    refund, others = proposed_by(asker.user), [finance() for _ in range(4)]
    at_once_whatever_breaks(*[lambda by=by: approve(refund, by=by) for by in others])
    event = AccountEvent.objects.get(kind="APPROVED")
    refund.refresh_from_db()
    assert (refund.status, refund.approved_by) == (Status.DUE, event.actor)


def test_twin_REF10_without_comparing_a_second_approval_counts(
    asker: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes the first one's place, and the renter is told of a second refund."""

    def move(refund: Refund, where: object, **columns: object) -> bool:
        return bool(Refund.objects.filter(pk=refund.pk).update(**columns))

    refund, others = proposed_by(asker.user), [finance() for _ in range(2)]
    monkeypatch.setattr(refunds, "move", move)
    for by in others:
        approve(refund, by=by)
    refund.refresh_from_db()
    assert refund.approved_by == others[1]
    assert refund.payment.order.events.filter(kind="REFUND_DUE").count() == 2


# --- rights that are given while the refund is approved ---------------------------------------------------


def approved_by_a_new_puppet_meanwhile(asker: Person) -> str:
    """The puppet presses Approve at the moment at which the asker's page gives it the role."""
    puppet, refund = make.user(is_staff=True), proposed_by(asker.user)
    finance()  # makes the role
    browser = Person(puppet).browser
    group = Group.objects.get(name=roles.FINANCE)
    with before("accounts.events.note_rights", lambda: press_approve(browser, refund), elsewhere=True):
        asker.send(puppet, groups=[group.pk])
    assert set(puppet.groups.all()) == {group}
    press_approve(browser, refund)
    return status_of(refund)


@pytest.mark.django_db(transaction=True)
@pytest.mark.race
def test_ACC04_rights_and_their_trace_come_at_the_same_instant(asker: Person) -> None:
    assert approved_by_a_new_puppet_meanwhile(asker) == Status.PROPOSED


@pytest.mark.django_db(transaction=True)
@pytest.mark.race
def test_ACC04_twin_rights_without_their_transaction(asker: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.admin_changes.durable_transaction", lambda view: view)
    monkeypatch.setattr("django.db.transaction.Atomic.__enter__", lambda self: None)
    monkeypatch.setattr("django.db.transaction.Atomic.__exit__", lambda self, *error: None)
    monkeypatch.setattr("core.admin_changes.ChangedFieldsAdmin.lock", lambda self, row: row)
    monkeypatch.setattr(refunding.rows, "lock_order", lambda payment: payment.order)
    assert approved_by_a_new_puppet_meanwhile(asker) == Status.DUE
