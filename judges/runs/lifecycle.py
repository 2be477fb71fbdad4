"""A run from its start to its end, whatever it asks: worked on, paused, resumed, cancelled, swept up after a crash."""

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
from judges.llm import chat
from judges.llm.api_keys import NoKey
from judges.llm.rate_limits import Pace
from judges.models import LIVE, CallState, JudgeVersion, RunState
from judges.models.work import Access, Call, Exchange, Run, Sending
from judges.runs.call_store import Books
from judges.runs.progress import Progress, measure
from judges.runs.sender import Patience, pace_named, send

SILENCE: Final = timedelta(seconds=60)
"""Without a sign of life for so long a sender is taken for dead."""

PATIENCE: Final = timedelta(seconds=60)
"""After which the message of a run that nobody works on is taken for lost."""

SITTING: Final = 600.0
"""Seconds after which a worker puts a run down and asks for it again, so that others get their turn."""


@dataclass(frozen=True, slots=True)
class Connection:
    """Where a run is sent to, within which limits, and how many requests may be in flight over all senders."""

    endpoint: chat.Endpoint
    pace: Pace
    parallel: int


def to_judge(version: JudgeVersion) -> Connection:
    """Whatever a judge is asked, its limits are held over all of it.

    Raises:
        NoKey: the key cannot be had.
    """
    pace = pace_named(f"judge-{version.judge_id}", version.limits)
    return Connection(version.connect(), pace, version.parallel)


def enqueue(run: Run, count: int = 1) -> None:
    """Asks the background for `count` senders of `run`, once what was done so far is stored."""
    task, run_id = run.TASK, run.pk
    # Without a broker the run waits, and the sweep asks again.
    transaction.on_commit(lambda: [current_app.send_task(task, args=[run_id]) for _sender in range(count)], robust=True)


def senders_of(run: Run) -> int:
    """How many processes share the work of `run`."""
    return max(1, int(run.options.get("senders", 1)))


def check_key(access: Access) -> None:
    """Looks before anything is stored whether it could be sent.

    Raises:
        NotPossible: the key cannot be had.
    """
    try:
        access.connect()
    except NoKey as missing:
        raise NotPossible(missing.problem) from None


