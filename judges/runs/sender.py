"""A process at work on a run: it claims calls, sends them concurrently, and stores what comes back.

One event loop sends over one pool of connections; one thread beside it owns the database connection and
does the short transactions, several calls in each, so that neither waits for the other.
"""

import asyncio
import logging
import random
import signal
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import httpx
import stamina
from django.conf import settings
from django.db import connection
from django.utils import timezone

from annotation.problems import NO_PROBLEM, Problem
from judges import problems
from judges.llm import chat, rate_limits
from judges.models import CallState, RunState
from judges.models.work import Call
from judges.runs.call_store import BUDGET, Books, Outcome, Prepared
from judges.verdicts import Finding

logger = logging.getLogger(__name__)

BEAT: Final = 2.0
"""Seconds between a sender's signs of life."""

LOOK: Final = 1.0
"""Seconds after which a sender that waits for its turn asks again: replies that came meanwhile took fewer tokens
than were counted for them."""

SLACK: Final = 10.0
"""Seconds beyond the longest that a request may take, within which its sender stores what came of it."""

STORED_AT_ONCE: Final = 100
HOPELESS: Final = 20
"""So many calls in a row that failed for good, with no answer between them, stop a run."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How often and after how many seconds a call is tried again."""

    attempts: int = 8
    first: float = 1.0
    longest: float = 60.0
    jitter: float = 1.0


