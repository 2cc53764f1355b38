"""Reviews by guests: counted from check-out on, edited, hidden, replied to; the migration of old ones."""

from datetime import date, timedelta
from importlib import import_module

import pytest
import time_machine
from django.apps import apps
from django.db import connection
from django.db.models import QuerySet
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from houses.models import House
from jobs.sweep import sweep_once
from orders import review_sums, reviewing, transitions
from orders.counters import COUNTERS, miscounted, recount
from orders.models import Order, Review
from payments.books.invariants import broken_rules
from tests import make

pytestmark = pytest.mark.django_db

STAY = {"check_in": date(2026, 12, 4), "check_out": date(2026, 12, 6)}
AHEAD, LAST_DAY, AFTER = "2026-12-01T12:00+08:00", "2026-12-05T23:59:59+08:00", "2026-12-06T00:00+08:00"
MARKS = {"cleanliness": 5, "location": 3, "host": None}


def reviewed(now: str = AHEAD, **fields: object) -> Review:
    with time_machine.travel(now, tick=False):
        order = make.order(status=Order.Status.WAIT_COMMENT, **STAY)
        return transitions.review(order, by=order.renter, rating=4, text="Quiet", **{**MARKS, **fields})


def sums(review: Review) -> dict[str, int]:
    """Return the sums of the house that are not zero, without its paid stays."""
    values = House.objects.values(*COUNTERS).get(pk=review.house_id)
    return {name: value for name, value in values.items() if value and name != "order_count"}


COUNTED = {
    **{"review_count": 1, "rating_sum": 4, "cleanliness_count": 1, "cleanliness_sum": 5},
    **{"location_count": 1, "location_sum": 3},
}


def shown(client: Client, review: Review) -> bool:
    return "Quiet" in client.get(review.house.get_absolute_url()).content.decode()


def test_a_review_of_a_stay_ahead_waits_for_check_out(client: Client) -> None:
    review = reviewed()
    for now in (AHEAD, LAST_DAY):
        with time_machine.travel(now, tick=False):
            assert review_sums.due() == []
            assert sweep_once()["reviews"] == 0
            assert sums(review) == {}
            assert not shown(client, review)
    with time_machine.travel(AFTER, tick=False):
        assert sweep_once()["reviews"] == 1
        assert sums(review) == COUNTED
        assert shown(client, review)
        assert sweep_once()["reviews"] == 0
        assert not [broken for broken in broken_rules() if broken.rule == "I10"]


def test_a_review_after_check_out_counts_at_once(client: Client) -> None:
    review = reviewed(AFTER)
    assert sums(review) == COUNTED
    with time_machine.travel(AFTER, tick=False):
        assert shown(client, review)


def test_marks_are_optional_and_have_averages_of_their_own() -> None:
    first = reviewed(AFTER)
    with time_machine.travel(AFTER, tick=False):
        order = make.order(house=first.house, status=Order.Status.WAIT_COMMENT, **STAY)
        transitions.review(order, by=order.renter, rating=2, text="Loud")
    house = House.objects.get(pk=first.house_id)
    assert (house.review_count, house.rating_sum, house.cleanliness_count, house.host_count) == (2, 6, 1, 0)


def test_a_stay_that_was_moved_later_counts_later() -> None:
    review = reviewed()
    make.rows(Order).update(check_out=STAY["check_out"] + timedelta(days=3))
    with time_machine.travel(AFTER, tick=False):
        assert sweep_once()["reviews"] == 0
        assert sums(review) == {}
    with time_machine.travel("2026-12-09T00:00+08:00", tick=False):
        assert sweep_once()["reviews"] == 1


@pytest.mark.parametrize("now", [AHEAD, AFTER])
def test_the_review_of_a_cancelled_order_is_in_no_sum(now: str) -> None:
    review = reviewed(now)
    with time_machine.travel(now, tick=False):
        transitions.cancel(review.order, by=review.renter)
    assert sums(review) == {}
    with time_machine.travel(AFTER, tick=False):
        assert review_sums.due() == []
        assert not [broken for broken in broken_rules() if broken.rule == "I10"]


def test_due_reviews_are_found_by_an_index(django_assert_num_queries: object) -> None:
    with CaptureQueriesContext(connection) as queries:
        review_sums.due()
    rows: QuerySet[Review] = Review.objects.filter(count_due__lte=timezone.localdate())
    assert len(queries) == 1
    assert "review_count_due" in rows.order_by("count_due").values_list("pk").explain()


# --- Edited by the renter -----------------------------------------------------------------------------


def test_an_edit_moves_the_sums_by_the_difference() -> None:
    review = reviewed(AFTER)
    with time_machine.travel("2026-12-20T23:59+08:00", tick=False):
        edited = reviewing.edit(
            review.pk, seen=reviewing.version_of(review), rating=2, text="Loud", cleanliness=1, host=5
        )
    assert (edited.rating, edited.text, edited.location) == (2, "Loud", None)
    assert sums(review) == {
        **{"review_count": 1, "rating_sum": 2, "cleanliness_count": 1, "cleanliness_sum": 1},
        **{"host_count": 1, "host_sum": 5},
    }
    assert list(miscounted()) == []


def test_an_edit_before_check_out_leaves_the_sums_alone() -> None:
    review = reviewed()
    with time_machine.travel(AHEAD, tick=False):
        reviewing.edit(review.pk, seen=reviewing.version_of(review), rating=2, text="Loud")
    assert sums(review) == {}
    with time_machine.travel(AFTER, tick=False):
        sweep_once()
    assert sums(review) == {"review_count": 1, "rating_sum": 2}


