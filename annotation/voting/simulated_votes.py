"""Simulated workers and their votes, which are marked in every row and deleted all together."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from django.db import transaction
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from annotation.models import Comparison, Outcome, Pair, Rater, RaterKind, Study, Worker
from annotation.models.voting import Stage
from annotation.numbering import next_number
from annotation.planner_stats import analyse
from annotation.scales import Scale, Side, winner_of
from annotation.simulation import LEFT, TIE, Assumptions, People, answers, hand_out, people, strengths
from annotation.studies.lifecycle import NotPossible, check_shown

BATCH: Final = 5000
"""Rows per transaction, so that nobody waits long for SQLite's write lock."""

RATERS: Final = 200
"""Raters whose votes are deleted in one transaction."""

type Progress = Callable[[int, int], None]
"""Called with the number of votes done and in total."""


@dataclass(frozen=True, slots=True)
class Simulation:
    """The result of a simulation."""

    votes: int
    workers: int
    careless: int
    pairs: int
    assumptions: Assumptions
    strengths: list[tuple[str, float]]
    """(model name, drawn strength), in natural logarithms with mean 0, strongest first."""


@dataclass(frozen=True, slots=True)
class Removal:
    """How many simulated votes and workers were deleted."""

    votes: int
    workers: int


@dataclass(frozen=True, slots=True)
class _Votes:
    """Arrays of shape (votes,): indices of the pairs and of the workers, and the answers."""

    pair: NDArray[np.int64]
    worker: NDArray[np.int64]
    turned: NDArray[np.bool_]
    """Whether y was on the left."""
    value: NDArray[np.int8]
    """The value on the study's scale."""


def simulate(
    study: Study,
    votes: int,
    seed: int,
    *,
    workers: int | None = None,
    assumptions: Assumptions | None = None,
    progress: Progress | None = None,
) -> Simulation:
    """Adds `votes` votes by new simulated workers on the pairs within the study's filters.

    The same study, seed and numbers give the same votes. They take no places: people are still offered every
    pair. An interrupted run keeps the votes it has stored, marked as simulated.

    Raises:
        NotPossible: there are no pairs, a number is out of range, the workers have too few pairs for that many votes,
            or the study is hidden.
    """
    check_shown(study)
    assumptions = assumptions or Assumptions()
    rows = list(Pair.objects.within(study).order_by("pk").values_list("pk", "model_x", "model_y"))
    if not rows:
        raise NotPossible(_("This study has no pairs to vote on yet. Make pairs first."))
    workers = math.ceil(votes / min(len(rows), study.most_votes)) if workers is None else workers
    _check_numbers(votes, workers, len(rows), seed, assumptions)
    models = dict(study.models_compared().order_by("pk").values_list("pk", "name"))
    rng = np.random.default_rng(seed)
    strength = strengths(len(models), assumptions, rng)
    drawn = people(workers, assumptions, rng)
    place = {pk: index for index, pk in enumerate(models)}
    in_pair = np.array([[strength[place[x]], strength[place[y]]] for _pk, x, y in rows])
    cast = _cast(in_pair, drawn, study.scale, votes, assumptions, rng)
    pair_ids = [pk for pk, _x, _y in rows]
    raters = _add_workers(study, np.bincount(cast.worker, minlength=workers).tolist())
    for start in range(0, votes, BATCH):
        _add_votes(study, cast, slice(start, start + BATCH), pair_ids, raters)
        if progress is not None:
            progress(min(start + BATCH, votes), votes)
    analyse(Rater, Worker, Comparison)
    named = sorted(zip(models.values(), strength.tolist(), strict=True), key=lambda item: -item[1])
    return Simulation(votes, workers, int(drawn.careless.sum()), len(rows), assumptions, named)


