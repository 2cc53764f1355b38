"""Several people at the same instant, each with a database connection of their own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

from django.db import connection

T = TypeVar("T")


def at_once(*acts: Callable[[], T]) -> list[T]:
    """Start all acts at one instant; their results in order. Raises what the first of them raised."""
    barrier = Barrier(len(acts))

    def run(act: Callable[[], T]) -> T:
        try:
            barrier.wait(timeout=30)
            return act()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as people:
        futures = [people.submit(run, act) for act in acts]
    return [future.result() for future in futures]


def at_once_whatever_breaks(*acts: Callable[[], object]) -> None:
    """For twins: without their guard, some of the acts may break, too."""

    def bear(act: Callable[[], object]) -> Callable[[], object]:
        def borne() -> object:
            try:
                return act()
            except Exception as error:
                return error

        return borne

    at_once(*map(bear, acts))
