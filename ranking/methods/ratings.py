"""The result of a method, and what is derived from it: points, intervals and ranks."""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, Literal, cast
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from ranking.methods.intervals import NORMAL, Clusters, Uncertainty
from ranking.methods.settings import Settings
from ranking.methods.tally import Floats

ELO: Final = 400 / np.log(10)
"""Elo points per unit of log-odds."""

MEAN: Final = 1000.0
"""Mean rating of a board without an anchor."""

DRAWS: Final = 10_000
"""Draws from the joint distribution for statements about the whole board."""

LEAST_DRAWS: Final = 2_000
"""The same for boards of very many models, whose largest difference varies less."""

MANY_MODELS: Final = 200
"""Models from which there are fewer draws, so that their number of values stays the same."""

BLOCK: Final = 500
"""Draws processed at a time, so that they fit in the processor cache."""

FLAT: Final = 1e-9
"""Width of an interval, relative to the largest score, below which it is a point up to rounding."""

FEW_ONE_WAY: Final = "few-one-way"
"""Key of the notice that only few verdicts, all one way, connect some models to the rest."""

ADAPTIVE: Final = "adaptive"
"""Key of the notice that pairs were chosen by what votes said, and this method cannot allow for it."""

BY_INVERSE_CHANCE: Final = "by-inverse-chance"
"""Key of the notice that comparisons count by the inverse probability of their draw."""

NOT_EVERY_PAIR: Final = "not-every-pair"
"""Key of the notice that the design of pairs left some out, so the order of the ratings means nothing."""

NO_WIDTH: Final = "no-width"
"""Key of the notice that some interval has zero width, so the board cannot show how certain it is."""

type Unit = Literal["strength", "points", "share"]
"""`strength`: log-odds with mean zero; `points`: on the Elo scale; `share`: a win rate or a share of a whole."""


@dataclass(frozen=True, slots=True, eq=False)
class Coefficient:
    """An effect on verdicts besides the models, on the log-odds scale, with its 95% interval."""

    name: str
    value: float
    error: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Ratings:
    """The m models of one connected group, rated.

    Attributes:
        settings: the settings used.
        names: the names of the models.
        scores: (m,) in `unit`; higher is better.
        uncertainty: the covariance of scores and coefficients, on the log-odds scale; None without intervals.
        low, high: (m,) ends of the 95% intervals of the scores; None if the method has none.
        order_range: whether `low` and `high` only show the effect of reordering the comparisons.
        coefficients: the coefficients of covariates.
        draws: (r, m) scores of bootstrap rounds, for methods that have them.
        clusters: what the intervals generalise to; None without intervals.
        kept: the models of the group that were rated; None: all.
        prior: whether every model got half a tie against the mean because no finite fit exists otherwise.
        deviation: the standard deviation of the normal prior of the strengths, in log-odds; None without one.
        unsettled: (m, m) pairs separated by too few verdicts, however narrow their intervals; None: no pairs.
        gradient: the largest absolute gradient at the optimum; None for methods without one.
        iterations: the number of iterations; None for methods that do not iterate.
        notices: keys of the notices that a reader must see.
    """

    settings: Settings
    names: tuple[str, ...]
    scores: Floats
    unit: Unit
    uncertainty: Uncertainty | None = None
    low: Floats | None = None
    high: Floats | None = None
    order_range: bool = False
    coefficients: tuple[Coefficient, ...] = ()
    draws: Floats | None = None
    clusters: Clusters | None = None
    kept: NDArray[np.intp] | None = None
    prior: bool = False
    deviation: float | None = None
    unsettled: NDArray[np.bool_] | None = None
    gradient: float | None = None
    iterations: int | None = None
    notices: tuple[str, ...] = ()

    def noting(self, *notices: str) -> "Ratings":
        return replace(self, notices=self.notices + notices) if notices else self

    @property
    def covariance(self) -> Floats | None:
        """(m, m) covariance of the scores."""
        return None if self.uncertainty is None else self.uncertainty.covariance[: len(self.names), : len(self.names)]


