"""Draws the next pairs of adaptive studies in the background.

The numerics run outside of transactions: a claim on the study's row keeps a second worker from doing the same work,
and only the worker whose claim still holds stores its batch, whole or not at all. A worker that is killed leaves
nothing but its claim, which expires.
"""

import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from django.db import transaction
from django.db.models import Count, F, Max, Q

from annotation import draw_strategies
from annotation.draw_strategies import Chosen, Drawer
from annotation.drawing import candidates as readers
from annotation.drawing.store import Changed, Drawing, basis, lock, store
from annotation.models import Assignment, AssignmentState, DrawBatch, Offering, Pair, Status, Study
from annotation.pairing.candidates import Candidates, Prompts

log = logging.getLogger(__name__)

PER_WORKER: Final = 2
"""Open places for each worker at work: one to take next, and one more until the next batch comes."""

PATIENCE: Final = timedelta(seconds=60)
"""After this time, whoever claimed the drawing of a batch is dead. A batch takes about a second."""

MOST: Final = 1000
"""Maximum draws of a batch."""


@dataclass(frozen=True, slots=True)
class Supply:
    """The places of an adaptive study that can be handed out now."""

    open: int
    at_work: int
    """Workers with a pair in hand."""
    usable: float
    """The open places that a worker at work can take, on average: nobody sees a pair twice."""

    @property
    def short(self) -> int:
        """The places to open, so that there are enough for those at work and one more who joins."""
        return max(0, math.ceil(PER_WORKER * (self.at_work + 1) - self.usable))


def supply(study: Study, at: datetime) -> Supply:
    """Returns the open places of `study` and the workers who take them, in three queries."""
    in_hand = Assignment.objects.filter(study=study, state=AssignmentState.OPEN, expires_at__gt=at)
    at_work = in_hand.count()
    places = dict(Pair.objects.filter(study=study).wanting().values_list("pk", F("wanted") - F("taken")))
    if not at_work:
        return Supply(sum(places.values()), 0, sum(places.values()))
    seen = Assignment.objects.filter(pair__in=places.keys(), worker__in=in_hand.values("worker")).order_by()
    by_pair = dict(seen.values_list("pair").annotate(Count("pk")))
    usable = sum(free * (1 - by_pair.get(pair, 0) / at_work) for pair, free in places.items())
    return Supply(sum(places.values()), at_work, usable)


def due(at: datetime) -> Iterator[int]:
    """Yields the primary keys of the studies that need a batch."""
    for study in Study.objects.filter(_drawing(at)):
        if supply(study, at).short:
            yield study.pk


def _drawing(at: datetime) -> Q:
    """The condition of studies whose next batch may be drawn: nobody alive is at it."""
    free = Q(drawing_at=None) | Q(drawing_at__lt=at - PATIENCE)
    return free & Q(status=Status.OPEN, offering=Offering.ADAPTIVE)


def draw(study_id: int, at: datetime) -> int:
    """Draws as many pairs as the study is short of; returns how many.

    Returns 0 if nothing is needed or possible, another worker is at it, or the study changed meanwhile. The next sweep
    asks again.
    """
    study = Study.objects.filter(_drawing(at), pk=study_id).select_related("prompt_set").first()
    drawer = draw_strategies.registered()
    if study is None or drawer is None:
        return 0
    size = min(supply(study, at).short, MOST)
    if not size or not Study.objects.filter(_drawing(at), pk=study_id).update(drawing_at=at):
        return 0
    try:
        return _draw(drawer, study, size, at)
    except Changed:
        log.info("Study %s changed while pairs were being drawn; the next batch takes that into account.", study.slug)
        return 0
    finally:
        Study.objects.filter(pk=study_id, drawing_at=at).update(drawing_at=None)


def _draw(drawer: Drawer, study: Study, size: int, at: datetime) -> int:
    before = basis(study)
    number = (DrawBatch.objects.filter(study=study).aggregate(last=Max("number"))["last"] or 0) + 1
    rng = np.random.default_rng([study.draw_seed, number])
    candidates = readers.read(study)
    drawn = drawer.draw(study, candidates, size, rng)
    drawings = list(_with_prompts(drawn.chosen, candidates, rng))
    with transaction.atomic():
        locked = lock(study, before, drawing_at=at)
        stored = store(
            locked,
            drawings,
            at,
            rng,
            seed=f"{study.draw_seed}, {number}",
            mix=dict(drawn.mix),
            fit=drawn.fit,
            cut=drawn.cut,
            votes=drawn.votes,
        )
    return len(stored)


def _with_prompts(chosen: list[Chosen], candidates: Candidates, rng: np.random.Generator) -> Iterator[Drawing]:
    prompts = Prompts(candidates)
    for each in chosen:
        found = prompts.choose(each.i, each.j, rng) if each.prompt is None else (each.prompt, 1.0)
        if found is None:
            continue
        prompt, chance = found
        yield Drawing(
            model_1=int(candidates.models[each.i]),
            model_2=int(candidates.models[each.j]),
            prompt=int(candidates.prompts[prompt]),
            strategy=each.strategy,
            version=each.version,
            probability=None if each.probability is None else each.probability * chance,
        )
