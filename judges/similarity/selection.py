"""The prompts that a similarity run chose, as pairs of a study: the strategy `mad`."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from django.contrib.auth.models import User
from django.utils.translation import gettext_lazy

from annotation.models import PairRun, Study
from annotation.pair_making import background, make, selections
from annotation.pair_making.make import PairsMade
from annotation.pair_making.selections import Selection
from annotation.studies.lifecycle import NotPossible
from judges import problems
from judges.models import SimilarityRun

STRATEGY: Final = "mad"


def select(study: Study, number: int) -> Mapping[int, list[tuple[int, int]]]:
    """Returns the pairs of models that the run `number` chose, by prompt, all as primary keys.

    Raises:
        NotPossible: the study has no such run, it has not compared the answers yet, or it chose nothing.
    """
    run = SimilarityRun.objects.filter(study=study, pk=number).first()
    if run is None:
        raise NotPossible(problems.NO_SIMILARITY_RUN(number=number))
    if run.compared_at is None:
        raise NotPossible(problems.NOT_COMPARED(number=number))
    found: dict[int, list[tuple[int, int]]] = {}
    for x, y, chosen in run.tables.values_list("model_x", "model_y", "chosen"):
        for prompt in chosen:
            found.setdefault(prompt, []).append((x, y))
    if not found:
        raise NotPossible(problems.NONE_CHOSEN())
    return found


def make_pairs(run: SimilarityRun, at: datetime, *, seed: int = 0) -> PairsMade:
    """Adds the chosen pairs of `run` to its study, except existing ones; an adaptive study draws them `at` this time.

    Raises:
        NotPossible: see `select`, or the study may not use its prompt set.
    """
    return make.make_pairs(run.study, STRATEGY, selection=run.pk, seed=seed, at=at)


def submit(run: SimilarityRun, user: User | None, *, seed: int = 0) -> PairRun:
    """Asks the background to add the chosen pairs of `run` to its study.

    Raises:
        NotPossible: see `select`.
    """
    select(run.study, run.pk)
    return background.submit(run.study, user, STRATEGY, {"selection": run.pk, "seed": seed})


def register() -> None:
    """Registers the strategy."""
    selections.register(
        STRATEGY,
        Selection(
            select,
            gettext_lazy("MAD competition"),
            gettext_lazy("For each pair of models, the prompts on which their answers differ most."),
            "study-mad",
        ),
    )
