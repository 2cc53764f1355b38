"""Refund policies of houses: the part of the price that a cancellation gives back, by days before check-in.

The sentences about it are read off the same function that payments/cancellation.py refunds by.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from core.templatetags.ihome import day
from houses.models import RefundPolicy


def percent_of(policy: str, check_in: date, today: date) -> int:
    """Return the percentage of the price that `policy` gives back on `today`."""
    days = (check_in - today).days
    match RefundPolicy(policy):
        case RefundPolicy.FLEXIBLE:
            return 100 if days >= 1 else 0
        case RefundPolicy.MODERATE:
            return 100 if days >= 5 else 50
        case RefundPolicy.STRICT:
            return 50 if days >= 7 else 0


def share_of(policy: str, fen: int, check_in: date, today: date) -> int:
    """Return the part of `fen` that `policy` gives back on `today`, rounded down to a fen."""
    return fen * percent_of(policy, check_in, today) // 100


@dataclass(frozen=True)
class Step:
    """A percentage that is given back for cancellations until the end of a day."""

    percent: int
    last_day: date


def steps_of(policy: str, check_in: date, today: date) -> list[Step]:
    """Return the steps from `today` to the day before check-in. A renter can't cancel after that."""
    steps: list[Step] = []
    for days in range((check_in - today).days):
        at = today + timedelta(days=days)
        percent = percent_of(policy, check_in, at)
        if steps and steps[-1].percent == percent:
            steps.pop()
        steps.append(Step(percent, at))
    return steps


@dataclass(frozen=True)
class Terms:
    """Refund of a stay that is booked today, in words."""

    policy: str
    check_in: date
    today: date
    has_cleaning_fee: bool = False

    @property
    def is_lost(self) -> bool:
        """Return True if a cancellation would give back none of the nights' price, even today."""
        steps = self._steps
        return not steps or steps[0].percent == 0

    @property
    def _steps(self) -> list[Step]:
        return steps_of(self.policy, self.check_in, self.today)

    def __str__(self) -> str:
        sentences = [self._of_the_nights(), self.of_the_fee]
        return (" " if get_language() == "en" else "").join(filter(None, sentences))

    @property
    def of_the_fee(self) -> str:
        """Sentence about the cleaning fee; empty without one, or where all is given back anyhow."""
        if not self.has_cleaning_fee or not self._steps or {step.percent for step in self._steps} == {100}:
            return ""
        return _("Until the day before check-in, you get the cleaning fee back.")

    def _of_the_nights(self) -> str:
        if self.is_lost:
            return _("If you book today, a cancellation is not refunded.")
        first, *later = self._steps
        values = {"day": day(first.last_day)}
        match first.percent, later[0].percent if later else 0:
            case 100, 50:
                return _("Cancel by 24:00 on %(day)s for a full refund, after that for half.") % values
            case 100, _none:
                return _("Cancel by 24:00 on %(day)s for a full refund, after that for none.") % values
            case _half:
                return _("Cancel by 24:00 on %(day)s for half the price, after that for none.") % values


def terms_of(policy: str, check_in: date, *, has_cleaning_fee: bool = False) -> Terms:
    return Terms(policy, check_in, timezone.localdate(), has_cleaning_fee)
