"""Background work: each task calls one service. The row is the truth, so a lost message costs a minute."""

from celery import shared_task
from django.utils import timezone

from ranking.boards import goals, retention, snapshots
from ranking.plans import background


@shared_task(name="ranking.recompute_changed")
def recompute_changed() -> None:
    """Requests snapshots for changed comparisons and queues all that are due."""
    at = timezone.now()
    for pk in snapshots.recompute_changed(at):
        fill.delay(pk)
    goals.settle_all(at)


@shared_task(name="ranking.resume")
def resume() -> None:
    """Queues the snapshots and plans whose worker died, and plans whose message was lost."""
    for pk in snapshots.interrupted(timezone.now()):
        fill.delay(pk)
    for pk in background.left_behind(timezone.now()):
        make_plan.delay(pk)


@shared_task(name="ranking.fill")
def fill(pk: int) -> None:
    """Computes a snapshot. If it has to wait, the next sweep queues it again."""
    try:
        snapshots.fill(pk, timezone.now())
    except snapshots.Busy:
        return


@shared_task(name="ranking.make_plan")
def make_plan(pk: int) -> None:
    """Simulates what a plan asks for."""
    background.fill(pk, timezone.now())


@shared_task(name="ranking.thin")
def thin() -> None:
    """Empties old snapshots that a later one of the same day supersedes."""
    retention.thin(timezone.now())
