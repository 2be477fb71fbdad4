"""The lifecycle of a run, whatever it asks: working on it, pausing, resuming, cancelling, recovery after a crash."""

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final

from celery import current_app
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from annotation.problems import NO_PROBLEM, Problem
from annotation.stored_problems import Counted, columns, commonest
from annotation.studies.lifecycle import NotPossible
from judges.llm.api_keys import NoKey
from judges.llm.endpoints import Endpoint
from judges.llm.rate_limits import Pace
from judges.models import LIVE, CallState, JudgeVersion, RunState
from judges.models.work import Access, Call, Exchange, Run, Sending, states_to_ask
from judges.runs.call_store import Books
from judges.runs.progress import Progress, measure
from judges.runs.sender import Patience, pace_named, send
from judges.runs.waiting import Waiting

SILENCE: Final = timedelta(seconds=60)
"""Time without a heartbeat after which a sender is presumed dead."""

PATIENCE: Final = timedelta(seconds=60)
"""Time after which the message of a run that nobody works on is presumed lost."""

SITTING: Final = 600.0
"""Seconds after which a worker puts a run back into the queue, so that other work gets its turn."""


@dataclass(frozen=True, slots=True)
class Connection:
    """The endpoint of a run, its rate limits, and how many requests may be in flight over all senders."""

    endpoint: Endpoint
    pace: Pace
    parallel: int


def to_judge(version: JudgeVersion) -> Connection:
    """Returns the connection to a judge, whose rate limits hold over everything that it is asked.

    Raises:
        NoKey: the key is not available.
    """
    pace = pace_named(f"judge-{version.judge_id}", version.limits)
    return Connection(version.connect(), pace, version.parallel)


def enqueue(run: Run, count: int = 1) -> None:
    """Queues `count` senders of `run` when the current transaction commits."""
    task, run_id = run.TASK, run.pk
    # Without a broker the run waits, and the sweep asks again.
    transaction.on_commit(lambda: [current_app.send_task(task, args=[run_id]) for _sender in range(count)], robust=True)


def senders_of(run: Run) -> int:
    """Returns how many processes share the work of `run`."""
    return max(1, int(run.options.get("senders", 1)))


def check_key(access: Access) -> None:
    """Checks that the key is available, before anything is stored.

    Raises:
        NotPossible: the key is not available.
    """
    try:
        access.connect()
    except NoKey as missing:
        raise NotPossible(missing.problem) from None


@contextlib.contextmanager
def only_one(constraint: str, refusal: Problem | str) -> Iterator[None]:
    """Runs its block in one transaction.

    Raises:
        NotPossible: `constraint` allows one unfinished run, and there is another, perhaps started at the same moment.
    """
    try:
        with transaction.atomic():
            yield
    except IntegrityError as conflict:
        # SQLite names the columns of a constraint, not the constraint.
        if constraint not in str(conflict) and "UNIQUE constraint failed" not in str(conflict):
            raise
        raise NotPossible(refusal) from None


