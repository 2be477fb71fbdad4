"""Rate limits per minute shared by all processes of all machines, kept in Redis.

This is a module of its own because importing the client takes longer than everything a process without Redis needs.
"""

import contextlib
import logging
import math
import time
import uuid
from collections.abc import Callable
from typing import Any, Final

import redis

from judges.llm.rate_limits import MINUTE, SPAN, Limits, Turn

logger = logging.getLogger(__name__)

AWAY: Final = 1.0
"""Seconds after which Redis is asked again if it did not answer."""

_TAKE: Final = """
local now = tonumber(ARGV[1])
if now < 0 then
  local time = redis.call('TIME')
  now = tonumber(time[1]) + tonumber(time[2]) / 1000000
end
local span, requests, most, tokens = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local stamp = string.format('%.6f', now)
-- The clock was set back: what it calls the future was now at the latest.
for _, ticket in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. stamp, '+inf')) do
  redis.call('ZADD', KEYS[1], stamp, ticket)
end
local old = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - span)
for _, ticket in ipairs(old) do
  redis.call('ZREM', KEYS[1], ticket)
  redis.call('HDEL', KEYS[2], ticket)
end
-- What was sent a moment ago is not there: Redis came back without what it had. Nobody knows how many others
-- there were, so a full minute passes before the next send.
if ARGV[7] ~= '' and not redis.call('ZSCORE', KEYS[1], ARGV[7]) then
  for number = 1, math.max(requests, 1) do redis.call('ZADD', KEYS[1], 'NX', stamp, 'lost-' .. number) end
  if most > 0 then redis.call('HSET', KEYS[2], 'lost-1', most) end
  redis.call('EXPIRE', KEYS[1], math.ceil(span) + 1)
  redis.call('EXPIRE', KEYS[2], math.ceil(span) + 1)
end
local wait = 0
if requests > 0 then
  local count = redis.call('ZCARD', KEYS[1])
  if count >= requests then
    local first = redis.call('ZRANGE', KEYS[1], count - requests, count - requests, 'WITHSCORES')
    wait = tonumber(first[2]) + span - now
  end
end
if most > 0 then
  tokens = math.min(tokens, most)
  local over = tokens - most
  for _, counted in ipairs(redis.call('HVALS', KEYS[2])) do over = over + tonumber(counted) end
  if over > 0 then
    local sends = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
    for place = 1, #sends, 2 do
      if over <= 0 then break end
      over = over - tonumber(redis.call('HGET', KEYS[2], sends[place]) or 0)
      wait = math.max(wait, tonumber(sends[place + 1]) + span - now)
    end
  end
end
if wait > 0 then return tostring(wait) end
redis.call('ZADD', KEYS[1], stamp, ARGV[6])
if most > 0 then redis.call('HSET', KEYS[2], ARGV[6], tokens) end
redis.call('EXPIRE', KEYS[1], math.ceil(span) + 1)
redis.call('EXPIRE', KEYS[2], math.ceil(span) + 1)
return '0'
"""

_SETTLE: Final = """
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) end
return 0
"""


class RedisPace:
    """A window shared by all processes of all machines, in Redis, whose clock is used unless one is given.

    While Redis is unavailable nothing is sent, because the sends of other processes are unknown.
    """

    def __init__(
        self, client: redis.Redis, name: str, limits: Limits, clock: Callable[[], float] | None = None
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._keys = [f"llmfao:pace:{{{name}}}:sends", f"llmfao:pace:{{{name}}}:tokens"]
        self._take: Callable[..., Any] = client.register_script(_TAKE)
        self._settle: Callable[..., Any] = client.register_script(_SETTLE)
        self._last = ("", 0.0)
        """The latest send of this process and its time."""

    def take(self, tokens: int) -> Turn:
        here = time.monotonic() if self._clock is None else self._clock()
        now = -1 if self._clock is None else here
        ticket = uuid.uuid4().hex
        last, at = self._last
        known = last if 0 <= here - at < MINUTE else ""
        arguments = [now, SPAN, self._limits.requests or 0, self._limits.tokens or 0, tokens, ticket, known]
        try:
            answer = self._take(keys=self._keys, args=arguments)
        except redis.AuthenticationError:
            raise
        except redis.RedisError as trouble:
            # Away, or without room for more.
            logger.warning("Redis cannot be used, and nothing is sent until it can: %s", trouble)
            return Turn(AWAY)
        wait = float(answer)
        if wait > 0 and math.isfinite(wait):
            return Turn(wait)
        self._last = (ticket, here)
        return Turn(0.0, ticket)

    def settle(self, ticket: str, tokens: int) -> None:
        if self._limits.tokens is not None:
            # An unsettled send keeps counting at its maximum.
            with contextlib.suppress(redis.RedisError):
                self._settle(keys=self._keys[1:], args=[ticket, tokens])
