"""Exact interleavings: a rival acts right before or right after a named function, once.

    with before("payments.books.attempts._record", rival):
        act()

By default the rival runs in the same thread and shares the database connection, so no transaction may be
open. With `elsewhere=True` it runs in a thread with its own connection. If it waits for a lock that the
interrupted code holds, that code continues after PATIENCE seconds. The `with` block waits for the rival and
raises its exception.
"""

import importlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any
from unittest import mock

from django.db import connection

PATIENCE = 0.5  # seconds

Act = Callable[[], object]


@contextmanager
def before(name: str, act: Act, *, elsewhere: bool = False) -> Iterator[None]:
    """Run `act` right before the next call of the function `name` (`package.module.function`)."""
    with _interrupted(name, act, elsewhere, first=True):
        yield


@contextmanager
def after(name: str, act: Act, *, elsewhere: bool = False) -> Iterator[None]:
    """Run `act` right after the next call of the function `name` has returned."""
    with _interrupted(name, act, elsewhere, first=False):
        yield


@contextmanager
def _interrupted(name: str, act: Act, elsewhere: bool, *, first: bool) -> Iterator[None]:
    owner, attribute = found(name)
    function = getattr(owner, attribute)
    with ThreadPoolExecutor(1) as rival:
        fired: list[Future[object]] = []

        def fire() -> None:
            if fired:
                return
            if not elsewhere:
                fired.append(Future())  # before the act, which may call the same function
                act()
                return
            fired.append(rival.submit(_with_its_own_connection, act))
            wait(fired, PATIENCE)

        def interrupted(*args: Any, **kwargs: Any) -> Any:
            if first:
                fire()
            result = function(*args, **kwargs)
            if not first:
                fire()
            return result

        with mock.patch.object(owner, attribute, interrupted):
            yield
        assert fired, f"{name} was never called"
        if elsewhere:
            fired[0].result()


def _with_its_own_connection(act: Act) -> object:
    try:
        return act()
    finally:
        connection.close()


def found(name: str) -> tuple[Any, str]:
    """Return the module or class that holds the function, and the function's name in it."""
    path, _, attribute = name.rpartition(".")
    try:
        return importlib.import_module(path), attribute
    except ModuleNotFoundError:
        module, _, klass = path.rpartition(".")
        return getattr(importlib.import_module(module), klass), attribute
