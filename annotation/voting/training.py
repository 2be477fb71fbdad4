"""Training: checks before the first vote that the worker understands the instruction.

The pairs of an attempt are drawn and stored before the first is shown, and only the first answer to each
counts, so that neither a reload nor a second tab gives another chance.
"""

from datetime import datetime

import numpy as np
from django.db import models, transaction

from annotation.models import Outcome, Pair, Purpose, Study, TrainingAnswer, Worker
from annotation.models.voting import Stage
from annotation.scales import SIDES
from annotation.voting import assignments, leaving


class Gone(Exception):
    """This worker has no such training pair to answer now."""


def usable(study: Study) -> models.QuerySet[Pair]:
    """Returns the training pairs whose golden answer exists on the study's scale, in stored order."""
    pairs = Pair.objects.filter(study=study, purpose=Purpose.TRAINING).order_by("pk")
    return pairs.exclude(golden="tie") if study.scale.top == 2 else pairs


def offered(study: Study) -> bool:
    """Returns whether the study has training."""
    return study.training_draw(usable(study).count()) > 0


@transaction.atomic
def current(worker: Worker, at: datetime, rng: np.random.Generator) -> TrainingAnswer | None:
    """Returns the training pair to show: one not answered yet, or one whose explanation is still open.

    The first call of an attempt draws its pairs and their sides. Returns None if the worker is not in training.
    """
    worker = assignments.lock(worker.pk)
    if worker.stage != Stage.TRAINING:
        return None
    if worker.attempt == 0:
        _draw(worker, rng)
        worker.save(update_fields=["attempt"])
    answer = _unseen(worker).select_related("pair__prompt").first()
    if answer is not None and answer.shown_at is None:
        answer.shown_at = at
        answer.save(update_fields=["shown_at"])
    return answer


def _unseen(worker: Worker) -> models.QuerySet[TrainingAnswer]:
    return worker.training_answers.filter(attempt=worker.attempt, seen_at=None).order_by("position")


def _draw(worker: Worker, rng: np.random.Generator) -> bool:
    """Starts the next attempt of a locked worker; returns False if no unseen pair is left."""
    pairs = list(usable(worker.study))
    met = set(worker.training_answers.values_list("pair", flat=True))
    fresh = [pair for pair in pairs if pair.pk not in met]
    if not fresh:
        return False
    drawn = rng.permutation(len(fresh))[: worker.study.training_draw(len(pairs))]
    worker.attempt += 1
    TrainingAnswer.objects.bulk_create(
        TrainingAnswer(
            worker=worker,
            pair=fresh[index],
            attempt=worker.attempt,
            position=position,
            left=SIDES[rng.integers(2)],
        )
        for position, index in enumerate(drawn)
    )
    return True


@transaction.atomic
def answer(worker: Worker, answer_id: int, value: int, at: datetime, *, scale_name: str = "") -> TrainingAnswer:
    """Stores the first answer to a training pair; a later one changes nothing and returns the first.

    Raises:
        Gone: it is not the pair that the worker was shown.
        ScaleChanged: `scale_name`, which the page asked on where it says so, is not the study's scale.
        NotOnScale: `value` is not on the study's scale.
    """
    worker = assignments.lock(worker.pk)
    given = worker.training_answers.select_related("pair__prompt").filter(pk=answer_id).first()
    if given is None:
        raise Gone
    if given.value is None:
        first = _unseen(worker).first()
        if first is None or first.pk != given.pk or given.shown_at is None:
            raise Gone
        assignments.check_scale(worker.study, scale_name)
        given.value, given.answered_at = value, at
        given.right = worker.study.scale.agrees(value, given.golden)
        given.save(update_fields=["value", "answered_at", "right"])
    return given


@transaction.atomic
def proceed(worker: Worker, answer_id: int, at: datetime, rng: np.random.Generator) -> Worker:
    """Closes the explanation of an answered pair; after the last pair, evaluates the attempt.

    The returned worker is at voting (passed), at training (more pairs, or another attempt), or has left
    (failed the last attempt).

    Raises:
        Gone: the pair is not the worker's, or is not answered yet.
    """
    worker = assignments.lock(worker.pk)
    answered = worker.training_answers.filter(pk=answer_id, value__isnull=False)
    if not answered.exists():
        raise Gone
    if answered.filter(seen_at=None).update(seen_at=at) and not _unseen(worker).exists():
        _conclude(worker, at, rng)
        worker.save()
    return worker


def _conclude(worker: Worker, at: datetime, rng: np.random.Generator) -> None:
    answers = worker.training_answers.filter(attempt=worker.attempt)
    marks = list(answers.values_list("right", flat=True))
    worker.training_score = sum(map(bool, marks)) / len(marks)
    if worker.training_score >= worker.study.training_pass:
        worker.stage, worker.trained_at = Stage.VOTING, at
    elif worker.attempt >= worker.study.training_attempts or not _draw(worker, rng):
        leaving.leave(worker, Outcome.FAILED_TRAINING, at)
