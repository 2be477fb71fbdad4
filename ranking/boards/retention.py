"""Old snapshots give up their numbers, which can be computed again; what they were made of stays for ever.

While votes come in there is a snapshot of every board a minute, of some 50 kB each. Of the days that are
past, the last one of each keeps its numbers.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import TruncDate

from ranking.models import KeptCounts, Leaderboard, State

WHOLE: Final = timedelta(days=7)
"""So long every snapshot keeps its numbers."""

UNUSED: Final = timedelta(days=30)
"""Counts that no board has gone on from for so long are dropped."""

BATCH: Final = 200
MOST: Final = 100
"""Batches of one sweep: each is a short transaction, and the next sweep goes on."""


def thin(at: datetime) -> int:
    """Empties snapshots older than a week that others of their kind followed on the same day (UTC); how many."""
    emptied = 0
    for _batch in range(MOST):
        batch = list(_followed(at)[:BATCH])
        # Again by condition: whoever sweeps at the same time may have been here.
        emptied += Leaderboard.objects.filter(pk__in=batch, emptied_at=None).update(sheet={}, emptied_at=at)
        if len(batch) < BATCH:
            break
    KeptCounts.objects.filter(kept_at__lt=at - UNUSED).delete()
    return emptied


def _followed(at: datetime) -> "QuerySet[Leaderboard, Any]":
    old = Leaderboard.objects.filter(state=State.READY, emptied_at=None, finished_at__lt=at - WHOLE)
    old = old.annotate(day=TruncDate("finished_at", tzinfo=UTC))
    later = Leaderboard.objects.filter(
        study=OuterRef("study"), key=OuterRef("key"), state=State.READY, number__gt=OuterRef("number")
    ).annotate(day=TruncDate("finished_at", tzinfo=UTC))
    followed = old.filter(Exists(later.filter(day=OuterRef("day"))))
    return followed.order_by("finished_at").values_list("pk", flat=True)
