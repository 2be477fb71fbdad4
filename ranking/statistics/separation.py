"""Which models a board separates, and what would separate more. Pure; statements are simultaneous for the board."""

from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
import scipy

from ranking.methods.intervals import Uncertainty
from ranking.methods.ratings import NO_WIDTH, Ratings, beyond, critical, standard_errors
from ranking.methods.ratings import ranks as ranks_of

type Help = Literal["votes", "prompts"]

POWER: Final = 0.8
"""Share of repeated studies in which the number of votes or prompts named is to separate the top two."""

ROUNDS: Final = 20
"""Fixed number of iterations, more than convergence takes."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Attributes:

    level: the number of top models that cannot be told apart.
    best: the model rated highest.
    worst_place: the worst rank that it can have.
    help: what would separate the top two, if they are not separated: votes, or only prompts.
    factor: how many times as many would separate them in `POWER` of repeated studies, if they differ as much as
        their ratings do. It allows for the fewer standard errors that a difference needs with more clusters.
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
    gap = float(ratings.scores[first] - ratings.scores[second])
    # A difference that is large enough but rests on few verdicts has no such estimate.
    if not 0 < gap < limit * np.sqrt(whole):
        return found
    uncertainty = ratings.uncertainty
    allowed = (gap / errors_needed(limit, uncertainty.degrees if uncertainty else None)) ** 2
    if ratings.clusters == "none":
        return replace(found, help="votes", factor=whole / allowed)
    grown = whole / allowed if uncertainty is None else _times_as_many(gap**2 / whole, limit, uncertainty)
    if ratings.clusters == "worker":
        return replace(found, help="votes", factor=grown)
    votes = 0.0 if these_prompts is None else min(whole, _variance(these_prompts, first, second))
    left = allowed - (whole - votes)
    if left > 0:
        return replace(found, help="votes", factor=votes / left)
    return replace(found, help="prompts", factor=grown)


def errors_needed(limit: float, degrees: float | None) -> float:
    """Returns how many standard errors a true difference must measure to exceed `limit` of them in `POWER` of studies.

    `degrees` are those of the estimated standard error; None for a known one. The inverse of the noncentral t
    distribution is approximated as by Johnson and Welch, Applications of the non-central t-distribution (1940).
    """
    beyond = float(scipy.special.ndtri(POWER))
    if degrees is None:
        return limit + beyond
    # The mean of an estimated standard error whose square is right on average.
    mean = float(
        np.sqrt(2 / degrees) * np.exp(scipy.special.gammaln((degrees + 1) / 2) - scipy.special.gammaln(degrees / 2))
    )
    return limit * mean + beyond * float(np.sqrt(1 + limit**2 * (1 - mean**2)))


def _times_as_many(signal: float, limit: float, uncertainty: Uncertainty) -> float:
    """Returns by what factor the number of clusters must grow to separate two models in `POWER` of studies.

    `signal` is the square of the difference in standard errors now. More clusters mean more degrees of freedom. Their
    limit is taken to be the one with the same tail probability for a single difference as `limit` has now.
    """
    clusters = uncertainty.effective_raters if uncertainty.clusters == "worker" else uncertainty.effective_prompts
    if clusters is None or uncertainty.degrees is None:
        return errors_needed(limit, uncertainty.degrees) ** 2 / signal
    chance = float(scipy.special.stdtr(uncertainty.degrees, -limit))
    grown = 1.0
    for _round in range(ROUNDS):
        degrees = max(uncertainty.degrees, grown * clusters - 1)
        grown = max(1.0, errors_needed(float(scipy.special.stdtrit(degrees, 1 - chance)), degrees) ** 2 / signal)
    return grown


def _variance(ratings: Ratings, first: int, second: int) -> float:
    return float(standard_errors(ratings)[first, second] ** 2)
