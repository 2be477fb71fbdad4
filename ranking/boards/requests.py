"""Handles requests for boards that are not standing.

Anyone who may read a study's results may request one. The number of requests under way, per day, and kept up to date
for a day is therefore limited.
"""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Final

from celery import current_app
from django.db import transaction

from annotation.models import Comparison, Study
from annotation.snapshots import UNFINISHED, State
from ranking.methods.settings import Settings
from ranking.models import BoardRequest, Leaderboard, key_of
from ranking.votes import reader
from ranking.votes.reader import Filters

TASK: Final = "ranking.fill"

LATELY: Final = timedelta(hours=24)
"""How long a board is kept up to date after a request."""

MOST_AT_ONCE: Final = 5
"""Maximum requested boards of a study that are not computed yet."""

MOST_A_DAY: Final = 100
"""Maximum different boards of a study requested in a day; those who run the study may exceed it."""

MOST_KEPT: Final = 20
"""Maximum requested boards of a study that are kept up to date: the latest."""

MANY: Final = 1000
"""Newer votes are counted up to this number, so that the page stays fast."""


class TooMany(Exception):
    """Raised if too many boards of the study are being computed or were requested today."""


def ask_for(study: Study, filters: Filters, settings: Settings, at: datetime, *, runs_it: bool = False) -> None:
    """Requests a board in the background, unless one is being computed or the newest is current.

    Does nothing for a hidden study, which is read-only.

    `MOST_A_DAY` does not apply to people who run the study, because visitors may have reached it.

    Raises:
        TooMany: a limit is reached.
    """
    if study.hidden_at:
        return
    key = key_of(filters, settings)
    with transaction.atomic():
        # This lock makes concurrent requests wait, so that the limits hold. It does not block voters.
        Study.objects.select_for_update(no_key=True).get(pk=study.pk)
        newest = Leaderboard.objects.of(study, filters, settings).newest()
        wanted = newest is None or (newest.state not in UNFINISHED and not _will_do(newest))
        if wanted:
            _refuse_too_many(study, key, at, runs_it=runs_it)
        BoardRequest.objects.update_or_create(
            study=study,
            key=key,
            defaults={"filters": asdict(filters), "settings": asdict(settings), "asked_at": at},
        )
        if not wanted:
            return
        asked = Leaderboard.objects.create(
            study=study,
            key=key,
            raters=filters.raters,
            method=settings.method,
            filters=asdict(filters),
            settings=asdict(settings),
            seed=settings.seed,
            number=newest.number + 1 if newest else 1,
            created_at=at,
        )
        transaction.on_commit(lambda: _enqueue(asked.pk), robust=True)


def _will_do(newest: Leaderboard) -> bool:
    """Returns whether a finished board answers a request: it is current and its results are stored."""
    return is_current(newest) and (bool(newest.sheet) or newest.state == State.IMPOSSIBLE)


def _refuse_too_many(study: Study, key: str, at: datetime, *, runs_it: bool) -> None:
    asked = BoardRequest.objects.filter(study=study)
    waiting = Leaderboard.objects.filter(study=study, key__in=asked.values("key")).unfinished()
    lately = asked.filter(asked_at__gt=at - LATELY).exclude(key=key)
    if waiting.count() >= MOST_AT_ONCE or (not runs_it and lately.count() >= MOST_A_DAY):
        raise TooMany


def _enqueue(pk: int) -> None:
    current_app.send_task(TASK, args=[pk])


def asked_lately(study: Study, at: datetime) -> list[tuple[Filters, Settings]]:
    """Returns the requested boards that are kept up to date, newest request first."""
    requests = BoardRequest.objects.filter(study=study, asked_at__gt=at - LATELY)[:MOST_KEPT]
    return [(request.asked_filters(), request.asked_settings()) for request in requests]


def is_kept(study: Study, filters: Filters, settings: Settings, at: datetime) -> bool:
    """Returns whether a requested board is still kept up to date."""
    return (filters, settings) in asked_lately(study, at)


def is_current(snapshot: Leaderboard) -> bool:
    """Returns whether no comparison was stored and nobody was excluded since `snapshot`.

    It does not notice comparisons that were deleted with their upload; the sweep does.
    """
    if snapshot.cut is None:
        return False
    return snapshot.line.excluded == reader.excluded_raters(snapshot.study) and not newer(snapshot)


def newer(snapshot: Leaderboard) -> int:
    """Counts the study's comparisons stored after `snapshot` was computed, up to `MANY` + 1."""
    if snapshot.cut is None:
        return 0
    return Comparison.objects.filter(study=snapshot.study_id, pk__gt=snapshot.cut).order_by()[: MANY + 1].count()
