"""Entering a study: recognising who comes back, consent, and the way to the first page."""

import hashlib
from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from annotation.models import Rater, RaterKind, Status, Study, Worker
from annotation.models.voting import Stage
from annotation.numbering import next_number
from annotation.voting import assignments, training


class ConsentChanged(Exception):
    """The consent that was agreed to is not the current one; it has to be shown again."""


class Unidentified(Exception):
    """The study admits only people whose link says who they are, and this one does not."""


class NotOpen(Exception):
    """The study takes no new workers."""


def find(study: Study, worker_id: int | None, external_id: str | None) -> Worker | None:
    """The worker of `study` that a visitor is, or None.

    The platform's id, where the link has one, decides over the cookie: two people may share a
    browser, and a lost cookie is found again by the id.
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
    """The worker who agrees to the consent's `version`; the one they are already, if they come again.

    Raises:
        ConsentChanged: `version` is not the current one.
        NotOpen: the study is not open.
        Unidentified: there is no `external_id`, and the study wants one.
    """
    # The lock makes the next number free of races, and a second tab find the first one's worker.
    study = Study.objects.select_for_update(no_key=True).get(pk=study.pk)
    if external_id and (known := find(study, None, external_id)):
        return known
    if study.status != Status.OPEN:
        raise NotOpen
    if study.id_required and not external_id:
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
    """From the instructions to training, or to voting where the study has none; a second time changes nothing."""
    worker = assignments.lock(worker.pk)
    if worker.stage == Stage.INSTRUCTIONS:
        if training.offered(worker.study):
            worker.stage = Stage.TRAINING
        else:
            worker.stage, worker.trained_at = Stage.VOTING, at
        worker.save(update_fields=["stage", "trained_at"])
    return worker
