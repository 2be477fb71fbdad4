"""What the leaderboard of a pilot tells a plan: how far apart models are, ties, effects, and the time a vote takes."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import numpy as np
from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Max, Q, QuerySet
from django.utils.translation import gettext as _

from annotation.models import Comparison, Study
from annotation.snapshots import State
from ranking.boards.compute import compute
from ranking.design.planner.effects import effects
from ranking.design.planner.pilot import LEAST_MODELS, Spread
from ranking.methods.registry import METHODS
from ranking.methods.settings import Settings
from ranking.methods.tally import tally
from ranking.models import Leaderboard
from ranking.votes import reader
from ranking.votes.reader import ALL, Filters

LONGEST: Final = 95
"""Percentile at which the time of a vote is cut off: nobody works on one pair for an hour."""

TIMED: Final = 20
"""Minimum number of votes whose time is known, for a mean."""

MOST_TIMED: Final = 20_000


class NoPilot(Exception):
    """A leaderboard tells nothing about how far apart models are; the message says why."""


@dataclass(frozen=True, slots=True)
class Pilot:
    """What a pilot tells.

    Attributes:
        spread: how far apart its models are.
        votes, models: how many votes and models its leaderboard has.
        ties: the share of ties.
        prompt_effect, worker_effect: in log-odds; None where its prompts or workers are not known.
        seconds: the mean time of a vote; None where too few are known.
    """

    spread: Spread
    votes: int
    models: int
    ties: float
    prompt_effect: float | None
    worker_effect: float | None
    seconds: float | None


def boards_for(user: User | AnonymousUser) -> QuerySet[Leaderboard]:
    """Returns the newest leaderboard of each kind that can be a pilot, in studies whose results `user` may see."""
    seen = Study.objects.filter(Q(pk__in=Study.objects.visible_to(user).values("pk")) | Q(public=True))
    usable = Leaderboard.objects.filter(
        state=State.READY,
        method="bradley-terry",
        settings__ties=None,
        settings__clusters=None,
        settings__intervals="sandwich",
        settings__first_place=False,
        emptied_at=None,
    ).exclude(raters=ALL)
    newest = usable.filter(study__in=seen.values("pk")).values("study", "key").annotate(newest=Max("pk"))
    return Leaderboard.objects.filter(pk__in=newest.values("newest")).select_related("study").defer("sheet")


def board_of(study: Study, raters: str) -> tuple[Filters, Settings]:
    """Returns which leaderboard of `study` is its pilot: the usual one of `raters`."""
    return Filters(raters=raters), Settings()


def pilot_of(board: Leaderboard) -> Pilot:
    """Returns what a stored leaderboard tells, from the votes that went in.

    Raises:
        NoPilot: it has too few models, or no intervals.
        ranking.boards.compute.PROBLEMS: it cannot be computed any more.
    """
    return read(board.study, board.asked_filters(), board.asked_settings(), board.line)


def read(study: Study, filters: Filters, settings: Settings, line: reader.Cut | None = None) -> Pilot:
    """Returns what the leaderboard of `study` with these filters and settings tells.

    Raises:
        NoPilot: it has too few models, or no intervals.
        ranking.boards.compute.PROBLEMS: it cannot be computed.
    """
    assert settings.method in METHODS  # noqa: S101  boards of other methods are not offered
    line = line or reader.cut(study)
    # CR3, the leaderboard's own, is cautious: of errors that are too large a spread follows that is too small.
    computed = compute(study, filters, replace(settings, correction="CR1"), line)
    ratings = computed.board.groups[0].ratings
    if len(ratings.names) < LEAST_MODELS:
        raise NoPilot(_("The pilot’s leaderboard ranks fewer than %(number)d models.") % {"number": LEAST_MODELS})
    if ratings.covariance is None:
        raise NoPilot(_("The pilot’s leaderboard has no intervals, so it does not show how certain its ratings are."))
    votes = computed.read.votes
    index = [votes.names.index(name) for name in ratings.names]
    votes = votes.among(np.array(index))
    prompt, worker = effects(votes, ratings.scores)
    return Pilot(
        Spread.of_board(ratings.scores, ratings.covariance, tally(votes).games),
        len(votes),
        len(votes.names),
        float((votes.outcome == 1).mean()),
        prompt,
        worker,
        seconds_of(study, filters, line),
    )


def seconds_of(study: Study, filters: Filters, line: reader.Cut) -> float | None:
    """Returns the mean seconds from showing a pair to its vote; longer ones count as the 95th percentile."""
    rows = reader.selected(study, filters, line).filter(shown_at__isnull=False, answered_at__isnull=False)
    times = _seconds(rows.order_by("-pk").values_list("shown_at", "answered_at")[:MOST_TIMED])
    if len(times) < TIMED:
        return None
    return float(np.minimum(times, np.percentile(times, LONGEST)).mean())


def _seconds(rows: QuerySet[Comparison, tuple[datetime | None, datetime | None]]) -> np.ndarray:
    return np.array([(answered - shown).total_seconds() for shown, answered in rows if shown and answered])
