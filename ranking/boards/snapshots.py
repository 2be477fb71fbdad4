"""Stores boards and reports: keeps the standing ones up to date, and requests, claims and computes each."""

import hashlib
import time
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import IntegrityError, connection, transaction
from django.db.models import Exists, OuterRef

from annotation.models import Comparison, Study
from annotation.snapshots import Claim, State, claim, due, expired
from annotation.stored_problems import columns
from ranking.boards import goals, requests
from ranking.boards.compute import PROBLEMS, compute
from ranking.methods import VERSION
from ranking.methods.settings import Settings
from ranking.models import Leaderboard, key_of
from ranking.reports import agreement, by_rater, goal
from ranking.votes import reader
from ranking.votes.evidence import Facts, facts
from ranking.votes.reader import ALL, PEOPLE, Cut, Filters

STANDING: Final = ("elo", "bradley-terry")
"""Methods whose boards are kept up to date for people and, if there are judges, for each judge and for all raters."""

STANDING_REPORTS: Final = {agreement.METHOD: agreement.report, by_rater.METHOD: by_rater.report}
"""Reports that are kept up to date for every study, by the method they are stored under."""

REPORTS: Final = {**STANDING_REPORTS, goal.METHOD: goal.report}
"""All reports. The one about a goal is kept up to date for studies that have one."""

PATIENCE: Final = timedelta(seconds=1)
"""How long computing waits for comparisons that are being stored."""


class Busy(Exception):
    """Raised if comparisons below the cut are still being stored. The next sweep tries again."""


def standing(study: Study) -> list[tuple[Filters, Settings]]:
    """Returns the boards and reports of `study` that are kept up to date without a request."""
    judges = reader.judges(study)
    # Without judges all raters are people.
    raters = [PEOPLE, *judges, ALL] if judges else [PEOPLE]
    reports = [*STANDING_REPORTS, *([goal.METHOD] if goal.goal_of(study) else [])]
    return [*_boards_of(raters), *((Filters(raters=ALL), Settings(method=name)) for name in reports)]


def is_standing(study: Study, filters: Filters, settings: Settings) -> bool:
    """Returns whether the board is kept up to date without a request."""
    # Every study has the same boards of people, so the judges need not be looked up for these.
    boards = _boards_of([PEOPLE]) if filters.raters == PEOPLE else standing(study)
    return (filters, settings) in boards


def _boards_of(raters: Iterable[str]) -> list[tuple[Filters, Settings]]:
    return [(Filters(raters=name), Settings(method=chosen)) for name in raters for chosen in STANDING]


def recompute_changed(at: datetime) -> list[int]:
    """Requests new snapshots of boards whose comparisons, or the numerics, have changed.

    Returns the primary keys of all snapshots that are due, for workers to `fill`.
    """
    # A hidden study is read-only: its boards catch up once it is shown again.
    voted = Exists(Comparison.objects.filter(study=OuterRef("pk")))
    for study in Study.objects.listed().filter(voted).select_related("prompt_set"):
        state = _basis(study, "")
        for filters, settings in dict.fromkeys([*standing(study), *requests.asked_lately(study, at)]):
            if settings.method == goal.METHOD and goal.goal_of(study) is None:
                # It was requested before the goal was removed.
                continue
            basis = _basis(study, goal.METHOD) if settings.method == goal.METHOD else state
            newest = Leaderboard.objects.of(study, filters, settings).defer("sheet").newest()
            if newest is None or (newest.basis != basis and newest.may_be_followed(at)):
                ask(study, filters, settings, basis, newest.number + 1 if newest else 1, at)
    return list(due(Leaderboard.objects.all(), at).order_by("pk").values_list("pk", flat=True))


def interrupted(at: datetime) -> list[int]:
    """Returns the primary keys of the snapshots whose worker died."""
    return list(expired(Leaderboard.objects.all(), at).order_by("pk").values_list("pk", flat=True))