_DRAWN: Final[WeakKeyDictionary[Ratings, Floats]] = WeakKeyDictionary()
"""Draws for ratings that are still referenced; they are released together."""


def with_intervals(ratings: Ratings, uncertainty: Uncertainty | None) -> Ratings:
    """Returns `ratings` with the intervals that follow from `uncertainty`, relative to the mean of the board.

    The ends of a share's interval are clipped to between 0 and 1.
    """
    if uncertainty is None:
        return ratings
    least, most = (0.0, 1.0) if ratings.unit == "share" else (-np.inf, np.inf)
    size = len(ratings.names)
    reach = uncertainty.critical * np.sqrt(np.diag(uncertainty.covariance).clip(0))
    coefficients = tuple(
        replace(
            coefficient,
            error=float(error / uncertainty.critical),
            low=float(coefficient.value - error),
            high=float(coefficient.value + error),
        )
        for coefficient, error in zip(ratings.coefficients, reach[size:], strict=True)
    )
    return replace(
        ratings,
        uncertainty=uncertainty,
        clusters=uncertainty.clusters,
        low=(ratings.scores - reach[:size]).clip(least, most),
        high=(ratings.scores + reach[:size]).clip(least, most),
        coefficients=coefficients,
    )


def is_flat(ratings: Ratings) -> bool:
    """Returns whether some interval has zero width.

    Verdicts that are all alike or cancel out exactly show no spread, but that does not mean certainty.
    """
    if ratings.low is None or ratings.high is None or ratings.order_range:
        return False
    # The win rate of the baseline against itself is 1/2 by definition.
    rated = np.array([name != ratings.settings.baseline for name in ratings.names])
    least = FLAT * max(1.0, float(np.abs(ratings.scores).max()))
    return bool((ratings.high - ratings.low <= least)[rated].any())


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Scores as displayed, (m,) each: Elo points for strengths, the method's own unit otherwise."""

    rating: Floats
    low: Floats | None
    high: Floats | None
    error: Floats | None


def points(ratings: Ratings) -> Points:
    """Converts strengths to the Elo scale, with the mean at 1,000 or the anchor, if in this group, at its rating.

    Intervals of an anchored board are those of the difference from the anchor.
    """
    unit, origin = (ELO, MEAN) if ratings.unit == "strength" else (1.0, 0.0)
    anchor, index = ratings.settings.anchor, held(ratings)
    if anchor is None or index is None:
        low, high = (None if end is None else origin + unit * end for end in (ratings.low, ratings.high))
        return Points(origin + unit * ratings.scores, low, high, _own_errors(ratings, unit))
    rating = anchor[1] + unit * (ratings.scores - ratings.scores[index])
    if ratings.draws is not None:
        apart = anchor[1] + unit * (ratings.draws - ratings.draws[:, [index]])
        low, high = np.percentile(apart, [2.5, 97.5], axis=0)
        return Points(rating, low, high, None if ratings.order_range else apart.std(axis=0, ddof=1))
    if ratings.uncertainty is None:
        return Points(rating, None, None, None)
    error = unit * standard_errors(ratings)[index]
    reach = ratings.uncertainty.critical * error
    return Points(rating, rating - reach, rating + reach, error)


def held(ratings: Ratings) -> int | None:
    """Returns the index of the anchored model; None if it is not in this group."""
    anchor = ratings.settings.anchor
    if anchor is None or anchor[0] not in ratings.names or ratings.unit == "share":
        return None
    return ratings.names.index(anchor[0])


def _own_errors(ratings: Ratings, unit: float) -> Floats | None:
    if ratings.order_range or ratings.clusters is None:
        return None
    return unit * np.sqrt(np.diag(_covariance(ratings)).clip(0))


def normalised(ratings: Ratings) -> Floats:
    """(m,) e^theta divided by its sum."""
    power = np.exp(ratings.scores - ratings.scores.max())
    return cast(Floats, power / power.sum())


