"""Concurrent calls in threads, each with its own database connection."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

import pytest
from django.db import connection

from core import rate_limits
from core.models import RateCount

T = TypeVar("T")


def at_once(*acts: Callable[[], T]) -> list[T]:
    """Start all acts at the same instant and return their results in order. Raises the first exception."""
    barrier = Barrier(len(acts))

    def run(act: Callable[[], T]) -> T:
        try:
            barrier.wait(timeout=30)
            return act()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as threads:
        futures = [threads.submit(run, act) for act in acts]
    return [future.result() for future in futures]


def at_once_whatever_breaks(*acts: Callable[[], object]) -> None:
    """Run acts at once and ignore their exceptions: in a twin, without its guard, acts may fail."""

    def tolerate(act: Callable[[], object]) -> Callable[[], object]:
        def tolerant() -> object:
            try:
                return act()
            except Exception as error:
                return error

        return tolerant

    at_once(*map(tolerate, acts))


def count_without_comparing(patch: pytest.MonkeyPatch) -> None:
    """Switch the guard of the rate limits off: what was read a moment ago is written back, plus one."""

    def count_one(row: RateCount, most: int) -> bool:
        time.sleep(0.1)  # all have read before one writes
        RateCount.objects.filter(pk=row.pk).update(count=row.count + 1)
        return True

    patch.setattr(rate_limits, "_count_one", count_one)