@contextlib.contextmanager
def only_one(constraint: str, refusal: Problem | str) -> Iterator[None]:
    """Stores what is done within, in one transaction.

    Raises:
        NotPossible: `constraint` lets one such run live; another was there, or was begun at the same moment.
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
    """What runs of one kind go through."""

    runs: type[R]
    senders: type[S]
    asked: type[C]
    """The calls that such runs are made of."""

    unsent: ClassVar[tuple[str, ...]] = (CallState.PENDING,)
    """The states of calls that have not been asked, or are to be asked again."""

    replies: type[Exchange]
    """What comes back on them."""

    shortened: ClassVar[Q | None] = None
    """Which replies are to questions whose text was cut."""

    @abstractmethod
    def sendable(self) -> QuerySet[R]:
        """The runs that are sent from here, with everything that sending them needs."""

    @abstractmethod
    def books(self, run: R, sender: S) -> Books[C]: ...

    @abstractmethod
    def plan_calls(self, run: R, alive: Callable[[], None]) -> int:
        """Stores the calls of `run`, calling `alive` now and then; returns how many it has.

        It can be interrupted and begun again.
        """

    @abstractmethod
    def connect(self, run: R) -> Connection:
        """
        Raises:
            NoKey: the key cannot be had.
        """

    def calls(self, run: R) -> QuerySet[C]:
        """The calls of `run`."""
        return self.asked._default_manager.filter(run=run)

    def forget_unsent(self, run: R) -> None:
        """Takes back what was planned for a run that was cancelled and never sent."""
        unsent = self.calls(run).filter(state__in=self.unsent)
        # One that was asked before has replies, which are kept, and may have a verdict in force.
        answered = set(unsent.filter(replies__isnull=False).values_list("pk", flat=True))
        self.asked._default_manager.filter(pk__in=answered).update(state=CallState.FAILED, claim=None)
        unsent.exclude(pk__in=answered).delete()

    def work(
        self, run_id: int, *, patience: Patience | None = None, seconds: float = SITTING, detached: bool = True
    ) -> str:
        """Does what is to be done for a run: plans it if it has not been, and sends what is free.

        Any number of processes may do so at once, up to the run's senders. Returns why it stopped, as
        `sending.send`, or nothing where the run is over or others see to it.

        Raises:
            NoKey: the key cannot be had; the run is stopped.
        """
        # Where no background sweeps, whoever goes on with a run does so after a crash.
        self._bury_silent(timezone.now())
        sendable = self.sendable()
        sendable.filter(pk=run_id, state=RunState.WAITING).update(state=RunState.RUNNING)
        run = sendable.filter(pk=run_id, state=RunState.RUNNING).first()
        if run is None:
            return ""
        if self._senders().filter(run=run, finished_at=None).count() >= senders_of(run):
            return ""
        with self._sender(run) as sender:
            try:
                why = self._send(run, sender, patience or Patience(), seconds, interruptible=not detached)
            except KeyboardInterrupt:
                if detached:
                    raise
                # While the calls were planned, or for the second time. The background is not to go on with it.
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

    @contextlib.contextmanager
    def _sender(self, run: R) -> Iterator[S]:
        now = timezone.now()
        sender = self._senders().create(run=run, started_at=now, beat_at=now)
        books = self.books(run, sender)
        try:
            yield sender
        except NoKey as missing:
            books.stop(missing.problem)
            raise
        finally:
            # What was claimed and not stored is freed, and counted if it was in flight, as after a crash.
            books.bury(timezone.now())

    def plan(self, run: R, sender: S | None = None) -> None:
        """Plans the calls of `run` if that has not been done to its end; `sender` gives signs of life meanwhile."""
        if run.started_at is not None:
            return

        def alive() -> None:
            if sender is not None:
                self._senders().filter(pk=sender.pk).update(beat_at=timezone.now())

        planned = self.plan_calls(run, alive)
        self._runs().filter(pk=run.pk, started_at=None).update(started_at=timezone.now(), planned=planned)
        run.refresh_from_db(fields=["started_at", "planned"])

    def finish(self, run: R, at: datetime) -> bool:
        """Ends a run of which nothing is pending or in flight; False where something is, or it has ended before."""
        open_calls = self.calls(run).filter(state__in=[CallState.PENDING, CallState.SENT])
        live = self._runs().filter(pk=run.pk, state__in=[RunState.RUNNING, RunState.PAUSED]).exclude(started_at=None)
        return not open_calls.exists() and bool(live.update(state=RunState.DONE, finished_at=at))

    def progress(self, run: R, at: datetime) -> Progress:
        """`run` in numbers, in three queries."""
        replies: QuerySet[Any] = self.replies._default_manager.all()
        return measure(
            run,
            self.calls(run),
            replies.filter(call__run=run),
            at,
            open_states=self.open_states(run),
            shortened=self.shortened,
        )

    def problems(self, run: R) -> list[Counted]:
        """What went wrong most often with the calls of `run`, whatever came of them in the end."""
        replies: QuerySet[Any] = self.replies._default_manager.all()
        return commonest(replies.filter(call__run=run))

    def open_states(self, run: R) -> Collection[str]:
        """The states of calls of `run` that are still to do."""
        return (CallState.PENDING, CallState.SENT)

    def pause(self, run: R) -> bool:
        """Lets nothing more be sent; what is in flight comes back. False where it was not running."""
        live = self._runs().filter(pk=run.pk, state__in=[RunState.WAITING, RunState.RUNNING])
        return bool(live.update(state=RunState.PAUSED))

    @transaction.atomic
    def resume(self, run: R, *, detach: bool = True) -> bool:
        """Goes on with a run that was paused, or stopped, and asks again what failed. False where it was neither."""
        halted = self._runs().filter(pk=run.pk, state__in=[RunState.PAUSED, RunState.STOPPED])
        if not halted.update(state=RunState.RUNNING, **columns(NO_PROBLEM)):
            return False
        self.calls(run).filter(state=CallState.FAILED).update(state=CallState.PENDING, claim=None)
        if detach:
            enqueue(run, senders_of(run))
        return True

    def left_alone(self, run: R, at: datetime) -> bool:
        """Whether `run` can be gone on with: it is paused, stopped, or nobody who lives is at work on it."""
        if run.state in {RunState.PAUSED, RunState.STOPPED}:
            return True
        at_work = self._senders().filter(run=run, finished_at=None, beat_at__gte=at - SILENCE)
        return run.live and not at_work.exists()

    @transaction.atomic
    def cancel(self, run: R, at: datetime) -> bool:
        """Ends a run: what was never sent is forgotten, what was answered stays. False where it had ended."""
        if not self._runs().filter(pk=run.pk, state__in=LIVE).update(state=RunState.CANCELLED, finished_at=at):
            return False
        self.forget_unsent(run)
        return True

    def sweep(self, at: datetime) -> int:
        """Picks up what a crash left behind; returns how many calls had been in flight.

        Senders without a sign of life are buried and their calls freed; runs that nobody works on are asked
        for again; calls of cancelled runs that a dead sender held are forgotten.
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
        return lost

    def _bury_silent(self, at: datetime) -> int:
        """Frees the calls of senders without a sign of life; returns how many had been in flight."""
        lost = 0
        for silent in self._senders().filter(finished_at=None, beat_at__lt=at - SILENCE):
            run = self._runs().get(pk=silent.run_id)
            lost += self.books(run, silent).bury(at) or 0
        return lost

    def _runs(self) -> QuerySet[R]:
        return self.runs._default_manager.all()

    def _senders(self) -> QuerySet[S]:
        return self.senders._default_manager.all()
