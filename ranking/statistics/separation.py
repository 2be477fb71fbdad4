"""Which models a board separates, and what would separate more. Pure; statements are simultaneous for the board."""

from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
import scipy

from ranking.methods.intervals import Uncertainty
from ranking.methods.ratings import NO_WIDTH, Ratings, beyond, critical, standard_errors
from ranking.methods.ratings import ranks as ranks_of

type Help = Literal["votes", "prompts"]

ROUNDS: Final = 20
"""Fixed number of iterations, more than convergence takes."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Attributes:

    level: the number of top models that cannot be told apart.
    best: the model rated highest.
    worst_place: the worst rank that it can have.
    help: what would separate the top two, if they are not separated: votes, or only prompts.
    factor: how many times as many would be needed if the ratings stay the same. It allows for the fewer standard
        errors that a difference needs with more prompts.
    """

    level: int
    best: str
    worst_place: int
    help: Help | None = None
    factor: float | None = None


def verdict(ratings: Ratings, these_prompts: Ratings | None = None) -> Verdict | None:
    """Returns what `ratings` separate. None without intervals, or if an interval has zero width.

    `these_prompts` has the same ratings with intervals for raters on exactly these prompts. The rest of the variance
    comes from prompts, and more votes do not reduce it.
    """
    limit = critical(ratings, simultaneous=True)
    if limit is None or len(ratings.names) < 2 or NO_WIDTH in ratings.notices:
        return None
    order = np.argsort(ranks_of(ratings), kind="stable")
    above = beyond(ratings, limit)[np.ix_(order, order)]
    parted = np.flatnonzero(above.any(axis=0))
    level = int(parted[0]) if len(parted) else len(order)
    worst = len(order) - int(above[0].sum())
    found = Verdict(level, ratings.names[order[0]], worst)
    return found if above[0, 1] else _with_help(found, ratings, these_prompts, order[0], order[1], limit)


def _with_help(
    found: Verdict, ratings: Ratings, these_prompts: Ratings | None, first: int, second: int, limit: float
) -> Verdict:
    """Returns `found` with what would separate the top two. More votes reduce only their part of the variance."""
    whole = _variance(ratings, first, second)
    allowed = float((ratings.scores[first] - ratings.scores[second]) / limit) ** 2
    # A difference that is large enough but rests on few verdicts has no such estimate.
    if not 0 < allowed < whole:
        return found
    if ratings.uncertainty is None or ratings.uncertainty.clusters in {"none", "worker"}:
        return replace(found, help="votes", factor=whole / allowed)
    votes = 0.0 if these_prompts is None else min(whole, _variance(these_prompts, first, second))
    left = allowed - (whole - votes)
    if left > 0:
        return replace(found, help="votes", factor=votes / left)
    return replace(found, help="prompts", factor=_times_as_many(whole / allowed, limit, ratings.uncertainty))


def _times_as_many(factor: float, limit: float, uncertainty: Uncertainty) -> float:
    """Returns by what factor the number of clusters must grow to reduce the variance by `factor` at `limit`.

    More clusters mean more degrees of freedom. Their limit is taken to be the one with the same tail probability for a
    single difference as `limit` has now.
    """
    clusters = uncertainty.prompts
    if clusters is None or uncertainty.degrees is None:
        return factor
    chance = float(scipy.special.stdtr(uncertainty.degrees, -limit))
    grown = factor
    for _round in range(ROUNDS):
        degrees = max(float(uncertainty.degrees), grown * clusters - 1)
        grown = max(1.0, factor * (float(scipy.special.stdtrit(degrees, 1 - chance)) / limit) ** 2)
    return grown


def _variance(ratings: Ratings, first: int, second: int) -> float:
    return float(standard_errors(ratings)[first, second] ** 2)
