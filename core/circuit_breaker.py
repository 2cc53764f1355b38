"""Stops calling who does not answer, so that nobody waits for what will not come."""

import logging
import threading
from time import monotonic

log = logging.getLogger(__name__)

FAILURES_TO_OPEN = 5
"""In a row, over all threads of the process."""
SECONDS_TO_REST = 10.0


class CircuitBreaker:
    """Opens after a few failures in a row; then lets one call through now and again, until one is answered.

    May be shared between threads. A call that is let through ends in answered() or failed(); one that ends in
    neither is as if it had not been made.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        self._failures = 0
        self._rests_until = 0.0

    @property
    def is_open(self) -> bool:
        return self._failures >= FAILURES_TO_OPEN

    def allows_call(self) -> bool:
        """Whether a call may be made now. While open, one of all who ask may, after a rest."""
        with self._lock:
            now = monotonic()
            if self.is_open and now < self._rests_until:
                return False
            self._rests_until = now + SECONDS_TO_REST
            return True

    def succeeded(self) -> None:
        with self._lock:
            if self.is_open:
                log.warning("%s answers again", self._name)
            self._failures = 0

    def failed(self) -> None:
        with self._lock:
            self._failures += 1
            self._rests_until = monotonic() + SECONDS_TO_REST
            if self._failures == FAILURES_TO_OPEN:
                words = "%s left %d calls in a row unanswered; one in %d seconds is tried from now on"
                log.error(words, self._name, FAILURES_TO_OPEN, SECONDS_TO_REST)
