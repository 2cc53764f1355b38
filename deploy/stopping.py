"""Ctrl-C for programs that start others, and stop them before they end."""

import signal

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def interrupt_once() -> None:
    """Raise KeyboardInterrupt at the first of the signals. A second must not interrupt the shutdown."""
    for each in SIGNALS:
        signal.signal(each, _interrupt)


def _interrupt(number: int, frame: object) -> None:
    for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt
