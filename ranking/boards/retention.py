"""Deletes the results of old snapshots. Their comparisons stay, so they can be recomputed.

While votes come in, every board gets a snapshot a minute, of about 50 kB. After a week only the last one of each day
keeps its results.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import TruncDate

from annotation.snapshots import State
from ranking.models import Leaderboard

WHOLE: Final = timedelta(days=7)
"""How long every snapshot keeps its results."""

BATCH: Final = 200
MOST: Final = 100
"""Maximum batches in a sweep, each a short transaction; the next sweep continues."""


def thin(at: datetime) -> int:
    """Empties snapshots older than a week that a later one of the same kind and day (UTC) follows; returns how many."""
    emptied = 0
    for _batch in range(MOST):
        batch = list(_followed(at)[:BATCH])
        # Another sweep may have emptied them since, so the condition is repeated.
        emptied += Leaderboard.objects.filter(pk__in=batch, emptied_at=None).update(sheet={}, emptied_at=at)
        if len(batch) < BATCH:
            break
    return emptied


def _followed(at: datetime) -> "QuerySet[Leaderboard, Any]":
    old = Leaderboard.objects.filter(state=State.READY, emptied_at=None, finished_at__lt=at - WHOLE)
    old = old.annotate(day=TruncDate("finished_at", tzinfo=UTC))
    later = Leaderboard.objects.filter(
        study=OuterRef("study"), key=OuterRef("key"), state=State.READY, number__gt=OuterRef("number")
    ).annotate(day=TruncDate("finished_at", tzinfo=UTC))
    followed = old.filter(Exists(later.filter(day=OuterRef("day"))))
    return followed.order_by("finished_at").values_list("pk", flat=True)
