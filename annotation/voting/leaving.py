"""How a worker leaves: with which outcome, with which code, and what happens to what they gave."""

from datetime import datetime

from django.db import transaction

from annotation.models import AssignmentState, Exit, Outcome, Rater, Status, Study, Worker
from annotation.models.voting import Stage
from annotation.voting import assignments


class NotYet(Exception):
    """The worker has not given the least votes, and there are pairs left for them."""


def exit_of(study: Study, outcome: str) -> Exit:
    """The code and the return link of those who leave `study` with `outcome`."""
    return study.exits.get(outcome=outcome)


def leave(worker: Worker, outcome: Outcome, at: datetime) -> None:
    """Ends the way of a worker locked by the caller, who saves the row; an open reservation is freed."""
    for assignment in worker.assignments.filter(state=AssignmentState.OPEN):
        assignments.set_aside(assignment, worker.study)
    worker.stage, worker.outcome, worker.left_at = Stage.DONE, outcome, at


@transaction.atomic
def finish(worker: Worker, at: datetime) -> Worker:
    """Lets a worker go who has given the least votes; a second time changes nothing.

    Raises:
        NotYet: they have not.
    """
    worker = assignments.lock(worker.pk)
    if worker.stage == Stage.DONE:
        return worker
    if worker.stage != Stage.VOTING or not assignments.progress(worker).may_finish:
        raise NotYet
    leave(worker, Outcome.COMPLETED, at)
    worker.save()
    return worker


@transaction.atomic
def complete(worker: Worker, at: datetime) -> Worker:
    """Lets a worker go whom the study has nothing for: no pairs left, the most votes given, paused or closed.

    They have done nothing wrong and leave with the completion code, however few votes they could give.
    Call it where `assigning.current` returned None, or for one who is still on the way to voting and
    finds the study paused or closed.
    """
    worker = assignments.lock(worker.pk)
    if worker.stage != Stage.DONE:
        leave(worker, Outcome.COMPLETED, at)
        worker.save()
    return worker


@transaction.atomic
def resume(worker: Worker) -> Worker:
    """Takes a completed worker back who has votes left to give in an open study; else changes nothing."""
    worker = assignments.lock(worker.pk)
    if may_resume(worker):
        worker.stage = Stage.VOTING if worker.trained_at else Stage.INSTRUCTIONS
        worker.outcome, worker.left_at = "", None
        worker.save()
    return worker


def may_resume(worker: Worker) -> bool:
    """Whether a worker who left with the completion code could go on."""
    study = worker.study
    return (
        worker.outcome == Outcome.COMPLETED
        and worker.joined_at is not None
        and study.status == Status.OPEN
        and worker.votes < study.most_votes
        and worker.rater.excluded_at is None
    )


@transaction.atomic
def withdraw(worker: Worker, at: datetime) -> Worker:
    """Ends the worker's part and takes back what they gave: their votes count no longer.

    The rows stay, marked, since what was published with them cannot be unpublished; others can vote
    on the pairs in their stead. It can be done at any time, after finishing too.
    """
    worker = assignments.lock(worker.pk)
    if worker.outcome != Outcome.WITHDRAWN:
        leave(worker, Outcome.WITHDRAWN, at)
        worker.save()
        exclude(worker.rater, "withdrawn", at)
    return worker


def exclude(rater: Rater, reason: str, at: datetime) -> bool:
    """Leaves all votes of `rater` out of boards and exports, and frees their places; False if it was done before.

    Call it inside a transaction.
    """
    if not Rater.objects.filter(pk=rater.pk, excluded_at=None).update(excluded_at=at, exclusion_reason=reason):
        return False
    assignments.release_places(rater)
    return True


def include(rater: Rater) -> bool:
    """The inverse of `exclude`; False if the rater was not excluded. Call it inside a transaction."""
    if not Rater.objects.filter(pk=rater.pk, excluded_at__isnull=False).update(excluded_at=None, exclusion_reason=""):
        return False
    assignments.retake_places(rater)
    return True
