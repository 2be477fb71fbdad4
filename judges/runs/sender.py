"""A process that works on a run: it claims calls, sends them concurrently, and stores what comes back.

One event loop sends. One thread beside it owns the database connection and runs the short transactions, several calls
in each, so that neither waits for the other.
"""

import asyncio
import logging
import random
import signal
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import httpx
import stamina
from django.conf import settings
from django.db import connection
from django.utils import timezone
from stamina import instrumentation

from annotation.problems import NO_PROBLEM, Problem
from judges import problems
from judges.llm import chat, rate_limits
from judges.llm.endpoints import Endpoint
from judges.llm.errors import Again, Permanent, Refused, Trouble
from judges.models import CallState, RunState
from judges.models.work import Call
from judges.runs import chat_request, waiting
from judges.runs.call_store import BUDGET, Books, Outcome, Prepared
from judges.runs.waiting import Waiting
from judges.verdicts import Finding

logger = logging.getLogger(__name__)

# A sender stores what it waits for, with the reason; the library's own log lines have none.
instrumentation.set_on_retry_hooks([])

BEAT: Final = 2.0
"""Seconds between two heartbeats of a sender."""

NEWS: Final = 0.25
"""Seconds between two heartbeats if what a sender waits for has changed."""

LOOK: Final = 1.0
"""Seconds after which a sender that waits for a rate limit asks again, because replies may have used fewer tokens than
were counted for them."""

SLACK: Final = 10.0
"""Seconds beyond the longest request within which a sender stores its outcome."""

STORED_AT_ONCE: Final = 100
STORE: Final = 0.05
"""Seconds for which outcomes are gathered before they are stored. Each transaction costs as much as some requests."""

HOPELESS: Final = 20
"""Number of calls that fail in a row, with no answer between them, after which a run stops."""

PACE, PURSE = 0, -1

ENDPOINT_WIDE: Final = frozenset({401, 402, 403, 404, 405})
"""HTTP statuses that say something about the key, the account or the address, and nothing about one request."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a call is tried, and how long it waits between attempts, in seconds."""

    attempts: int = 8
    first: float = 1.0
    longest: float = 60.0
    jitter: float = 1.0


