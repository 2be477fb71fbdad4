"""The cache in Redis, with counts in this process while Redis is down or takes no more."""

import logging
import time
from collections.abc import Callable
from typing import Any, Final

from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

log = logging.getLogger(__name__)

AGAIN: Final = 5.0
"""Seconds without Redis after which it is tried again, so that not every request waits for it."""

PROBE: Final = "redis-takes-this"
"""Key by which a Redis that could not be used is tried again."""

LOCAL_ENTRIES: Final = 100_000
"""The counts that a process holds without Redis."""


class _State:
    """The state of Redis, as this process knows it. Every cache is in the same Redis."""

    until = 0.0
    """Time of the monotonic clock before which Redis is not tried again."""
    down = False
    """Whether the log says that Redis is down."""


class FallbackCache(RedisCache):
    """Django's Redis cache; while Redis does not answer, or refuses for lack of room, a cache in this process.

    The site keeps only counts in its cache: sign-in attempts, joins and API requests. Counted by process they limit
    less, but nobody is refused for Redis's sake.
    """

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        options = {"MAX_ENTRIES": LOCAL_ENTRIES}
        prefix = params.get("KEY_PREFIX", "")
        self._local = LocMemCache(f"without-redis:{prefix}", {"KEY_PREFIX": prefix, "OPTIONS": options})

    def _do[T](self, in_redis: Callable[[], T], in_process: Callable[[], T]) -> T:
        if time.monotonic() < _State.until:
            return in_process()
        try:
            if _State.down:
                # One that refuses for lack of room still answers what only reads.
                RedisCache.set(self, PROBE, 1, 60)
            found = in_redis()
        except RedisError as problem:
            _State.until = time.monotonic() + AGAIN
            if not _State.down:
                _State.down = True
                log.warning("Redis cannot be used. Limits are counted per process until it can: %s", problem)
            return in_process()
        if _State.down:
            _State.down = False
            log.warning("Redis can be used again. Limits are counted for the whole site.")
        return found

    def add(self, key: str, value: Any, timeout: Any = None, version: int | None = None) -> bool:
        return self._do(
            lambda: RedisCache.add(self, key, value, timeout, version),
            lambda: self._local.add(key, value, timeout, version),
        )

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        return self._do(
            lambda: RedisCache.get(self, key, default, version), lambda: self._local.get(key, default, version)
        )

    def set(self, key: str, value: Any, timeout: Any = None, version: int | None = None) -> None:
        self._do(
            lambda: RedisCache.set(self, key, value, timeout, version),
            lambda: self._local.set(key, value, timeout, version),
        )

    def incr(self, key: str, delta: int = 1, version: int | None = None) -> int:
        return self._do(
            lambda: RedisCache.incr(self, key, delta, version), lambda: self._local.incr(key, delta, version)
        )

    def delete(self, key: str, version: int | None = None) -> bool:
        return self._do(lambda: RedisCache.delete(self, key, version), lambda: self._local.delete(key, version))

    def responds(self) -> bool:
        """Returns whether Redis itself answers, for the readiness check."""
        try:
            return bool(self._cache.get_client().ping())
        except RedisError:
            return False