def _basis(study: Study, method: str) -> str:
    """Returns what a study's boards depend on: the version of the numerics and the state of its comparisons.

    A look at the goal depends on the goal and the models of the study, too.
    """
    basis = f"{VERSION}:{reader.state(study)}"
    if method != goal.METHOD:
        return basis
    models = list(study.models_compared().order_by("pk").values_list("pk", flat=True))
    asked = hashlib.sha256(repr((study.goal, study.goal_number, models)).encode()).hexdigest()
    return f"{basis}:{asked[:8]}"


def ask(study: Study, filters: Filters, settings: Settings, basis: str, number: int, at: datetime) -> None:
    """Requests the snapshot `number` of its kind, unless it was requested already or one is being computed."""
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
        # Another sweep was faster. PostgreSQL names the constraint, SQLite its columns.
        if not any(name in str(error) for name in ("leaderboard_asked_once", "leaderboard_number", "leaderboard.key")):
            raise


def fill(pk: int, at: datetime) -> bool:
    """Computes the snapshot `pk` if it is due, and returns whether it was stored.

    Raises:
        Busy: comparisons are still being stored. The next sweep tries again.
    """
    claimed = claim(Leaderboard.objects.filter(pk=pk).select_related("study__prompt_set"), at)
    if claimed is None:
        return False
    with claimed.beating():
        stored = _fill(claimed)
    if stored and claimed.row.method == goal.METHOD:
        goals.settle(claimed.row.study, at)
    return stored


def _fill(claimed: Claim[Leaderboard]) -> bool:
    snapshot = claimed.row
    try:
        # This is read before the comparisons, so that the next sweep notices changes in between.
        basis = _basis(snapshot.study, snapshot.method)
        line = firm_cut(snapshot.study)
    except Busy:
        claimed.release()
        raise
    changes: dict[str, Any] = {"basis": basis, "cut": line.highest, "excluded": list(line.excluded)}
    changes["version"] = VERSION
    try:
        results = _results(snapshot, line, basis)
    except PROBLEMS as error:
        return claimed.finish(State.IMPOSSIBLE, **columns(error.problem), **changes)
    return claimed.finish(State.READY, **changes, **results)


def _results(snapshot: Leaderboard, line: Cut, basis: str) -> dict[str, Any]:
    """Computes the columns of a snapshot."""
    study = snapshot.study
    if snapshot.method in REPORTS:
        report = REPORTS[snapshot.method](study, line)
        read = study.comparisons.in_force_at(line.highest).votable().exclude(rater__in=line.excluded)
        return {
            "digest": report.pop("digest"),
            "comparisons": read.count(),
            "simulated": read.simulated().count(),
            "sheet": report,
        }
    filters = snapshot.asked_filters()
    settings = snapshot.asked_settings()
    computed = compute(study, filters, settings, line)
    computed.sheet["facts"] = _facts_of_twin(snapshot, line, basis) or facts(study, filters, line, settings.baseline)
    return {
        "digest": computed.read.digest,
        "comparisons": computed.sheet["comparisons"],
        "simulated": computed.read.simulated,
        "sheet": computed.sheet,
    }


def _facts_of_twin(snapshot: Leaderboard, line: Cut, basis: str) -> Facts | None:
    """Returns the facts of a board with the same comparisons, if there is one. They do not depend on the method."""
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
    """Returns a cut below which no comparison can appear later.

    PostgreSQL assigns keys before transactions commit, so a comparison below the cut can become visible later.
    A transaction that stores comparisons holds a ROW EXCLUSIVE lock on the table from before it gets a key until it
    commits. Once the current holders have finished, everything below the cut is visible. This function takes no lock,
    so voters do not wait, and it does not wait for a vacuum as a SHARE lock would. SQLite has one writer at a time.

    Raises:
        Busy: a transaction is still open after `PATIENCE`.
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
    """Returns the open transactions of other sessions that may have stored comparisons."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT virtualtransaction FROM pg_locks WHERE relation = %s::regclass AND mode = 'RowExclusiveLock'"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            " AND granted AND pid IS DISTINCT FROM pg_backend_pid()",
            [Comparison._meta.db_table],
        )
        return {name for (name,) in cursor.fetchall()}
