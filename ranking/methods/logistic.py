"""Maximum-likelihood fit of the Bradley-Terry model and its linear extensions by Newton's method.

The log-odds that i beats j are theta_i - theta_j + z . beta, where z are covariates of the comparison
(the side on which i was shown, differences in style) and beta their coefficients. theta has mean zero.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import scipy

from annotation.problems import Failure
from ranking import problems
from ranking.methods.tally import Codes, Floats, Tally

LIMIT: Final = 100
STEP: Final = 1e-9
"""Length in natural units at which Newton steps stop: the next, quadratic in it, is below rounding error."""

FAR: Final = 0.5
"""Newton steps longer than this, in natural units, are halved until they increase the likelihood."""

SMALLEST: Final = 1e-6

DROWNED: Final = 1e10
"""Limit on a parameter's variance times its curvature; above it the variance is mostly rounding error."""

PRIOR_WEIGHT: Final = 0.5
"""Weight of the tie against the mean of the board that the prior gives to each model."""


class NotConverged(Failure, ArithmeticError):
    """The iteration did not reach the optimum; there is no estimate."""


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Comparisons grouped by models and covariates: n cells over m models.

    Attributes:
        i, j: (n,) the models.
        weight: (n,) the weight of the comparisons.
        points: (n,) the part of the weight that i won; a tie is half.
        z: (n, k) covariates, with the sign for i against j.
    """

    size: int
    i: Codes
    j: Codes
    weight: Floats
    points: Floats
    z: Floats

    @classmethod
    def of_tally(cls, tally: Tally) -> "Cells":
        """Returns one cell for each two models that were compared."""
        games = tally.games
        i, j = np.nonzero(np.triu(games, 1))
        points = tally.wins[i, j] + tally.ties[i, j] / 2
        return cls(len(games), i, j, games[i, j], points, np.empty((len(i), 0)))


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """The optimum of a fit.

    Attributes:
        theta: (m,) strengths on the natural scale, mean zero.
        beta: (k,) coefficients of the covariates.
        bread: (m + k, m + k) the inverse of `information` on the space where theta has mean zero.
        information: (m + k, m + k) the negative Hessian, including the prior.
        gradient: the largest absolute value of the gradient at the optimum.
        iterations: the number of Newton steps.
        prior: whether every model got half a tie against the mean.
        deviation: the standard deviation of the normal prior of the strengths; None without one.
        dispersion: the variance of verdicts relative to that of wins and losses alone, by which the prior was weighed.
    """

    theta: Floats
    beta: Floats
    bread: Floats
    information: Floats
    gradient: float
    iterations: int
    prior: bool
    deviation: float | None = None
    dispersion: float = 1.0


def laplacian(i: Codes, j: Codes, weight: Floats, size: int) -> Floats:
    """(size, size) the sum over rows of weight (e_i - e_j)(e_i - e_j)'."""
    between = np.bincount(i * size + j, weights=weight, minlength=size * size).reshape(size, size)
    between = between + between.T
    return np.diag(between.sum(axis=1)) - between


def outer(i: Codes, j: Codes, z: Floats, weight: Floats, size: int) -> Floats:
    """(size + k, size + k) the sum over rows of weight u u', with u = (e_i - e_j, z)."""
    extra = z.shape[1]
    matrix = np.empty((size + extra, size + extra))
    matrix[:size, :size] = laplacian(i, j, weight, size)
    weighted = z * weight[:, None]
    for column in range(extra):
        matrix[:size, size + column] = spread(i, j, weighted[:, column], size)
    matrix[size:, :size] = matrix[:size, size:].T
    matrix[size:, size:] = z.T @ weighted
    return matrix


def spread(i: Codes, j: Codes, weight: Floats, size: int) -> Floats:
    """(size,) the sum over rows of weight (e_i - e_j)."""
    return np.bincount(i, weights=weight, minlength=size) - np.bincount(j, weights=weight, minlength=size)


def centering(size: int, extra: int = 0) -> Floats:
    """(size + extra, size + extra) the projection that subtracts the mean from the first `size` entries."""
    matrix = np.eye(size + extra)
    matrix[:size, :size] -= 1 / size
    return matrix


def grounded(information: Floats, size: int) -> Floats:
    """Returns `information` made regular by a term for the common shift, which comparisons do not determine."""
    matrix = information.copy()
    matrix[:size, :size] += np.trace(information[:size, :size]) / size**2
    return matrix


def fit(cells: Cells, *, prior: bool, deviation: float | None = None, dispersion: float = 1.0) -> Fit:
    """Fits theta (mean zero) and beta, on request with half a tie or a normal prior for each model; see `newton`.

    Raises:
        NotConverged: there is no finite optimum, or the covariates are collinear.
    """
    return newton(
        np.concatenate([_start(cells), np.zeros(cells.z.shape[1])]),
        lambda parameters: _value(cells, parameters, prior=prior),
        lambda parameters: _derivatives(cells, parameters, prior=prior),
        cells.size,
        prior=prior,
        deviation=deviation,
        dispersion=dispersion,
    )


def _start(cells: Cells) -> Floats:
    """(m,) a start near the optimum: the log-odds of each model's overall win rate."""
    games = np.bincount(cells.i, cells.weight, cells.size) + np.bincount(cells.j, cells.weight, cells.size)
    lost = cells.weight - cells.points
    points = np.bincount(cells.i, cells.points, cells.size) + np.bincount(cells.j, lost, cells.size)
    odds = np.log((points + 0.5) / (games - points + 0.5))
    return odds - odds.mean()