def _check_numbers(votes: int, workers: int, pairs: int, seed: int, assumptions: Assumptions) -> None:
    if votes < 1 or workers < 1:
        raise NotPossible(_("Votes and workers must be at least 1."))
    if workers > votes:
        raise NotPossible(_("There cannot be more workers than votes."))
    if votes > workers * pairs:
        raise NotPossible(
            _("%(workers)d workers can give at most %(most)d votes on %(pairs)d pairs, one per pair. Use more workers.")
            % {"workers": workers, "most": workers * pairs, "pairs": pairs}
        )
    if seed < 0:
        raise NotPossible(_("The seed must be a whole number of 0 or more."))
    if not 0 <= assumptions.ties < 1:
        raise NotPossible(_("The share of ties must be at least 0 and below 1."))
    if not 0 <= assumptions.careless <= 1:
        raise NotPossible(_("The share of careless workers must be between 0 and 1."))


def _cast(
    in_pair: NDArray[np.float64],
    drawn: People,
    scale: Scale,
    votes: int,
    assumptions: Assumptions,
    rng: np.random.Generator,
) -> _Votes:
    """Draws pairs, sides and answers. `in_pair`: strengths of x and y, shape (pairs, 2)."""
    workers = len(drawn.careless)
    sizes = np.full(workers, votes // workers) + (np.arange(workers) < votes % workers)
    pair, worker = hand_out(len(in_pair), sizes, rng)
    turned = rng.random(votes) < 0.5
    difference = np.where(turned, -1.0, 1.0) * (in_pair[pair, 0] - in_pair[pair, 1])
    degrees = scale.top // 2
    given = answers(difference, worker, drawn, assumptions.ties if scale.has_tie else 0.0, degrees, rng)
    value = np.select(
        [given.answer == LEFT, given.answer == TIE],
        [degrees + 1 - given.degree, (scale.top + 1) // 2],
        scale.top - degrees + given.degree,
    )
    return _Votes(pair, worker, turned, value.astype(np.int8))


@transaction.atomic
def _add_workers(study: Study, votes: list[int]) -> list[Rater]:
    """Creates simulated workers with these numbers of votes, numbered after the existing workers."""
    Study.objects.select_for_update().get(pk=study.pk)
    first = next_number(Worker.objects.filter(study=study))
    raters = Rater.objects.bulk_create(
        [Rater(study=study, kind=RaterKind.WORKER, simulated=True) for _worker in votes], batch_size=BATCH
    )
    Worker.objects.bulk_create(
        [
            Worker(
                rater=rater,
                study=study,
                number=first + index,
                stage=Stage.DONE,
                outcome=Outcome.COMPLETED,
                votes=given,
            )
            for index, (rater, given) in enumerate(zip(raters, votes, strict=True))
        ],
        batch_size=BATCH,
    )
    return raters


@transaction.atomic
def _add_votes(study: Study, cast: _Votes, part: slice, pair_ids: list[int], raters: list[Rater]) -> None:
    scale = study.scale
    rows = zip(*(column[part].tolist() for column in (cast.pair, cast.worker, cast.turned, cast.value)), strict=True)
    comparisons = []
    for pair, worker, turned, value in rows:
        left: Side = "y" if turned else "x"
        comparisons.append(
            Comparison(
                study=study,
                pair_id=pair_ids[pair],
                rater=raters[worker],
                left=left,
                winner=winner_of(scale.answer(value), left),
                value=value,
                scale_name=scale.name,
            )
        )
    Comparison.objects.bulk_create(comparisons, batch_size=BATCH)


def remove(study: Study, progress: Progress | None = None) -> Removal:
    """Deletes every simulated worker of `study` with their votes.

    Raises:
        NotPossible: the study is hidden.
    """
    check_shown(study)
    simulated = Rater.objects.filter(study=study, simulated=True, kind=RaterKind.WORKER)
    workers, votes = simulated.count(), 0
    for done in range(0, workers, RATERS):
        votes += _remove(list(simulated.order_by("pk").values_list("pk", flat=True)[:RATERS]))
        if progress is not None:
            progress(min(done + RATERS, workers), workers)
    return Removal(votes, workers)


@transaction.atomic
def _remove(rater_ids: list[int]) -> int:
    votes, _by_model = Comparison.objects.filter(rater__in=rater_ids).delete()
    Rater.objects.filter(pk__in=rater_ids).delete()
    return votes