@dataclass(slots=True)
class Session[C: Call]:
    """The work of one sender on one run, until nothing is left, the run must stop, or `seconds` have passed.

    The first request goes alone. Others follow once the endpoint has replied to it, so that a mistake in the settings
    is found with one request.
    """

    books: Books[C]
    endpoint: Endpoint
    pace: rate_limits.Pace
    parallel: int
    patience: Patience
    seconds: float
    clock: Callable[[], datetime] = timezone.now
    ready: deque[Prepared[C]] = field(default_factory=deque)
    flying: set[asyncio.Task[None]] = field(default_factory=set)
    waiting: set[asyncio.Task[None]] = field(default_factory=set)
    waits: dict[int, Waiting] = field(default_factory=dict)
    """What calls wait for, by primary key, and what the whole sender waits for, under `PACE` and `PURSE`."""
    done: list[Outcome[C]] = field(default_factory=list)
    stopping: str = ""
    problem: Problem = NO_PROBLEM
    exhausted: bool = False
    hopeless: int = 0
    unstored: int = 0
    reached: bool = False
    """Whether the endpoint has replied, with whatever status."""
    answered: bool = False
    """Whether a call has been answered in this session."""
    answered_before: bool = False
    """Whether a call of the run had been answered before this session."""
    limit: str = ""
    """The name of the token limit that the endpoint turned out to accept."""
    _started: float = field(init=False, default=0.0)
    _pool: ThreadPoolExecutor = field(init=False)
    _wake: asyncio.Event = field(init=False)
    _news: asyncio.Event = field(init=False)
    _slots: deque[httpx.AsyncClient] = field(init=False)
    _gate: asyncio.Lock = field(init=False, default_factory=asyncio.Lock)
    _over: bool = field(init=False, default=False)
    _balance: tuple[int, int, int] = field(init=False, default=(0, 0, 0))
    _balanced_at: float = field(init=False, default=0.0)

    async def work(self) -> None:
        self._wake, self._news = asyncio.Event(), asyncio.Event()
        self._started = time.monotonic()
        with ThreadPoolExecutor(1, thread_name_prefix="judges-db") as pool:
            self._pool = pool
            try:
                self.answered_before = await self._db(self.books.anything_answered)
                async with self.endpoint.slots(self.parallel) as self._slots:
                    beat = asyncio.create_task(self._beat())
                    storing = asyncio.create_task(self._store_all())
                    for task in (beat, storing):
                        task.add_done_callback(self._failed)
                    try:
                        await self._send_all()
                    finally:
                        beat.cancel()
                        self._over = True
                        self._wake.set()
                        await asyncio.gather(storing, beat, return_exceptions=True)
                await self._db(lambda: self.books.unclaim(list(self.ready)))
            finally:
                await self._db(lambda: connection.close())

    async def _db[T](self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def stop(self, why: str, problem: Problem = NO_PROBLEM) -> None:
        """Stops sending. Requests in flight are awaited; calls that wait for their next attempt are released."""
        if not self.stopping:
            self.stopping, self.problem = why, problem
            for task in self.waiting:
                task.cancel()
        self._wake.set()

    def _places(self) -> int:
        """Returns how many more requests may be in flight now."""
        if self.stopping:
            return 0
        return (self.parallel if self.reached else 1) - len(self.flying)

    async def _send_all(self) -> None:
        while True:
            self._wake.clear()
            free = self._places()
            if not self.stopping and not self.exhausted and len(self.ready) < max(free, self.parallel):
                more = await self._db(lambda: self.books.claim(2 * self.parallel))
                self.exhausted = not more
                self.ready.extend(more)
                continue
            if free > 0 and self.ready:
                await self._launch([self.ready.popleft() for _place in range(min(free, len(self.ready)))])
                continue
            if not self.flying and (self.stopping or not (self.ready or self.unstored)):
                return
            await self._wake.wait()

    async def _launch(self, batch: list[Prepared[C]]) -> None:
        admitted, held_back = await self._db(lambda: self.books.admit(batch, self.clock()))
        for prepared in admitted:
            task = asyncio.create_task(self._ask(prepared))
            self.flying.add(task)
            task.add_done_callback(self._landed)
        self.ready.extendleft(reversed(batch[len(admitted) :]))
        if held_back == BUDGET:
            # Requests in flight are reserved at their maximum and may leave room once they are stored.
            if self.flying or self.unstored:
                self._wake.clear()
                await self._wake.wait()
            elif await self._others_may_leave_room():
                self._tell(PURSE, Waiting(problems.BUDGET_RESERVED()))
                await asyncio.sleep(LOOK)
            else:
                self.stop(BUDGET, problems.NO_MONEY())
        elif held_back:
            self.stop(held_back)
        if held_back != BUDGET:
            self._tell(PURSE, None)

    async def _others_may_leave_room(self) -> bool:
        """Returns whether other senders have requests in flight on the same budget; a dead sender's stay for ever."""
        found = await self._db(self.books.balance)
        if found != self._balance:
            self._balance, self._balanced_at = found, time.monotonic()
        return found[2] > 0 and time.monotonic() - self._balanced_at < self.endpoint.timeout + SLACK

    def _tell(self, key: int, waiting: Waiting | None) -> None:
        """Notes what the call `key`, or the sender, waits for; the heartbeat stores it."""
        if waiting is None:
            if self.waits.pop(key, None) is None:
                return
        else:
            self.waits[key] = waiting
        self._news.set()

    def _failed(self, task: asyncio.Task[None]) -> None:
        """Stops after an error of the database: nothing may be sent whose outcome cannot be stored."""
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("The database refused the work of a sender", exc_info=error)
            self.stop("fault", problems.DATABASE_REFUSED())

    def _landed(self, task: asyncio.Task[None]) -> None:
        self.flying.discard(task)
        self.waiting.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # An error in this code: the call stays sent, and is asked again once this sender has ended.
            logger.error("A call could not be made", exc_info=error)
            self.stop("fault", problems.OUR_FAULT(error=type(error).__name__))
        self._wake.set()

    async def _ask(self, prepared: Prepared[C]) -> None:
        outcome = Outcome(prepared, attempts=0)
        try:
            await self._attempts(outcome)
            self.hopeless, self.answered = 0, True
        except Trouble as trouble:
            self._give_up(outcome, trouble)
        except (asyncio.CancelledError, _NoBudget):
            outcome.released = True
        self._tell(prepared.call.pk, None)
        outcome.received_at = self.clock()
        self.done.append(outcome)
        self.unstored += 1
        self._wake.set()

    async def _attempts(self, outcome: Outcome[C]) -> None:
        patience = self.patience
        task = asyncio.current_task()
        assert task is not None  # noqa: S101
        self.waiting.add(task)
        tries = stamina.retry_context(
            on=lambda error: self._wait(error, outcome), attempts=patience.attempts, timeout=None
        )
        async for attempt in tries:
            with attempt:
                ticket = await self._attempt(outcome, task)
        answer = outcome.answer
        assert answer is not None  # noqa: S101
        if ticket and answer.usage.told:
            self.pace.settle(ticket, answer.usage.tokens_in + answer.usage.tokens_out)
        outcome.finding = self.books.find(answer)

    async def _attempt(self, outcome: Outcome[C], task: asyncio.Task[None]) -> str:
        """Makes one attempt and returns its ticket of the rate limits.

        An endpoint that refuses the name of the token limit is asked once more, at once, with the other name.
        """
        refused: Permanent | None = None
        while True:
            ticket = await self._turn(outcome.prepared)
            outcome.attempts += 1
            self.waiting.discard(task)
            self._tell(outcome.prepared.call.pk, None)
            if self.limit and not outcome.renamed:
                self._name_limit(outcome, self.limit)
            try:
                outcome.answer = await self._asked(outcome.prepared)
            except Again as trouble:
                if trouble.perhaps_paid:
                    await self._count_unsure(outcome)
                if self.stopping:
                    raise asyncio.CancelledError from None
                self.waiting.add(task)
                raise
            except Permanent as trouble:
                if refused is not None:
                    # The other name is not accepted either; the first refusal is about the setting as it is.
                    self._name_limit(outcome, refused.parameter)
                    raise (refused if trouble.parameter else trouble) from None
                other = chat_request.other_limit(outcome.prepared.question, trouble.parameter)
                if not other:
                    raise
                refused, outcome.renamed = trouble, True
                self._name_limit(outcome, other)
                continue
            finally:
                self._wake.set()
            if refused is not None:
                self.limit = outcome.prepared.question.limit
                await self._db(partial(self.books.remember_limit, self.limit))
            return ticket

    def _name_limit(self, outcome: Outcome[C], name: str) -> None:
        prepared = outcome.prepared
        outcome.prepared = replace(prepared, question=chat_request.with_limit_named(prepared.question, name))

    async def _count_unsure(self, outcome: Outcome[C]) -> None:
        """Counts an attempt that may have been charged; another one needs room in the budget for both."""
        bound = outcome.prepared.question.bound
        outcome.unsure += bound
        if bound and outcome.attempts - outcome.renamed < self.patience.attempts:
            if not await self._db(lambda: self.books.reserve_again(bound)):
                raise _NoBudget
            outcome.counted += bound

    def _wait(self, error: Exception, outcome: Outcome[C]) -> bool | float:
        """Returns how many seconds a call waits for its next attempt, or False if there is none, and tells of it.

        What the endpoint asks for is the minimum: one that says "in a second" each time is busier than it knows, and
        calls that it turned away together must not return together.
        """
        patience, attempts = self.patience, outcome.attempts - outcome.renamed
        if not isinstance(error, Again):
            return False
        growing: float = min(patience.longest, patience.first * 2 ** (attempts - 1))
        if error.retry_after is not None:
            growing = max(error.retry_after, growing if attempts > 1 else 0.0)
        seconds = growing + random.uniform(0.0, patience.jitter)  # noqa: S311  no secret depends on it
        if error.give_up is not None and not self._heard:
            left = error.give_up - (time.monotonic() - self._started)
            if left <= 0:
                return False
            seconds = min(seconds, left)
        if attempts < patience.attempts:
            until = self.clock() + timedelta(seconds=seconds)
            waits = Waiting(error.problem, error.status, attempts + 1, patience.attempts, until)
            self._tell(outcome.prepared.call.pk, waits)
        return seconds

    def _give_up(self, outcome: Outcome[C], trouble: Trouble) -> None:
        """Stores a call's failure, and stops the run if it is not about that call alone."""
        state = CallState.REFUSED if isinstance(trouble, Refused) else CallState.FAILED
        outcome.finding = Finding(state, problem=trouble.problem)
        outcome.raw, outcome.status = trouble.raw, trouble.status
        self.reached = self.reached or trouble.status is not None
        if isinstance(trouble, Refused):
            self.answered = True
            return
        self.hopeless += 1
        if self._concerns_all(trouble) or self.hopeless >= HOPELESS:
            slow = isinstance(trouble, Again) and trouble.give_up == 0 and trouble.perhaps_paid
            seconds = f"{self.endpoint.timeout:g}"
            unheard = slow and not self._heard
            self.stop("endpoint", problems.SLOWER_THAN_TIMEOUT(seconds=seconds) if unheard else trouble.problem)

    @property
    def _heard(self) -> bool:
        """Whether the endpoint has ever replied in this run."""
        return self.reached or self.answered_before

    def _concerns_all(self, trouble: Trouble) -> bool:
        """Returns whether `trouble` would meet every call. A 4xx while others are answered is about one call alone."""
        if isinstance(trouble, Again):
            return trouble.give_up is not None and not self._heard
        if not isinstance(trouble, Permanent):
            return False
        before = self.answered_before and trouble.status not in ENDPOINT_WIDE
        return trouble.stops or not (self.answered or before)

    async def _asked(self, prepared: Prepared[C]) -> chat.Answer:
        # There are as many clients as calls in flight. The one that was used last has an open connection.
        client = self._slots.pop()
        try:
            answer = await self.books.ask(client, self.endpoint, prepared.question.body)
        except Again as trouble:
            self.reached = self.reached or trouble.status is not None
            raise
        finally:
            self._slots.append(client)
        self.reached = True
        return answer

    async def _turn(self, prepared: Prepared[C]) -> str:
        """Waits until the rate limits allow a request, and returns its ticket. Calls wait in the order they came."""
        async with self._gate:
            while (turn := self.pace.take(prepared.question.tokens)).wait > 0:
                if turn.wait > LOOK:
                    until = self.clock() + timedelta(seconds=turn.wait)
                    self._tell(PACE, Waiting(problems.RATE_LIMITED(), until=until))
                await asyncio.sleep(min(turn.wait, LOOK))
            self._tell(PACE, None)
        return turn.ticket

    async def _store_all(self) -> None:
        """Stores outcomes, those of some milliseconds together."""
        while not (self._over and not self.done):
            if self.done:
                await self._flush()
            # The next turn of a conversation waits for the answer to this one.
            await asyncio.sleep(0.01 if self._over or self.books.converses or self.parallel == 1 else STORE)

    async def _flush(self) -> None:
        batch, self.done = self.done[:STORED_AT_ONCE], self.done[STORED_AT_ONCE:]
        if batch:
            await self._db(lambda: self.books.store(batch, self.clock()))
            self.unstored -= len(batch)
            # The answer to one turn of a conversation makes the next one ready; released calls are free again.
            freed = self.books.converses or any(outcome.released for outcome in batch)
            self.exhausted = self.exhausted and not freed
            self._wake.set()

    async def _beat(self) -> None:
        while True:
            await self._pause()
            self._news.clear()
            found = waiting.commonest(list(self.waits.values()))
            told = found.as_json() if found else None
            state = await self._db(partial(self.books.alive, self.clock(), told))
            if state != RunState.RUNNING:
                self.stop(state)
            elif time.monotonic() - self._started > self.seconds:
                self.stop("seconds")

    async def _pause(self) -> None:
        """Waits for the next heartbeat, which comes sooner if there is news."""
        await asyncio.sleep(NEWS)
        try:
            async with asyncio.timeout(BEAT - NEWS):
                await self._news.wait()
        except TimeoutError:
            pass


class _NoBudget(Exception):
    """The budget has no room for another attempt."""


def pace_named(name: str, limits: rate_limits.Limits) -> rate_limits.Pace:
    """Returns the `limits` with this name, which all processes share."""
    if not limits:
        return rate_limits.NoPace()
    if settings.REDIS_URL:
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        from judges.llm.redis_rate_limits import RedisPace

        # Replies arrive on the thread that waits for Redis, so a slow reply is asked for again later instead.
        client = redis.Redis.from_url(
            settings.REDIS_URL, socket_timeout=5, socket_connect_timeout=5, retry=Retry(NoBackoff(), 1)
        )
        return RedisPace(client, name, limits)
    return rate_limits.FilePace(settings.PACE_DIR / name, limits)


def send[C: Call](
    books: Books[C],
    endpoint: Endpoint,
    limits: rate_limits.Pace,
    parallel: int,
    *,
    patience: Patience,
    seconds: float,
    interruptible: bool = False,
) -> str:
    """Sends the free calls of a running run, at most `parallel` at once, and returns why it ended.

    That is nothing if no call is left; else `seconds`, `budget`, `endpoint`, `fault`, `interrupt`, or the state that
    the run is in.
    """
    session = Session(books, endpoint, limits, parallel, patience, seconds)
    asyncio.run(_interruptible(session) if interruptible else session.work())
    if session.stopping in {BUDGET, "endpoint", "fault"}:
        books.stop(session.problem)
    return session.stopping


async def _interruptible[C: Call](session: Session[C]) -> None:
    """Works until Ctrl-C. The first one awaits the requests in flight, a second one does not."""
    loop = asyncio.get_running_loop()

    def interrupt() -> None:
        loop.remove_signal_handler(signal.SIGINT)
        session.stop("interrupt")

    loop.add_signal_handler(signal.SIGINT, interrupt)
    await session.work()
