"""Stored boards and reports: which are kept up to date, and how each is asked for, claimed and filled."""

import time
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import IntegrityError, connection, transaction
from django.db.models import Exists, OuterRef

from annotation.models import Comparison, Study
from annotation.stored_problems import columns
from ranking.boards import counting, requests
from ranking.boards.compute import PROBLEMS, compute, is_counted
from ranking.methods import VERSION
from ranking.methods.registry import method
from ranking.methods.settings import Settings
from ranking.models import Leaderboard, State, key_of
from ranking.pairs import candidates
from ranking.reports import agreement, by_rater
from ranking.votes import reader
from ranking.votes.evidence import Facts, facts
from ranking.votes.reader import ALL, PEOPLE, Cut, Filters

STANDING: Final = ("elo", "bradley-terry")
"""The methods whose boards are kept up to date for people, each judge, and all."""


REPORTS: Final = {agreement.METHOD: agreement.report, by_rater.METHOD: by_rater.report}
"""What is kept up to date besides boards, by the word that stands where a board names its method."""


ABANDONED: Final = timedelta(minutes=15)
"""After so long a board that somebody began to compute is anyone's to begin again."""


PATIENCE: Final = timedelta(seconds=1)
"""How long a board waits for comparisons that are being stored."""


class Busy(Exception):
    """Comparisons are being stored that would slip under the line; the sweep will come again."""


def standing(study: Study) -> list[tuple[Filters, Settings]]:
    """The boards that are kept up to date for `study`, and the reports."""
    raters = [PEOPLE, *reader.judges(study), ALL]
    boards = [(Filters(raters=name), Settings(method=chosen)) for name in raters for chosen in STANDING]
    return [*boards, *((Filters(raters=ALL), Settings(method=name)) for name in REPORTS)]


def recompute_changed(at: datetime) -> list[int]:
    """The snapshots to be computed now: new ones where comparisons or the methods have changed, and those left behind.

    Returns their primary keys, for a worker to take each to `fill`.
    """
    voted = Exists(Comparison.objects.filter(study=OuterRef("pk")))
    for study in Study.objects.filter(voted).select_related("prompt_set"):
        basis = _basis(study)
        for filters, settings in dict.fromkeys([*standing(study), *requests.asked_lately(study, at)]):
            newest = Leaderboard.objects.of(study, filters, settings).defer("sheet").newest()
            if newest is None or (newest.basis != basis and newest.may_be_followed(at)):
                ask(study, filters, settings, basis, newest.number + 1 if newest else 1, at)
    waiting = Leaderboard.objects.filter(state=State.WAITING)
    abandoned = Leaderboard.objects.filter(state=State.COMPUTING, claimed_at__lt=at - ABANDONED)
    return list((waiting | abandoned).order_by("pk").values_list("pk", flat=True))


def _basis(study: Study) -> str:
    """What the numbers of a study's boards rest on: how its comparisons stand, and which numerics look at them."""
    return f"{VERSION}:{reader.state(study)}"


def ask(study: Study, filters: Filters, settings: Settings, basis: str, number: int, at: datetime) -> None:
    """Asks for the snapshot `number` of its kind; where somebody else has, or one is under way, that is enough."""
    try:
        with transaction.atomic():
            Leaderboard.objects.create(
                study=study,
                key=key_of(filters, settings),
                raters=filters.raters,
                method=settings.method,
                filters=asdict(filters),
                settings=asdict(settings),
                seed=settings.seed,
                number=number,
                basis=basis,
                created_at=at,
            )
    except IntegrityError as error:
        # Two sweeps at once. The constraint is named by PostgreSQL, its columns by SQLite.
        if not any(name in str(error) for name in ("leaderboard_asked_once", "leaderboard_number", "leaderboard.key")):
            raise


