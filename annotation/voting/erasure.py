"""Erasing what tells who a worker is: at their request, or some days after their study closed.

The participant ID, the platform's parameters, the device and everything the worker wrote go. Votes stay under the
worker's number, with the times that reports need, or are withdrawn as well.

A digest of the ID under the installation's secret stays, apart from workers and votes, because only the ID shows that
somebody who comes back has voted before. A worker without an ID can only be told by their browser's cookie, whether
their data was erased or not.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from annotation.models import (
    Assignment,
    Comparison,
    ErasedId,
    Erasure,
    ErasureCause,
    Export,
    Outcome,
    Rater,
    Report,
    Status,
    Study,
    Worker,
)
from annotation.models.voting import Stage
from annotation.studies.lifecycle import NotPossible
from annotation.voting import assignments, leaving

KINDS: Final = ("workers", "ids", "parameters", "devices", "reasons", "skips", "reports", "exclusions", "withdrawn")
"""What is counted: workers, their participant IDs and platform parameters, workers whose device was known, votes with
reasons, skips with a reason, reports with a text, reasons for an exclusion, and votes that were withdrawn."""

OUR_WORDS: Final = frozenset({"", "withdrawn", "failed checks"})
"""Reasons for an exclusion that the site writes; others are an administrator's own words about a person."""


def erase(worker: Worker, at: datetime, *, user: User | None = None, withdraw: bool = False) -> Erasure:
    """Erases what tells who `worker` is, at their request; with `withdraw`, their votes count no longer.

    A worker who is still taking part leaves with the completion code. `user` is who did it; None on the command line.

    Raises:
        NotPossible: their data is erased already, and there are no votes to withdraw.
    """
    with transaction.atomic():
        erasure = Erasure.objects.create(study_id=worker.study_id, cause=ErasureCause.REQUEST, user=user, created_at=at)
        if not _erase(worker.pk, erasure, at, withdraw=withdraw):
            raise NotPossible(_("This worker’s data has already been erased."))
    return erasure


def erase_due(at: datetime) -> int:
    """Erases the data of everybody in studies that closed long enough before `at`; returns how many workers' it was."""
    erased = 0
    for study in Study.objects.filter(status=Status.CLOSED, erase_after_days__isnull=False, closed_at__isnull=False):
        if study.erasure_due is not None and study.erasure_due <= at:
            workers = study.workers.filter(erased_at=None, rater__simulated=False).exclude(joined_at=None)
            erased += _erase_all(study, workers.order_by("pk").values_list("pk", flat=True), at)
    return erased


def _erase_all(study: Study, workers: Iterable[int], at: datetime) -> int:
    """Erases `workers` of a study that closed, each in a transaction of its own, so that nobody waits for all."""
    erasure, erased = None, 0
    for worker_id in list(workers):
        with transaction.atomic():
            still = Study.objects.select_for_update(no_key=True).filter(pk=study.pk, status=Status.CLOSED)
            if not still.filter(closed_at=study.closed_at, erase_after_days=study.erase_after_days).exists():
                break  # opened again, or the setting was changed
            erasure = erasure or Erasure.objects.create(study=study, cause=ErasureCause.RETENTION, created_at=at)
            erased += _erase(worker_id, erasure, at, withdraw=False)
    return erased


def _erase(worker_id: int, erasure: Erasure, at: datetime, *, withdraw: bool) -> bool:
    """Erases one worker inside a transaction and adds what went to `erasure`; returns False if nothing was left."""
    # Votes, skips and reports of the worker wait for this lock, and look at the worker's stage after it.
    locked = assignments.lock(worker_id)
    withdraws = withdraw and locked.outcome != Outcome.WITHDRAWN
    if locked.erased_at and not withdraws:
        return False
    worker = Worker.objects.select_related("rater", "study").get(pk=worker_id)
    gone: Counter[str] = Counter(workers=1)
    if not worker.erased_at:
        gone += _erase_texts(worker)
        gone += _erase_identity(worker)
        worker.erased_at = at
    if withdraws:
        gone["withdrawn"] = Comparison.objects.votes_of_workers().filter(rater=worker.pk).count()
        leaving.leave(worker, Outcome.WITHDRAWN, at)
        leaving.exclude(worker.rater, "withdrawn", at)
    elif worker.stage != Stage.DONE:
        leaving.leave(worker, Outcome.COMPLETED, at)
    worker.save()
    # What was exported before has what is erased now.
    Export.objects.filter(study=worker.study_id).end_files(at)
    erasure.counts = {kind: erasure.counts.get(kind, 0) + gone[kind] for kind in KINDS}
    erasure.save(update_fields=["counts"])
    return True


def _erase_identity(worker: Worker) -> Counter[str]:
    known = len(worker.platform) + len(worker.rater.background)
    gone = Counter(ids=int(bool(worker.external_id)), parameters=known, devices=int(bool(worker.device)))
    if worker.external_id:
        # Nobody leads from the digest to the worker: it has no key to them, and its order is its own.
        digest = _digest(worker.study_id, worker.external_id, settings.SECRET_KEY)
        ErasedId.objects.bulk_create([ErasedId(study_id=worker.study_id, digest=digest)], ignore_conflicts=True)
    worker.external_id, worker.platform, worker.device = None, {}, ""
    worker.rater.background = {}
    worker.rater.save(update_fields=["background"])
    return gone


def _erase_texts(worker: Worker) -> Counter[str]:
    """Empties what the worker wrote or chose as a reason, and the device of each vote."""
    votes = Comparison.objects.filter(rater=worker.pk)
    skips = Assignment.objects.filter(worker=worker.pk).exclude(skip_reason="")
    reports = Report.objects.filter(worker=worker.pk).exclude(comment="")
    reasoned = Rater.objects.filter(pk=worker.pk).exclude(exclusion_reason__in=OUR_WORDS)
    gone = Counter(
        reasons=votes.exclude(reasons=[]).count(),
        skips=skips.update(skip_reason=""),
        reports=reports.update(comment=""),
        exclusions=reasoned.update(exclusion_reason=""),
    )
    votes.exclude(reasons=[], device="", input_method="").update(reasons=[], device="", input_method="")
    worker.rater.refresh_from_db()
    return gone


def was_erased(study: Study, external_id: str) -> bool:
    """Returns whether the data of a worker of `study` with this participant ID was erased."""
    secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    digests = [_digest(study.pk, external_id, secret) for secret in secrets]
    return ErasedId.objects.filter(study=study, digest__in=digests).exists()


def _digest(study_id: int, external_id: str, secret: str) -> str:
    return salted_hmac(
        "annotation.erased_id", f"{study_id}\0{external_id}", secret=secret, algorithm="sha256"
    ).hexdigest()


def told(erasure: Erasure) -> list[tuple[str, int]]:
    """Returns what was erased, in words, with how much of each; kinds of which there was nothing are left out."""
    labels = {
        "workers": _("workers"),
        "ids": _("participant IDs"),
        "parameters": _("platform parameters"),
        "devices": _("devices"),
        "reasons": _("votes with reasons"),
        "skips": _("reasons for skipping"),
        "reports": _("texts of reports"),
        "exclusions": _("reasons for exclusion"),
        "withdrawn": _("votes withdrawn"),
    }
    return [(labels[kind], erasure.counts[kind]) for kind in KINDS if erasure.counts.get(kind)]
