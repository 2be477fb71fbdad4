"""Leaving a worker's votes out of everything that counts, and taking that back."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from annotation.models import Outcome, Worker
from annotation.models.voting import Stage
from annotation.studies.lifecycle import NotPossible
from annotation.voting import assignments, leaving


@transaction.atomic
def exclude(worker: Worker, reason: str, at: datetime) -> None:
    """Leaves all votes of `worker` out of boards and exports; others can vote in their stead.

    Who is still on the way has done nothing wrong that they were told of: they leave with the
    completion code.

    Raises:
        NotPossible: they are excluded already.
    """
    worker = assignments.lock(worker.pk)
    if not leaving.exclude(worker.rater, reason, at):
        raise NotPossible(_("This worker is already excluded."))
    if worker.stage != Stage.DONE:
        leaving.leave(worker, Outcome.COMPLETED, at)
        worker.save()


@transaction.atomic
def include(worker: Worker) -> None:
    """The inverse of `exclude`: the votes count again, beyond what is wanted where others have voted since.

    Raises:
        NotPossible: they were not excluded, or withdrew what they gave.
    """
    worker = assignments.lock(worker.pk)
    if worker.outcome == Outcome.WITHDRAWN:
        raise NotPossible(_("This worker withdrew their votes, so you cannot include them again."))
    if not leaving.include(worker.rater):
        raise NotPossible(_("This worker is not excluded."))
