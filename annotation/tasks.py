"""Celery tasks; each calls one function of a subject package."""

from celery import shared_task
from django.utils import timezone

from annotation import draw_strategies
from annotation.drawing import batches
from annotation.exporting import jobs
from annotation.importing import uploads
from annotation.pair_making import background
from annotation.voting import assignments, erasure


@shared_task(name="annotation.expire_assignments")
def expire_assignments() -> None:
    """Releases the places of expired reservations."""
    assignments.expire(timezone.now())


@shared_task(name="annotation.erase_due")
def erase_due() -> None:
    """Erases people's data in studies that closed as many days ago as they keep it."""
    erasure.erase_due(timezone.now())


@shared_task(name=background.TASK)
def make_pairs(run_id: int) -> None:
    """Makes the pairs of a waiting run, unless another worker has claimed it."""
    background.run(run_id, timezone.now())


@shared_task(name="annotation.sweep_pair_runs")
def sweep_pair_runs() -> None:
    """Enqueues runs again whose message was lost or whose worker died."""
    background.sweep(timezone.now())


@shared_task(name=uploads.RUN_TASK)
def run_upload(upload_id: int) -> None:
    """Loads a waiting upload, unless another worker has claimed it or it was cancelled."""
    uploads.run(upload_id)


@shared_task(name="annotation.sweep_uploads")
def sweep_uploads() -> None:
    """Recovers uploads after crashes and deletes the files of finished ones."""
    uploads.sweep(timezone.now())


@shared_task(name=jobs.RUN_TASK)
def run_export(export_id: int) -> None:
    """Writes a waiting export, unless another worker has claimed it or it was cancelled."""
    jobs.run(export_id, timezone.now())


@shared_task(name="annotation.sweep_exports")
def sweep_exports() -> None:
    """Recovers exports after crashes and deletes files whose time is over."""
    jobs.sweep(timezone.now())


@shared_task(name=draw_strategies.TASK)
def draw_pairs(study_id: int) -> None:
    """Draws the next pairs of an adaptive study, unless it has enough or another worker is at it."""
    batches.draw(study_id, timezone.now())


@shared_task(name="annotation.sweep_draws")
def sweep_draws() -> None:
    """Has the next pairs drawn of every adaptive study that is short of open places."""
    for study_id in batches.due(timezone.now()):
        draw_pairs.delay(study_id)
