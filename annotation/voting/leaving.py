"""How a worker leaves: the outcome, the code, and what happens to their votes."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final
from urllib.parse import quote

from django.db import transaction

from annotation.models import AssignmentState, Exit, Outcome, Rater, Status, Study, Worker
from annotation.models.voting import Stage
from annotation.voting import assignments

PLACEHOLDER: Final = re.compile(r"\{([A-Za-z0-9_.-]{1,100})\}")


class NotYet(Exception):
    """The worker has not given the minimum number of votes, and has pairs left."""


def exit_of(study: Study, outcome: str) -> Exit:
    """Returns the code and the return link for `outcome`."""
    return study.exits.get(outcome=outcome)


def return_link(study: Study, url: str, parameters: Mapping[str, str], code: str, worker_id: str) -> str:
    """Returns a return link with its placeholders filled: {worker_id}, {code}, and the parameters of the join link.

    `parameters` are those that the worker came with, by name; one that they did not bring is empty.
    """
    values = {**parameters, "worker_id": worker_id, "code": code}
    return PLACEHOLDER.sub(lambda match: quote(values.get(match[1], ""), safe=""), url)


def return_link_of(worker: Worker, exit_: Exit) -> str:
    """Returns the return link of a worker who has left."""
    study, own = worker.study, worker.external_id
    parameters = worker.platform | ({study.id_parameter: own} if own else {})
    return return_link(study, exit_.url, parameters, exit_.code, own or str(worker.number))


def leave(worker: Worker, outcome: Outcome, at: datetime) -> None:
    """Ends the participation of a worker that the caller has locked and will save; releases an open reservation."""
    for assignment in worker.assignments.filter(state=AssignmentState.OPEN):
        assignments.set_aside(assignment, worker.study)
    worker.stage, worker.outcome, worker.left_at = Stage.DONE, outcome, at


@transaction.atomic
def finish(worker: Worker, at: datetime) -> Worker:
    """Completes a worker who has given the minimum number of votes; idempotent.

    Raises:
        NotYet: the worker has given too few.
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
    """Completes a worker who cannot go on: no pairs left, maximum votes given, or study paused or closed.

    They leave with the completion code, however few votes they could give. Call it if `assignments.current`
    returned None, or for a worker who has not reached voting when the study is paused or closed.
    """
    worker = assignments.lock(worker.pk)
    if worker.stage != Stage.DONE:
        leave(worker, Outcome.COMPLETED, at)
        worker.save()
    return worker


@transaction.atomic
def resume(worker: Worker) -> Worker:
    """Lets a completed worker continue if the study is open and they have votes left; else changes nothing."""
    worker = assignments.lock(worker.pk)
    if may_resume(worker):
        worker.stage = Stage.VOTING if worker.trained_at else Stage.INSTRUCTIONS
        worker.outcome, worker.left_at = "", None
        worker.save()
    return worker


def may_resume(worker: Worker) -> bool:
    """Returns whether a worker who left with the completion code could continue."""
    study = worker.study
    return (
        worker.outcome == Outcome.COMPLETED
        and worker.joined_at is not None
        and worker.erased_at is None
        and study.status == Status.OPEN
        and worker.votes < study.most_votes
        and worker.rater.excluded_at is None
    )


@transaction.atomic
def withdraw(worker: Worker, at: datetime) -> Worker:
    """Ends the worker's participation and withdraws their answers, which no longer count.

    The rows are kept and marked, because published results cannot be unpublished; others can vote on the
    pairs instead. A worker can withdraw at any time, also after finishing.
    """
    worker = assignments.lock(worker.pk)
    if worker.outcome != Outcome.WITHDRAWN:
        leave(worker, Outcome.WITHDRAWN, at)
        worker.save()
        exclude(worker.rater, "withdrawn", at)
    return worker


def exclude(rater: Rater, reason: str, at: datetime) -> bool:
    """Excludes all votes of `rater` from boards and exports and releases their places; returns False if it was done.

    Call it inside a transaction.
    """
    if not Rater.objects.filter(pk=rater.pk, excluded_at=None).update(excluded_at=at, exclusion_reason=reason):
        return False
    assignments.release_places(rater)
    return True


def include(rater: Rater) -> bool:
    """Reverses `exclude`; returns False if the rater was not excluded. Call it inside a transaction."""
    if not Rater.objects.filter(pk=rater.pk, excluded_at__isnull=False).update(excluded_at=None, exclusion_reason=""):
        return False
    assignments.retake_places(rater)
    return True
