"""Adaptive studies for tests: without pairs, which they draw themselves."""

from collections import Counter
from datetime import datetime
from typing import Any

import numpy as np
from django.db.models import F

from annotation.drawing import batches
from annotation.models import Assignment, Comparison, Draw, Pair, Study, Worker
from annotation.studies import lifecycle
from annotation.voting import assignments, votes
from annotation.voting.votes import Ballot
from tests.builders import NOW, build_study


def adaptive_study(slug: str = "adaptive", *, opened: bool = True, **build: Any) -> Study:
    """A study that draws its pairs, with answers of all models to all prompts and no pair yet."""
    study = build_study(slug, **{"models": 4, "prompts": 6, "overlap": 2, "opened": False, **build})
    study.pairs.all().delete()
    study = lifecycle.change_settings(study, {"offering": "adaptive"})
    return lifecycle.start(study) if opened else study


def draw(study: Study, at: datetime = NOW) -> int:
    """What the background does."""
    return batches.draw(study.pk, at)


def vote(worker: Worker, at: datetime = NOW, rng: np.random.Generator | None = None, value: int = 1) -> Comparison:
    """The worker votes on the pair in hand, or on the next one."""
    random = rng or np.random.default_rng(worker.pk)
    assignment = assignments.current(worker, at, random)
    assert assignment is not None
    votes.vote(worker, assignment.pk, Ballot(value=value), at, random)
    return Comparison.objects.get(assignment=assignment, superseded_by=None, withdrawn=False)


def books_balance(study: Study) -> None:
    """Asserts what must hold for an adaptive study at any moment."""
    pairs = Pair.objects.filter(study=study).votable()
    cap = Study.objects.values_list("overlap", flat=True).get(pk=study.pk)
    assert not pairs.filter(wanted__gt=cap).exists(), "no pair over its cap"
    held = Counter(Assignment.objects.filter(study=study, slot__isnull=False).values_list("pair", flat=True))
    assert held == Counter(dict(pairs.filter(taken__gt=0).values_list("pk", "taken")))
    assert not pairs.filter(taken__gt=F("wanted")).exists()
    triples = list(pairs.values_list("prompt", "result_x", "result_y"))
    assert len({(prompt, frozenset(results)) for prompt, *results in triples}) == len(triples), "no pair twice"
    drawn = Draw.objects.filter(batch__study=study)
    opened = Counter(drawn.values_list("pair", flat=True))
    assert opened == Counter(dict(pairs.filter(wanted__gt=0).values_list("pk", "wanted"))), "each place was drawn"
    places = set(drawn.values_list("pair", "slot"))
    taken = Assignment.objects.filter(study=study, slot__isnull=False)
    assert set(taken.values_list("pair", "slot")) <= places, "each vote is on a place that a draw opened"
