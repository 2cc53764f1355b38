"""Circuit breaker: stops calling a service that is not responding."""

import logging
import threading
from time import monotonic

from core import metrics

log = logging.getLogger(__name__)

FAILURES_TO_OPEN = 5
"""Consecutive failures, counted over all threads of the process."""
SECONDS_TO_REST = 10.0
"""Time between two probes while open."""


class CircuitBreaker:
    """Opens after FAILURES_TO_OPEN failures in a row; then allows one probe at a time until one succeeds.

    Thread-safe. Report the result of each allowed call with succeeded() or failed(). A probe that reports
    neither, because its thread died, is replaced by another after SECONDS_TO_REST.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        self._failures = 0
        self._next_probe_at = 0.0

    @property
    def is_open(self) -> bool:
        return self._failures >= FAILURES_TO_OPEN

    def allows_call(self) -> bool:
        """Return True if a call may be made now. While open, that is one caller per SECONDS_TO_REST."""
        with self._lock:
            now = monotonic()
            if self.is_open and now < self._next_probe_at:
                return False
            self._next_probe_at = now + SECONDS_TO_REST
            return True

    def succeeded(self) -> None:
        with self._lock:
            if self.is_open:
                log.warning("circuit closed: %s answers again", self._name)
            self._failures = 0

    def failed(self) -> None:
        with self._lock:
            self._failures += 1
            self._next_probe_at = monotonic() + SECONDS_TO_REST
            if self._failures == FAILURES_TO_OPEN:
                metrics.BREAKER_OPENED.labels(self._name).inc()
                message = "circuit open for %s after %d failures; probing every %d s"
                log.error(message, self._name, FAILURES_TO_OPEN, SECONDS_TO_REST)