def newton(
    start: Floats,
    value: Callable[[Floats], float],
    derivatives: Callable[[Floats], tuple[Floats, Floats]],
    size: int,
    *,
    prior: bool,
    deviation: float | None = None,
    dispersion: float = 1.0,
) -> Fit:
    """Maximises `value` by Newton's method with step halving. The first `size` parameters have mean zero.

    `derivatives` returns the gradient and the negative Hessian, including half a tie for each model if `prior`. A
    normal prior of the strengths with the standard deviation `deviation` is added here, with the precision `dispersion`
    over the square of it, because the log-likelihood is that of a quasi-likelihood times `dispersion`.

    Raises:
        NotConverged: there is no finite optimum, or the iteration did not reach it.
    """
    if deviation is not None:
        value, derivatives = _with_normal_prior(value, derivatives, size, dispersion / deviation**2)
    center = centering(size, len(start) - size)
    parameters = start
    for iteration in range(1, LIMIT + 1):
        gradient, information = derivatives(parameters)
        if not np.isfinite(information).all():
            raise NotConverged(problems.NOT_DETERMINED())
        try:
            step = center @ scipy.linalg.cho_solve(scipy.linalg.cho_factor(grounded(information, size)), gradient)
        except np.linalg.LinAlgError as error:
            raise NotConverged(problems.NOT_DETERMINED()) from error
        rate = 1.0
        if np.abs(step).max() > FAR:
            reached = value(parameters)
            while not value(parameters + rate * step) >= reached and rate > SMALLEST:
                rate /= 2
        parameters = parameters + rate * step
        if np.abs(step).max() < STEP:
            gradient, information = derivatives(parameters)
            bread = center @ _inverse(grounded(information, size)) @ center
            return Fit(
                parameters[:size] - parameters[:size].mean(),
                parameters[size:],
                (bread + bread.T) / 2,
                information,
                float(np.abs(gradient).max()),
                iteration,
                prior,
                deviation,
                dispersion,
            )
    raise NotConverged(problems.NO_OPTIMUM(steps=LIMIT))


def _inverse(information: Floats) -> Floats:
    """Inverts `information`, unless it is singular up to rounding.

    A step can be short only because gradient and curvature are lost in rounding error. That happens far from the
    origin when a covariate decides verdicts and there is no finite optimum.

    Raises:
        NotConverged: `information` is singular up to rounding.
    """
    try:
        inverse = np.linalg.inv(information)
    except np.linalg.LinAlgError as error:
        raise NotConverged(problems.NOT_DETERMINED()) from error
    if not np.abs(np.diag(inverse) * np.diag(information)).max() < DROWNED:
        raise NotConverged(problems.NOT_DETERMINED())
    return inverse


def prior_part(theta: Floats) -> tuple[float, Floats, Floats]:
    """Returns what half a tie of each model against the mean adds to value, gradient and negative Hessian."""
    center = centering(len(theta))
    away = center @ theta
    chance = scipy.special.expit(away)
    return (
        PRIOR_WEIGHT * float((away / 2 - np.logaddexp(0, away)).sum()),
        center @ (PRIOR_WEIGHT * (0.5 - chance)),
        center @ np.diag(PRIOR_WEIGHT * chance * (1 - chance)) @ center,
    )


def _with_normal_prior(
    value: Callable[[Floats], float],
    derivatives: Callable[[Floats], tuple[Floats, Floats]],
    size: int,
    precision: float,
) -> tuple[Callable[[Floats], float], Callable[[Floats], tuple[Floats, Floats]]]:
    """Returns `value` and `derivatives` with a normal prior of the first `size` parameters about their mean."""
    center = centering(size)

    def penalised(parameters: Floats) -> float:
        away = parameters[:size] - parameters[:size].mean()
        return value(parameters) - precision * float(away @ away) / 2

    def slopes(parameters: Floats) -> tuple[Floats, Floats]:
        gradient, information = derivatives(parameters)
        gradient[:size] -= precision * (parameters[:size] - parameters[:size].mean())
        information[:size, :size] += precision * center
        return gradient, information

    return penalised, slopes


def _log_odds(cells: Cells, parameters: Floats) -> Floats:
    theta, beta = parameters[: cells.size], parameters[cells.size :]
    return theta[cells.i] - theta[cells.j] + cells.z @ beta


def _value(cells: Cells, parameters: Floats, *, prior: bool) -> float:
    """Returns the log-likelihood, including the prior."""
    odds = _log_odds(cells, parameters)
    value = float(cells.points @ odds - cells.weight @ np.logaddexp(0, odds))
    if prior:
        value += prior_part(parameters[: cells.size])[0]
    return value


def _derivatives(cells: Cells, parameters: Floats, *, prior: bool) -> tuple[Floats, Floats]:
    """Returns the gradient and the negative Hessian of the log-likelihood, including the prior."""
    size = cells.size
    chance = scipy.special.expit(_log_odds(cells, parameters))
    residual = cells.points - cells.weight * chance
    gradient = np.concatenate([spread(cells.i, cells.j, residual, size), cells.z.T @ residual])
    information = outer(cells.i, cells.j, cells.z, cells.weight * chance * (1 - chance), size)
    if prior:
        _value_of_prior, slope, curvature = prior_part(parameters[:size])
        gradient[:size] += slope
        information[:size, :size] += curvature
    return gradient, information
