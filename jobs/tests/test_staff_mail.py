"""Staff are told by mail: what each chose and may see, to confirmed addresses, once each."""

from collections.abc import Callable
from datetime import date, timedelta
from functools import partial

import pytest
import time_machine
from django.core import mail
from django.core.management import call_command
from django.utils import timezone

from accounts import roles
from accounts.models import User
from core import outbox
from core.circuit_breaker import FAILURES_TO_OPEN
from core.outbox import LEASE
from jobs import staff_mail, staff_news
from jobs.models import Heartbeat, StaffMail, ToldChoice
from jobs.staff_news import News
from jobs.sweep import sweep_once
from orders.models import Order
from payments.books import refunds
from payments.models import BillLine, Refund
from tests import make
from tests.alipay import Gateway
from tests.interleaving import before

pytestmark = pytest.mark.django_db

NOW = timezone.now


def colleague(role: str, **fields: object) -> User:
    address = f"{User.objects.count()}@example.com"
    return make.staff(role, **{"email": address, "email_verified_at": NOW(), **fields})


@pytest.fixture(autouse=True)
def quiet() -> None:
    """Leave out what waits beside the test's own rows: it is told of in its own mails."""
    Heartbeat.objects.filter(name="staff news").delete()


def tell() -> None:
    """Do what a sweep does, a minute after the last one."""
    Heartbeat.objects.filter(name="staff news").delete()
    for key in staff_mail.due():
        staff_mail.send(key)


def events_of(user: User) -> list[str]:
    return list(StaffMail.objects.filter(user=user).order_by("id").values_list("event", flat=True))


def booking() -> Order:
    return make.order(status=Order.Status.WAIT_ACCEPT)


def refund(status: str) -> Refund:
    payment = make.attempt(
        make.order(status=Order.Status.COMPLETE), status="PAID", live_for=None, received_fen=30000
    )
    row = refunds.create(payment, 10000, reason=Refund.Reason.STAFF)
    Refund.objects.filter(pk=row.pk).update(status=status)
    return row


def mails_to(user: User) -> list[str]:
    return [str(each.body) for each in mail.outbox if each.recipients() == [user.email]]


def test_each_role_is_told_of_what_it_may_act_on(gateway: Gateway) -> None:
    desk, finance, manager = map(colleague, (roles.FRONT_DESK, roles.FINANCE, roles.MANAGER))
    order, proposed, refused = booking(), refund("PROPOSED"), refund("REFUSED")
    line = BillLine.objects.create(bill_date=timezone.localdate(), kind="NOT_OURS", key="1")
    tell()
    of_orders = {f"accept {order.pk}"}
    of_money = {f"approve {proposed.pk}", f"refused {refused.pk}", f"line {line.pk}"}
    assert of_orders <= set(events_of(desk))
    assert not of_money & set(events_of(desk))
    assert of_money <= set(events_of(finance))
    assert not of_orders & set(events_of(finance))
    assert of_orders | of_money <= set(events_of(manager))
    [text] = mails_to(desk)
    assert "待确认的预订" in text
    assert order.number in text
    assert f"/admin/orders/order/{order.pk}/change/" in text


def test_each_event_is_told_once() -> None:
    user = colleague(roles.FRONT_DESK)
    booking()
    for _ in range(3):
        tell()
    assert len(mails_to(user)) == 1
    second = booking()
    tell()
    assert len(mails_to(user)) == 2
    assert second.number in mails_to(user)[1]


def test_a_choice_replaces_the_default(gateway: Gateway) -> None:
    user = colleague(roles.MANAGER)
    ToldChoice.objects.create(user=user, kinds="approve")
    order, proposed = booking(), refund("PROPOSED")
    tell()
    assert f"approve {proposed.pk}" in events_of(user)
    assert f"accept {order.pk}" not in events_of(user)


def test_who_chose_nothing_gets_no_mail() -> None:
    user = colleague(roles.MANAGER)
    ToldChoice.objects.create(user=user, kinds="")
    booking()
    tell()
    assert events_of(user) == []


def test_a_role_is_told_of_nothing_that_it_may_not_see() -> None:
    user = colleague(roles.FRONT_DESK)
    ToldChoice.objects.create(user=user, kinds="accept check made-up")
    assert staff_news.chosen(user) == {"accept"}


@pytest.mark.parametrize(
    "fields",
    [{"email": ""}, {"email_verified_at": None}, {"is_active": False}],
    ids=["no address", "not confirmed", "closed"],
)
def test_only_staff_with_a_confirmed_address_are_told(fields: dict[str, object]) -> None:
    user = colleague(roles.MANAGER, **fields)
    booking()
    tell()
    assert events_of(user) == []


@pytest.mark.parametrize("change", ["address", "role"])
def test_what_changed_before_the_mail_is_sent_counts(change: str) -> None:
    user = colleague(roles.FRONT_DESK)
    booking()
    [key] = staff_mail.due()
    if change == "role":
        user.groups.clear()
    else:
        User.objects.filter(pk=user.pk).update(email_verified_at=None)
    assert staff_mail.send(key) == 0
    assert mail.outbox == []
    assert not StaffMail.objects.filter(mail_due_at__isnull=False).exists()


