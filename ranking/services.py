"""Boards computed at once, and snapshots of them kept as comparisons come in."""

import time
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import IntegrityError, connection, transaction
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _

from annotation.models import Comparison, Study
from ranking import asking, columns, comparisons, counting, marks, reports, wording
from ranking.comparisons import ALL, PEOPLE, Cut, Filters, Read
from ranking.counts import Counts
from ranking.facts import Facts, facts
from ranking.methods import VERSION, board
from ranking.methods.board import Board
from ranking.methods.logistic import NotConverged
from ranking.methods.registry import Method, method
from ranking.methods.settings import Contradiction, Settings, Source
from ranking.models import UNFINISHED, Leaderboard, State, key_of
from ranking.sheet import Sheet, covariance_shown, sheet
from ranking.verdict import verdict

STANDING: Final = ("elo", "bradley-terry")
"""The methods whose boards are kept up to date for people, each judge, and all."""

REPORTS: Final = {reports.METHOD: reports.report, columns.METHOD: columns.report}
"""What is kept up to date besides boards, by the word that stands where a board names its method."""

ABANDONED: Final = timedelta(minutes=15)
"""After so long a board that somebody began to compute is anyone's to begin again."""

PATIENCE: Final = timedelta(seconds=1)
"""How long a board waits for comparisons that are being stored."""


class NothingCompared(Exception):
    """No comparison counts towards the board; the message says what to do."""


class CannotRecompute(Exception):
    """A snapshot's numbers cannot be had again; the message says why."""


class Busy(Exception):
    """Comparisons are being stored that would slip under the line; the sweep will come again."""


PROBLEMS: Final = (
    NothingCompared,
    Contradiction,
    NotConverged,
    comparisons.UnknownRater,
    comparisons.UnknownCategory,
)
"""Why there may be no board of what is asked; each says it in its message."""


@dataclass(frozen=True, slots=True)
class Computed:
    sheet: Sheet
    read: Read
    board: Board

    @property
    def covariances(self) -> list[list[list[float]] | None]:
        """Of each group's ratings, in its sheet's order, in the unit they are shown in; None without intervals."""
        return [covariance_shown(group.ratings) for group in self.board.groups]


def compute(
    study: Study, filters: Filters, settings: Settings, line: Cut | None = None, base: Counts | None = None
) -> Computed:
    """The board of `study`, computed here and now and kept nowhere.

    Where comparisons need only be counted, `base` spares the counting of what it holds.

    Raises:
        NothingCompared: there is nothing to rate.
        UnknownRater, UnknownCategory, Contradiction, NotConverged: as their docstrings say.
    """
    source = comparisons.source_of(filters.raters)
    chosen = method(settings, source)
    line = line or comparisons.cut(study)
    if _is_counted(chosen, settings, source):
        read = counting.read(study, filters, line, base, sides=settings.first_place)
    else:
        read = comparisons.read(study, filters, line, in_order=chosen.in_order, with_style=chosen.style)
    if not len(read.votes):
        raise NothingCompared(_nothing(study, filters))
    rated = board.rate(read.votes, settings, source)
    result = sheet(rated)
    # Rounds that reorder or redraw do away with the order.
    if chosen.in_order and not read.in_time and settings.redraw is None:
        result["notices"].append("file-order")
    if settings.first_place and read.one_order:
        result["notices"].append("one-order")
    _judge(result, rated, read, settings)
    result["read"] = {
        "simulated": read.simulated,
        "inconsistent": read.inconsistent,
        "in_time": read.in_time,
        "one_order": read.one_order,
    }
    _name_makers(study, result)
    return Computed(result, read, rated)


def _is_counted(chosen: Method, settings: Settings, source: Source) -> bool:
    """Whether a board follows from how often who beat whom, whoever said so, on whatever prompt."""
    clustered = (chosen.sandwich or chosen.bootstrap) and settings.clusters != "none" and source != "all"
    return not (clustered or chosen.in_order or chosen.style)


def _judge(result: Sheet, rated: Board, read: Read, settings: Settings) -> None:
    """Adds to each group what it can tell, and what it can tell of exactly these prompts."""
    both = any(group["clusters"] == "both" for group in result["groups"])
    these = board.rate(read.votes, replace(settings, clusters="worker"), read.source) if both else None
    for place, (group, part) in enumerate(zip(result["groups"], rated.groups, strict=True)):
        worker = these.groups[place].ratings if these and group["clusters"] == "both" else None
        told = verdict(part.ratings, worker)
        group["verdict"] = asdict(told) if told else None
        told = verdict(worker) if worker else None
        group["verdict_here"] = asdict(told) if told else None


def _nothing(study: Study, filters: Filters) -> str:
    """In English: who reads it reads it in a language of their own."""
    if filters.category is not None:
        return wording.NONE_OF_TYPE % {"type": filters.category}
    if filters.raters == PEOPLE:
        return wording.NOBODY_VOTED % {"study": study.slug}
    return wording.NOTHING_COUNTS % {"study": study.slug}


def _name_makers(study: Study, result: Sheet) -> None:
    """Adds number, organisation and licence to the rows: a snapshot shows them as they were."""
    about = {
        name: {"number": number, "org": org, "licence": licence}
        for name, number, org, licence in study.prompt_set.models.values_list("name", "number", "org", "licence")
    }
    for group in result["groups"]:
        for row in group["rows"]:
            row.update(about[row["model"]])


def standing(study: Study) -> list[tuple[Filters, Settings]]:
    """The boards that are kept up to date for `study`, and the reports."""
    raters = [PEOPLE, *comparisons.judges(study), ALL]
    boards = [(Filters(raters=name), Settings(method=chosen)) for name in raters for chosen in STANDING]
    return [*boards, *((Filters(raters=ALL), Settings(method=name)) for name in REPORTS)]


