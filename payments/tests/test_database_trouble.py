"""The database disconnects, refuses or is slow: no money is lost, and nothing happens twice."""

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import timedelta

import pytest
from django.conf import settings as site
from django.db import OperationalError, connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core import transactions
from core.models import TransactionMarker
from core.transactions import durable_transaction
from houses.models import BookedNight
from jobs.sweep import sweep_once
from orders import booking
from orders.models import Order
from payments import callbacks, cancellation
from payments.books import attempts, refunds
from payments.books.attempts import Evidence, Outcome, Received
from payments.books.invariants import broken_rules
from payments.models import GatewayMessage, Payment, Refund
from tests import alipay, make
from tests.alipay import NOTIFY, Gateway
from tests.interleaving import before
from tests.lost_connections import Moment, lost_at_commit
from tests.races import at_once

pytestmark = pytest.mark.django_db(transaction=True)

FORM = "application/x-www-form-urlencoded; charset=utf-8"


@pytest.fixture(params=Moment, ids=lambda moment: moment.name.lower())
def moment(request: pytest.FixtureRequest) -> Moment:
    return request.param


def received(payment: Payment) -> Received:
    return Received(alipay.trade_no(payment), payment.amount_fen, None, Evidence.QUERY)


def settled_order(**fields: object) -> Order:
    order = make.order(**fields)
    attempts.settle(make.attempt(order), received(order.payments.get()))
    order.refresh_from_db()
    return order


def kinds(order: Order) -> list[str]:
    return list(order.events.order_by("id").values_list("kind", flat=True))


# --- The connection is lost at COMMIT ---------------------------------------------------------------------


def test_DBX02_money_is_recorded_once_and_told_as_it_was(moment: Moment) -> None:
    old, live = make.attempt(live_for=None), None
    live = make.attempt(old.order)
    with lost_at_commit(moment):
        done = attempts.settle(old, received(old))
    assert (done.outcome, done.superseded) == (Outcome.APPLIED, live)
    assert kinds(old.order) == ["PAID"]
    assert list(broken_rules()) == []


def test_DBX02_notify_is_answered_success(moment: Moment, monkeypatch: pytest.MonkeyPatch) -> None:
    payment = make.attempt()
    body = alipay.notify_body(payment)
    message = callbacks.message_log.record_signed("NOTIFY", body, {"as": "it is"})
    # Recording the message is not a durable transaction: losing it is DBX01, and Alipay sends it again.
    monkeypatch.setattr(callbacks.message_log, "record_signed", lambda *args: message)
    with lost_at_commit(moment):
        assert Client().post(NOTIFY, body, FORM).content == b"success"
    payment.refresh_from_db()
    assert (payment.status, kinds(payment.order)) == ("PAID", ["PAID"])
    assert list(broken_rules()) == []


def test_DBX02_a_notify_that_is_lost_anywhere_is_settled_by_its_repeat(moment: Moment) -> None:
    payment = make.attempt()
    body = alipay.notify_body(payment)
    with lost_at_commit(moment):
        answer = Client().post(NOTIFY, body, FORM)
    assert answer.content == (b"success" if payment.order.events.exists() else b"fail")
    assert Client().post(NOTIFY, body, FORM).content == b"success"
    assert kinds(payment.order) == ["PAID"]
    assert list(broken_rules()) == []


def test_DBX02_a_stay_is_booked_once_and_not_refused_to_who_holds_it(moment: Moment) -> None:
    house, night, renter = make.house(), timezone.localdate() + timedelta(days=9), make.user()
    with lost_at_commit(moment):
        order = booking.book(
            house, renter=renter, check_in=night, check_out=night + timedelta(days=2), guests=1
        )
    assert make.rows(Order).get() == order
    assert set(make.rows(BookedNight).values_list("order_number", flat=True)) == {order.number}
    house.refresh_from_db()
    assert (house.order_count, kinds(order)) == (0, ["BOOKED"])


def give_back(order: Order) -> Refund:
    """As staff do, but without the number that makes their form idempotent."""
    payment = order.payments.get()
    return durable_transaction(refunds.create)(payment, 100, reason=Refund.Reason.STAFF)


