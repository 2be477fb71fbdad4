"""Joining a study: recognising returning workers, consent, and the first stage."""

import hashlib
from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from annotation.models import Rater, RaterKind, Status, Study, Worker
from annotation.models.voting import Stage
from annotation.numbering import next_number
from annotation.voting import assignments, erasure, training


class ConsentChanged(Exception):
    """The worker agreed to an older version of the consent; the current one has to be shown."""


class Unidentified(Exception):
    """The study requires a participant ID, and the link has none."""


class Erased(Exception):
    """A worker with this participant ID took part, and their data was erased; they cannot vote a second time."""


class NotOpen(Exception):
    """The study accepts no new workers."""


def find(study: Study, worker_id: int | None, external_id: str | None) -> Worker | None:
    """Returns the worker of `study` that a visitor is, or None.

    A participant ID in the link takes precedence over the cookie: two people may share a browser, and the
    ID identifies a worker whose cookie was deleted.
    """
    workers = study.workers.select_related("study", "rater")
    if external_id:
        return workers.filter(external_id=external_id).first()
    if worker_id is None:
        return None
    return workers.filter(pk=worker_id).first()


@transaction.atomic
def consent(
    study: Study,
    *,
    version: int,
    external_id: str | None,
    platform: Mapping[str, str],
    device: str,
    at: datetime,
) -> Worker:
    """Creates the worker who agreed to the consent's `version`; returns the existing one if they come again.

    Raises:
        ConsentChanged: `version` is not the current one.
        Erased: the data of a worker with this `external_id` was erased.
        NotOpen: the study is not open.
        Unidentified: the study requires an `external_id`, and there is none.
    """
    # The lock prevents races for the next number, and lets a second tab find the first one's worker.
    study = Study.objects.select_for_update(no_key=True).get(pk=study.pk)
    if external_id and (known := find(study, None, external_id)):
        return known
    # Asked after looking for the worker: of one who is erased between the two, the second question finds the digest.
    if external_id and erasure.was_erased(study, external_id):
        raise Erased
    if study.status != Status.OPEN:
        raise NotOpen
    if (study.id_required or study.id_signed) and not external_id:
        raise Unidentified
    if version != study.consent_version:
        raise ConsentChanged
    return Worker.objects.create(
        rater=Rater.objects.create(study=study, kind=RaterKind.WORKER),
        study=study,
        number=next_number(study.workers.all()),
        external_id=external_id or None,
        platform=dict(platform),
        stage=Stage.INSTRUCTIONS,
        joined_at=at,
        consented_at=at,
        consent_version=version,
        consent_sha256=hashlib.sha256(study.consent.encode()).hexdigest(),
        device=device,
    )


@transaction.atomic
def begin(worker: Worker, at: datetime) -> Worker:
    """Moves a worker from the instructions to training, or to voting if there is none; idempotent."""
    worker = assignments.lock(worker.pk)
    if worker.stage == Stage.INSTRUCTIONS:
        if training.offered(worker.study):
            worker.stage = Stage.TRAINING
        else:
            worker.stage, worker.trained_at = Stage.VOTING, at
        worker.save(update_fields=["stage", "trained_at"])
    return worker
