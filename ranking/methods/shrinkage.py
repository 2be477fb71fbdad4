"""A normal prior of the strengths whose standard deviation is estimated from the votes (empirical Bayes).

Where each pair is chosen by what the votes so far say, a fit without a prior pushes ratings apart: a model that was
lucky early is compared with models near it, and its luck is not corrected. A prior pulls ratings back to their mean,
the more the fewer votes there are.

The standard deviation maximises the marginal likelihood, in Laplace's approximation, of strengths that are normal about
their mean (Breslow and Clayton, Approximate inference in generalized linear mixed models, JASA 88, 1993). Its logarithm
is added to the log-likelihood, so that the estimate is never 0: equal models would otherwise get intervals without
width (Chung et al., A nondegenerate penalized likelihood estimator for variance parameters in multilevel models,
Psychometrika 78, 2013). The estimate then satisfies tau^2 = (theta'theta + tr C) / (m - 2), where C is the inverse of
the information with the prior.

The covariance is that of the error of the fit, over strengths and votes alike: B (M + R) B, with B the inverse of the
information with the prior, M the sandwich's meat and R the prior's precision. With independent votes M is the
information, and this is the usual posterior covariance (Laird and Ware, Random-effects models for longitudinal data,
1982).
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


def fit(fit_with: Callable[[float], Fit], models: int) -> Fit | None:
    """Returns the fit with the normal prior that the votes support best; None if there are too few models.

    `fit_with` fits with a given standard deviation.

    Raises:
        NotConverged: Newton's method did not reach an optimum.
    """
    if models < LEAST_MODELS:
        return None

    def excess(log_deviation: float) -> float:
        found = fit_with(float(np.exp(log_deviation)))
        squares = found.theta @ found.theta + np.trace(found.bread[:models, :models])
        return float(np.log(squares / (models - 2)) - 2 * log_deviation)

    low, high = np.log(NARROW), np.log(WIDE)
    if excess(high) > 0:
        return fit_with(WIDE)
    if excess(low) < 0:
        return fit_with(NARROW)
    return fit_with(float(np.exp(scipy.optimize.brentq(excess, low, high, xtol=1e-6))))


def with_prior_variance(uncertainty: Uncertainty | None, fit: Fit) -> Uncertainty | None:
    """Returns the covariance of a fit with a normal prior with the part B R B that its pull towards the mean adds."""
    if uncertainty is None or fit.deviation is None:
        return uncertainty
    here = None if uncertainty.here is None else with_prior_variance(uncertainty.here, fit)
    more = pull(fit)
    least = None if uncertainty.least is None else uncertainty.least + more
    return replace(uncertainty, covariance=uncertainty.covariance + more, here=here, least=least)


def pull(fit: Fit) -> Floats:
    """(m + k, m + k) what the prior's pull adds to the covariance of the parameters."""
    assert fit.deviation is not None  # noqa: S101  asked only of fits with a normal prior
    size = len(fit.theta)
    prior = np.zeros_like(fit.bread)
    prior[:size, :size] = centering(size) / fit.deviation**2
    return np.asarray(fit.bread @ prior @ fit.bread, dtype=np.float64)