def test_a_mail_that_fails_is_sent_later_and_given_up_after_three_days(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    user = colleague(roles.FRONT_DESK)
    booking()
    with monkeypatch.context() as patch:
        patch.setattr("django.core.mail.EmailMessage.send", failing)
        tell()
    assert staff_mail.due() == []
    with time_machine.travel(NOW() + LEASE + timedelta(minutes=1), tick=False):
        tell()
    assert len(mails_to(user)) == 1
    StaffMail.objects.update(mail_due_at=NOW(), created_at=NOW() - timedelta(days=4))
    staff_mail.send(user.pk)
    assert len(mails_to(user)) == 1
    assert not StaffMail.objects.filter(mail_due_at__isnull=False).exists()


def test_a_mail_server_that_hangs_is_waited_for_only_now_and_then() -> None:
    user = colleague(roles.FRONT_DESK)
    booking()
    for _ in range(FAILURES_TO_OPEN):
        outbox.breaker.failed()
    tell()
    assert mails_to(user) == []
    outbox.breaker.reset()
    with time_machine.travel(NOW() + LEASE + timedelta(minutes=1), tick=False):
        tell()
    assert len(mails_to(user)) == 1


def failing(self: object) -> None:
    raise OSError


def test_superusers_are_told_of_a_sweep_that_was_silent() -> None:
    boss = make.user(is_staff=True, is_superuser=True, email="boss@example.com", email_verified_at=NOW())
    desk = colleague(roles.FRONT_DESK)
    sweep_once()
    before_silence = NOW() - timedelta(minutes=30)
    Heartbeat.objects.update_or_create(name="sweep", defaults={"beat_at": before_silence})
    sweep_once()
    silent = [event for event in events_of(boss) if event.startswith("sweep")]
    assert silent == [f"sweep {timezone.localtime(before_silence):%Y-%m-%d %H:%M}"]
    assert not [event for event in events_of(desk) if event.startswith("sweep")]


def watched() -> int:
    """Run the watch, and return its exit status."""
    try:
        call_command("watch")
    except SystemExit as end:
        return int(str(end.code))
    return 0


def test_OPS01_the_watch_mails_once_while_the_sweep_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.heartbeat.BEAT_EVERY", 0)
    boss = make.user(is_staff=True, is_superuser=True, email="boss@example.com", email_verified_at=NOW())
    sweep_once()
    mail.outbox.clear()
    assert (watched(), mails_to(boss)) == (0, [])
    silent_since = NOW() - timedelta(minutes=2)
    Heartbeat.objects.filter(name="sweep").update(beat_at=silent_since)
    assert [watched(), watched()] == [1, 1]
    [told] = mails_to(boss)
    assert f"{timezone.localtime(silent_since):%Y-%m-%d %H:%M}" in told
    sweep_once()  # begins again, and tells nobody twice
    assert (watched(), len(mails_to(boss))) == (0, 1)


def test_OPS01_the_watch_mails_missed_bills_in_place_of_the_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    boss = make.user(is_staff=True, is_superuser=True, email="boss@example.com", email_verified_at=NOW())
    monkeypatch.setattr(staff_news, "missed_days", lambda: [date(2026, 11, 1)])
    Heartbeat.objects.update_or_create(name="sweep", defaults={"beat_at": NOW() - timedelta(minutes=2)})
    assert watched() == 1
    assert "2026-11-01" in mails_to(boss)[0]


def test_the_watch_says_whether_a_sweep_has_ever_run(caplog: pytest.LogCaptureFixture) -> None:
    """In a line of the log, which is JSON where the others are."""
    caplog.set_level("INFO", "jobs.management.commands.watch")
    Heartbeat.objects.filter(name="sweep").delete()
    call_command("watch")
    assert caplog.messages == ["watch: no sweep has run yet; no query to Alipay is overdue"]
    Heartbeat.objects.create(name="sweep", beat_at=NOW())
    call_command("watch")
    assert caplog.messages[1:] == ["watch: the sweep runs"]


def test_old_rows_are_deleted() -> None:
    staff_mail.write("accept", [News("accept 1", "1", "/admin/")], [colleague(roles.FRONT_DESK)])
    assert staff_mail.delete_old() == 0
    with time_machine.travel(NOW() + staff_mail.KEPT + timedelta(days=1), tick=False):
        assert staff_mail.delete_old() == 1


# --- two sweeps at once --------------------------------------------------------------------------------


def mailed_by_two_sweeps() -> int:
    user = colleague(roles.FRONT_DESK)
    booking()
    [key] = staff_mail.due()
    with before("jobs.staff_mail.sent", partial(staff_mail.send, key)):
        staff_mail.send(key)
    return len(mails_to(user))


def test_two_sweeps_mail_once() -> None:
    assert mailed_by_two_sweeps() == 1


def test_twin_without_a_claim_two_sweeps_mail_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staff_mail, "claim", lambda row: True)
    assert mailed_by_two_sweeps() == 2


def written_by_two_sweeps() -> int:
    user = colleague(roles.FRONT_DESK)
    write: Callable[[], None] = partial(
        staff_mail.write, "accept", [News("accept 1", "1", "/admin/")], [user]
    )
    with before("django.db.models.query.QuerySet.bulk_create", write):
        write()
    return len(events_of(user))


def test_two_sweeps_write_an_event_once() -> None:
    assert written_by_two_sweeps() == 1
