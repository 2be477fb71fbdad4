"""Background work: each task calls one service."""

from celery import shared_task
from django.utils import timezone

from annotation.services import assigning, loading, pair_runs


@shared_task(name="annotation.expire_assignments")
def expire_assignments() -> None:
    assigning.expire(timezone.now())


@shared_task(name=pair_runs.TASK)
def make_pairs(run_id: int) -> None:
    pair_runs.run(run_id, timezone.now())


@shared_task(name="annotation.sweep_pair_runs")
def sweep_pair_runs() -> None:
    pair_runs.sweep(timezone.now())


@shared_task(name=loading.RUN_TASK)
def run_upload(upload_id: int) -> None:
    loading.run(upload_id)


@shared_task(name="annotation.sweep_uploads")
def sweep_uploads() -> None:
    loading.sweep(timezone.now())