def test_DBX02_staff_refund_once(moment: Moment) -> None:
    order = settled_order()
    with lost_at_commit(moment):
        refund = give_back(order)
    assert make.rows(Refund).get() == refund
    assert list(broken_rules()) == []


def test_DBX02_a_cancellation_that_was_committed_is_not_refused(moment: Moment) -> None:
    order = settled_order()
    with lost_at_commit(moment):
        cancellation.cancel(order, by=order.renter, agreed={"refund_fen": "30000"})
    assert kinds(order) == ["PAID", "CANCELED", "REFUND_DUE"]
    assert list(broken_rules()) == []


def test_DBX02_pay_makes_one_attempt(moment: Moment) -> None:
    order, browser = make.order(), Client()
    browser.force_login(order.renter)
    with lost_at_commit(moment):
        answer = browser.post(reverse("payments:pay", args=[order.number]))
    assert make.rows(Payment).get().out_trade_no in answer.headers["Location"]


def test_DBX02_twin_a_repeat_without_the_marker_refunds_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transactions, "_write_marker", lambda key: None)
    order = settled_order()
    with lost_at_commit(Moment.AFTER):
        give_back(order)
    assert order.payments.get().refunds.count() == 2


def test_DBX02_the_server_stays_away_after_a_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is unknown whether it was committed: the call raises, and settling again finds out."""
    payment, write = make.attempt(), transactions._write_marker

    def write_or_fail_to_connect(key: uuid.UUID) -> None:
        if TransactionMarker.objects.exists():
            raise OperationalError(2002, "Can't connect to local server through socket")
        write(key)

    with monkeypatch.context() as trouble, lost_at_commit(Moment.AFTER), pytest.raises(OperationalError):
        trouble.setattr(transactions, "_write_marker", write_or_fail_to_connect)
        attempts.settle(payment, received(payment))
    assert attempts.settle(payment, received(payment)).outcome is Outcome.DUPLICATE
    assert kinds(payment.order) == ["PAID"]


def kill_connection() -> None:
    """Make the server kill this thread's connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT CONNECTION_ID()")
        (mine,) = cursor.fetchone()
    elsewhere = connection.copy()
    with elsewhere.cursor() as cursor:
        cursor.execute(f"KILL {mine}")
    elsewhere.close()


def test_DBX02_connection_killed_in_the_middle(caplog: pytest.LogCaptureFixture) -> None:
    if connection.vendor != "mysql":
        pytest.skip("SQLite has no connections to kill")
    payment = make.attempt()

    with before("payments.books.attempts._apply", kill_connection):
        assert attempts.settle(payment, received(payment)).outcome is Outcome.APPLIED
    assert "try 1" in caplog.text
    assert kinds(payment.order) == ["PAID"]


def test_DBX02_a_sweep_that_loses_its_connection_over_one_goes_on_with_the_others(gateway: Gateway) -> None:
    if connection.vendor != "mysql":
        pytest.skip("SQLite has no connections to kill")
    payments = [make.attempt(next_try_at=timezone.now()) for _ in range(4)]
    answers = {payment.out_trade_no: alipay.paid(payment) for payment in payments}

    def answer(asked: dict[str, object]) -> bytes:
        if len(gateway.calls) == 1:
            kill_connection()
        return answers[str(asked["out_trade_no"])]

    gateway.says["query"] = answer
    done = sweep_once()
    assert (done["polled"], done["failed"]) == (3, 1)


def test_a_marker_is_deleted_after_an_hour() -> None:
    settled_order()
    assert (transactions.delete_old_markers(), TransactionMarker.objects.count()) == (0, 1)
    TransactionMarker.objects.update(made_at=timezone.now() - timedelta(minutes=61))
    assert (transactions.delete_old_markers(), TransactionMarker.objects.count()) == (1, 0)


# --- Conflict at commit -----------------------------------------------------------------------------------


class Failing:
    """Fails this thread's next commits with `errors`; each rolls its transaction back."""

    def __init__(self, *errors: OperationalError) -> None:
        self.errors = list(errors)
        self.commit = connection._commit

    def __call__(self) -> None:
        if self.errors:
            connection._rollback()
            raise self.errors.pop(0)
        self.commit()


