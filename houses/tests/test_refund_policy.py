"""The sentences about refunds, held against what a cancellation gives back on every day."""

from datetime import date, timedelta

import pytest
import time_machine
from django.utils import translation

from houses.models import RefundPolicy
from houses.refund_policy import Terms, percent_of, steps_of

CHECK_IN = date(2026, 12, 10)


@pytest.mark.parametrize("policy", RefundPolicy.values)
@pytest.mark.parametrize("days", [0, 1, 4, 5, 6, 7, 8, 30])
def test_steps_say_what_each_day_gives_back(policy: str, days: int) -> None:
    today = CHECK_IN - timedelta(days=days)
    steps = steps_of(policy, CHECK_IN, today)
    for n in range(days):
        day = today + timedelta(days=n)
        assert next(s.percent for s in steps if day <= s.last_day) == percent_of(policy, CHECK_IN, day)
    assert len(steps) <= 2
    assert not steps or steps[-1].last_day == CHECK_IN - timedelta(days=1)


@pytest.mark.parametrize(
    ("policy", "days", "sentence"),
    [
        ("FLEXIBLE", 9, "Cancel by 24:00 on 9 Dec for a full refund, after that for none."),
        ("FLEXIBLE", 0, "If you book today, a cancellation is not refunded."),
        ("MODERATE", 9, "Cancel by 24:00 on 5 Dec for a full refund, after that for half."),
        ("MODERATE", 4, "Cancel by 24:00 on 9 Dec for half the price, after that for none."),
        ("STRICT", 9, "Cancel by 24:00 on 3 Dec for half the price, after that for none."),
        ("STRICT", 6, "If you book today, a cancellation is not refunded."),
    ],
)
def test_sentences(policy: str, days: int, sentence: str) -> None:
    terms = Terms(policy, CHECK_IN, CHECK_IN - timedelta(days=days))
    with translation.override("en"), time_machine.travel("2026-12-01T12:00:00+08:00", tick=False):
        assert str(terms) == sentence
    assert terms.is_lost == ("not refunded" in sentence)


def test_a_cleaning_fee_is_named_where_not_all_comes_back() -> None:
    today = CHECK_IN - timedelta(days=9)
    with translation.override("en"):
        told = [str(Terms(policy, CHECK_IN, today, True)) for policy in RefundPolicy.values]
    assert ["cleaning fee" in each for each in told] == [False, True, True]
