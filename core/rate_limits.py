"""Rate limits, counted in the database: all processes share the counts, and no restart forgets them.

Each use is counted before the limited act, by a compare-and-set. So a hundred requests at once get no
more than the limit allows, and a refused one costs a single read.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import F
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac

from core.client_address import UNKNOWN, client_network
from core.models import RateCount

RACES = 20
"""Maximum number of times to start over because another process has just renewed the row."""


class Limit(NamedTuple):
    name: str
    most: int
    period: timedelta


class Use(NamedTuple):
    key: str
    ends_at: datetime


class LimitReached(Exception):
    """All uses are taken until `ends_at`. `key` stands for the limit and its subject."""

    def __init__(self, limit: Limit, ends_at: datetime, key: str) -> None:
        super().__init__(limit.name)
        self.limit, self.ends_at, self.key = limit, ends_at, key

    @property
    def again_at(self) -> str:
        """Hour and minute from which a use is left, for people."""
        return f"{timezone.localtime(self.ends_at) + timedelta(minutes=1):%H:%M}"


def take(limit: Limit, subject: str) -> Use:
    """Count one use. Raises LimitReached if none is left."""
    key = _key(limit, subject)
    for _ in range(RACES):
        row = RateCount.objects.filter(pk=key).first()
        if row is None or row.ends_at <= timezone.now():
            _begin_period(key, row, timezone.now() + limit.period)
        elif row.count >= limit.most:
            raise LimitReached(limit, row.ends_at, key)
        elif _count_one(row, limit.most):
            return Use(key, row.ends_at)
    raise LimitReached(limit, timezone.now() + timedelta(minutes=1), key)


def refuse_if_used_up(limit: Limit, subject: str) -> None:
    """Raise LimitReached if no use is left. Counts none, and costs a single read."""
    key = _key(limit, subject)
    row = RateCount.objects.filter(pk=key).first()
    if row and row.count >= limit.most and row.ends_at > timezone.now():
        raise LimitReached(limit, row.ends_at, key)


def _key(limit: Limit, subject: str) -> str:
    return salted_hmac("core.rate_limits", f"{limit.name}:{subject}", algorithm="sha256").hexdigest()


def _begin_period(key: str, old: RateCount | None, ends_at: datetime) -> None:
    """Insert or renew the row, unless another process has just done so."""
    if old is None:
        RateCount.objects.bulk_create([RateCount(key=key, ends_at=ends_at)], ignore_conflicts=True)
    else:
        RateCount.objects.filter(pk=key, ends_at=old.ends_at).update(count=0, ends_at=ends_at)


def _count_one(row: RateCount, most: int) -> bool:
    same_period = RateCount.objects.filter(pk=row.pk, ends_at=row.ends_at)
    return bool(same_period.filter(count__lt=most).update(count=F("count") + 1))


def take_all(*limits: tuple[Limit, str]) -> list[Use]:
    """Count one use of each limit, or of none. Raises LimitReached."""
    taken: list[Use] = []
    try:
        for limit, subject in limits:
            taken.append(take(limit, subject))
    except LimitReached:
        give_back(taken)
        raise
    return taken


def give_back(uses: list[Use]) -> None:
    for use in uses:
        RateCount.objects.filter(pk=use.key, ends_at=use.ends_at, count__gt=0).update(count=F("count") - 1)


def of_address(limit: Limit, request: HttpRequest) -> list[tuple[Limit, str]]:
    """Return the limit for the client's network; none if the address is unknown, which all would share."""
    network = client_network(request)
    return [] if network == UNKNOWN else [(limit, network)]


def delete_old() -> int:
    return RateCount.objects.filter(ends_at__lte=timezone.now()).delete()[0]
