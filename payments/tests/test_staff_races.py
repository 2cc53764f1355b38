"""Two of staff on one row at once, for actions that move no money: one effect, and the other is told."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from core.refusal import Refusal
from core.transactions import durable_transaction
from houses import availability
from orders import reviewing, transitions
from orders.models import Order, Review
from payments.models import BillLine
from payments.staff import resolution
from tests import make
from tests.races import at_once

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def review() -> Review:
    order = make.ended()
    return transitions.review(order, by=order.renter, rating=5, text="Quiet")


@pytest.fixture
def line() -> BillLine:
    return BillLine.objects.create(bill_date="2026-11-22", kind="NOT_IN_BILL", key="k", trade_no="2")


def told(act: Callable[..., Any], *args: object, **typed: object) -> str:
    """Return the refusal, or nothing."""
    try:
        act(*args, **typed)
    except (Refusal, transitions.IllegalTransition) as refusal:
        return str(refusal)
    return ""


Steps = Callable[[Review], list[Callable[[], str]]]


def replies(review: Review) -> list[Callable[[], str]]:
    return [partial(told, reviewing.reply, review.pk, by=make.user(), text=text) for text in ("One", "Two")]


def hidings(review: Review) -> list[Callable[[], str]]:
    return [partial(told, reviewing.hide, review.pk, by=make.user(), reason=why) for why in ("One", "Two")]


def showings(review: Review) -> list[Callable[[], str]]:
    """Hide the review; return two who show it again."""
    reviewing.hide(review.pk, by=make.user(), reason="Names a neighbour")
    return [partial(told, reviewing.show, review.pk, by=make.user()) for _ in range(2)]


STEPS = pytest.mark.parametrize(
    ("steps", "kind"), [(replies, "REPLIED"), (hidings, "HIDDEN"), (showings, "SHOWN")]
)


@STEPS
def test_STA03_of_two_with_one_review_one_acts(review: Review, steps: Steps, kind: str) -> None:
    acted, refused = sorted(at_once(*steps(review)))
    assert (acted, review.order.number in refused) == ("", True)
    assert review.order.events.filter(kind=kind).count() == 1


@STEPS
def test_twin_STA03_without_the_lock_both_act(
    review: Review, steps: Steps, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    acts = steps(review)
    stale = Review.objects.select_related("order").get(pk=review.pk)
    monkeypatch.setattr(reviewing, "_locked", lambda key: stale)
    assert [act() for act in acts] == ["", ""]
    assert review.order.events.filter(kind=kind).count() == 2
    review.refresh_from_db()
    assert "One" not in (review.reply, review.hidden_reason)  # the second replaced it


def test_STA03_of_two_who_resolve_a_row_one_is_noted(line: BillLine) -> None:
    by = make.user()
    done = at_once(*[partial(resolution.resolve, line, by=by, how=how) for how in ("One", "Two")])
    assert sorted(done) == [False, True]


def test_twin_STA03_without_comparing_the_second_note_replaces_the_first(
    line: BillLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolution, "_still_open", lambda row: BillLine.objects.filter(pk=row.pk))
    by = make.user()
    assert [resolution.resolve(line, by=by, how=how) for how in ("One", "Two")] == [True, True]
    line.refresh_from_db()
    assert line.outcome == "Two"


def answers(*, declined_first: bool = False) -> tuple[Order, list[Callable[[], str]]]:
    """Make a booking that waits and holds its nights; return it and two of staff, who accept and decline."""
    order = make.order(status=Order.Status.WAIT_ACCEPT, pay_by=None)
    availability.hold(order.house, order.check_in, order.check_out, order_number=order.number)
    accept, decline = durable_transaction(transitions.accept), durable_transaction(transitions.reject)
    acts: list[Callable[[], str]] = [
        partial(told, accept, Order.objects.get(pk=order.pk), by=make.user()),
        partial(told, decline, Order.objects.get(pk=order.pk), by=make.user(), reason="Painters"),
    ]
    return order, acts[::-1] if declined_first else acts


def outcome(order: Order) -> tuple[str, int, int]:
    """Return the status, the number of nights held, and the number of events."""
    order.refresh_from_db()
    return order.status, order.house.booked_nights.count(), order.events.count()


def test_STA03_of_accept_and_decline_one_counts() -> None:
    for declined_first in (False, True):
        order, acts = answers(declined_first=declined_first)
        assert sorted(map(bool, at_once(*acts))) == [False, True]
        assert outcome(order) in [("WAIT_PAYMENT", 2, 1), ("REJECTED", 0, 1)]


def test_twin_STA03_without_comparing_a_declined_booking_is_paid_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The renter is asked to pay for nights that the order no longer holds."""
    order, acts = answers(declined_first=True)
    move = transitions._move

    def from_any_status(row: Order, kind: str, **how: Any) -> None:
        move(row, kind, **{**how, "allowed": Order.Status.values})

    monkeypatch.setattr(transitions, "_move", from_any_status)
    assert [act() for act in acts] == ["", ""]
    assert outcome(order) == ("WAIT_PAYMENT", 0, 2)
