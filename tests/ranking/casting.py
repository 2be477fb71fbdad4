"""Studies with votes in them, for tests of what ranking reads from the database."""

from __future__ import annotations

from itertools import count
from typing import Any

import numpy as np

from annotation.models import Comparison, Pair, Purpose, Rater, RaterKind, Study, Worker
from annotation.studies import lifecycle
from tests.builders import NOW, build_study
from tests.built_once import built_once


def person(study: Study, **fields: Any) -> Rater:
    rater = Rater.objects.create(study=study, kind=RaterKind.WORKER, **fields)
    Worker.objects.create(rater=rater, study=study, number=rater.pk, joined_at=NOW)
    return rater


def judge(study: Study, name: str = "gpt9") -> Rater:
    return Rater.objects.create(study=study, kind=RaterKind.JUDGE, name=name)


def vote(rater: Rater, pair: Pair, winner: str, *, left: str = "x", **fields: Any) -> Comparison:
    return Comparison.objects.create(
        study=pair.study, pair=pair, rater=rater, winner=winner, left=left, answered_at=NOW, **fields
    )


@built_once
def voted_study(slug: str = "haiku", *, people: int = 6, **build: Any) -> Study:
    """A study whose first model mostly beats the second, and so on down, by the votes of `people`."""
    study = build_study(slug, **{"models": 4, "prompts": 12, **build})
    pairs = list(study.pairs.filter(purpose=Purpose.VOTE).order_by("pk"))
    turn = count()
    rows = []
    raters = Rater.objects.bulk_create(Rater(study=study, kind=RaterKind.WORKER) for _index in range(people))
    Worker.objects.bulk_create(Worker(rater=rater, study=study, number=rater.pk, joined_at=NOW) for rater in raters)
    for rater in raters:
        for pair in pairs:
            number = next(turn)
            # x is always the better model here; every fifth vote says otherwise, every seventh is a tie.
            winner = "tie" if number % 7 == 0 else ("y" if number % 5 == 0 else "x")
            left = "x" if number % 2 else "y"
            rows.append(Comparison(study=study, pair=pair, rater=rater, winner=winner, left=left, answered_at=NOW))
    Comparison.objects.bulk_create(rows)
    study.pairs.update(wanted=people, taken=people)
    return study


@built_once
def voting_study(
    *, models: int = 3, prompts: int = 30, raters: int = 30, votes: int = 600, lead: float = 1.5, **settings: Any
) -> Study:
    """A study in which the first model is better than all others, who are equal, by `lead` in log-odds."""
    study = build_study(models=models, prompts=prompts, **settings)
    people = Rater.objects.bulk_create(Rater(study=study, kind=RaterKind.WORKER) for _index in range(raters))
    Worker.objects.bulk_create(Worker(rater=each, study=study, number=each.pk, joined_at=NOW) for each in people)
    pairs = list(study.pairs.votable().order_by("pk"))
    best = study.prompt_set.models.order_by("pk")[0].pk
    rng = np.random.default_rng(0)
    # Each rater meets each pair at most once.
    places = rng.permutation(raters * len(pairs))[:votes]
    rows = []
    for place in places.tolist():
        pair = pairs[place % len(pairs)]
        chance = 1 / (1 + np.exp(-lead)) if best in {pair.model_x_id, pair.model_y_id} else 0.5
        winner = "x" if rng.random() < chance else "y"
        rater = people[place // len(pairs)]
        rows.append(Comparison(study=study, pair=pair, rater=rater, winner=winner, left="x", answered_at=NOW))
    Comparison.objects.bulk_create(rows)
    return study


def aim(study: Study, kind: str, number: int | None, **changes: Any) -> Study:
    """Gives `study` a goal."""
    return lifecycle.change_settings(study, {"goal": kind, "goal_number": number, **changes})
