"""Computes a board: rate each group of connected models separately, by any method."""

from dataclasses import dataclass, replace

import numpy as np
import scipy

from ranking import problems
from ranking.methods.connectivity import components, hardly_joined
from ranking.methods.interval_scope import distinct, question
from ranking.methods.intervals import effective
from ranking.methods.ratings import (
    ADAPTIVE,
    BY_INVERSE_CHANCE,
    FEW_ONE_WAY,
    NO_WIDTH,
    NOT_EVERY_PAIR,
    Ratings,
    is_flat,
    with_intervals,
)
from ranking.methods.registry import method
from ranking.methods.settings import Contradiction, Settings, Source
from ranking.methods.shrinkage import LEAST_MODELS
from ranking.methods.tally import Floats, Tally, Votes, tally


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """The ratings of m models connected by comparisons, and their counts, (m,) each."""

    ratings: Ratings
    comparisons: Floats
    wins: Floats
    ties: Floats
    losses: Floats
    points: Floats
    """(m, m) the points that the row's model won against the column's; a tie is half a point."""
    prompts: int
    raters: int
    """The numbers of prompts and raters that the intervals generalise from; 0 if they do not generalise to them."""
    effective_prompts: float | None = None
    effective_raters: float | None = None
    """How many equally informative prompts and raters they are worth; None if intervals do not generalise to them."""

    @property
    def uneven(self) -> tuple[str, ...]:
        """Returns the keys of notices if the prompts or raters are worth less than half of their number."""
        parts = (("prompts", self.prompts, self.effective_prompts), ("raters", self.raters, self.effective_raters))
        names = [name for name, number, worth in parts if worth is not None and 2 * worth < number]
        if names and self.ratings.uncertainty is None:
            return ("bootstrap-uneven",)
        return tuple(f"uneven-{name}" for name in names)


@dataclass(frozen=True, slots=True, eq=False)
class Board:
    """Attributes:

    groups: largest first. Models of different groups cannot be compared. Empty without comparisons.
    unmet: the models without a counted comparison, which are not ranked.
    comparisons: the number of comparisons used.
    notices: keys of the notices that apply to the whole board.
    """

    settings: Settings
    groups: tuple[Group, ...]
    unmet: tuple[str, ...]
    comparisons: int
    notices: tuple[str, ...] = ()


def rate(votes: Votes, settings: Settings, source: Source) -> Board:
    """Computes the board of `votes`. The result is the same for the same settings and seed.

    Raises:
        Contradiction: the settings do not fit the method or these votes.
        NotConverged: an iteration did not reach its optimum.
    """
    chosen = method(settings, source)
    for name in (settings.anchor and settings.anchor[0], settings.baseline):
        if name is not None and name not in votes.names:
            raise Contradiction(problems.NOT_ON_BOARD(name=name))
    if votes.soft is not None and not chosen.soft:
        raise Contradiction(problems.NO_SHARES(method=settings.method))
    if chosen.style and votes.style is None:
        raise Contradiction(problems.NEEDS_TEXTS(method=settings.method))
    if (votes.count is not None or votes.importance is not None) and not (weighed := votes.weight() > 0).all():
        # Rows without weight must not add to the numbers of clusters, prompts and raters.
        votes = votes.where(weighed)
    if settings.tie_rule == "drop":
        votes = votes.where(votes.outcome != 1)
    if settings.baseline is not None:
        against = votes.names.index(settings.baseline)
        votes = votes.where((votes.x == against) | (votes.y == against))
    counts = tally(votes)
    connected = components(counts)
    groups = []
    for models in connected:
        within = votes if len(models) == len(votes.names) else votes.among(models)
        part = counts if within is votes else tally(within)
        asked = question(within, settings.clusters, source)
        clusters = asked.clusters if chosen.sandwich or chosen.bootstrap else None
        if not within.every_pair:
            clusters = None
        ratings = chosen.rate(within, part, settings, clusters, np.random.default_rng(settings.seed))
        if not within.every_pair:
            ratings = ratings.noting(NOT_EVERY_PAIR)
        elif within.adaptive and chosen.inverse:
            ratings = ratings.noting(BY_INVERSE_CHANCE)
        elif within.adaptive and ratings.deviation is None and len(models) >= LEAST_MODELS:
            ratings = ratings.noting(ADAPTIVE)
        if within.every_pair and (chosen.sandwich or chosen.bootstrap):
            ratings = ratings.noting(*asked.notices)
        if is_flat(ratings):
            ratings = ratings.noting(NO_WIDTH)
        if ratings.prior and ratings.clusters is not None and (few := hardly_joined(part)).any():
            ratings = replace(ratings, unsettled=few).noting(FEW_ONE_WAY)
        group = _group(ratings, part, within)
        groups.append(replace(group, ratings=ratings.noting(*group.uneven)))
    rated = {name for group in groups for name in group.ratings.names}
    return Board(
        settings,
        tuple(groups),
        tuple(name for name in votes.names if name not in rated),
        votes.total,
        ("groups",) if len(groups) > 1 else (),
    )


def on_these_prompts(ratings: Ratings) -> Ratings | None:
    """Returns the ratings with intervals for raters like these on exactly these prompts, if those were computed too."""
    if ratings.uncertainty is None or ratings.uncertainty.here is None:
        return None
    found = with_intervals(ratings, ratings.uncertainty.here)
    notices = tuple(notice for notice in ratings.notices if notice != NO_WIDTH)
    return replace(found, notices=(*notices, NO_WIDTH) if is_flat(found) else notices)


def _group(ratings: Ratings, part: Tally, votes: Votes) -> Group:
    kept = np.arange(len(part.wins)) if ratings.kept is None else ratings.kept
    prompts, raters = _effective(ratings, votes)
    return Group(
        ratings=ratings,
        comparisons=part.compared.sum(axis=1)[kept],
        wins=part.won.sum(axis=1)[kept],
        ties=part.tied.sum(axis=1)[kept],
        losses=part.won.sum(axis=0)[kept],
        points=(part.wins + part.ties / 2)[np.ix_(kept, kept)],
        # They are counted only if the intervals generalise to them: counting takes longer than the fit.
        prompts=distinct(votes.prompt) if ratings.clusters in {"prompt", "both"} else 0,
        raters=distinct(votes.rater) if ratings.clusters in {"worker", "both"} else 0,
        effective_prompts=prompts,
        effective_raters=raters,
    )


def _effective(ratings: Ratings, votes: Votes) -> tuple[float | None, float | None]:
    """Returns the effective numbers of prompts and raters, for a bootstrap from the curvature of each vote."""
    if (found := ratings.uncertainty) is not None:
        return found.effective_prompts, found.effective_raters
    if ratings.draws is None or ratings.clusters in {None, "none"}:
        return None, None
    chance = scipy.special.expit(ratings.scores[votes.x] - ratings.scores[votes.y])
    information = votes.weight() * chance * (1 - chance)
    prompts, raters = (
        effective(np.bincount(codes, information)[np.bincount(codes) > 0])
        if codes is not None and ratings.clusters in {name, "both"}
        else None
        for name, codes in (("prompt", votes.prompt), ("worker", votes.rater))
    )
    return prompts, raters
