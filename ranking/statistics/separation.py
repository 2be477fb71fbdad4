"""What a board can and cannot tell, and what would help. Pure; every statement holds for the whole board at once."""

from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
from scipy.special import stdtr, stdtrit

from ranking.methods.intervals import Uncertainty
from ranking.methods.ratings import NO_WIDTH, Ratings, beyond, critical, standard_errors
from ranking.methods.ratings import ranks as ranks_of

type Help = Literal["votes", "prompts"]

ROUNDS: Final = 20
"""Of an iteration that settles within a few."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Attributes:

    level: nothing separates the first so many models.
    best: the model rated highest.
    worst_place: the worst place that it can hold.
    help: what would separate the first two, where they are not: votes, or only prompts.
    factor: how many times as many there would have to be, the ratings staying as they are. With more
        prompts a difference also needs fewer standard errors, which is reckoned with.
    """

    level: int
    best: str
    worst_place: int
    help: Help | None = None
    factor: float | None = None


def verdict(ratings: Ratings, these_prompts: Ratings | None = None) -> Verdict | None:
    """What `ratings` tell, None without intervals, or where one of them is a point and no measure of certainty.

    `these_prompts`: the same with the intervals of raters on exactly these prompts. What they leave of the
    variance is what prompts add: more votes do not shrink it.
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
    """`found` with what would part the first two: twice the votes halve only what votes can shrink."""
    whole = _variance(ratings, first, second)
    allowed = float((ratings.scores[first] - ratings.scores[second]) / limit) ** 2
    # Where few verdicts leave a difference open that looks large enough, what would help cannot be reckoned.
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
    """By how much the clusters have to grow where the variance has to shrink by `factor` at `limit`.

    More clusters are more degrees of freedom. The limit of that many is taken to be the one at which a
    single difference is as unlikely as it is at `limit` now.
    """
    clusters = uncertainty.prompts
    if clusters is None or uncertainty.degrees is None:
        return factor
    chance = float(stdtr(uncertainty.degrees, -limit))
    grown = factor
    for _round in range(ROUNDS):
        degrees = max(float(uncertainty.degrees), grown * clusters - 1)
        grown = max(1.0, factor * (float(stdtrit(degrees, 1 - chance)) / limit) ** 2)
    return grown


def _variance(ratings: Ratings, first: int, second: int) -> float:
    return float(standard_errors(ratings)[first, second] ** 2)
