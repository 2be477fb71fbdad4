"""Background work: each task calls one service. The row is the truth, so a lost message costs a minute."""

from celery import shared_task
from django.utils import timezone

from ranking.boards import goals, retention, snapshots


@shared_task(name="ranking.recompute_changed")
def recompute_changed() -> None:
    """Requests snapshots for changed comparisons and queues all that are due."""
    at = timezone.now()
    for pk in snapshots.recompute_changed(at):
        fill.delay(pk)
    goals.settle_all(at)


@shared_task(name="ranking.resume")
def resume() -> None:
    """Queues the snapshots whose worker died."""
    for pk in snapshots.interrupted(timezone.now()):
        fill.delay(pk)


@shared_task(name="ranking.fill")
def fill(pk: int) -> None:
    """Computes a snapshot. If it has to wait, the next sweep queues it again."""
    try:
        snapshots.fill(pk, timezone.now())
    except snapshots.Busy:
        return


@shared_task(name="ranking.thin")
def thin() -> None:
    """Empties old snapshots that a later one of the same day supersedes."""
    retention.thin(timezone.now())
