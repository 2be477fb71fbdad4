"""Celery tasks; each calls one function of a subject package."""

from celery import shared_task
from django.utils import timezone

from annotation.importing import uploads
from annotation.pair_making import background
from annotation.voting import assignments


@shared_task(name="annotation.expire_assignments")
def expire_assignments() -> None:
    assignments.expire(timezone.now())


@shared_task(name=background.TASK)
def make_pairs(run_id: int) -> None:
    background.run(run_id, timezone.now())


@shared_task(name="annotation.sweep_pair_runs")
def sweep_pair_runs() -> None:
    background.sweep(timezone.now())


@shared_task(name=uploads.RUN_TASK)
def run_upload(upload_id: int) -> None:
    uploads.run(upload_id)


@shared_task(name="annotation.sweep_uploads")
def sweep_uploads() -> None:
    uploads.sweep(timezone.now())
