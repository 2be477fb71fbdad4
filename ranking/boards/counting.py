"""Comparisons counted in the database, where a board needs no more than how often who beat whom.

What was counted once is kept, one row for each kind of board of a study. The next count adds what came
since, takes away what was superseded since, and is the same to the last comparison. Where that is not
certain (somebody was excluded or taken back, rows were deleted) all is counted anew.
"""

import hashlib
import json
from datetime import datetime
from typing import Final

import numpy as np
from django.db import connection
from django.db.models import Count, Max, Min, Q
from numpy.typing import NDArray

from annotation.models import Comparison, Rater, RaterKind, Study
from annotation.models.voting import ComparisonQuerySet
from ranking.methods.settings import Source
from ranking.methods.tally import TIE, X_WON, Y_WON
from ranking.models import KeptCounts
from ranking.votes import reader
from ranking.votes.counts import NONE, Cells, Counts, Negative, fold, negated, packed, unpacked
from ranking.votes.reader import Columns, Cut, Filters, Read

GROWTH: Final = 4
"""Comparisons that have come to a `GROWTH`-th of all or more are counted with the others: it takes no longer."""

PAIRS: Final = 1000
"""Pairs asked for in one query."""

WON: Final = {"x": X_WON, "tie": TIE, "y": Y_WON}
SIDE: Final = {"x": 1, "y": -1}


def read(study: Study, filters: Filters, line: Cut, base: Counts | None = None, *, sides: bool = False) -> Read:
    """The comparisons of `study` that `filters` let through, under `line`, counted.

    `base`, where there is one, spares the counting of what it holds; `sides`: whether it has to be known
    that no pair was shown in both orders.

    Raises:
        UnknownRater, UnknownCategory: a name that is not in the study.
    """
    counts = count(study, filters, line, base)
    names = (*reader.COUNTED, "number")
    votes = reader.as_votes(study, dict(zip(names, counts.cells.T, strict=True)), detailed=False)
    return Read(
        votes=votes,
        source=reader.source_of(filters.raters),
        simulated=counts.simulated,
        inconsistent=counts.inconsistent,
        in_time=False,
        one_order=sides and bool(len(votes)) and _one_order(study, filters, line),
        # Counts are in the order that a digest of rows in no order brings them into.
        digest=reader.digest(votes, in_order=True),
        counts=counts,
    )


def _one_order(study: Study, filters: Filters, line: Cut) -> bool:
    rows = reader.selected(study, filters, line).order_by()
    ends = rows.values("pair").annotate(least=Min("side"), most=Max("side"))
    return not ends.filter(Q(least__lt=1, most__gt=-1)).exists()


def count(study: Study, filters: Filters, line: Cut, base: Counts | None = None) -> Counts:
    """All of it, from `base` on where that is sure to come to the same.

    Raises:
        UnknownRater, UnknownCategory: a name that is not in the study.
    """
    rows = reader.selected(study, filters, line)
    key = key_of(study, filters)
    # Before anything is counted: what is deleted while it is counted will be missed next time.
    upto, above_base = _stored(study, line.highest, base.highest if base else line.highest)
    if (
        base is not None
        and (base.key, base.excluded) == (key, line.excluded)
        and base.highest <= line.highest
        and base.rows == upto - above_base
        and above_base * GROWTH < upto
    ):
        try:
            return _from(base, study, filters, line, upto)
        except Negative:
            pass
    cells, inconsistent = _all(study, rows, filters)
    return Counts(key, line.highest, line.excluded, upto, cells, _simulated(study, rows), inconsistent)


def key_of(study: Study, filters: Filters) -> str:
    """Which comparisons `filters` let through, in a digest of what they depend on and can be changed."""
    judge = Rater.objects.filter(study=study, kind=RaterKind.JUDGE, name=filters.raters).values_list("pk", flat=True)
    prompts = study.prompt_set.prompts.filter(type=filters.category).order_by("pk").values_list("pk", flat=True)
    asked = [
        filters.raters if filters.raters in reader.RESERVED else list(judge),
        None if filters.category is None else list(prompts),
        filters.reading,
        filters.inconsistent,
    ]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()


def _stored(study: Study, line: int, base: int) -> tuple[int, int]:
    """How many comparisons of `study`, whatever became of them, have keys up to `line`, and from above `base` to it."""
    rows = f'FROM "{Comparison._meta.db_table}" WHERE study_id = %s'
    with connection.cursor() as cursor:
        # In one statement, so that all three are of one moment; the first is read from an index alone.
        cursor.execute(
            f"SELECT (SELECT COUNT(*) {rows}), (SELECT COUNT(*) {rows} AND id > %s),"
            f" (SELECT COUNT(*) {rows} AND id > %s AND id <= %s)",
            [study.pk, study.pk, line, study.pk, base, line],
        )
        total, above_line, above_base = cursor.fetchone()
    return total - above_line, above_base


def _all(study: Study, rows: ComparisonQuerySet, filters: Filters) -> tuple[Cells, int]:
    cells, inconsistent = NONE, 0
    source = reader.source_of(filters.raters)
    if source != "judge":
        cells = _grouped(_people(rows, study, source), filters)
    if source != "people":
        verdicts, inconsistent = _merged(reader.fetch(rows.filter(rater__kind=RaterKind.JUDGE)), filters)
        cells = fold(cells, verdicts)
    return cells, inconsistent


