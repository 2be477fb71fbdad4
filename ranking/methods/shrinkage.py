"""A normal prior of the strengths whose standard deviation is estimated from the votes (empirical Bayes).

Where each pair is chosen by what the votes so far say, a fit without a prior pushes ratings apart: a model that was
lucky early is compared with models near it, and its luck is not corrected. A prior pulls ratings back to their mean,
the more the fewer votes there are.

The standard deviation maximises the marginal likelihood, in Laplace's approximation, of strengths that are normal about
their mean (Breslow and Clayton, Approximate inference in generalized linear mixed models, JASA 88, 1993). Its logarithm
is added to the log-likelihood, so that the estimate is never 0: equal models would otherwise get intervals without
width (Chung et al., A nondegenerate penalized likelihood estimator for variance parameters in multilevel models,
Psychometrika 78, 2013). The estimate then satisfies tau^2 = (theta'theta + phi tr B) / (m - 2), where B is the inverse
of the information with the prior.

Ties vary less than wins and losses do. Their likelihood is therefore a quasi-likelihood with the dispersion phi, the
mean squared residual over the mean p (1 - p) (Wedderburn, Quasi-likelihood functions, Biometrika 61, 1974), and the
prior has the precision phi / tau^2 beside it. With phi = 1, votes with ties would seem to say less than they do, and
the spread of the strengths would be taken for noise.

The covariance is that of the error of the fit, over strengths and votes alike: B M B + phi B R B, with M the sandwich's
meat and R the prior's precision. With independent votes M is phi times the information, and this is phi B, the usual
posterior covariance (Laird and Ware, Random-effects models for longitudinal data, 1982). No rating's variance B M B is
below what it would be if only votes of one rater on one prompt depended on one another: the sum and difference of
estimates for two ways of clustering can nearly vanish by chance.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np
import scipy

from ranking.methods.intervals import Uncertainty
from ranking.methods.logistic import Fit, centering
from ranking.methods.tally import Floats

LEAST_MODELS: Final = 3
"""The spread of fewer strengths cannot be estimated."""

NARROW, WIDE = 0.01, 20.0
"""Ends of the search for the standard deviation, in natural units."""

ROUNDS: Final = 2
"""Times the dispersion is estimated, each at the fit with the one before. It hardly depends on the fit."""

LEAST_DISPERSION: Final = 0.05
"""If all verdicts are ties, there is no dispersion at all."""


def fit(
    fit_with: Callable[[float, float], Fit], models: int, dispersion_of: Callable[[Fit], float] | None = None
) -> Fit | None:
    """Returns the fit with the normal prior that the votes support best; None if there are too few models.

    `fit_with` fits with a given standard deviation and dispersion. `dispersion_of` estimates the dispersion at a fit;
    without it, it is 1.

    Raises:
        NotConverged: Newton's method did not reach an optimum.
    """
    if models < LEAST_MODELS:
        return None
    found = _with_best_deviation(fit_with, models, 1.0)
    if dispersion_of is None:
        return found
    for _round in range(ROUNDS):
        found = _with_best_deviation(fit_with, models, max(LEAST_DISPERSION, dispersion_of(found)))
    return found


def dispersion(fit: Fit, residual: Floats, curvature: Floats, count: Floats | float = 1.0) -> float:
    """Returns the squared residuals of n rows over their curvatures, with the degrees of freedom that the fit took.

    `residual`, `curvature` (n,) are those of `intervals.Observations`, and a row stands for `count` (n,) votes.
    """
    size = len(fit.theta)
    assert fit.deviation is not None  # noqa: S101  asked only of fits with a normal prior
    prior = fit.dispersion / fit.deviation**2 * np.trace(fit.bread[:size, :size])
    taken = len(fit.information) - 1 - float(prior)
    votes = float((np.ones(len(residual)) * count).sum())
    squares = float((residual**2 / count).sum())
    return squares / float(curvature.sum()) * votes / max(1.0, votes - taken)


def _with_best_deviation(fit_with: Callable[[float, float], Fit], models: int, phi: float) -> Fit:
    def excess(log_deviation: float) -> float:
        found = fit_with(float(np.exp(log_deviation)), phi)
        squares = found.theta @ found.theta + phi * np.trace(found.bread[:models, :models])
        return float(np.log(squares / (models - 2)) - 2 * log_deviation)

    low, high = np.log(NARROW), np.log(WIDE)
    if excess(high) > 0:
        return fit_with(WIDE, phi)
    if excess(low) < 0:
        return fit_with(NARROW, phi)
    return fit_with(float(np.exp(scipy.optimize.brentq(excess, low, high, xtol=1e-5))), phi)


def with_prior_variance(uncertainty: Uncertainty | None, fit: Fit) -> Uncertainty | None:
    """Returns the covariance of a fit with a normal prior, with what its pull towards the mean adds."""
    if uncertainty is None or fit.deviation is None:
        return uncertainty
    here = None if uncertainty.here is None else with_prior_variance(uncertainty.here, fit)
    more = pull(fit)
    covariance, least = uncertainty.covariance + more, None
    if uncertainty.least is not None:
        missing = np.diag(uncertainty.least - uncertainty.covariance).clip(0)
        covariance, least = covariance + np.diag(missing), uncertainty.least + more
    return replace(uncertainty, covariance=covariance, here=here, least=least)


def pull(fit: Fit) -> Floats:
    """(m + k, m + k) what the prior's pull adds to the covariance of the parameters."""
    assert fit.deviation is not None  # noqa: S101  asked only of fits with a normal prior
    size = len(fit.theta)
    prior = np.zeros_like(fit.bread)
    prior[:size, :size] = fit.dispersion / fit.deviation**2 * centering(size)
    return np.asarray(fit.dispersion * fit.bread @ prior @ fit.bread, dtype=np.float64)
