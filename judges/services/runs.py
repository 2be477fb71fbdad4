"""A run from its start to its end: started, worked on, paused, resumed, cancelled, swept up after a crash."""

import contextlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from celery import current_app
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Count, F, Q, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from annotation.models import Study
from annotation.services.studies import NotPossible
from judges.keys import NoKey
from judges.models import LIVE, CallState, JudgeCall, JudgeReply, JudgeRun, JudgeVersion, RunKind, RunState, Sender
from judges.services import planning, reading, sending
from judges.services.calls import JudgeBooks
from judges.services.planning import Plan
from judges.services.sending import Patience

TASK: Final = "judges.work"

SILENCE: Final = timedelta(seconds=60)
"""Without a sign of life for so long a sender is taken for dead."""

PATIENCE: Final = timedelta(seconds=60)
"""After which the message of a run that nobody works on is taken for lost."""

SITTING: Final = 600.0
"""Seconds after which a worker puts a run down and asks for it again, so that others get their turn."""


def start(
    study: Study,
    version: JudgeVersion,
    plan: Plan,
    at: datetime,
    *,
    user: User | None = None,
    detach: bool = True,
    senders: int = 1,
    offline: bool = False,
    schedule: int | None = None,
) -> JudgeRun:
    """Begins a run of `version` on `study`; the background plans and sends its calls, unless not `detach`.

    `schedule` is the one that asked for it.

    Raises:
        NotPossible: the judge is at work on the study already, its name is taken there, there is nothing to
            judge, or its key cannot be had.
    """
    reading.check_name(study, version)
    targets = planning.results_of(study, plan) if version.grades else planning.pairs_of(study, plan)
    if not targets.exists():
        raise NotPossible(_("There is nothing to judge yet: this study has no pairs, or no answers, that fit."))
    if not offline:
        _check_key(version)
    options = {**plan.as_json(), "senders": senders} | ({} if schedule is None else {"schedule": schedule})
    return _begin(
        JudgeRun(study=study, version=version, user=user, options=options, offline=offline, created_at=at),
        senders if detach else 0,
    )


def start_probe(
    study: Study,
    version: JudgeVersion,
    kind: RunKind,
    options: Mapping[str, Any],
    at: datetime,
    *,
    user: User | None = None,
    detach: bool = True,
) -> JudgeRun:
    """Begins a probe: what is asked stands in `options`, or is the judge's sentinel set. As `start`.

    Raises:
        NotPossible: such a probe is at work already, or the judge's key cannot be had.
    """
    _check_key(version)
    run = JudgeRun(study=study, version=version, kind=kind, user=user, options=dict(options), created_at=at)
    return _begin(run, 1 if detach else 0)


def _check_key(version: JudgeVersion) -> None:
    try:
        version.connect()
    except NoKey as missing:
        raise NotPossible(str(missing)) from None


def _begin(run: JudgeRun, senders: int) -> JudgeRun:
    """Stores `run`, and asks the background for `senders` of it."""
    try:
        with transaction.atomic():
            run.save(force_insert=True)
            if senders:
                _enqueue(run, senders)
    except IntegrityError as conflict:
        if "judge_run_one_live" not in str(conflict) and "UNIQUE constraint failed" not in str(conflict):
            raise
        # Somebody else pressed the button at the same moment, or there is one that was not finished.
        raise NotPossible(_("This judge is at work on this study already. See its run.")) from None
    return run


def _enqueue(run: JudgeRun, count: int = 1) -> None:
    run_id = run.pk
    transaction.on_commit(lambda: [current_app.send_task(TASK, args=[run_id]) for _sender in range(count)])


