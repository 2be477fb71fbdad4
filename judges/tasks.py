"""Background work: each task calls one service."""

from celery import shared_task
from django.utils import timezone

from judges.keys import NoKey
from judges.services import answers, benchmarking, panels, runs, schedules, tables


@shared_task(name="judges.work", throws=(NoKey,))
def work(run_id: int) -> None:
    runs.work(run_id)


@shared_task(name="judges.answer", throws=(NoKey,))
def answer(run_id: int) -> None:
    answers.work(run_id)


@shared_task(name="judges.sweep")
def sweep() -> None:
    runs.sweep(timezone.now())
    schedules.keep(timezone.now())
    answers.sweep(timezone.now())
    benchmarking.sweep(timezone.now())
    panels.sweep(timezone.now())


@shared_task(name="judges.benchmark", throws=(NoKey,))
def benchmark(run_id: int) -> None:
    benchmarking.work(run_id)


@shared_task(name="judges.make_panel")
def make_panel(panel_id: int) -> None:
    panels.make(panel_id)


@shared_task(name="judges.keep_tables")
def keep_tables() -> None:
    for pk in tables.stale(timezone.now()):
        fill_tables.delay(pk)


@shared_task(name="judges.fill_tables")
def fill_tables(study_id: int) -> None:
    tables.fill(study_id, timezone.now())
