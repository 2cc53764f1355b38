"""Concurrent calls in threads, each with its own database connection."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

from django.db import connection

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