def _covariance(ratings: Ratings) -> Floats:
    """(m, m) covariance of the scores, from the sandwich or from the draws."""
    if ratings.covariance is not None:
        return ratings.covariance
    assert ratings.draws is not None  # noqa: S101  asked only where there are intervals
    return np.cov(ratings.draws, rowvar=False)


def standard_errors(ratings: Ratings) -> Floats:
    """(m, m) the standard errors of the differences between scores."""
    covariance = _covariance(ratings)
    variance = np.diag(covariance)
    return np.sqrt((variance[:, None] + variance[None, :] - 2 * covariance).clip(0))


def ranks(ratings: Ratings) -> NDArray[np.intp]:
    """(m,) 1 + the number of models rated higher. Models that differ only by rounding share a rank."""
    order = np.argsort(-ratings.scores, kind="stable")
    fallen = -np.diff(ratings.scores[order]) > 1e-9 * max(1.0, float(np.abs(ratings.scores).max()))
    place = np.concatenate([[1], np.where(fallen, np.arange(2, len(order) + 1), 0)]).astype(np.intp)
    result = np.empty(len(order), dtype=np.intp)
    result[order] = np.maximum.accumulate(place)
    return result


def better(ratings: Ratings) -> NDArray[np.bool_] | None:
    """(m, m) whether the row's model is better than the column's at the 5% level; None without intervals.

    Differences are tested one by one, or all at once with the setting `simultaneous`.
    """
    limit = critical(ratings, simultaneous=ratings.settings.simultaneous)
    return None if limit is None else beyond(ratings, limit)


def critical(ratings: Ratings, *, simultaneous: bool) -> float | None:
    """Returns how many standard errors a difference must exceed; None without intervals."""
    if ratings.order_range or (ratings.uncertainty is None and ratings.draws is None):
        return None
    alone = NORMAL if ratings.uncertainty is None else ratings.uncertainty.critical
    # The simultaneous limit is never below the single one, though by simulation error it can appear so for two models.
    return max(alone, simultaneous_critical(ratings)) if simultaneous else alone


def beyond(ratings: Ratings, limit: float) -> NDArray[np.bool_]:
    """(m, m) whether the row's model leads by more than `limit` standard errors, with enough verdicts."""
    leads = ratings.scores[:, None] - ratings.scores[None, :] > limit * standard_errors(ratings)
    return leads if ratings.unsettled is None else leads & ~ratings.unsettled


def simultaneous_critical(ratings: Ratings) -> float:
    """Returns the number of standard errors within which all differences stay at once, in 95% of boards.

    This is the 95th percentile of the largest |t| over all pairs, from bootstrap replicates or from draws of the
    joint distribution.
    """
    errors = standard_errors(ratings)
    known = errors > 0
    if not known.any():
        return NORMAL
    per = np.divide(1.0, errors, out=np.zeros_like(errors), where=known)
    if ratings.uncertainty is None:
        assert ratings.draws is not None  # noqa: S101  asked only where there are intervals
        away = ratings.draws - ratings.draws.mean(axis=0)
        return _most_in(away, per, np.ones(len(away)))
    degrees = ratings.uncertainty.degrees
    draws = draws_of(len(ratings.names))
    scale = np.ones(draws)
    if degrees is not None:
        scale = np.sqrt(np.random.default_rng([ratings.settings.seed, 1]).chisquare(degrees, draws) / degrees)
    return _most_in(_redrawn(ratings), per, scale)


