"""L1: staff save a house at the instant of a booking, of a review, and of another save."""

from collections.abc import Callable
from functools import partial

import pytest
from django.db import connection

from accounts.models import User
from core import admin_changes
from core.admin_changes import ChangedFieldsAdmin
from core.changed_fields import ChangedFieldsForm
from core.transactions import durable_transaction
from houses.models import House
from orders import transitions
from tests import make
from tests.interleaving import before
from tests.pages import Desk

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

WRITE = "core.changed_fields.ChangedFieldsForm.write_columns"


@pytest.fixture
def without_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("on SQLite the transaction itself is the lock")
    monkeypatch.setattr(ChangedFieldsAdmin, "lock", lambda self, row: row)


@pytest.fixture
def without_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("one writer at a time can't deadlock")
    monkeypatch.setattr(admin_changes, "durable_transaction", lambda view: view)


@pytest.fixture
def whole_rows(without_lock: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Django saves: every column, as it was when the form was sent."""
    monkeypatch.setattr(ChangedFieldsForm, "write_columns", lambda form: form.instance.save())


Act = Callable[[House], Callable[[], object]]


def counted_while_staff_save(act: Act) -> tuple[int, int, int]:
    """Save a new title while `act` happens; return how much the counters grew."""
    house, desk = make.house(), Desk("Li Lei")
    rival, form = act(house), desk.open(house)
    before_act = counters(house)
    with before(WRITE, rival, elsewhere=True):
        assert desk.send(house, form, title="By the sea").status_code == 302
    house.refresh_from_db()
    assert house.title == "By the sea"
    orders, reviews, stars = (now - then for now, then in zip(counters(house), before_act, strict=True))
    return orders, reviews, stars


def counters(house: House) -> tuple[int, ...]:
    house.refresh_from_db()
    return house.order_count, house.review_count, house.rating_sum


def a_payment(house: House) -> Callable[[], object]:
    order = make.order(house=house)
    pay = durable_transaction(transitions.mark_paid)
    return partial(pay, order, trade_no="1", amount_fen=order.amount_fen)


def a_review(house: House) -> Callable[[], object]:
    order = make.ended(house=house)
    review = durable_transaction(transitions.review)
    return partial(review, order, by=order.renter, rating=5, text="Quiet")


ACTS = pytest.mark.parametrize(("act", "counted"), [(a_payment, (1, 0, 0)), (a_review, (0, 1, 5))])


@ACTS
def test_L1_ROW01_what_happens_while_staff_save_the_house_is_counted(
    act: Act, counted: tuple[int, int, int]
) -> None:
    assert counted_while_staff_save(act) == counted


@ACTS
def test_L1_ROW01_the_columns_protect_the_counters_without_the_lock(
    without_lock: None, act: Act, counted: tuple[int, int, int]
) -> None:
    assert counted_while_staff_save(act) == counted


@ACTS
def test_L1_ROW01_twin_saving_the_whole_row(
    whole_rows: None, act: Act, counted: tuple[int, int, int]
) -> None:
    assert counted_while_staff_save(act) == (0, 0, 0)


def two_prices_at_once() -> tuple[list[int], int]:
    """Two of staff type a price, the second before the first is written; return statuses and the price."""
    house, first, second = make.house(price_fen=30000), Desk("Li Lei"), Desk("Han Meimei")
    forms, statuses = [first.open(house), second.open(house)], []

    def save() -> None:
        statuses.append(second.send(house, forms[1], price_fen="280.00").status_code)

    with before(WRITE, save, elsewhere=True):
        statuses.append(first.send(house, forms[0], price_fen="320.00").status_code)
    house.refresh_from_db()
    return sorted(statuses), house.price_fen


def test_L1_ROW02_one_of_two_prices_at_once_is_refused() -> None:
    assert two_prices_at_once() == ([200, 302], 32000)


def test_L1_ROW02_twin_comparing_without_the_lock(without_lock: None) -> None:
    assert two_prices_at_once()[0] == [302, 302]


def emails_of_two_who_edit_each_other() -> list[str]:
    """Each locks the other's row, and the history then refers to their own: a deadlock."""
    first, second = Desk("Li Lei"), Desk("Han Meimei")
    forms = [first.open(second.person), second.open(first.person)]
    rival = partial(second.send, first.person, forms[1], email="li@example.com")
    with before(WRITE, rival, elsewhere=True):
        first.send(second.person, forms[0], email="han@example.com")
    return [make.rows(User).get(pk=desk.person.pk).email for desk in (first, second)]


def test_L1_ROW02_staff_who_edit_each_other_are_both_saved() -> None:
    assert emails_of_two_who_edit_each_other() == ["li@example.com", "han@example.com"]


def test_L1_ROW02_twin_a_deadlock_that_is_not_retried(without_retries: None) -> None:
    assert "" in emails_of_two_who_edit_each_other()
