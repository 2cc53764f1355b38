"""Two of staff on one row at once, for actions that move no money: one effect, and the other is told."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from core.refusal import Refusal
from orders import reviewing, transitions
from orders.models import Review
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
    except Refusal as refusal:
        return str(refusal)
    return ""


def replies(review: Review) -> list[Callable[[], str]]:
    return [partial(told, reviewing.reply, review.pk, by=make.user(), text=text) for text in ("One", "Two")]


def test_STA03_of_two_replies_one_is_published(review: Review) -> None:
    published, refused = sorted(at_once(*replies(review)))
    assert (published, review.order.number in refused) == ("", True)
    assert review.order.events.filter(kind="REPLIED").count() == 1


def test_twin_STA03_without_the_lock_the_second_reply_replaces_the_first(
    review: Review, monkeypatch: pytest.MonkeyPatch
) -> None:
    stale = Review.objects.select_related("order").get(pk=review.pk)
    monkeypatch.setattr(reviewing, "_locked", lambda key: stale)
    assert [reply() for reply in replies(review)] == ["", ""]
    review.refresh_from_db()
    assert review.reply == "Two"


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
