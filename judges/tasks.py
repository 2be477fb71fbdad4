"""Background work: each task calls one service."""

from celery import shared_task
from django.utils import timezone

from judges.keys import NoKey
from judges.services import runs


@shared_task(name="judges.work", throws=(NoKey,))
def work(run_id: int) -> None:
    runs.work(run_id)


@shared_task(name="judges.sweep")
def sweep() -> None:
    runs.sweep(timezone.now())