def recompute_changed(at: datetime) -> list[int]:
    """The snapshots to be computed now: new ones where comparisons or the methods have changed, and those left behind.

    Returns their primary keys, for a worker to take each to `fill`.
    """
    voted = Exists(Comparison.objects.filter(study=OuterRef("pk")))
    for study in Study.objects.filter(voted).select_related("prompt_set"):
        basis = _basis(study)
        for filters, settings in dict.fromkeys([*standing(study), *asking.asked_lately(study, at)]):
            newest = Leaderboard.objects.of(study, filters, settings).defer("sheet").newest()
            if newest is None or (newest.basis != basis and newest.may_be_followed(at)):
                ask(study, filters, settings, basis, newest.number + 1 if newest else 1, at)
    waiting = Leaderboard.objects.filter(state=State.WAITING)
    abandoned = Leaderboard.objects.filter(state=State.COMPUTING, claimed_at__lt=at - ABANDONED)
    return list((waiting | abandoned).order_by("pk").values_list("pk", flat=True))


def _basis(study: Study) -> str:
    """What the numbers of a study's boards rest on: how its comparisons stand, and which numerics look at them."""
    return f"{VERSION}:{comparisons.state(study)}"


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
        changes |= {"state": State.IMPOSSIBLE, "problem": str(error)}
    seconds = time.perf_counter() - began
    done = at + timedelta(seconds=seconds)
    return bool(mine.update(**changes, version=VERSION, seconds=seconds, finished_at=done))


def _results(snapshot: Leaderboard, line: Cut, basis: str, at: datetime) -> dict[str, Any]:
    """What a snapshot holds once it is computed."""
    study = snapshot.study
    if snapshot.method in REPORTS:
        report = REPORTS[snapshot.method](study, line)
        if snapshot.method == reports.METHOD:
            marks.mark(study, line, at)
        read = study.comparisons.in_force_at(line.highest).votable().exclude(rater__in=line.excluded)
        return {
            "digest": report.pop("digest"),
            "comparisons": read.count(),
            "simulated": read.simulated().count(),
            "sheet": report,
        }
    filters = snapshot.asked_filters()
    settings = snapshot.asked_settings()
    counted = _is_counted(method(settings), settings, comparisons.source_of(filters.raters))
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
    line = comparisons.cut(study)
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


def recompute(snapshot: Leaderboard) -> Computed:
    """The numbers of `snapshot` again, from the comparisons that it was made of.

    Raises:
        CannotRecompute: it never had any, some have been withdrawn since, or it is a report.
    """
    if snapshot.method in REPORTS:
        raise CannotRecompute(
            _("%(id)s is a report, not a leaderboard: manage.py agreement --recompute computes it again.")
            % {"id": snapshot.pk}
        )
    _refuse_withdrawn(snapshot)
    try:
        computed = compute(snapshot.study, snapshot.asked_filters(), snapshot.asked_settings(), snapshot.line)
    except PROBLEMS as error:
        raise CannotRecompute(str(error)) from error
    _refuse_others(snapshot, computed.read.digest)
    return computed


def recompute_report(snapshot: Leaderboard) -> dict[str, Any]:
    """A report again, from the comparisons that it was made of.

    Raises:
        CannotRecompute: it never had any, some have been withdrawn since, or it is a leaderboard.
    """
    if snapshot.method not in REPORTS:
        raise CannotRecompute(
            _("%(id)s is a leaderboard, not a report: manage.py leaderboard --recompute computes it again.")
            % {"id": snapshot.pk}
        )
    _refuse_withdrawn(snapshot)
    found = REPORTS[snapshot.method](snapshot.study, snapshot.line)
    _refuse_others(snapshot, found.pop("digest"))
    return found


def _called(snapshot: Leaderboard) -> str:
    called = _("Report %(id)s") if snapshot.method in REPORTS else _("Leaderboard %(id)s")
    return called % {"id": snapshot.pk}


def _refuse_withdrawn(snapshot: Leaderboard) -> None:
    """Raises CannotRecompute where a snapshot never had numbers, or has lost votes that they came from."""
    if snapshot.state in UNFINISHED or snapshot.cut is None:
        raise CannotRecompute(_("%(it)s has not been computed yet.") % {"it": _called(snapshot)})
    if snapshot.state == State.IMPOSSIBLE:
        raise CannotRecompute(snapshot.problem)
    if withdrawn := _withdrawn_since(snapshot):
        raise CannotRecompute(
            _("%(it)s cannot be computed again: %(number)s of its votes have been withdrawn since.")
            % {"it": _called(snapshot), "number": withdrawn}
        )


def _refuse_others(snapshot: Leaderboard, digest: str) -> None:
    """Raises CannotRecompute where `digest` is of other comparisons than those of `snapshot`."""
    if digest != snapshot.digest:
        raise CannotRecompute(
            _("%(it)s cannot be computed again: its comparisons are not all there any more.")
            % {"it": _called(snapshot)}
        )


def _withdrawn_since(snapshot: Leaderboard) -> int:
    """How many of the votes that went into `snapshot` were taken back later, or by a worker who withdrew."""
    try:
        then = comparisons.selected(snapshot.study, snapshot.asked_filters(), snapshot.line)
    except PROBLEMS as error:
        raise CannotRecompute(str(error)) from error
    undone = then.filter(superseded_by__withdrawn=True).count()
    left = then.filter(rater__worker__outcome="withdrawn").exclude(superseded_by__withdrawn=True).count()
    return undone + left