CONFLICTS = {
    "Galera": OperationalError(1213, "Deadlock found when trying to get lock; try restarting transaction"),
    "TiDB": OperationalError(9007, "Write conflict, txnStartTS=1, conflictStartTS=2"),
    "MariaDB": OperationalError(1020, "Record has changed since last read in table 'orders_order'"),
}


@pytest.mark.parametrize("error", CONFLICTS.values(), ids=CONFLICTS.keys())
def test_CON11_conflict_at_commit(error: OperationalError, monkeypatch: pytest.MonkeyPatch) -> None:
    payment = make.attempt()
    monkeypatch.setattr(connection, "_commit", Failing(error, error))
    assert attempts.settle(payment, received(payment)).outcome is Outcome.APPLIED
    assert kinds(payment.order) == ["PAID"]
    assert list(broken_rules()) == []


def test_CON11_never_said_done_when_it_was_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    payment = make.attempt()
    body = alipay.notify_body(payment)
    with monkeypatch.context() as trouble:
        trouble.setattr(connection, "_commit", Failing(*[CONFLICTS["Galera"]] * 20))
        answer = Client().post(NOTIFY, body, FORM)
    assert (answer.status_code, answer.content) == (503, b"fail")
    payment.refresh_from_db()
    assert (payment.status, kinds(payment.order)) == ("OPEN", [])
    assert Client().post(NOTIFY, body, FORM).content == b"success"


# --- Read-only, or the disk is full -----------------------------------------------------------------------

Administer = Callable[[str], None]


@contextmanager
def as_ordinary_user() -> Iterator[Administer]:
    """On MariaDB: connect without administrative rights. Yields a function to execute SQL with them."""
    assert "PYTEST_XDIST_WORKER" not in os.environ, "other tests share the server: mark this one `alone`"
    administrator = connection.copy()

    def administer(statement: str) -> None:
        with administrator.cursor() as cursor:
            cursor.execute(statement)

    settings = connection.settings_dict
    administer("CREATE USER site@localhost")
    administer(f"GRANT ALL ON {settings['NAME']}.* TO site@localhost")
    connection.close()
    root, settings["USER"] = settings["USER"], "site"
    try:
        yield administer
    finally:
        settings["USER"] = root
        connection.close()
        administer("DROP USER site@localhost")
        administrator.close()


@contextmanager
def read_only() -> Iterator[None]:
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA query_only = 1")
            try:
                yield
            finally:
                cursor.execute("PRAGMA query_only = 0")
        return
    with as_ordinary_user() as administer:
        administer("SET GLOBAL read_only = 1")
        try:
            yield
        finally:
            administer("SET GLOBAL read_only = 0")


@contextmanager
def disk_full() -> Iterator[None]:
    """SQLite: the file may not grow. MariaDB: the error is simulated."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA page_count")
            cursor.execute(f"PRAGMA max_page_count = {cursor.fetchone()[0]}")
        for size in (3000, 300, 30):
            with suppress(OperationalError):
                while True:
                    GatewayMessage.objects.create(channel="NOTIFY", raw=b"x" * size, signature_ok=False)
        try:
            yield
        finally:
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA max_page_count = 1073741823")
        return

    def refuse(execute: Callable[..., object], statement: str, *rest: object) -> object:
        if statement.startswith(("INSERT", "UPDATE")):
            raise OperationalError(1021, "Disk full; waiting for someone to free some space")
        return execute(statement, *rest)

    with connection.execute_wrapper(refuse):
        yield


@pytest.mark.alone
@pytest.mark.parametrize("trouble", [read_only, disk_full], ids=lambda trouble: trouble.__name__)
def test_DBX03_no_success_an_alarm_and_it_recovers_automatically(
    trouble: Callable[[], AbstractContextManager[None]], caplog: pytest.LogCaptureFixture
) -> None:
    payment = make.attempt()
    order, browser, body = payment.order, Client(), alipay.notify_body(payment)
    browser.force_login(order.renter)
    with trouble():
        caplog.clear()
        answer = Client().post(NOTIFY, body, FORM)
        assert (answer.status_code, answer.content) == (503, b"fail")
        (alarm,) = [r for r in caplog.records if r.levelname == "ERROR" and r.name == "payments.pages.views"]
        assert "notice not recorded; Alipay will send it again" in alarm.getMessage()
        page = browser.get(alipay.return_url(payment))
        assert (page.status_code, page.headers["Retry-After"]) == (503, "10")
        assert browser.get(order.get_absolute_url()).status_code == 200  # reading still works
    payment.refresh_from_db()
    assert (payment.status, kinds(order)) == ("OPEN", [])
    assert Client().post(NOTIFY, body, FORM).content == b"success"
    assert kinds(order) == ["PAID"]
    assert list(broken_rules()) == []
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA integrity_check")
            assert cursor.fetchall() == [("ok",)]


# --- Another process holds locks for a long time ----------------------------------------------------------

HOLD = """
import os, sys, time
import django
django.setup()
from django.db import connection
connection.settings_dict["NAME"] = sys.argv[1]
from django.db import transaction
from orders.models import Order
with transaction.atomic():
    list(Order.objects.select_for_update())
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