def work(run_id: int, *, patience: Patience | None = None, seconds: float = SITTING, detached: bool = True) -> str:
    """Does what is to be done for a run: plans it if it has not been, and sends what is free.

    Any number of processes may do so at once, up to the run's senders. Returns why it stopped, as
    `sending.send`, or nothing where the run is over or others see to it.

    Raises:
        NoKey: the key cannot be had; the run is stopped.
    """
    JudgeRun.objects.filter(pk=run_id, state=RunState.WAITING, offline=False).update(state=RunState.RUNNING)
    runs = JudgeRun.objects.select_related("study", "version__judge", "version__template")
    run = runs.filter(pk=run_id, state=RunState.RUNNING, offline=False).first()
    if run is None:
        return ""
    senders = max(1, int(run.options.get("senders", 1)))
    if Sender.objects.filter(run=run, finished_at=None).count() >= senders:
        return ""
    with _sender(run) as sender:
        plan(run, sender)
        version = run.version
        why = sending.send(
            JudgeBooks(run, sender),
            version.connect(),
            sending.pace_named(f"judge-{version.judge_id}", version.limits),
            max(1, version.parallel // senders),
            patience=patience or Patience(),
            seconds=seconds,
            interruptible=not detached,
        )
    finish(run, timezone.now())
    if why == "seconds" and detached:
        _enqueue(run)
    return why


@contextlib.contextmanager
def _sender(run: JudgeRun) -> Iterator[Sender]:
    now = timezone.now()
    sender = Sender.objects.create(run=run, started_at=now, beat_at=now)
    try:
        yield sender
    except NoKey as missing:
        _stop(run, str(missing))
        raise
    finally:
        # What was claimed and not stored is freed, and counted if it was in flight, as after a crash.
        JudgeBooks(run, sender).bury(timezone.now())


def plan(run: JudgeRun, sender: Sender | None = None) -> None:
    """Plans the calls of `run` if that has not been done to its end; `sender` gives signs of life meanwhile."""
    if run.started_at is not None:
        return

    def alive() -> None:
        if sender is not None:
            Sender.objects.filter(pk=sender.pk).update(beat_at=timezone.now())

    planned = planning.plan_calls(run, alive)
    JudgeRun.objects.filter(pk=run.pk, started_at=None).update(started_at=timezone.now(), planned=planned)
    run.refresh_from_db(fields=["started_at", "planned"])


def _stop(run: JudgeRun, problem: str) -> None:
    JudgeRun.objects.filter(pk=run.pk, state=RunState.RUNNING).update(state=RunState.STOPPED, problem=problem)


def finish(run: JudgeRun, at: datetime) -> bool:
    """Ends a run of which nothing is pending or in flight; False where something is, or it has ended before."""
    open_calls = JudgeCall.objects.filter(run=run, state__in=[CallState.PENDING, CallState.SENT])
    live = JudgeRun.objects.filter(pk=run.pk, state__in=[RunState.RUNNING, RunState.PAUSED]).exclude(started_at=None)
    return not open_calls.exists() and bool(live.update(state=RunState.DONE, finished_at=at))


def pause(run: JudgeRun) -> bool:
    """Lets nothing more be sent; what is in flight comes back. False where it was not running."""
    live = JudgeRun.objects.filter(pk=run.pk, state__in=[RunState.WAITING, RunState.RUNNING])
    return bool(live.update(state=RunState.PAUSED))


@transaction.atomic
def resume(run: JudgeRun, *, detach: bool = True) -> bool:
    """Goes on with a run that was paused, or stopped, and asks again what failed. False where it was neither."""
    halted = JudgeRun.objects.filter(pk=run.pk, state__in=[RunState.PAUSED, RunState.STOPPED])
    if not halted.update(state=RunState.RUNNING, problem=""):
        return False
    JudgeCall.objects.filter(run=run, state=CallState.FAILED).update(state=CallState.PENDING, claim=None)
    if detach:
        _enqueue(run, max(1, int(run.options.get("senders", 1))))
    return True


def unfinished(study: Study, version: JudgeVersion) -> JudgeRun | None:
    """The run of `version` on `study` that can be gone on with: paused, stopped, or left alone by a crash."""
    run = study.judge_runs.filter(version=version, kind=RunKind.JUDGING, state__in=LIVE, offline=False).first()
    if run is None or run.state in {RunState.PAUSED, RunState.STOPPED}:
        return run
    at_work = Sender.objects.filter(run=run, finished_at=None, beat_at__gte=timezone.now() - SILENCE)
    return None if at_work.exists() else run


@transaction.atomic
def cancel(run: JudgeRun, at: datetime) -> bool:
    """Ends a run: what was never sent is forgotten, what was answered stays. False where it had ended."""
    live = JudgeRun.objects.filter(pk=run.pk, state__in=LIVE)
    if not live.update(state=RunState.CANCELLED, finished_at=at):
        return False
    _forget_unsent(run)
    return True


def _forget_unsent(run: JudgeRun) -> None:
    pending = JudgeCall.objects.filter(run=run, state=CallState.PENDING)
    # One that was asked before has replies, which are kept, and a verdict in force whose word it is.
    asked = set(pending.filter(Q(replies__isnull=False)).values_list("pk", flat=True))
    JudgeCall.objects.filter(pk__in=asked).update(state=CallState.FAILED, claim=None)
    pending.exclude(pk__in=asked).delete()


def sweep(at: datetime) -> int:
    """Picks up what a crash left behind; returns how many calls had been in flight.

    Senders without a sign of life are buried and their calls freed; runs that nobody works on are asked
    for again; calls of cancelled runs that a dead sender held are forgotten.
    """
    lost = 0
    for sender in Sender.objects.filter(finished_at=None, beat_at__lt=at - SILENCE).select_related("run__version"):
        lost += JudgeBooks(sender.run, sender).bury(at) or 0
    for run in JudgeRun.objects.filter(state=RunState.CANCELLED, calls__state=CallState.PENDING).distinct():
        with transaction.atomic():
            _forget_unsent(run)
    alone = ~Q(pk__in=Sender.objects.filter(finished_at=None).values("run"))
    waiting = Q(state=RunState.WAITING, created_at__lte=at - PATIENCE) | Q(state=RunState.RUNNING)
    for run in JudgeRun.objects.filter(waiting & alone, offline=False):
        if not finish(run, at):
            _enqueue(run, max(1, int(run.options.get("senders", 1))))
    return lost


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is. Money in nanos; `rate` in replies a second over the last minute; `left` in seconds."""

    states: dict[str, int]
    planned: int
    cost: int
    unsure: int
    tokens_in: int
    tokens_out: int
    tokens_cached: int
    tokens_reasoning: int
    retried: int
    shortened: int
    rate: float
    left: float | None
    expected: int | None

    @property
    def over(self) -> int:
        """Calls that need nothing more."""
        return sum(count for state, count in self.states.items() if state not in {"pending", "sent"})

    @property
    def share(self) -> float:
        return self.over / self.planned if self.planned else 0.0


def progress(run: JudgeRun, at: datetime) -> Progress:
    """`run` in numbers, in three queries."""
    found = dict(JudgeCall.objects.filter(run=run).order_by().values_list("state").annotate(Count("pk")))
    states = {state: found.get(state, 0) for state in CallState.values}
    replies = JudgeReply.objects.filter(call__run=run)
    sums = replies.aggregate(
        cost=Sum("cost"),
        unsure=Sum("unsure"),
        tokens_in=Sum("tokens_in"),
        tokens_out=Sum("tokens_out"),
        cached=Sum("tokens_cached"),
        reasoning=Sum("tokens_reasoning"),
        retried=Sum(F("attempts") - 1),
        shortened=Count("pk", filter=Q(cut=True)),
        number=Count("pk"),
    )
    recent = replies.filter(received_at__gt=at - timedelta(minutes=1)).count()
    span = 60.0
    if run.started_at is not None:
        span = min(60.0, max(1.0, (at - run.started_at).total_seconds()))
    rate = recent / span
    to_do = states["pending"] + states["sent"]
    cost, number = sums["cost"] or 0, sums["number"]
    return Progress(
        states=states,
        planned=max(run.planned, sum(states.values())),
        cost=cost,
        unsure=sums["unsure"] or 0,
        tokens_in=sums["tokens_in"] or 0,
        tokens_out=sums["tokens_out"] or 0,
        tokens_cached=sums["cached"] or 0,
        tokens_reasoning=sums["reasoning"] or 0,
        retried=sums["retried"] or 0,
        shortened=sums["shortened"],
        rate=rate,
        left=math.ceil(to_do / rate) if rate and run.state == RunState.RUNNING else None,
        expected=cost + round(cost / number * to_do) if number else None,
    )