@dataclass(slots=True)
class Session[C: Call]:
    """What one sender does with one run, until nothing is left, the run is not to go on, or `seconds` have passed."""

    books: Books[C]
    endpoint: chat.Endpoint
    pace: rate_limits.Pace
    parallel: int
    patience: Patience
    seconds: float
    clock: Callable[[], datetime] = timezone.now
    ready: deque[Prepared[C]] = field(default_factory=deque)
    flying: set[asyncio.Task[None]] = field(default_factory=set)
    waiting: set[asyncio.Task[None]] = field(default_factory=set)
    done: list[Outcome[C]] = field(default_factory=list)
    stopping: str = ""
    problem: Problem = NO_PROBLEM
    exhausted: bool = False
    hopeless: int = 0
    unstored: int = 0
    _pool: ThreadPoolExecutor = field(init=False)
    _wake: asyncio.Event = field(init=False)
    _slots: deque[httpx.AsyncClient] = field(init=False)
    _gate: asyncio.Lock = field(init=False, default_factory=asyncio.Lock)
    _over: bool = field(init=False, default=False)
    _balance: tuple[int, int, int] = field(init=False, default=(0, 0, 0))
    _balanced_at: float = field(init=False, default=0.0)

    async def work(self) -> None:
        wake = asyncio.Event()
        started = time.monotonic()
        with ThreadPoolExecutor(1, thread_name_prefix="judges-db") as pool:
            self._pool, self._wake = pool, wake
            try:
                async with self.endpoint.slots(self.parallel) as self._slots:
                    beat = asyncio.create_task(self._beat(started))
                    storing = asyncio.create_task(self._store_all())
                    for task in (beat, storing):
                        task.add_done_callback(self._failed)
                    try:
                        await self._send_all(wake)
                    finally:
                        beat.cancel()
                        self._over = True
                        wake.set()
                        await storing
                        await asyncio.gather(beat, return_exceptions=True)
                await self._db(lambda: self.books.unclaim(list(self.ready)))
            finally:
                await self._db(lambda: connection.close())

    async def _db[T](self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def stop(self, why: str, problem: Problem = NO_PROBLEM) -> None:
        """Sends nothing more: what is in flight is awaited, what waits for its next attempt is given back."""
        if not self.stopping:
            self.stopping, self.problem = why, problem
            for task in self.waiting:
                task.cancel()
        self._wake.set()

    async def _send_all(self, wake: asyncio.Event) -> None:
        while True:
            wake.clear()
            free = 0 if self.stopping else self.parallel - len(self.flying)
            if not self.stopping and not self.exhausted and len(self.ready) < max(free, self.parallel):
                more = await self._db(lambda: self.books.claim(2 * self.parallel))
                self.exhausted = not more
                self.ready.extend(more)
                continue
            if free and self.ready:
                await self._launch([self.ready.popleft() for _place in range(min(free, len(self.ready)))])
                continue
            if not self.flying and (self.stopping or not (self.ready or self.unstored)):
                return
            await wake.wait()

    async def _launch(self, batch: list[Prepared[C]]) -> None:
        admitted, held_back = await self._db(lambda: self.books.admit(batch, self.clock()))
        for prepared in admitted:
            task = asyncio.create_task(self._ask(prepared))
            self.flying.add(task)
            task.add_done_callback(self._landed)
        self.ready.extendleft(reversed(batch[len(admitted) :]))
        if held_back == BUDGET:
            # What is in flight was reserved at its dearest and may leave room once it is stored.
            if self.flying or self.unstored:
                self._wake.clear()
                await self._wake.wait()
            elif await self._others_may_leave_room():
                await asyncio.sleep(LOOK)
            else:
                self.stop(BUDGET, problems.NO_MONEY())
        elif held_back:
            self.stop(held_back)

    async def _others_may_leave_room(self) -> bool:
        """Whether others have requests in flight on the same budget; a dead one's are there for ever."""
        found = await self._db(self.books.balance)
        if found != self._balance:
            self._balance, self._balanced_at = found, time.monotonic()
        return found[2] > 0 and time.monotonic() - self._balanced_at < self.endpoint.timeout + SLACK

    def _failed(self, task: asyncio.Task[None]) -> None:
        """The database would not have something: nothing more may be sent that could not be stored."""
        if not task.cancelled() and task.exception() is not None:
            self.stop("fault", problems.DATABASE_REFUSED())

    def _landed(self, task: asyncio.Task[None]) -> None:
        self.flying.discard(task)
        self.waiting.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # A fault of ours: the call stays sent, and is asked again once this sender has ended.
            logger.error("A call could not be made", exc_info=error)
            self.stop("fault", problems.OUR_FAULT(error=type(error).__name__))
        self._wake.set()

    async def _ask(self, prepared: Prepared[C]) -> None:
        outcome = Outcome(prepared, attempts=0)
        try:
            await self._attempts(outcome)
            self.hopeless = 0
        except chat.Trouble as trouble:
            self._give_up(outcome, trouble)
        except (asyncio.CancelledError, _NoBudget):
            outcome.released = True
        outcome.received_at = self.clock()
        self.done.append(outcome)
        self.unstored += 1
        self._wake.set()

    async def _attempts(self, outcome: Outcome[C]) -> None:
        patience, prepared = self.patience, outcome.prepared
        task = asyncio.current_task()
        assert task is not None  # noqa: S101
        self.waiting.add(task)
        tries = stamina.retry_context(
            on=lambda error: _wait(error, outcome.attempts, patience),
            attempts=patience.attempts,
            timeout=None,
            wait_initial=patience.first,
            wait_max=patience.longest,
            wait_jitter=patience.jitter,
        )
        async for attempt in tries:
            with attempt:
                ticket = await self._turn(prepared)
                outcome.attempts += 1
                self.waiting.discard(task)
                try:
                    outcome.answer = await self._asked(prepared)
                except chat.Again as trouble:
                    if trouble.perhaps_paid:
                        await self._count_unsure(outcome)
                    if self.stopping:
                        raise asyncio.CancelledError from None
                    self.waiting.add(task)
                    raise
        answer = outcome.answer
        assert answer is not None  # noqa: S101
        if ticket and answer.usage.told:
            self.pace.settle(ticket, answer.usage.tokens_in + answer.usage.tokens_out)
        outcome.finding = self.books.find(answer)

    async def _count_unsure(self, outcome: Outcome[C]) -> None:
        """The attempt may have been paid for; another one needs room in the budget for both."""
        bound = outcome.prepared.question.bound
        outcome.unsure += bound
        if bound and outcome.attempts < self.patience.attempts:
            if not await self._db(lambda: self.books.reserve_again(bound)):
                raise _NoBudget
            outcome.counted += bound

    def _give_up(self, outcome: Outcome[C], trouble: chat.Trouble) -> None:
        state = CallState.REFUSED if isinstance(trouble, chat.Refused) else CallState.FAILED
        outcome.finding = Finding(state, problem=trouble.problem)
        outcome.raw, outcome.status = trouble.raw, trouble.status
        if isinstance(trouble, chat.Permanent):
            self.stop("endpoint", trouble.problem)
        elif isinstance(trouble, chat.Again | chat.Unfit):
            self.hopeless += 1
            if self.hopeless >= HOPELESS:
                self.stop("endpoint", trouble.problem)

    async def _asked(self, prepared: Prepared[C]) -> chat.Answer:
        # There are as many as calls in flight. The one that was used last has a connection that stands.
        client = self._slots.pop()
        try:
            return await self.books.ask(client, self.endpoint, prepared.question.body)
        finally:
            self._slots.append(client)

    async def _turn(self, prepared: Prepared[C]) -> str:
        """Waits until the limits allow a send; its ticket. One waits for all, and who came first goes first."""
        async with self._gate:
            while (turn := self.pace.take(prepared.question.tokens)).wait > 0:
                await asyncio.sleep(min(turn.wait, LOOK))
        return turn.ticket

    async def _store_all(self) -> None:
        """Stores outcomes as they come, many at once where many came."""
        while not (self._over and not self.done):
            if self.done:
                await self._flush()
            else:
                await asyncio.sleep(0.01)

    async def _flush(self) -> None:
        batch, self.done = self.done[:STORED_AT_ONCE], self.done[STORED_AT_ONCE:]
        if batch:
            await self._db(lambda: self.books.store(batch, self.clock()))
            self.unstored -= len(batch)
            # The answer to one turn of a conversation sets the next one free; what was released is free again.
            freed = self.books.converses or any(outcome.released for outcome in batch)
            self.exhausted = self.exhausted and not freed
            self._wake.set()

    async def _beat(self, started: float) -> None:
        while True:
            await asyncio.sleep(BEAT)
            state = await self._db(lambda: self.books.alive(self.clock()))
            if state != RunState.RUNNING:
                self.stop(state)
            elif time.monotonic() - started > self.seconds:
                self.stop("seconds")


class _NoBudget(Exception):
    """There is no room in the budget for another attempt."""


def _wait(error: Exception, attempts: int, patience: Patience) -> bool | float:
    """Whether a call is tried again after so many attempts, and after how many seconds where the endpoint said so.

    Those are the least: an endpoint that says "in a second" each time is busier than it knows, and calls that
    it turned away together should not come back together.
    """
    if not isinstance(error, chat.Again):
        return False
    if error.retry_after is None:
        return True
    growing = min(patience.longest, patience.first * 2 ** (attempts - 1)) if attempts > 1 else 0.0
    spread = random.uniform(0.0, patience.jitter)  # noqa: S311  nothing secret hangs on it
    return max(error.retry_after, growing) + spread


def pace_named(name: str, limits: rate_limits.Limits) -> rate_limits.Pace:
    """The `limits` that are called `name`, held over every process there is."""
    if not limits:
        return rate_limits.NoPace()
    if settings.REDIS_URL:
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        from judges.llm.redis_rate_limits import RedisPace

        # Replies come in on the thread that waits for it: what takes long is asked again by and by instead.
        client = redis.Redis.from_url(
            settings.REDIS_URL, socket_timeout=5, socket_connect_timeout=5, retry=Retry(NoBackoff(), 1)
        )
        return RedisPace(client, name, limits)
    return rate_limits.FilePace(settings.PACE_DIR / name, limits)


def send[C: Call](
    books: Books[C],
    endpoint: chat.Endpoint,
    limits: rate_limits.Pace,
    parallel: int,
    *,
    patience: Patience,
    seconds: float,
    interruptible: bool = False,
) -> str:
    """Sends the free calls of a running run, at most `parallel` at once; returns why it ended: nothing where
    none is left, else `seconds`, `budget`, `endpoint`, `interrupt`, or the state that the run is in now."""
    session = Session(books, endpoint, limits, parallel, patience, seconds)
    asyncio.run(_interruptible(session) if interruptible else session.work())
    if session.stopping in {BUDGET, "endpoint", "fault"}:
        books.stop(session.problem)
    return session.stopping


async def _interruptible[C: Call](session: Session[C]) -> None:
    """Works until Ctrl-C, which lets what is in flight come back; the second one does not wait."""
    loop = asyncio.get_running_loop()

    def interrupt() -> None:
        loop.remove_signal_handler(signal.SIGINT)
        session.stop("interrupt")

    loop.add_signal_handler(signal.SIGINT, interrupt)
    await session.work()
