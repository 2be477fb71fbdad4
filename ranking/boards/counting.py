"""Counts comparisons in the database, for boards that need only how often each model beat each other."""

from dataclasses import replace
from typing import Any, Final

import numpy as np
from django.db import connection
from django.db.models import Case, Count, F, FloatField, Max, Min, Q, Sum, When
from django.db.models.functions import Coalesce
from numpy.typing import NDArray

from annotation.models import LanguageModel, RaterKind, Study
from annotation.models.voting import ComparisonQuerySet
from ranking.methods.tally import TIE, X_WON, Y_WON, Votes
from ranking.votes import reader
from ranking.votes.reader import Columns, Cut, Filters, Read

type Cells = NDArray[np.int64]
"""(k, 5) primary keys of models x and y, half points of x, side of x (1 left, -1 right, 0 neither), and the count.

Sorted, with one row for each kind of comparison."""

NONE: Final[Cells] = np.empty((0, 5), dtype=np.int64)

WON: Final = {"x": X_WON, "tie": TIE, "y": Y_WON}
SIDE: Final = {"x": 1, "y": -1}


def read(study: Study, filters: Filters, line: Cut, *, sides: bool = False) -> Read:
    """Counts the comparisons of `study` up to `line` that `filters` select.

    `sides`: whether to check that every pair was shown in one order only.

    Raises:
        UnknownRater, UnknownCategory, UnknownBackground: the study has no such judge, category or group of people.
    """
    rows = reader.selected(study, filters, line)
    cells, inconsistent = _count(rows, study, filters)
    votes = reader.as_votes(study, dict(zip((*reader.COUNTED, "number"), cells.T, strict=True)), detailed=False)
    weighted = rows.weighted().exists()
    if weighted:
        votes = _with_weights(rows, study, votes, filters)
    # Most studies have no simulated raters, so their rows need not be counted.
    simulated = rows.simulated().count() if study.raters.filter(simulated=True).exists() else 0
    return Read(
        votes=votes,
        source=reader.source_of(filters.raters),
        simulated=simulated,
        inconsistent=inconsistent,
        in_time=False,
        one_order=sides and bool(len(votes)) and _one_order(rows),
        # Counts are already sorted as the digest sorts rows.
        digest=reader.digest(votes, in_order=True),
        weighted=weighted,
    )


def _with_weights(rows: ComparisonQuerySet, study: Study, votes: Votes, filters: Filters) -> Votes:
    """Returns counted `votes` of people with the mean weight and share of each kind of comparison.

    The database sums both. A row without a weight counts once, and one without a share is what its winner says.
    """
    weight = Coalesce("weight", 1.0)
    said = Case(When(share__isnull=False, then="share"), default=F("half_points") / 2.0, output_field=FloatField())
    sums = {"weights": Sum(weight), "shares": Sum(weight * said, output_field=FloatField())}
    ungrouped: Any = rows.order_by()
    found = ungrouped.values_list("pair__model_x", "pair__model_y", "half_points", "side").annotate(**sums)
    models = dict(LanguageModel.objects.filter(prompt_set=study.prompt_set_id).values_list("pk", "name"))
    code = {name: number for number, name in enumerate(votes.names)}
    by_kind = {(code[models[x]], code[models[y]], points, side): ends for x, y, points, side, *ends in found}
    assert votes.left is not None  # noqa: S101  they were counted
    assert votes.count is not None  # noqa: S101  they were counted
    keys = zip(votes.x.tolist(), votes.y.tolist(), votes.outcome.tolist(), votes.left.tolist(), strict=True)
    weights, shares = np.array([by_kind[key] for key in keys], dtype=np.float64).T
    soft = np.clip(shares / weights, 0, 1) if rows.filter(share__isnull=False).exists() else None
    return replace(votes, importance=weights / votes.count, soft=soft)


def _one_order(rows: ComparisonQuerySet) -> bool:
    ends = rows.order_by().values("pair").annotate(least=Min("side"), most=Max("side"))
    return not ends.filter(Q(least__lt=1, most__gt=-1)).exists()


def _count(rows: ComparisonQuerySet, study: Study, filters: Filters) -> tuple[Cells, int]:
    """Returns the counts, and how many verdicts of judges contradicted one another."""
    source = reader.source_of(filters.raters)
    if source == "people":
        return _grouped(rows, filters), 0
    verdicts, inconsistent = _merged(reader.fetch(rows.filter(rater__kind=RaterKind.JUDGE)), filters)
    if source == "judge":
        return fold(verdicts), inconsistent
    return fold(_grouped(reader.by_people(rows, study), filters), verdicts), inconsistent


def _grouped(rows: ComparisonQuerySet, filters: Filters) -> Cells:
    """Counts people's comparisons, grouped by stored columns, which is fastest."""
    names: tuple[str, ...] = ("pair__model_x", "pair__model_y", "winner", "left")
    if filters.reading == "tie-allowed":
        names = (*names, "half_points")
    found = rows.order_by().values(*names).annotate(number=Count("*")).values_list(*names, "number")
    sql, parameters = found.query.sql_with_params()
    with connection.cursor() as cursor:
        # PostgreSQL counts in parallel only if all rows are fetched at once.
        cursor.execute(sql, parameters)
        columns = list(zip(*cursor.fetchall(), strict=True))
    if not columns:
        return NONE
    x, y, winner, left, *rest, number = columns
    points = rest[0] if rest else [WON[word] for word in winner]
    return fold(np.stack([np.array(each) for each in (x, y, points, [SIDE[side] for side in left], number)], axis=1))


def _merged(columns: Columns, filters: Filters) -> tuple[Cells, int]:
    """Returns judges' verdicts, merged to one per judge, pair and turn, but not yet counted."""
    merged, inconsistent = reader.merged_columns(columns, filters.inconsistent)
    one = np.ones(len(merged["pair"]), dtype=np.int64)
    return np.stack([*(merged[name] for name in reader.COUNTED), one], axis=1), inconsistent


def fold(*tables: Cells) -> Cells:
    """Adds up counts of the same kind and returns them sorted."""
    table = np.concatenate([NONE, *tables])
    if not len(table):
        return NONE
    models = np.unique(table[:, :2])
    x, y = np.searchsorted(models, table[:, :2].T)
    # Each kind is one number, because sorting rows takes longer.
    kind, place = np.unique(((x * len(models) + y) * 3 + table[:, 2]) * 3 + table[:, 3] + 1, return_inverse=True)
    number = np.zeros(len(kind), dtype=np.int64)
    np.add.at(number, place, table[:, 4])
    rest, side = np.divmod(kind, 3)
    rest, outcome = np.divmod(rest, 3)
    x, y = np.divmod(rest, len(models))
    return np.stack([models[x], models[y], outcome, side - 1, number], axis=1)
