"""Bradley-Terry: the odds that one model beats another are the ratio of their strengths.

Bradley and Terry, Rank analysis of incomplete block designs, Biometrika 39 (1952).
"""

import numpy as np

from ranking import problems
from ranking.methods import intervals, logistic, shrinkage
from ranking.methods.bootstrap import redraw
from ranking.methods.connectivity import has_finite_fit
from ranking.methods.intervals import Clusters, Observations, Uncertainty
from ranking.methods.logistic import Cells, Fit
from ranking.methods.ratings import Coefficient, Ratings, with_intervals
from ranking.methods.settings import Contradiction, Settings
from ranking.methods.tally import Codes, Floats, Tally, Votes

FIRST_PLACE = "first-place"


def rate(
    votes: Votes, tally: Tally, settings: Settings, clusters: Clusters | None, rng: np.random.Generator
) -> Ratings:
    """Estimates the strengths of one connected group of models. A tie counts as half a win for both.

    Raises:
        Contradiction: position bias is to be fitted, and no comparison has a known left and right.
        NotConverged: Newton's method did not reach the optimum.
    """
    if settings.first_place and (votes.left is None or not votes.left.any()):
        raise Contradiction(problems.NO_SIDES())
    names: tuple[str, ...] = (FIRST_PLACE,) if settings.first_place else ()
    cells = _cells_by_side(votes) if settings.first_place else Cells.of_tally(tally)
    z = _side(votes)[:, : len(names)]
    bootstrapped = settings.intervals == "bootstrap" and clusters is not None
    fit = None if bootstrapped else shrunk(votes, cells, z)
    fit = fit or logistic.fit(cells, prior=not has_finite_fit(tally))
    if settings.intervals == "bootstrap" and clusters is not None:
        return redraw(votes, tally, fit, settings, clusters, rng)
    uncertainty, notices = estimate(votes, tally, z, fit, settings, clusters)
    return with_intervals(rated(votes.names, fit, settings, names, notices), uncertainty)


def shrunk(votes: Votes, cells: Cells, z: Floats) -> Fit | None:
    """Fits with a normal prior if pairs were chosen adaptively and there are enough models for it; None otherwise."""
    if not votes.adaptive:
        return None
    count = 1.0 if votes.count is None else np.maximum(votes.count, 1)

    def dispersion_of(fit: Fit) -> float:
        rows = Observations.at(fit, votes.x, votes.y, z, votes.weight(), votes.score())
        return shrinkage.dispersion(fit, rows.residual, rows.curvature, count)

    return shrinkage.fit(
        lambda deviation, phi: logistic.fit(cells, prior=False, deviation=deviation, dispersion=phi),
        cells.size,
        dispersion_of,
    )


def rated(
    names: tuple[str, ...], fit: Fit, settings: Settings, covariates: tuple[str, ...], notices: tuple[str, ...]
) -> Ratings:
    """Returns `fit` as ratings without intervals."""
    return Ratings(
        settings=settings,
        names=names,
        scores=fit.theta,
        unit="strength",
        coefficients=tuple(Coefficient(name, float(value)) for name, value in zip(covariates, fit.beta, strict=True)),
        prior=fit.prior,
        deviation=fit.deviation,
        gradient=fit.gradient,
        iterations=fit.iterations,
        notices=notices,
    )


def estimate(
    votes: Votes, tally: Tally, z: Floats, fit: Fit, settings: Settings, clusters: Clusters | None
) -> tuple[Uncertainty | None, tuple[str, ...]]:
    """Returns the sandwich covariance that `settings` specify, and the notices about it.

    That of a fit with a normal prior includes what the prior's pull adds.
    """
    if clusters is None:
        return None, ()
    uncertainty, notices = _sandwich(votes, tally, z, fit, settings, clusters)
    return shrinkage.with_prior_variance(uncertainty, fit), notices


def _sandwich(
    votes: Votes, tally: Tally, z: Floats, fit: Fit, settings: Settings, clusters: Clusters
) -> tuple[Uncertainty, tuple[str, ...]]:
    # The squared residuals of soft verdicts do not follow from counts.
    if clusters == "none" and not z.shape[1] and votes.soft is None:
        return intervals.independent(fit, tally), ()
    observations = Observations.at(fit, votes.x, votes.y, z, votes.weight(), votes.score())
    if clusters == "none":
        # A row of c equal comparisons has c squares, not the square of c.
        count = 1 if votes.count is None else np.maximum(votes.count, 1)
        return intervals.independent_rows(fit, observations, observations.residual**2 / count), ()
    return intervals.clustered_or_simpler(fit, observations, clusters, settings.correction, votes.prompt, votes.rater)


def _side(votes: Votes) -> Floats:
    """(n, 1) 1 where x was shown on the left, -1 where y was, 0 where the sides are unknown."""
    return (np.zeros(len(votes)) if votes.left is None else votes.left.astype(np.float64))[:, None]


def _cells_by_side(votes: Votes) -> Cells:
    """Groups the comparisons of each x and y by the side on which x was shown."""
    size = len(votes.names)
    side = np.zeros(len(votes), dtype=np.intp) if votes.left is None else votes.left.astype(np.intp)
    code = (votes.x.astype(np.intp) * size + votes.y) * 3 + side + 1
    weight = np.bincount(code, weights=votes.weight(), minlength=3 * size * size)
    points = np.bincount(code, weights=votes.weight() * votes.score(), minlength=3 * size * size)
    found = np.flatnonzero(weight)
    models: Codes = found // 3
    return Cells(
        size, models // size, models % size, weight[found], points[found], (found % 3 - 1).astype(np.float64)[:, None]
    )
