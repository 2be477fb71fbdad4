"""Excluding a worker's votes from everything that counts, and including them again."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from annotation.models import Outcome, Worker
from annotation.models.voting import Stage
from annotation.studies.lifecycle import NotPossible
from annotation.voting import assignments, leaving


@transaction.atomic
def exclude(worker: Worker, reason: str, at: datetime) -> None:
    """Excludes all votes of `worker` from boards and exports; others can vote instead.

    A worker who is still taking part leaves with the completion code.

    Raises:
        NotPossible: the worker is already excluded.
    """
    worker = assignments.lock(worker.pk)
    if not leaving.exclude(worker.rater, reason, at):
        raise NotPossible(_("This worker is already excluded."))
    if worker.stage != Stage.DONE:
        leaving.leave(worker, Outcome.COMPLETED, at)
        worker.save()


@transaction.atomic
def include(worker: Worker) -> None:
    """Reverses `exclude`: the votes count again, above the planned number where others have voted since.

    Raises:
        NotPossible: the worker is not excluded, or withdrew their answers.
    """
    worker = assignments.lock(worker.pk)
    if worker.outcome == Outcome.WITHDRAWN:
        raise NotPossible(_("This worker withdrew their votes, so you cannot include them again."))
    if not leaving.include(worker.rater):
        raise NotPossible(_("This worker is not excluded."))