def test_an_edit_ends_two_weeks_after_check_out_or_with_the_order() -> None:
    review, cancelled = reviewed(AFTER), reviewed(AFTER)
    with time_machine.travel(AFTER, tick=False):
        transitions.cancel(cancelled.order, by=cancelled.renter)
        with pytest.raises(reviewing.CannotReview):
            reviewing.edit(cancelled.pk, seen=reviewing.version_of(cancelled), rating=1, text="Loud")
    with time_machine.travel("2026-12-21T00:00+08:00", tick=False), pytest.raises(reviewing.CannotReview):
        reviewing.edit(review.pk, seen=reviewing.version_of(review), rating=1, text="Loud")
    assert sums(review) == COUNTED


def test_an_edit_from_an_older_version_is_refused() -> None:
    review = reviewed(AFTER)
    with time_machine.travel(AFTER, tick=True):
        seen = reviewing.version_of(review)
        edited = reviewing.edit(review.pk, seen=seen, rating=5, text="Second")
        with pytest.raises(reviewing.EditedElsewhere):
            reviewing.edit(review.pk, seen=seen, rating=1, text="Third")
        reviewing.edit(review.pk, seen=reviewing.version_of(edited), rating=1, text="Third")


# --- Hidden and replied to by staff -------------------------------------------------------------------


def test_a_hidden_review_is_neither_shown_nor_counted_until_it_is_shown_again(client: Client) -> None:
    review, staff = reviewed(AFTER), make.user(is_staff=True)
    with time_machine.travel(AFTER, tick=False):
        reviewing.hide(review.pk, by=staff, reason="Names a neighbour")
        assert sums(review) == {}
        assert not shown(client, review)
        with pytest.raises(reviewing.CannotReview):
            reviewing.hide(review.pk, by=staff, reason="Again")
        assert not [broken for broken in broken_rules() if broken.rule == "I10"]
        reviewing.show(review.pk, by=staff)
        assert sums(review) == COUNTED
        assert shown(client, review)
        with pytest.raises(reviewing.CannotReview):
            reviewing.show(review.pk, by=staff)
    kinds = [(event.kind, event.reason, event.actor) for event in review.order.events.all()][:2]
    assert kinds == [("SHOWN", "", staff), ("HIDDEN", "Names a neighbour", staff)]


def test_a_review_hidden_before_check_out_counts_only_once_it_is_shown() -> None:
    review, staff = reviewed(), make.user(is_staff=True)
    with time_machine.travel(AHEAD, tick=False):
        reviewing.hide(review.pk, by=staff, reason="Names a neighbour")
    with time_machine.travel(AFTER, tick=False):
        assert review_sums.due() == []
    with time_machine.travel(AHEAD, tick=False):
        reviewing.show(review.pk, by=staff)
    with time_machine.travel(AFTER, tick=False):
        sweep_once()
    assert sums(review) == COUNTED


def test_a_review_has_one_reply() -> None:
    review, staff = reviewed(AFTER), make.user(is_staff=True)
    reviewing.reply(review.pk, by=staff, text="Come again")
    with pytest.raises(reviewing.CannotReview):
        reviewing.reply(review.pk, by=staff, text="Or not")
    review.refresh_from_db()
    assert (review.reply, review.replied_by) == ("Come again", staff)
    assert review.order.events.first().kind == "REPLIED"


# --- Those from before --------------------------------------------------------------------------------


def test_the_migration_takes_reviews_of_stays_ahead_out_of_the_sums_until_check_out() -> None:
    house = make.house()
    rated = {"COMPLETE": (5, 4, 3), "CANCELED": (1, 1, 1)}
    for status, ratings in rated.items():
        for days, rating in zip((-1, 0, 1), ratings, strict=True):
            check_out = timezone.localdate() + timedelta(days=days)
            stay = {"check_in": check_out - timedelta(days=2), "check_out": check_out}
            order = make.order(house=house, status=status, **stay)
            Review.objects.create(order=order, house=house, renter=order.renter, rating=rating, text="Quiet")
    make.rows(House).update(review_count=3, rating_sum=12)  # as the version before counted
    step = import_module("orders.migrations.0023_take_out_reviews_of_stays_ahead")
    for _ in range(2):
        step.take_out(apps, None)
        house.refresh_from_db()
        assert (house.review_count, house.rating_sum) == (2, 9)
        assert not [broken for broken in broken_rules() if broken.rule == "I10"]
    with time_machine.travel(timezone.now() + timedelta(days=1), tick=False):
        assert sweep_once()["reviews"] == 1
    house.refresh_from_db()
    assert (house.review_count, house.rating_sum) == (3, 12)
    make.rows(Review).filter(rating=3).update(is_counted=False)
    recount(house)
    step.put_back(apps, None)
    house.refresh_from_db()
    assert (house.review_count, house.rating_sum) == (3, 12)


@pytest.mark.parametrize("wrong", [{"is_counted": True}, {"count_due": None}, {"hidden_at": timezone.now()}])
def test_check_money_finds_a_review_that_counts_wrongly(wrong: dict[str, object]) -> None:
    review = reviewed()
    if "hidden_at" in wrong:
        review = reviewed(AFTER)
    make.rows(Review).filter(pk=review.pk).update(**wrong)
    recount(review.house)
    with time_machine.travel(AHEAD if "hidden_at" not in wrong else AFTER, tick=False):
        found = [broken.about for broken in broken_rules() if broken.rule == "I10"]
    assert found == [review.order.number]
