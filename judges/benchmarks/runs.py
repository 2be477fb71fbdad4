"""The lifecycle of benchmarks: starting, sending and finishing them."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Final

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from annotation.studies.lifecycle import NotPossible
from judges.benchmarks import planning
from judges.benchmarks.call_store import BenchmarkBooks
from judges.benchmarks.planning import Terms
from judges.models import (
    LIVE,
    BenchmarkCall,
    BenchmarkReply,
    BenchmarkRun,
    BenchmarkSender,
    Judge,
    JudgeVersion,
    PreferenceSet,
)
from judges.runs.lifecycle import Connection, Lifecycle, check_key, enqueue, only_one, to_judge


def start(
    version: JudgeVersion,
    sets: Sequence[PreferenceSet],
    terms: Terms,
    at: datetime,
    *,
    user: User | None = None,
    detach: bool = True,
) -> BenchmarkRun:
    """Starts a benchmark of `version` on `sets`. An unfinished one is ended; its replies still count.

    Raises:
        NotPossible: a benchmark of the judge is running, or its API key is not available.
    """
    check_key(version)
    lost = _give_way(version, terms.protocol, at)
    with only_one("benchmark_one_live", _("A benchmark of this judge is already running.")):
        run = BenchmarkRun.objects.create(version=version, user=user, created_at=at, lost=lost, **asdict(terms))
        run.sets.set(sets)
        if detach:
            enqueue(run)
    return run


def live(version: JudgeVersion, protocol: str) -> BenchmarkRun | None:
    """Returns the benchmark of `version` that has not ended; there is at most one of a protocol."""
    return BenchmarkRun.objects.filter(version=version, protocol=protocol, state__in=LIVE).first()


def _give_way(version: JudgeVersion, protocol: str, at: datetime) -> int:
    """Ends an unfinished benchmark of `version`; returns how many of its calls a crash interrupted.

    Raises:
        NotPossible: it is still running.
    """
    before = live(version, protocol)
    if before is None:
        return 0
    if not benchmark_life.left_alone(before, at):
        raise NotPossible(_("A benchmark of this judge is already running."))
    for sender in BenchmarkSender.objects.filter(run=before, finished_at=None):
        # Its sender has no recent heartbeat, so its interrupted calls can be sent again.
        BenchmarkBooks(before, sender).bury(at)
    benchmark_life.cancel(before, at)
    before.refresh_from_db(fields=["lost"])
    return before.lost


class BenchmarkLife(Lifecycle[BenchmarkRun, BenchmarkSender, BenchmarkCall]):
    """Lifecycle of benchmarks."""

    runs = BenchmarkRun
    senders = BenchmarkSender
    asked = BenchmarkCall
    replies = BenchmarkReply

    def sendable(self) -> QuerySet[BenchmarkRun]:
        return BenchmarkRun.objects.select_related("version__judge", "version__template")

    def books(self, run: BenchmarkRun, sender: BenchmarkSender) -> BenchmarkBooks:
        return BenchmarkBooks(run, sender)

    def plan_calls(self, run: BenchmarkRun, alive: Callable[[], None]) -> int:
        return planning.plan_calls(run, alive)

    def connect(self, run: BenchmarkRun) -> Connection:
        return to_judge(run.version)


benchmark_life: Final = BenchmarkLife()


def runs_of(judge: Judge) -> QuerySet[BenchmarkRun]:
    """Returns the benchmarks of a judge, newest first."""
    runs = BenchmarkRun.objects.filter(version__judge=judge).select_related("version__judge", "user")
    return runs.prefetch_related("sets").order_by("-pk")
