"""Exact interleavings: a rival acts right before or right after a named function, once.

    with before("payments.books.attempts._record", rival):
        act()

A rival in the same thread shares its database connection, and so a transaction that is under way: good where
none is. Otherwise `elsewhere=True` gives it a thread and a connection of its own. Where it has to wait for a
lock that the interrupted one holds, that one goes on after PATIENCE seconds, and the rival ends later; it has
ended when the `with` ends, which raises what the rival raised.
"""

import importlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any
from unittest import mock

from django.db import connection

PATIENCE = 0.5

Act = Callable[[], object]


@contextmanager
def before(name: str, act: Act, *, elsewhere: bool = False) -> Iterator[None]:
    """`act` right before the next call of the function called `name`: `package.module.function`."""
    with _interrupted(name, act, elsewhere, first=True):
        yield


@contextmanager
def after(name: str, act: Act, *, elsewhere: bool = False) -> Iterator[None]:
    """`act` right after the next call of the function called `name` has returned."""
    with _interrupted(name, act, elsewhere, first=False):
        yield


@contextmanager
def _interrupted(name: str, act: Act, elsewhere: bool, *, first: bool) -> Iterator[None]:
    owner, attribute = _found(name)
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


def _found(name: str) -> tuple[Any, str]:
    """The module, or the class in one, that holds the function, and the function's own name there."""
    path, _, attribute = name.rpartition(".")
    try:
        return importlib.import_module(path), attribute
    except ModuleNotFoundError:
        module, _, klass = path.rpartition(".")
        return getattr(importlib.import_module(module), klass), attribute
