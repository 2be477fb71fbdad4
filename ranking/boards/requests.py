"""Boards that somebody asks for on the page, beside those that are kept by themselves.

Whoever may read a study's results may ask, so what can be asked of the background is bounded: so many
boards at once, so many a day, and so many that are kept up to date for a day after the last asking.
"""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Final

from celery import current_app
from django.db import transaction

from annotation.models import Comparison, Study
from ranking.methods.settings import Settings
from ranking.models import UNFINISHED, BoardRequest, Leaderboard, State, key_of
from ranking.votes import reader
from ranking.votes.reader import Filters

TASK: Final = "ranking.fill"

LATELY: Final = timedelta(hours=24)
"""How long a board is kept up to date after somebody asked for it."""

MOST_AT_ONCE: Final = 5
"""Boards of a study that were asked for and are not computed yet."""

MOST_A_DAY: Final = 100
"""Different boards of a study that are asked for in a day before a stranger is told to wait."""

MOST_KEPT: Final = 20
"""Boards of a study that are kept up to date because they were asked for: the latest ones."""

MANY: Final = 1000
"""Votes that came after a board are counted up to here: the page does not wait for more."""


class TooMany(Exception):
    """So many boards of the study are under way, or were asked for today, that this one has to wait."""


def ask_for(study: Study, filters: Filters, settings: Settings, at: datetime, *, runs_it: bool = False) -> None:
    """Has a board computed in the background, unless it is under way or nothing came since the newest.

    Who runs the study is not held to `MOST_A_DAY`, which strangers may have used up.

    Raises:
        TooMany: not now.
    """
    key = key_of(filters, settings)
    with transaction.atomic():
        # Those who ask at once wait for one another here, so that the bounds hold; voters do not wait.
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
    """Whether a finished board answers who asks: nothing came since, and its numbers, if it has any, are kept."""
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
    """The boards that are to be kept up to date because somebody asked for them, the latest first."""
    requests = BoardRequest.objects.filter(study=study, asked_at__gt=at - LATELY)[:MOST_KEPT]
    return [(request.asked_filters(), request.asked_settings()) for request in requests]


def is_kept(study: Study, filters: Filters, settings: Settings, at: datetime) -> bool:
    """Whether a board that was asked for is still kept up to date."""
    return (filters, settings) in asked_lately(study, at)


def is_current(snapshot: Leaderboard) -> bool:
    """Whether nothing that a look at the newest rows shows has happened since `snapshot`.

    Comparisons that were taken away with their upload are noticed by the sweep alone.
    """
    if snapshot.cut is None:
        return False
    return snapshot.line.excluded == reader.excluded_raters(snapshot.study) and not newer(snapshot)


def newer(snapshot: Leaderboard) -> int:
    """How many comparisons of the study were stored after `snapshot` was computed, counted up to `MANY` + 1."""
    if snapshot.cut is None:
        return 0
    return Comparison.objects.filter(study=snapshot.study_id, pk__gt=snapshot.cut).order_by()[: MANY + 1].count()
