"""Redis as a cache that may go away: its loss costs speed and no page.

Sessions are in the database too (`cached_db`), so a cache that does not answer is one that holds nothing.
The settings give it a second for each answer; after a few of those, the circuit breaker spares pages the
wait. What could not be deleted meanwhile, such as the session of somebody who signed out, must not come back:
then the whole cache is cleared before it is used again.
"""

import functools
import threading
from collections.abc import Callable
from typing import Any

import redis
from django.core.cache.backends.redis import RedisCache

from core.circuit_breaker import CircuitBreaker

breaker = CircuitBreaker("Redis")

_must_clear = threading.Event()
"""Set once a deletion could not be done."""


def _note_missed(*_args: Any, **_kwargs: Any) -> bool:
    _must_clear.set()
    return False


def _or(missing: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate a method of the cache: without Redis it returns `missing(*its arguments)`."""

    def decorate(method: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(method)
        def run(cache: RedisCache, *args: Any, **kwargs: Any) -> Any:
            if not breaker.allows_call():
                return missing(*args, **kwargs)
            try:
                if _must_clear.is_set():
                    RedisCache.clear(cache)
                    _must_clear.clear()
                result = method(cache, *args, **kwargs)
            except (redis.ConnectionError, redis.TimeoutError):
                breaker.failed()
                return missing(*args, **kwargs)
            breaker.succeeded()
            return result

        return run

    return decorate


def _default(key: object, default: object = None, version: object = None) -> object:
    return default


class Cache(RedisCache):
    get = _or(_default)(RedisCache.get)
    set = _or(lambda *_, **__: None)(RedisCache.set)
    add = _or(lambda *_, **__: True)(RedisCache.add)
    delete = _or(_note_missed)(RedisCache.delete)
    has_key = _or(lambda *_, **__: False)(RedisCache.has_key)
    get_many = _or(lambda *_, **__: {})(RedisCache.get_many)
    set_many = _or(lambda *_, **__: [])(RedisCache.set_many)
    delete_many = _or(_note_missed)(RedisCache.delete_many)

    def answers(self) -> bool:
        """Ask Redis itself, whatever the circuit breaker says: for /readyz."""
        try:
            return bool(self._cache.get_client(None).ping())
        except redis.RedisError:
            return False
