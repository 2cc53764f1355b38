"""Limits how many threads of a process do something at once, so that the others stay free."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore


class NoPlace(Exception):
    """Others are at work, and enough wait already."""


class Places:
    """Places for threads of this process: `at_once` work, and `waiting` more may wait for one of them."""

    def __init__(self, *, at_once: int, waiting: int = 0) -> None:
        self._at_work = BoundedSemaphore(at_once)
        self._waiting = BoundedSemaphore(waiting) if waiting else None

    @contextmanager
    def one(self, *, wait: float = 0) -> Iterator[None]:
        """Work in the block, after at most `wait` seconds. Raises NoPlace before it."""
        if not self._taken(wait):
            raise NoPlace
        try:
            yield
        finally:
            self._at_work.release()

    def _taken(self, wait: float) -> bool:
        if self._at_work.acquire(blocking=False):
            return True
        if not wait or self._waiting is None or not self._waiting.acquire(blocking=False):
            return False
        try:
            return self._at_work.acquire(timeout=wait)
        finally:
            self._waiting.release()
