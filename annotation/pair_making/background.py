"""Makes pairs in the background; the row has the state, and the message that starts it is only a hint."""

import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Final

from celery import current_app
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from annotation.heartbeats import beating, silent
from annotation.models import PairRun, PairRunState, Study
from annotation.pair_making import make, problems
from annotation.stored_problems import columns
from annotation.studies.lifecycle import NotPossible

TASK: Final = "annotation.make_pairs"

PATIENCE: Final = timedelta(seconds=15)
"""After this time the message of an unclaimed run may be lost."""

MOST_TRIES: Final = 3
"""How often a run is begun whose worker dies each time."""


class Cancelled(Exception):
    """The run was cancelled while it was computing."""


@transaction.atomic
def submit(study: Study, user: User | None, strategy: str, options: Mapping[str, Any]) -> PairRun:
    """Asks the background to make pairs with `strategy`; `options` are those of `make.make_pairs`."""
    run = PairRun.objects.create(study=study, user=user, strategy=strategy, options=dict(options))
    transaction.on_commit(lambda: _enqueue(run.pk), robust=True)
    return run


def submit_again(study: Study, user: User | None) -> PairRun | None:
    """Asks for the pairs of models that are new in `study`, made as its last run made them; None if it had no run."""
    last = study.pair_runs.first()
    return None if last is None else submit(study, user, last.strategy, last.options)


def _enqueue(run_id: int) -> None:
    current_app.send_task(TASK, args=[run_id])


def cancel(run: PairRun, at: datetime) -> bool:
    """Cancels a run that has not stored anything yet; returns False if it is over."""
    running = PairRun.objects.filter(pk=run.pk, state__in=[PairRunState.WAITING, PairRunState.RUNNING])
    return bool(running.update(state=PairRunState.CANCELLED, finished_at=at))


def sweep(at: datetime) -> int:
    """Enqueues runs again after a crash or a lost message; returns how many."""
    dead = PairRun.objects.filter(silent(at), state=PairRunState.RUNNING)
    dead.filter(interruptions__gte=MOST_TRIES - 1).update(
        state=PairRunState.FAILED, finished_at=at, **columns(problems.CRASHED())
    )
    dead.update(state=PairRunState.WAITING, created_at=at - PATIENCE, interruptions=F("interruptions") + 1)
    lost = list(
        PairRun.objects.filter(state=PairRunState.WAITING, created_at__lte=at - PATIENCE).values_list("pk", flat=True)
    )
    for run_id in lost:
        _enqueue(run_id)
    return len(lost)


def run(run_id: int, at: datetime) -> None:
    """Runs what the row describes, once; does nothing if another worker has claimed it."""
    if not PairRun.objects.filter(pk=run_id, state=PairRunState.WAITING).update(
        state=PairRunState.RUNNING, claimed_at=at, beat_at=at
    ):
        return
    row = PairRun.objects.select_related("study").get(pk=run_id)
    # A run that an older version was asked for has a language among its options.
    options = {name: value for name, value in row.options.items() if name != "language"}
    # Whatever ends it but a kill is said on the row; what a kill leaves behind is the sweep's.
    outcome: dict[str, Any] = {"state": PairRunState.FAILED, **columns(problems.CRASHED())}
    ours = PairRun.objects.filter(pk=row.pk, claimed_at=at)
    try:
        with beating(ours.filter(state=PairRunState.RUNNING)):
            made = make.make_pairs(row.study, row.strategy, **options, at=at, progress=_Progress(ours))
        outcome = {"state": PairRunState.DONE, "report": {**asdict(made), "known": made.known}}
    except NotPossible as refusal:
        outcome |= columns(refusal.problem)
    except Cancelled:
        outcome = {}
    finally:
        if outcome:
            # A cancellation during storing is too late: the pairs are stored.
            ours.update(finished_at=timezone.now(), **outcome)


class _Progress:
    """Stores the run's progress once per second, and stops the run if it was cancelled or taken over."""

    def __init__(self, ours: QuerySet[PairRun]) -> None:
        self.ours = ours
        self.told = 0.0

    def __call__(self, done: int, size: int) -> None:
        now = time.monotonic()
        if now - self.told < 1 and done < size:
            return
        self.told = now
        if not self.ours.filter(state=PairRunState.RUNNING).update(done=done, size=size):
            raise Cancelled