class Lifecycle[R: Run, S: Sending, C: Call](ABC):
    """The lifecycle of runs of one kind."""

    runs: type[R]
    senders: type[S]
    asked: type[C]
    """The model of their calls."""

    silence: ClassVar[timedelta] = SILENCE

    unsent: ClassVar[tuple[str, ...]] = (CallState.PENDING,)
    """States of calls that have not been asked, or are to be asked again."""

    usable: ClassVar[tuple[str, ...]] = (CallState.OK,)
    """States of calls that were answered as they should be."""

    replies: type[Exchange]
    """The model of the replies to them."""

    shortened: ClassVar[Q | None] = None
    """Condition on replies to questions whose text was shortened; None if questions never are."""

    @abstractmethod
    def sendable(self) -> QuerySet[R]:
        """Returns the runs that are sent from here, with everything that sending them needs."""

    @abstractmethod
    def books(self, run: R, sender: S) -> Books[C]:
        """Returns the calls of `run` as `sender` uses them."""

    @abstractmethod
    def plan_calls(self, run: R, alive: Callable[[], None]) -> int:
        """Stores the calls of `run` and returns their number; calls `alive` regularly.

        Planning can be interrupted and repeated.
        """

    @abstractmethod
    def connect(self, run: R) -> Connection:
        """Returns the connection that `run` is sent over.

        Raises:
            NoKey: the key is not available.
        """

    def calls(self, run: R) -> QuerySet[C]:
        """Returns the calls of `run`."""
        return self.asked._default_manager.filter(run=run)

    def forget_unsent(self, run: R) -> None:
        """Deletes the planned calls of a cancelled run that were never sent."""
        unsent = self.calls(run).filter(state__in=self.unsent)
        # A call that was asked before has replies, which are kept, and may have a verdict in force.
        answered = set(unsent.filter(replies__isnull=False).values_list("pk", flat=True))
        self.asked._default_manager.filter(pk__in=answered).update(state=CallState.FAILED, claim=None)
        unsent.exclude(pk__in=answered).delete()

    def work(
        self, run_id: int, *, patience: Patience | None = None, seconds: float = SITTING, detached: bool = True
    ) -> str:
        """Works on a run: plans it if that has not been done, and sends its free calls.

        Several processes may do so at once, as many as the run has senders. Returns why it ended, as `sender.send`
        does, or nothing if the run is over or other processes work on it.

        Raises:
            NoKey: the key is not available; the run is stopped.
        """
        # Without background processes, nobody else recovers from a crash.
        self._bury_silent(timezone.now())
        sendable = self.sendable()
        sendable.filter(pk=run_id, state=RunState.WAITING).update(state=RunState.RUNNING)
        run = sendable.filter(pk=run_id, state=RunState.RUNNING).first()
        if run is None:
            return ""
        sender = self._enter(run)
        if sender is None:
            return ""
        with self._leaving(run, sender):
            try:
                why = self._send(run, sender, patience or Patience(), seconds, interruptible=not detached)
            except KeyboardInterrupt:
                if detached:
                    raise
                # During planning, or for the second time. Background processes must not continue it.
                self.pause(run)
                why = "interrupt"
        self.finish(run, timezone.now())
        if why == "seconds" and detached:
            enqueue(run)
        return why

    def _send(self, run: R, sender: S, patience: Patience, seconds: float, *, interruptible: bool) -> str:
        self.plan(run, sender)
        to = self.connect(run)
        return send(
            self.books(run, sender),
            to.endpoint,
            to.pace,
            max(1, to.parallel // senders_of(run)),
            patience=patience,
            seconds=seconds,
            interruptible=interruptible,
        )

    @transaction.atomic
    def _enter(self, run: R) -> S | None:
        """Adds a sender to `run`; returns None if all of its senders are at work."""
        # Locked, so that two processes do not become its last sender at the same time.
        self._runs().select_for_update(no_key=True).get(pk=run.pk)
        if self._senders().filter(run=run, finished_at=None).count() >= senders_of(run):
            return None
        now = timezone.now()
        return self._senders().create(run=run, started_at=now, beat_at=now)

    @contextlib.contextmanager
    def _leaving(self, run: R, sender: S) -> Iterator[None]:
        """Ends `sender` after its block, and stops the run if the key is not available."""
        books = self.books(run, sender)
        try:
            yield
        except NoKey as missing:
            books.stop(missing.problem)
            raise
        finally:
            # As after a crash, calls that were claimed and not stored are released, and counted if in flight.
            books.bury(timezone.now())

    def plan(self, run: R, sender: S | None = None) -> None:
        """Plans the calls of `run`, unless that has been completed; the heartbeat of `sender` is kept up meanwhile."""
        if run.started_at is not None:
            return

        def alive() -> None:
            if sender is not None:
                self._senders().filter(pk=sender.pk).update(beat_at=timezone.now())

        planned = self.plan_calls(run, alive)
        self._runs().filter(pk=run.pk, started_at=None).update(started_at=timezone.now(), planned=planned)
        run.refresh_from_db(fields=["started_at", "planned"])

    def finish(self, run: R, at: datetime) -> bool:
        """Ends a run without pending calls or calls in flight; returns False if it has some, or had already ended."""
        open_calls = self.calls(run).filter(state__in=[CallState.PENDING, CallState.SENT])
        live = self._runs().filter(pk=run.pk, state__in=[RunState.RUNNING, RunState.PAUSED]).exclude(started_at=None)
        return not open_calls.exists() and bool(live.update(state=RunState.DONE, finished_at=at))

    def progress(self, run: R, at: datetime) -> Progress:
        """Returns the progress of `run`, in three queries, or four if calls failed."""
        replies: QuerySet[Any] = self.replies._default_manager.all()
        return measure(
            run,
            self.calls(run),
            replies.filter(call__run=run),
            at,
            open_states=self.open_states(run),
            usable=self.usable,
            shortened=self.shortened,
        )

    def problems(self, run: R) -> list[Counted]:
        """Returns the most common problems of the calls of `run`, whatever their outcome."""
        replies: QuerySet[Any] = self.replies._default_manager.all()
        return commonest(replies.filter(call__run=run))

    def open_states(self, run: R) -> Collection[str]:
        """Returns the states of calls of `run` that are not completed."""
        return (CallState.PENDING, CallState.SENT)

    def waits(self, run: R, at: datetime) -> list[str]:
        """Returns what the senders of `run` wait for at `at`, as sentences in the reader's language."""
        living = self._senders().filter(run=run, finished_at=None, beat_at__gte=at - SILENCE)
        stored = living.filter(waiting__isnull=False).order_by("pk").values_list("waiting", flat=True)
        return [Waiting.from_json(each).sentence(at) for each in stored]

    def pause(self, run: R) -> bool:
        """Stops sending; requests in flight are awaited. Returns False if the run was not running."""
        live = self._runs().filter(pk=run.pk, state__in=[RunState.WAITING, RunState.RUNNING])
        return bool(live.update(state=RunState.PAUSED))

    @transaction.atomic
    def resume(self, run: R, *, detach: bool = True) -> bool:
        """Continues a run that was paused or stopped; returns False if it was neither.

        Failed calls are asked again, after the others, unless they have failed in `MOST_FAILURES` runs.
        """
        halted = self._runs().filter(pk=run.pk, state__in=[RunState.PAUSED, RunState.STOPPED])
        if not halted.update(state=RunState.RUNNING, **columns(NO_PROBLEM)):
            return False
        self.calls(run).filter(states_to_ask([CallState.FAILED])).update(state=CallState.PENDING, claim=None)
        if detach:
            enqueue(run, senders_of(run))
        return True

    def left_alone(self, run: R, at: datetime) -> bool:
        """Returns whether `run` can be continued: it is paused or stopped, or no living sender works on it."""
        if run.state in {RunState.PAUSED, RunState.STOPPED}:
            return True
        at_work = self._senders().filter(run=run, finished_at=None, beat_at__gte=at - SILENCE)
        return run.live and not at_work.exists()

    def held_until(self, run: R) -> datetime | None:
        """Returns when the senders of `run` are presumed dead unless a heartbeat comes; None without senders."""
        beats = self._senders().filter(run=run, finished_at=None).values_list("beat_at", flat=True)
        return max((beat + SILENCE for beat in beats), default=None)

    @transaction.atomic
    def cancel(self, run: R, at: datetime) -> bool:
        """Ends a run: calls never sent are deleted, replies are kept. Returns False if it had already ended."""
        if not self._runs().filter(pk=run.pk, state__in=LIVE).update(state=RunState.CANCELLED, finished_at=at):
            return False
        self.forget_unsent(run)
        return True

    def sweep(self, at: datetime) -> int:
        """Recovers from crashes; returns how many calls were in flight.

        Senders without a heartbeat are ended and their calls released, and other senders are queued in their place.
        Calls of cancelled runs that a dead sender held are deleted.
        """
        lost = self._bury_silent(at)
        for run in self._runs().filter(state=RunState.CANCELLED, calls__state=CallState.PENDING).distinct():
            with transaction.atomic():
                self.forget_unsent(run)
        alone = ~Q(pk__in=self._senders().filter(finished_at=None).values("run"))
        waiting = Q(state=RunState.WAITING, created_at__lte=at - PATIENCE) | Q(state=RunState.RUNNING)
        for run in self.sendable().filter(waiting & alone):
            if not self.finish(run, at):
                enqueue(run, senders_of(run))
        for run in self.sendable().filter(state=RunState.RUNNING).exclude(alone):
            # One of several senders may have been killed. Those that are left when no call is free have just ended.
            missing = senders_of(run) - self._senders().filter(run=run, finished_at=None).count()
            if missing > 0 and self.calls(run).filter(state=CallState.PENDING, claim=None).exists():
                enqueue(run, missing)
        return lost

    def _bury_silent(self, at: datetime) -> int:
        """Releases the calls of senders without a heartbeat; returns how many were in flight."""
        lost = 0
        for silent in self._senders().filter(finished_at=None, beat_at__lt=at - SILENCE):
            run = self._runs().get(pk=silent.run_id)
            lost += self.books(run, silent).bury(at) or 0
        return lost

    def _runs(self) -> QuerySet[R]:
        return self.runs._default_manager.all()

    def _senders(self) -> QuerySet[S]:
        return self.senders._default_manager.all()