@contextmanager
def another_process_holds_the_orders(seconds: float) -> Iterator[None]:
    """Lock all orders; on SQLite that locks the whole database."""
    name = str(connection.settings_dict["NAME"])
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, name, str(seconds)],
        cwd=site.BASE_DIR,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "ihome_site.settings"},
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    try:
        assert holder.stdout.readline() == b"held\n"
        yield
        assert holder.wait(60) == 0
    finally:
        holder.kill()
        holder.stdout.close()


def test_DBX04_busy_for_ten_seconds_is_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    paid, to_pay, to_cancel = make.attempt(), make.order(), make.order()
    body = alipay.notify_body(paid)

    def press(name: str, order: Order, **form: str) -> int:
        browser = Client()
        browser.force_login(order.renter)
        return browser.post(reverse(f"payments:{name}", args=[order.number]), form).status_code

    with another_process_holds_the_orders(10):
        began = time.monotonic()
        answers = at_once(
            lambda: Client().post(NOTIFY, body, FORM).content,
            lambda: press("pay", to_pay),
            lambda: press("cancel", to_cancel, comes_back_fen="0"),
        )
        assert time.monotonic() - began > 9
    assert answers == [b"success", 302, 302]
    assert kinds(paid.order) == ["PAID"]
    assert to_pay.payments.count() == 1
    assert kinds(to_cancel) == ["CANCELED"]
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.alone
def test_DBX05_too_many_connections() -> None:
    if connection.vendor != "mysql":
        pytest.skip("SQLite has no such limit")
    payment = make.attempt()
    body = alipay.notify_body(payment)
    with as_ordinary_user() as administer:
        administer("SET GLOBAL max_connections = 10")
        others = [connection.copy() for _ in range(20)]
        try:
            with pytest.raises(OperationalError, match="Too many connections"):
                for other in others:
                    other.ensure_connection()
            answer, page = Client().post(NOTIFY, body, FORM), Client().get("/")
            assert (answer.status_code, answer.content) == (503, b"fail")
            assert (page.status_code, page.headers["Retry-After"]) == (503, "10")
            assert b"1040" not in page.content
        finally:
            for other in others:
                other.close()
            administer("SET GLOBAL max_connections = 200")
        assert Client().get("/").status_code == 200
        assert Client().post(NOTIFY, body, FORM).content == b"success"
    assert kinds(payment.order) == ["PAID"]


@pytest.mark.alone
def test_DBX05_an_open_connection_is_kept() -> None:
    """A thread of the site keeps its connection: the limit affects new ones only."""
    if connection.vendor != "mysql":
        pytest.skip("SQLite has no such limit")
    assert connection.settings_dict["CONN_MAX_AGE"] >= 60
    payment = make.attempt()
    body = alipay.notify_body(payment)
    with as_ordinary_user() as administer:
        connection.ensure_connection()
        administer("SET GLOBAL max_connections = 10")
        others = [connection.copy() for _ in range(20)]
        try:
            with pytest.raises(OperationalError, match="Too many connections"):
                for other in others:
                    other.ensure_connection()
            assert Client().post(NOTIFY, body, FORM).content == b"success"
        finally:
            for other in others:
                other.close()
            administer("SET GLOBAL max_connections = 200")


def test_DBX07_no_page_reads_from_a_replica() -> None:
    """There is one database and no router. Adding a replica must make this test fail."""
    assert list(site.DATABASES) == ["default"]
    assert site.DATABASE_ROUTERS == []
