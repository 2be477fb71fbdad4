"""What judges said in a study as tables: for the page, for files, for the command.

A small study's tables are computed on request. A larger one's are computed in the background and kept: a sweep asks
for new ones where what judges said has changed. `make bench-kept` says why they are kept: with 995,000 verdicts and
grades by five judges the page takes 1.7 to 3.2 seconds of a processor without them, on PostgreSQL and on SQLite, and
0.07 to 0.12 with them; the bare GROUP BY over one judge's grades alone takes 0.34 and 0.53.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any, Final

import numpy as np
from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q

from annotation.models import Comparison, LanguageModel, RaterKind, Study
from annotation.snapshots import Claim, State, claim, due
from judges.models import GradeSheet, GradeTable, JudgeCall, JudgeRun, Judgment, RunKind, Verdict
from judges.results import judgments
from judges.statistics import score_tables
from judges.statistics.score_tables import Games, Grades, Interval, ModelScores, ModelStandings, Score, Standing

AT_ONCE: Final = 2_000
"""Up to this many verdicts and grades are counted on request; the tables of more are kept."""

SCORE_COLUMNS: Final = (
    *("judge", "model", "name", "scope", "of", "mean", "low", "high", "deviation", "grades", "without_number"),
)
PAIR_COLUMNS: Final = (
    *("judge", "model", "name", "against", "against_name", "matches", "wins", "ties", "losses"),
    *("inconsistent", "unreadable", "win_rate", "adjusted_win_rate", "low", "high"),
)


@dataclass(frozen=True, slots=True)
class Table:
    """What one judge said."""

    scores: list[ModelScores]
    standings: list[ModelStandings]


@dataclass
class Tables:
    """The scores and standings of a study by judge, of all its `judges` or of one of them.

    Models are told by their primary keys. `computed_at` is None where they were computed just now.
    """

    study: Study
    judges: list[str]
    tables: Mapping[str, Table]
    computed_at: datetime | None = None

    @cached_property
    def models(self) -> dict[int, LanguageModel]:
        return {model.pk: model for model in self.study.prompt_set.models.all()}

    @property
    def scores(self) -> dict[str, list[ModelScores]]:
        return {judge: table.scores for judge, table in self.tables.items() if table.scores}

    @property
    def standings(self) -> dict[str, list[ModelStandings]]:
        return {judge: table.standings for judge, table in self.tables.items() if table.standings}

    def score_rows(self) -> Iterator[dict[str, Any]]:
        """A row for each score: of a model overall, by turn (0 for the whole), by category."""
        for judge, models in self.scores.items():
            for model in models:
                yield self._score_row(judge, model.model, "overall", "", model.overall)
                for turn, score in model.turns.items():
                    yield self._score_row(judge, model.model, "turn", turn, score)
                for category, score in model.categories.items():
                    yield self._score_row(judge, model.model, "category", category, score)

    def _score_row(self, judge: str, model: int, scope: str, of: str | int, score: Score) -> dict[str, Any]:
        return {
            "judge": judge,
            **self._named(model, "model", "name"),
            "scope": scope,
            "of": of,
            "mean": score.mean,
            **_ends(score.interval),
            "deviation": score.deviation,
            "grades": score.number,
            "without_number": score.without,
        }

    def pair_rows(self) -> Iterator[dict[str, Any]]:
        """A row for each model against all others, where `against` is empty, and against each."""
        for judge, models in self.standings.items():
            for model in models:
                yield self._pair_row(judge, model.model, None, model.overall)
                for other, standing in model.against.items():
                    yield self._pair_row(judge, model.model, other, standing)

    def _pair_row(self, judge: str, model: int, other: int | None, standing: Standing) -> dict[str, Any]:
        against = {"against": None, "against_name": None}
        return {
            "judge": judge,
            **self._named(model, "model", "name"),
            **(against if other is None else self._named(other, "against", "against_name")),
            "matches": standing.matches,
            "wins": standing.wins,
            "ties": standing.ties,
            "losses": standing.losses,
            "inconsistent": standing.inconsistent,
            "unreadable": standing.unreadable,
            "win_rate": standing.win_rate,
            "adjusted_win_rate": standing.adjusted,
            **_ends(standing.interval),
        }

    def _named(self, model: int, number: str, name: str) -> dict[str, Any]:
        return {number: self.models[model].number, name: self.models[model].name}


def _ends(interval: Interval | None) -> dict[str, float | None]:
    return {"low": interval.low if interval else None, "high": interval.high if interval else None}


# Computing.


def compute(study: Study, judge: str | None = None) -> Tables:
    """The tables as they are now; see `shown`."""
    about = _About.of(study)
    judges = judgments.judges(study)
    return Tables(study, judges, {name: about.table(name) for name in _wanted(judges, judge)})


def _wanted(judges: list[str], judge: str | None) -> list[str]:
    if judge is None:
        return judges
    return [name for name in judges if name == judge] if judge else judges[:1]


@dataclass(frozen=True, slots=True)
class _About:
    """What tables need to know of the prompts of a study: the category of each, and which have one turn."""

    study: Study
    categories: Mapping[int, str]
    single: frozenset[int]

    @classmethod
    def of(cls, study: Study) -> "_About":
        single = study.prompt_set.prompts.filter(turns=[]).values_list("pk", flat=True)
        return cls(study, judgments.categories(study), frozenset(single))

    def table(self, judge: str) -> Table:
        given = Grades.of(judgments.grades(self.study, judge=judge))
        # The whole of a prompt of one turn is its first turn.
        whole = (given.turn == 0) & np.isin(given.prompt, list(self.single))
        given = replace(given, turn=np.where(whole, 1, given.turn))
        games = Games.of(judgments.games(self.study, judge=judge))
        return Table(score_tables.scores(given, self.categories), score_tables.standings(games))


# What is kept.


def is_small(study: Study) -> bool:
    """Whether its tables are computed when somebody looks; as cheap for a large study as for a small one."""
    room = AT_ONCE
    calls = JudgeCall.objects.filter(run__study=study, run__kind=RunKind.JUDGING)
    for rows in (Judgment.objects.filter(study=study), calls, _compared(study)):
        room -= rows.order_by()[: room + 1].count()
        if room < 0:
            return False
    return True


def _compared(study: Study) -> Any:
    judges = study.raters.filter(kind=RaterKind.JUDGE, simulated=False)
    return Comparison.objects.filter(study=study, rater__in=judges.values("pk"))


def shown(study: Study, judge: str | None = None, *, beside: int | None = None) -> Tables | None:
    """The tables that pages show; None while the first are computed.

    Of `judge` alone where one is named, of the first where the name is empty. With `beside` the standings of
    each model against each are left out of kept tables of more models.
    """
    if is_small(study):
        return compute(study, judge)
    sheet = GradeSheet.objects.filter(study=study).exclude(finished_at=None).first()
    if sheet is None:
        return None
    kept = GradeTable.objects.filter(study=study)
    judges = sorted(kept.values_list("judge", flat=True))
    rows = {row.judge: row for row in kept.filter(judge__in=_wanted(judges, judge)).defer("against")}
    return Tables(
        study, judges, {name: _kept(rows[name], beside) for name in judges if name in rows}, sheet.finished_at
    )


def _kept(row: GradeTable, beside: int | None) -> Table:
    against = row.against if beside is None or len(row.standings) <= beside else None
    return Table(score_tables.kept_scores(row.scores), score_tables.kept_standings(row.standings, against))


def basis(study: Study) -> str:
    """How what judges said in the study stands, in a word; equal words mean equal tables.

    It is counted, and not only looked at the end: a row may be stored below the last one.
    """
    elsewhere = Judgment.objects.filter(study=study)
    runs = JudgeRun.objects.filter(study=study, kind=RunKind.JUDGING)
    calls = JudgeCall.objects.filter(run__in=runs.values("pk")).order_by("run", "state")
    found = (
        _stand(elsewhere),
        _stand(_compared(study)),
        list(calls.values_list("run", "state").annotate(Count("pk"))),
        # A reply that is read again may say another number in the same state.
        Verdict.objects.filter(superseded_at__isnull=False).count() if runs.exists() else 0,
        sorted(judgments.excluded(study)),
    )
    return hashlib.sha256(repr(found).encode()).hexdigest()


def _stand(rows: Any) -> tuple[int, int]:
    return rows.count(), rows.order_by("-pk").values_list("pk", flat=True).first() or 0


def recompute_changed(at: datetime) -> list[int]:
    """The studies whose tables are to be computed now: those in which judges said more, and those left behind.

    Returns their primary keys, for a worker to take each to `fill`.
    """
    asked = Exists(JudgeRun.objects.filter(study=OuterRef("pk")))
    elsewhere = Exists(Judgment.objects.filter(study=OuterRef("pk")))
    judged = Study.objects.filter(asked | elsewhere | Q(raters__kind=RaterKind.JUDGE)).distinct()
    for study in judged.order_by("pk"):
        if not is_small(study):
            _ask_if_changed(study, at)
    return list(due(GradeSheet.objects.all(), at).order_by("pk").values_list("pk", flat=True))


def _ask_if_changed(study: Study, at: datetime) -> None:
    sheet, _created = GradeSheet.objects.get_or_create(study=study)
    if sheet.state == State.READY and sheet.may_be_followed(at) and sheet.basis != basis(study):
        GradeSheet.objects.filter(study=study, state=State.READY).update(state=State.WAITING)


def fill(study_id: int, at: datetime) -> bool:
    """Computes the tables of a study and stores them, unless somebody else does or has; whether it was done here."""
    study = Study.objects.select_related("prompt_set").get(pk=study_id)
    GradeSheet.objects.get_or_create(study=study)
    claimed = claim(GradeSheet.objects.filter(study=study), at)
    if claimed is None:
        return False
    with claimed.beating():
        return _fill(study, claimed)


def _fill(study: Study, claimed: Claim[GradeSheet]) -> bool:
    # Taken before the verdicts are: whatever comes in between is found by the next sweep.
    stand = basis(study)
    about = _About.of(study)
    rows = [_row(study, judge, about.table(judge)) for judge in judgments.judges(study)]
    with transaction.atomic():
        if not claimed.finish(State.READY, basis=stand):
            return False
        GradeTable.objects.filter(study=study).delete()
        GradeTable.objects.bulk_create(rows)
    return True


def _row(study: Study, judge: str, table: Table) -> GradeTable:
    standings = list(score_tables.standings_kept(table.standings))
    return GradeTable(
        study=study,
        judge=judge,
        scores=score_tables.scores_kept(table.scores),
        standings=[overall for overall, _against in standings],
        against=[against for _overall, against in standings],
    )