def fill(pk: int, at: datetime) -> bool:
    """Computes the snapshot `pk`, unless somebody else does or has; whether it was computed here.

    Raises:
        Busy: not now; it stays as it was and is taken up by the next sweep.
    """
    waiting = Leaderboard.objects.filter(pk=pk, state=State.WAITING)
    abandoned = Leaderboard.objects.filter(pk=pk, state=State.COMPUTING, claimed_at__lt=at - ABANDONED)
    if not (waiting | abandoned).update(state=State.COMPUTING, claimed_at=at):
        return False
    snapshot = Leaderboard.objects.select_related("study__prompt_set").get(pk=pk)
    mine = Leaderboard.objects.filter(pk=pk, state=State.COMPUTING, claimed_at=at)
    began = time.perf_counter()
    try:
        # Taken before the comparisons are: whatever changes in between is found changed by the next sweep.
        basis = _basis(snapshot.study)
        line = firm_cut(snapshot.study)
    except Busy:
        mine.update(state=State.WAITING, claimed_at=None)
        raise
    changes: dict[str, Any] = {"basis": basis, "cut": line.highest, "excluded": list(line.excluded)}
    try:
        changes |= {"state": State.READY, **_results(snapshot, line, basis, at)}
    except PROBLEMS as error:
        changes |= {"state": State.IMPOSSIBLE, **columns(error.problem)}
    seconds = time.perf_counter() - began
    done = at + timedelta(seconds=seconds)
    return bool(mine.update(**changes, version=VERSION, seconds=seconds, finished_at=done))


def _results(snapshot: Leaderboard, line: Cut, basis: str, at: datetime) -> dict[str, Any]:
    """What a snapshot holds once it is computed."""
    study = snapshot.study
    if snapshot.method in REPORTS:
        report = REPORTS[snapshot.method](study, line)
        if snapshot.method == agreement.METHOD:
            candidates.mark(study, line, at)
        read = study.comparisons.in_force_at(line.highest).votable().exclude(rater__in=line.excluded)
        return {
            "digest": report.pop("digest"),
            "comparisons": read.count(),
            "simulated": read.simulated().count(),
            "sheet": report,
        }
    filters = snapshot.asked_filters()
    settings = snapshot.asked_settings()
    counted = is_counted(method(settings), settings, reader.source_of(filters.raters))
    computed = compute(study, filters, settings, line, counting.kept(study, filters) if counted else None)
    if computed.read.counts is not None:
        counting.keep(study, computed.read.counts, at)
    computed.sheet["facts"] = _facts_of_twin(snapshot, line, basis) or facts(study, filters, line, settings.baseline)
    return {
        "digest": computed.read.digest,
        "comparisons": computed.sheet["comparisons"],
        "simulated": computed.read.simulated,
        "sheet": computed.sheet,
    }


def _facts_of_twin(snapshot: Leaderboard, line: Cut, basis: str) -> Facts | None:
    """The facts of a board of another method over the same comparisons: nothing of them depends on the method."""
    twins = Leaderboard.objects.filter(
        study=snapshot.study,
        state=State.READY,
        filters=snapshot.filters,
        settings__baseline=snapshot.settings["baseline"],
        cut=line.highest,
        basis=basis,
    )
    found: Facts | None = twins.exclude(method__in=REPORTS).values_list("sheet__facts", flat=True).first()
    return found


def firm_cut(study: Study) -> Cut:
    """A line that no comparison can slip under that is not stored yet.

    PostgreSQL hands out keys before transactions commit, so one below the line can turn up later. Whoever
    is storing holds the table in ROW EXCLUSIVE mode from before the key is handed out to the commit: once
    those who hold it now are done, everything below the line is there. No lock is taken for it, so voters
    wait for nothing, and a vacuum (which a SHARE lock would wait for) is none of our business. On SQLite the
    one who writes is alone.

    Raises:
        Busy: a long load is under way.
    """
    line = reader.cut(study)
    if connection.vendor == "postgresql":
        deadline = time.monotonic() + PATIENCE.total_seconds()
        storing = _storing()
        while storing:
            if time.monotonic() > deadline:
                raise Busy
            time.sleep(0.005)
            storing &= _storing()
    return line


def _storing() -> set[str]:
    """The transactions of others that may have stored comparisons and have not ended."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT virtualtransaction FROM pg_locks WHERE relation = %s::regclass AND mode = 'RowExclusiveLock'"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            " AND granted AND pid IS DISTINCT FROM pg_backend_pid()",
            [Comparison._meta.db_table],
        )
        return {name for (name,) in cursor.fetchall()}