def _people(rows: ComparisonQuerySet, study: Study, source: Source) -> ComparisonQuerySet:
    return rows if source == "people" else reader.by_people(rows, study)


def _grouped(rows: ComparisonQuerySet, filters: Filters) -> Cells:
    """People's comparisons counted by the database, in the words it has them in: it is quickest so."""
    names: tuple[str, ...] = ("pair__model_x", "pair__model_y", "winner", "left")
    if filters.reading == "tie-allowed":
        names = (*names, "half_points")
    found = rows.order_by().values(*names).annotate(number=Count("*")).values_list(*names, "number")
    sql, parameters = found.query.sql_with_params()
    with connection.cursor() as cursor:
        # Fetched at once: PostgreSQL counts on one core only for a cursor that is read bit by bit.
        cursor.execute(sql, parameters)
        columns = list(zip(*cursor.fetchall(), strict=True))
    if not columns:
        return NONE
    x, y, winner, left, *rest, number = columns
    points = rest[0] if rest else [WON[word] for word in winner]
    return fold(np.stack([np.array(each) for each in (x, y, points, [SIDE[side] for side in left], number)], axis=1))


def _merged(columns: Columns, filters: Filters) -> tuple[Cells, int]:
    """Judges' comparisons, those of one on a pair and turn being one verdict."""
    merged, inconsistent = reader.merged_columns(columns, filters.inconsistent)
    one = np.ones(len(merged["pair"]), dtype=np.int64)
    return fold(np.stack([*(merged[name] for name in reader.COUNTED), one], axis=1)), inconsistent


def _from(base: Counts, study: Study, filters: Filters, line: Cut, upto: int) -> Counts:
    """`base` with what has come, and without what was superseded, between its line and this one."""
    then = Cut(base.highest, base.excluded)
    came = reader.selected(study, filters, line).filter(pk__gt=then.highest)
    superseded = {"superseded_by__gt": then.highest, "superseded_by__lte": line.highest}
    went = reader.selected(study, filters, then).filter(**superseded)
    source, parts, inconsistent = reader.source_of(filters.raters), [base.cells], base.inconsistent
    if source != "judge":
        parts.append(_grouped(_people(came, study, source), filters))
        parts.append(negated(_grouped(_people(went, study, source), filters)))
    if source != "people":
        touched = _units(came) | _units(went)
        for at, sign in ((line, 1), (then, -1)):
            cells, contradicted = _merged(_of_units(reader.selected(study, filters, at), touched), filters)
            parts.append(cells if sign > 0 else negated(cells))
            inconsistent += sign * contradicted
    simulated = base.simulated + _simulated(study, came) - _simulated(study, went)
    return Counts(base.key, line.highest, line.excluded, upto, fold(*parts), simulated, inconsistent)


def _simulated(study: Study, rows: ComparisonQuerySet) -> int:
    """How many of `rows` a program made up: most studies have none, and go through no rows to say so."""
    return rows.simulated().count() if study.raters.filter(simulated=True).exists() else 0


type Unit = tuple[int, int, int]
"""A judge, a pair, a turn: its comparisons are one verdict, which one more of them can change."""


def _units(rows: ComparisonQuerySet) -> set[Unit]:
    found = rows.filter(rater__kind=RaterKind.JUDGE).order_by()
    return set(found.values_list("rater", "pair", "turn"))


def _of_units(rows: ComparisonQuerySet, units: set[Unit]) -> Columns:
    raters, pairs = sorted({rater for rater, _pair, _turn in units}), sorted({pair for _rater, pair, _turn in units})
    blocks = [
        reader.fetch(rows.filter(rater__in=raters, pair__in=pairs[start : start + PAIRS]))
        for start in range(0, len(pairs), PAIRS)
    ]
    if not blocks:
        return reader.fetch(rows.none())
    columns = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
    keys = zip(*(columns[name].tolist() for name in ("rater", "pair", "turn")), strict=True)
    mine: NDArray[np.bool_] = np.fromiter((key in units for key in keys), dtype=bool, count=len(columns["pair"]))
    return {name: column[mine] for name, column in columns.items()}


def kept(study: Study, filters: Filters) -> Counts | None:
    """What was counted last, if anything was."""
    row = KeptCounts.objects.filter(study=study, key=key_of(study, filters)).first()
    if row is None:
        return None
    excluded = tuple(row.excluded)
    return Counts(row.key, row.cut, excluded, row.rows, unpacked(bytes(row.cells)), row.simulated, row.inconsistent)


def keep(study: Study, counts: Counts, at: datetime) -> None:
    """Keeps `counts` for the next time. They must have been counted under a firm line.

    Each row is whole by itself, so of those who keep one at once the one with the latest line wins.
    """
    values = {
        "cut": counts.highest,
        "excluded": list(counts.excluded),
        "rows": counts.rows,
        "cells": packed(counts.cells),
        "simulated": counts.simulated,
        "inconsistent": counts.inconsistent,
        "kept_at": at,
    }
    own = KeptCounts.objects.filter(study=study, key=counts.key)
    if not own.filter(cut__lte=counts.highest).update(**values):
        # There is none yet, or a later one, which stays, or an earlier one that came in between.
        KeptCounts.objects.bulk_create([KeptCounts(study=study, key=counts.key, **values)], ignore_conflicts=True)
        own.filter(cut__lt=counts.highest).update(**values)
