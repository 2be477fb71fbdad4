"""Reads what an adaptive study can draw."""

from collections import defaultdict
from dataclasses import replace
from itertools import combinations
from typing import Any, Final

import numpy as np
from django.db.models import Min, QuerySet
from numpy.typing import NDArray

from annotation.interchange.reasoning import parted
from annotation.models import Assignment, AssignmentState, Draw, Pair, Purpose, ResultFlag, Study
from annotation.pairing.candidates import Candidates, Counts

CHUNK: Final = 20_000

NONE: Final[Counts] = np.empty((0, 3), dtype=np.int64)


def read(study: Study) -> Candidates:
    """Returns every two models of `study` on every prompt within its filters that both answered.

    Uses the first sample (0) of each model, as the strategies that make pairs do.
    """
    models = _keys(study.models_compared())
    prompts = _keys(study.prompts())
    answered = np.zeros((len(models), len(prompts)), dtype=bool)
    results = _rows(study.answers().values_list("model", "prompt"), 2)
    answered[np.searchsorted(models, results[:, 0]), np.searchsorted(prompts, results[:, 1])] = True
    drawn, pending = _drawn(study, models, prompts)
    return Candidates(
        models=models,
        prompts=prompts,
        answered=answered,
        cap=study.overlap,
        drawn=drawn,
        pending=pending,
        refused=NONE if study.pair_identical else _identical(study, models, prompts),
        joined=_joined(study, models),
    )


def for_worker(candidates: Candidates, worker_id: int) -> Candidates:
    """Returns the candidates without the pairs that the worker has been offered."""
    rows = Assignment.objects.filter(worker=worker_id, pair__purpose=Purpose.VOTE)
    found = _rows(rows.values_list("pair__model_x", "pair__model_y", "pair__prompt"), 3)
    seen, _known = _as_places(found, candidates.models, candidates.prompts)
    return replace(candidates, refused=np.unique(np.concatenate([candidates.refused, seen]), axis=0))


def pairs_of(study: Study) -> QuerySet[Pair]:
    """Returns the study's pairs of such answers; a file may bring pairs of other samples."""
    return Pair.objects.within(study).filter(result_x__sample=0, result_y__sample=0)


def _keys(rows: QuerySet[Any]) -> Counts:
    return np.array(rows.order_by("pk").values_list("pk", flat=True), dtype=np.int64)


def _rows(rows: QuerySet[Any, Any], width: int) -> Counts:
    found = list(rows.order_by().iterator(chunk_size=CHUNK))
    return np.array(found, dtype=np.int64).reshape(len(found), width)


def _as_places(rows: Counts, models: Counts, prompts: Counts) -> tuple[Counts, NDArray[np.bool_]]:
    """Returns rows of two models and a prompt, by keys, as rows of indices i < j and prompt, and which rows these are:
    those of other models and prompts are left out."""
    known = np.isin(rows[:, :2], models).all(axis=1) & np.isin(rows[:, 2], prompts)
    ends = np.sort(np.searchsorted(models, rows[known, :2]), axis=1)
    return np.column_stack([ends, np.searchsorted(prompts, rows[known, 2])]).astype(np.int64), known


def _drawn(study: Study, models: Counts, prompts: Counts) -> tuple[Counts, NDArray[np.float64]]:
    """Returns (n, 4) the pairs with places, and (m, m) the places whose vote is still to come."""
    pending = np.zeros((len(models), len(models)))
    rows = _rows(pairs_of(study).filter(wanted__gt=0).values_list("model_x", "model_y", "prompt", "wanted", "taken"), 5)
    places, known = _as_places(rows[:, :3], models, prompts)
    rows = rows[known]
    np.add.at(pending, (places[:, 0], places[:, 1]), rows[:, 3] - rows[:, 4])
    held = Assignment.objects.filter(study=study, state=AssignmentState.OPEN, slot__isnull=False)
    in_hand = _rows(held.values_list("pair__model_x", "pair__model_y", "pair__prompt"), 3)
    open_, _known = _as_places(in_hand, models, prompts)
    np.add.at(pending, (open_[:, 0], open_[:, 1]), 1)
    # Two rows of the same two answers, as a file may bring them, are one candidate.
    _once, first = np.unique(places, axis=0, return_index=True)
    drawn = np.column_stack([places, rows[:, 3]])[np.sort(first)]
    return drawn, pending + pending.T


def _identical(study: Study, models: Counts, prompts: Counts) -> Counts:
    """Returns (k, 3) the pairs of answers that are the same, of those that are flagged as such."""
    flagged = ResultFlag.objects.filter(kind=ResultFlag.Kind.IDENTICAL).values("result")
    said: dict[tuple[int, str], list[int]] = defaultdict(list)
    rows = study.answers().filter(pk__in=flagged).values_list("prompt", "model", "text", "turns")
    for prompt, model, text, turns in rows.iterator(chunk_size=100):
        said[prompt, "\0".join(parted(answer or "")[1].strip() for answer in (text, *turns))].append(model)
    same = [(x, y, prompt) for (prompt, _text), alike in said.items() for x, y in combinations(alike, 2)]
    return _as_places(np.array(same, dtype=np.int64).reshape(len(same), 3), models, prompts)[0]


def _joined(study: Study, models: Counts) -> Counts:
    """Returns (m,) how many draws the study had made when it first drew the model; of one not drawn yet, all."""
    draws = Draw.objects.filter(batch__study=study).order_by()
    found = np.full(len(models), draws.count(), dtype=np.int64)
    # The pairs are read by themselves: joined to them as well, a database without statistics loops over all three
    # tables at once, which takes seconds from a few hundred draws on.
    before = dict(draws.values_list("pair").annotate(Min("batch__before")))
    pairs = _rows(Pair.objects.filter(study=study).values_list("pk", "model_x", "model_y"), 3)
    pairs = pairs[np.isin(pairs[:, 0], list(before)) & np.isin(pairs[:, 1:], models).all(axis=1)]
    first = np.array([before[pair] for pair in pairs[:, 0].tolist()], dtype=np.int64)
    for side in (1, 2):
        np.minimum.at(found, np.searchsorted(models, pairs[:, side]), first)
    return found
