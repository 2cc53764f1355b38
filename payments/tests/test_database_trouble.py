"""The database goes away, refuses or dawdles: no money is lost, nothing is done twice, nobody is misled."""

import uuid
from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core import transactions
from core.models import Commit
from core.transactions import durable_transaction
from houses.availability import NightsTaken
from houses.models import BookedNight
from orders import booking
from orders.models import Order
from payments import cancelling, incoming, settlement
from payments.models import Payment, Refund
from payments.rules import broken_rules
from payments.settlement import Evidence, Outcome, Receipt
from tests import alipay, make
from tests.alipay import NOTIFY
from tests.interleaving import before
from tests.lost_connections import Moment, lost_at_commit

pytestmark = pytest.mark.django_db(transaction=True)

FORM = "application/x-www-form-urlencoded; charset=utf-8"


@pytest.fixture(params=Moment, ids=lambda moment: moment.name.lower())
def moment(request: pytest.FixtureRequest) -> Moment:
    return request.param


def receipt(payment: Payment) -> Receipt:
    return Receipt(alipay.TRADE_NO, payment.amount_fen, None, Evidence.QUERY)


def settled_order(**fields: object) -> Order:
    order = make.order(**fields)
    settlement.settle(make.attempt(order), receipt(order.payments.get()))
    order.refresh_from_db()
    return order


def kinds(order: Order) -> list[str]:
    return list(order.events.order_by("id").values_list("kind", flat=True))


# --- The connection is lost at COMMIT ---------------------------------------------------------------------


def test_DBX02_money_is_recorded_once_and_told_as_it_was(moment: Moment) -> None:
    old, live = make.attempt(live_for=None), None
    live = make.attempt(old.order)
    with lost_at_commit(moment):
        done = settlement.settle(old, receipt(old))
    assert (done.outcome, done.spare) == (Outcome.APPLIED, live)
    assert kinds(old.order) == ["PAID"]
    assert list(broken_rules()) == []


def test_DBX02_notify_is_answered_success(moment: Moment, monkeypatch: pytest.MonkeyPatch) -> None:
    payment = make.attempt()
    body = alipay.notify_body(payment)
    message = incoming.journal.record_signed("NOTIFY", body, {"as": "it is"})
    # The journal's own row is no durable transaction: its loss is DBX01, and the notify is repeated.
    monkeypatch.setattr(incoming.journal, "record_signed", lambda *args: message)
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


def book() -> Order:
    house, night = make.house(instant_book=True), timezone.localdate() + timedelta(days=9)
    stay = {"check_in": night, "check_out": night + timedelta(days=2), "guests": 1}
    renter = make.user()
    with lost_at_commit(Moment.AFTER):
        return booking.book(house.pk, renter=renter, **stay)


def test_DBX02_a_stay_is_booked_once_and_not_refused_to_who_holds_it(moment: Moment) -> None:
    house, night, renter = make.house(), timezone.localdate() + timedelta(days=9), make.user()
    with lost_at_commit(moment):
        order = booking.book(
            house.pk, renter=renter, check_in=night, check_out=night + timedelta(days=2), guests=1
        )
    assert Order.objects.get() == order
    assert set(BookedNight.objects.values_list("order_number", flat=True)) == {order.number}
    house.refresh_from_db()
    assert (house.order_count, kinds(order)) == (1, ["BOOKED"])


def give_back(order: Order) -> Refund:
    """As staff do: nothing but what is left says whether it has been done before."""
    payment = order.payments.get()
    return durable_transaction(settlement.make_refund)(payment, 100, reason=Refund.Reason.STAFF)


def test_DBX02_staff_refund_once(moment: Moment) -> None:
    order = settled_order()
    with lost_at_commit(moment):
        refund = give_back(order)
    assert Refund.objects.get() == refund
    assert list(broken_rules()) == []


def test_DBX02_the_renter_is_not_told_that_what_was_done_is_impossible(moment: Moment) -> None:
    order = settled_order()
    with lost_at_commit(moment):
        cancelling.cancel(order, by=order.renter, agreed_fen=30000)
    assert kinds(order) == ["PAID", "CANCELED", "REFUND_DUE"]
    assert list(broken_rules()) == []


def test_DBX02_pay_makes_one_attempt(moment: Moment) -> None:
    order, browser = make.order(), Client()
    browser.force_login(order.renter)
    with lost_at_commit(moment):
        answer = browser.post(reverse("payments:pay", args=[order.number]))
    assert Payment.objects.get().out_trade_no in answer.headers["Location"]


def test_DBX02_twin_a_repeat_that_does_not_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transactions, "_write_commit", lambda key: None)
    with pytest.raises(NightsTaken):
        book()
    assert Order.objects.count() == 1  # and its renter was told that somebody else has these nights
    order = settled_order()
    with lost_at_commit(Moment.AFTER):
        give_back(order)
    assert order.payments.get().refunds.count() == 2


def test_DBX02_the_server_stays_away_after_a_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it was committed can't be known; that is said by an error, and asking again finds out."""
    payment, write = make.attempt(), transactions._write_commit

    def write_or_find_nobody(key: uuid.UUID) -> None:
        if Commit.objects.exists():
            raise OperationalError(2002, "Can't connect to local server through socket")
        write(key)

    with monkeypatch.context() as trouble, lost_at_commit(Moment.AFTER), pytest.raises(OperationalError):
        trouble.setattr(transactions, "_write_commit", write_or_find_nobody)
        settlement.settle(payment, receipt(payment))
    assert settlement.settle(payment, receipt(payment)).outcome is Outcome.ALREADY
    assert kinds(payment.order) == ["PAID"]


def test_DBX02_connection_killed_in_the_middle(caplog: pytest.LogCaptureFixture) -> None:
    if connection.vendor != "mysql":
        pytest.skip("SQLite has no connections to kill")
    payment = make.attempt()

    def kill() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT CONNECTION_ID()")
            (mine,) = cursor.fetchone()
        elsewhere = connection.copy()
        with elsewhere.cursor() as cursor:
            cursor.execute(f"KILL {mine}")
        elsewhere.close()

    with before("payments.settlement._apply", kill):
        assert settlement.settle(payment, receipt(payment)).outcome is Outcome.APPLIED
    assert "try 1" in caplog.text
    assert kinds(payment.order) == ["PAID"]


def test_a_commit_is_forgotten_after_an_hour() -> None:
    settled_order()
    assert (transactions.forget_old_commits(), Commit.objects.count()) == (0, 1)
    Commit.objects.update(made_at=timezone.now() - timedelta(minutes=61))
    assert (transactions.forget_old_commits(), Commit.objects.count()) == (1, 0)


# --- Conflict at commit -----------------------------------------------------------------------------------
