"""A review is counted, edited, hidden and cancelled at once. Each race has a twin without guards."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import DatabaseError

from core.transactions import durable_transaction
from houses.models import House
from orders import review_sums, reviewing, transitions
from orders.models import Order, Review
from tests import make
from tests.races import at_once

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

Act = Callable[[], Any]


@pytest.fixture
def review() -> Review:
    """A review of a stay that has ended since, with stars for the host, not yet counted."""
    order = make.order(status=Order.Status.WAIT_COMMENT)
    written = transitions.review(order, by=order.renter, rating=5, text="Quiet", host=4)
    make.end_stay(order)
    return written


@pytest.fixture
def without_guards(review: Review, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read the review before the lock, and count it without comparing."""
    stale = Review.objects.select_related("order").get(pk=review.pk)

    def mark(key: int, *, is_counted: bool) -> bool:
        return bool(Review.objects.filter(pk=key).update(is_counted=is_counted, count_due=None))

    monkeypatch.setattr(reviewing, "_locked", lambda key: stale)
    monkeypatch.setattr(review_sums, "_mark", mark)


def sums(review: Review) -> tuple[int, int, int, int]:
    house = House.objects.get(pk=review.house_id)
    return house.review_count, house.rating_sum, house.host_count, house.host_sum


def edit(review: Review) -> Act:
    return partial(
        told, reviewing.edit, review.pk, seen=reviewing.version_of(review), rating=2, text="Loud", host=1
    )


def told(act: Callable[..., object], *args: object, **kwargs: object) -> object:
    try:
        return act(*args, **kwargs)
    except (reviewing.CannotReview, transitions.IllegalTransition) as refusal:
        return refusal


def hide(review: Review) -> Act:
    return partial(reviewing.hide, review.pk, by=make.user(), reason="Names a neighbour")


def cancel(review: Review) -> Act:
    return partial(durable_transaction(transitions.cancel), review.order, by=make.user(), reason="Flooded")


def count(review: Review) -> Act:
    return partial(reviewing.count_due, review.pk)


def test_several_sweeps_count_a_review_once(review: Review) -> None:
    assert sorted(at_once(*[count(review)] * 8)) == [False] * 7 + [True]
    assert sums(review) == (1, 5, 1, 4)
    assert reviewing.count_due(review.pk) is False


def test_twin_two_sweeps_that_do_not_compare(review: Review, without_guards: None) -> None:
    for _ in range(2):
        count(review)()
    assert sums(review) == (2, 10, 2, 8)


def test_a_review_that_is_edited_while_it_is_hidden_is_in_no_sum(review: Review) -> None:
    reviewing.count_due(review.pk)
    at_once(edit(review), hide(review), edit(review))
    assert sums(review) == (0, 0, 0, 0)
    review.refresh_from_db()
    assert (review.is_counted, review.text) == (False, "Loud")


def test_twin_an_edit_that_began_before_the_review_was_hidden(
    review: Review, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It subtracts the stars a second time. Here the house has no others, so the database refuses that."""
    reviewing.count_due(review.pk)
    stale = Review.objects.select_related("order").get(pk=review.pk)
    monkeypatch.setattr(reviewing, "_locked", lambda key: stale)
    monkeypatch.setattr(review_sums, "_mark", lambda key, is_counted: True)
    hide(review)()
    with pytest.raises(DatabaseError):
        edit(review)()


def test_a_review_that_is_counted_while_its_order_is_cancelled_is_in_no_sum(review: Review) -> None:
    at_once(count(review), cancel(review), count(review))
    assert sums(review) == (0, 0, 0, 0)
    review.refresh_from_db()
    assert (review.is_counted, review.count_due) == (False, None)


def test_twin_a_sweep_that_read_the_review_before_the_cancellation(
    review: Review, without_guards: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(review_sums, "uncount", lambda key: False)
    for act in (cancel(review), count(review)):
        act()
    assert sums(review) == (1, 5, 1, 4)