def _most_in(drawn: Floats, per: Floats, scale: Floats) -> float:
    """Returns the 95th percentile of the largest standardised difference of each draw, divided by its `scale` (r,).

    Values below the percentile do not affect it, so only draws that may reach it are computed exactly.
    """
    rows, size = np.arange(BLOCK), len(drawn)
    least, most = np.zeros(size), np.zeros(size)
    for start in range(0, size, BLOCK):
        block = drawn[start : start + BLOCK]
        row, top, bottom = rows[: len(block)], block.argmax(axis=1), block.argmin(axis=1)
        spread = block[row, top] - block[row, bottom]
        least[start : start + BLOCK], most[start : start + BLOCK] = spread * per[top, bottom], spread * per.max()
    least /= scale
    most /= scale
    # The percentile of the lower bounds is a lower bound of the result. It is reduced by more than rounding error.
    floor = np.quantile(least, 0.95, method="lower") * (1 - 1e-9)
    near = np.flatnonzero(most >= floor)
    for start in range(0, len(near), BLOCK):
        chosen = near[start : start + BLOCK]
        least[chosen] = _largest(drawn[chosen], per) / scale[chosen]
    return float(np.quantile(least, 0.95))


def draws_of(models: int) -> int:
    """Returns the number of draws for a board of so many models."""
    return max(LEAST_DRAWS, min(DRAWS, DRAWS * MANY_MODELS // models))


def _redrawn(ratings: Ratings) -> Floats:
    """(r, m) random errors of the scores, drawn once for all statements about a board."""
    drawn = _DRAWN.get(ratings)
    if drawn is None:
        root = _root(_covariance(ratings))
        drawn = _normal(ratings.settings.seed, len(root)) @ root
        _DRAWN[ratings] = drawn
    return drawn


@lru_cache(maxsize=1)
def _normal(seed: int, models: int) -> Floats:
    """(r, models) standard normal numbers. Cached: drawing takes longer than a fit, and most boards share them."""
    drawn = np.random.default_rng(seed).standard_normal((draws_of(models), models))
    drawn.flags.writeable = False
    return drawn


def _largest(drawn: Floats, per: Floats) -> Floats:
    """(r,) the largest standardised difference of each draw. `per` (m, m): the inverse errors of differences.

    The largest difference is between models far apart. So only models far enough from one end of their draw to
    exceed the largest difference found so far are compared.
    """
    rows = np.arange(len(drawn))
    most = np.zeros(len(drawn))
    for scaled in (drawn, drawn * per.mean(axis=1)):
        top, bottom = scaled.argmax(axis=1), scaled.argmin(axis=1)
        np.maximum(most, np.abs(drawn[rows, top] - drawn[rows, bottom]) * per[top, bottom], out=most)
    # Reduced by more than rounding error, so that no candidate is missed.
    need = most[:, None] * ((1 - 1e-9) / np.maximum(per.max(axis=1), np.finfo(float).tiny))
    far = (drawn - need >= drawn.min(axis=1)[:, None]) | (drawn + need <= drawn.max(axis=1)[:, None])
    draw, model = np.nonzero(far)
    value = drawn[draw, model]
    for step in range(1, int(np.bincount(draw).max(initial=0))):
        same = np.flatnonzero(draw[step:] == draw[:-step])
        apart = np.abs(value[same + step] - value[same]) * per[model[same + step], model[same]]
        np.maximum.at(most, draw[same], apart)
    return most


def _root(covariance: Floats) -> Floats:
    """Returns R with R'R = covariance."""
    values, vectors = np.linalg.eigh(covariance)
    return np.sqrt(values.clip(0))[:, None] * vectors.T


def rank_ranges(above: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """(m,) each: the best and the worst rank that each model can have, given the result of `better`."""
    return 1 + above.sum(axis=0), len(above) - above.sum(axis=1)


def chance_of_best(ratings: Ratings) -> Floats | None:
    """(m,) the share of draws in which each model ranks first; None without intervals."""
    if ratings.unsettled is not None or ratings.order_range or (ratings.uncertainty is None and ratings.draws is None):
        return None
    drawn = ratings.draws
    if drawn is None:
        drawn = ratings.scores + _redrawn(ratings)
    return np.bincount(drawn.argmax(axis=1), minlength=len(ratings.names)) / len(drawn)
