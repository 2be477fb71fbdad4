"""Background work: each task calls one service."""

from celery import shared_task
from django.utils import timezone

from judges.answers.runs import answer_life
from judges.benchmarks.runs import benchmark_life
from judges.evolve.runs import evolve_life
from judges.judging import schedules
from judges.judging.runs import judge_life
from judges.llm.api_keys import NoKey
from judges.panels import panels
from judges.results import score_tables
from judges.similarity.runs import similarity_life


@shared_task(name="judges.work", throws=(NoKey,))
def work(run_id: int) -> None:
    """Works on a judge run. Raises NoKey if its API key is not available."""
    judge_life.work(run_id)


@shared_task(name="judges.answer", throws=(NoKey,))
def answer(run_id: int) -> None:
    """Works on an answer run. Raises NoKey if its API key is not available."""
    answer_life.work(run_id)


@shared_task(name="judges.evolve", throws=(NoKey,))
def evolve(run_id: int) -> None:
    """Works on an evolve run. Raises NoKey if its API key is not available."""
    evolve_life.work(run_id)


@shared_task(name="judges.sweep")
def sweep() -> None:
    """Recovers runs after crashes, starts scheduled runs, and queues panels whose members changed."""
    judge_life.sweep(timezone.now())
    schedules.keep(timezone.now())
    answer_life.sweep(timezone.now())
    benchmark_life.sweep(timezone.now())
    evolve_life.sweep(timezone.now())
    similarity_life.sweep(timezone.now())
    panels.sweep(timezone.now())


@shared_task(name="judges.benchmark", throws=(NoKey,))
def benchmark(run_id: int) -> None:
    """Works on a benchmark. Raises NoKey if its API key is not available."""
    benchmark_life.work(run_id)


@shared_task(name="judges.compare_answers", throws=(NoKey,))
def compare_answers(run_id: int) -> None:
    """Works on a similarity run. Raises NoKey if its API key is not available."""
    similarity_life.work(run_id)


@shared_task(name="judges.make_panel")
def make_panel(panel_id: int) -> None:
    """Computes the decisions of a panel."""
    panels.make(panel_id)


@shared_task(name="judges.keep_tables")
def keep_tables() -> None:
    """Queues the studies whose tables of verdicts are out of date."""
    for pk in score_tables.recompute_changed(timezone.now()):
        fill_tables.delay(pk)


@shared_task(name="judges.fill_tables")
def fill_tables(study_id: int) -> None:
    """Computes and stores a study's tables of verdicts."""
    score_tables.fill(study_id, timezone.now())
