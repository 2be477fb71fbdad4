"""Win rates: averaged over all opponents, or against one baseline model.

Against a baseline the standard error is that of a mean of independent or clustered verdicts (as in AlpacaEval,
where a verdict may be a fraction of a win). Verdicts that are all alike, or all from one cluster, show no spread.
That does not mean certainty, so their interval is widened as if each side had two more verdicts (Agresti and Coull,
Approximate is better than "exact" for interval estimation of binomial proportions, 1998).
"""

from dataclasses import replace
from typing import Final, cast

import numpy as np
import scipy

from ranking import problems
from ranking.methods.interval_scope import distinct
from ranking.methods.intervals import Clusters, Uncertainty, combined, without_negatives
from ranking.methods.ratings import Ratings, with_intervals
from ranking.methods.settings import Contradiction, Settings
from ranking.methods.tally import Codes, Floats, Tally, Votes

LEAST: Final = 1e-12
"""Variance of a win rate below which its verdicts count as having no spread."""

CAP: Final = 20
"""The largest weight of a verdict by its draw's inverse probability, in medians of these weights."""

MORE: Final = 2
"""Verdicts added to each side of a win rate without spread."""


def rate_average(
    votes: Votes, tally: Tally, settings: Settings, clusters: Clusters | None, rng: np.random.Generator
) -> Ratings:
    """Rates each model by its mean win rate over the opponents it met. A tie is half a win.

    Where an adaptive design chose the opponents, a model's rate is the mean of its verdicts, each by the inverse of the
    probability of its draw, so that it is about all opponents alike.
    """
    if votes.adaptive:
        return Ratings(settings=settings, names=votes.names, scores=_by_inverse_chance(votes), unit="share")
    games = tally.games
    won = np.divide(tally.wins + tally.ties / 2, games, out=np.zeros_like(games), where=games > 0)
    return Ratings(settings=settings, names=votes.names, scores=won.sum(axis=1) / (games > 0).sum(axis=1), unit="share")


def _by_inverse_chance(votes: Votes) -> Floats:
    """(m,) self-normalised means of the verdicts by the inverse of the chance of their draw (Hajek, 1971).

    Few draws have a very small chance. Their weight is capped at `CAP` times the median, which costs a little bias and
    saves much variance. Verdicts that were not drawn get the median weight.
    """
    size = len(votes.names)
    inverse = 1 / cast(Floats, votes.chance)
    known = ~np.isnan(inverse)
    median = float(np.median(inverse[known])) if known.any() else 1.0
    weight = votes.weight() * np.where(known, np.minimum(inverse, CAP * median), median)
    share = weight * votes.score()
    points = np.bincount(votes.x, share, size) + np.bincount(votes.y, weight - share, size)
    return np.asarray(points / (np.bincount(votes.x, weight, size) + np.bincount(votes.y, weight, size)))


def rate_baseline(
    votes: Votes, tally: Tally, settings: Settings, clusters: Clusters | None, rng: np.random.Generator
) -> Ratings:
    """Rates each model by its win rate against the baseline. A tie is half a win, and the baseline's own rate is 1/2.

    Models with fewer than two comparisons with the baseline are left out.

    Raises:
        Contradiction: no model of this group was compared with the baseline.
    """
    if settings.baseline not in votes.names:
        raise Contradiction(problems.NEVER_MET(name=settings.baseline or ""))
    against, size = votes.names.index(settings.baseline), len(votes.names)
    met, model = _against(votes, against)
    often = np.bincount(model, weights=_count(met), minlength=size) > 1
    met, model = _against(votes.where(often[votes.x] | often[votes.y]), against)
    share = np.where(met.x == against, 1 - met.score(), met.score())
    weight = met.weight()
    total = np.bincount(model, weights=weight, minlength=size)
    mean = np.full(size, 0.5)
    mean[often] = np.bincount(model, weights=weight * share, minlength=size)[often] / total[often]
    kept = np.flatnonzero(often | (np.arange(size) == against))
    names = tuple(votes.names[each] for each in kept)
    ratings = Ratings(settings=settings, names=names, scores=mean[kept], unit="share", kept=kept)
    if clusters is None:
        return ratings
    influence = weight * (share - mean[model]) / total[model]
    place = np.searchsorted(kept, model)
    uncertainty = combined(
        lambda codes: _covariance(place, influence, codes, len(names)),
        lambda: _independent(place, influence, _count(met), len(names)),
        clusters,
        met.prompt,
        met.rater,
        weight,
    )
    uncertainty, floored = _with_spread(uncertainty, met, model, mean, kept, against)
    ratings = with_intervals(ratings, uncertainty)
    return ratings.noting("no-spread") if floored else ratings


def _with_spread(
    found: Uncertainty, met: Votes, model: Codes, mean: Floats, kept: Codes, baseline: int
) -> tuple[Uncertainty, bool]:
    """Returns `found` with the variances of means without spread replaced, and whether there were any."""
    codes = {"none": [], "prompt": [met.prompt], "worker": [met.rater], "both": [met.prompt, met.rater]}
    number = np.bincount(model, weights=_count(met), minlength=int(kept.max()) + 1)[kept]
    several = np.full(len(kept), True)
    for cluster in codes[found.clusters]:
        different = np.array([distinct(None if cluster is None else cluster[model == each]) for each in kept])
        number, several = np.minimum(number, different), several & (different > 1)
    flat = (kept != baseline) & ~(several & (np.diag(found.covariance) > LEAST))
    # Win rates are not centred on the mean of the board, so no direction is projected out.
    covariance = without_negatives(found.covariance * np.outer(~flat, ~flat), np.eye(len(kept)))
    all_of_them = number + 2 * MORE
    share = (mean[kept] * number + MORE) / all_of_them
    # That interval is centred on `share`. Measured from the mean, it reaches to its farther end.
    reach = np.abs(mean[kept] - share) + found.critical * np.sqrt(share * (1 - share) / all_of_them)
    covariance[flat, flat] = np.square(reach / found.critical)[flat]
    # Without spread, what raters say on exactly these prompts needs the same treatment of its own.
    return replace(found, covariance=covariance, here=None), bool(flat.any())


def _against(votes: Votes, baseline: int) -> tuple[Votes, Codes]:
    """Returns the comparisons with the baseline, and the other model of each."""
    met = votes.where((votes.x == baseline) | (votes.y == baseline))
    return met, np.where(met.x == baseline, met.y, met.x)


def _count(votes: Votes) -> Floats:
    return np.ones(len(votes)) if votes.count is None else votes.count.astype(np.float64)


def _covariance(model: Codes, influence: Floats, codes: Codes, size: int) -> Floats:
    """(size, size) covariance of the means when verdicts in a cluster depend on one another.

    The factor G / (G - 1) uses, for each model, the number G of clusters with a verdict on it.
    """
    sums = scipy.sparse.csr_array((influence, (codes, model)), shape=(int(codes.max()) + 1, size))
    own = np.bincount(np.unique(codes.astype(np.int64) * size + model) % size, minlength=size)
    factor = np.sqrt(np.divide(own, own - 1, out=np.ones(size), where=own > 1))
    return cast(Floats, (sums.T @ sums).toarray() * np.outer(factor, factor))


def _independent(model: Codes, influence: Floats, count: Floats, size: int) -> Floats:
    """(size, size) covariance of the means of independent verdicts: the sample variance over their number."""
    number = np.bincount(model, weights=count, minlength=size)
    variance = np.bincount(model, weights=influence**2 / np.maximum(count, 1), minlength=size)
    return np.diag(variance * np.divide(number, number - 1, out=np.zeros(size), where=number > 1))
