"""What is known of the strengths while votes come in: a normal approximation that grows by one vote at a time."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, Self

import numpy as np
import scipy

from ranking import problems
from ranking.methods.logistic import FAR, LIMIT, SMALLEST, STEP, NotConverged
from ranking.methods.tally import Floats

RIDGE: Final = 0.5
"""Precision of the normal prior of a strength: a standard deviation of 1.4 on the log-odds scale, or 250 Elo points."""


@dataclass(frozen=True, eq=False)
class Belief:
    """The strengths of m models after some votes, by the Bradley-Terry model with a normal prior.

    Attributes:
        theta: (m,) the strengths, as log-odds; the prior's mean is 0.
        covariance: (m, m) the inverse of the information, which is sum n w x x' + ridge I with x = e_i - e_j and
            w = p (1 - p).
        weight: (m, m) the information of one more vote on two models, w = p (1 - p) unless it is discounted.
    """

    theta: Floats
    covariance: Floats
    weight: Floats

    @classmethod
    def of(cls, wins: Floats, ridge: float = RIDGE, pending: Floats | None = None) -> Self:
        """Returns the belief after `wins` (m, m): how often i beat j, a tie as half for each.

        `pending` (m, m), symmetric, is how many votes on two models are on their way: they count in the covariance,
        whichever way they go, but not in the strengths.

        Raises:
            ValueError: the ridge is not positive, so models without votes would have no finite strength.
            NotConverged: Newton's method did not reach the optimum.
        """
        if not ridge > 0:
            raise ValueError("The ridge must be positive.")
        games = wins + wins.T
        theta = np.zeros(len(wins))
        for _step in range(LIMIT):
            chance = scipy.special.expit(theta[:, None] - theta)
            gradient = (wins - games * chance).sum(axis=1) - ridge * theta
            factor = scipy.linalg.cho_factor(_information(games, chance, ridge))
            step = scipy.linalg.cho_solve(factor, gradient)
            rate, before = 1.0, _value(wins, theta, ridge)
            if np.abs(step).max(initial=0.0) > FAR:
                while not _value(wins, theta + rate * step, ridge) >= before and rate > SMALLEST:
                    rate /= 2
            theta = theta + rate * step
            if np.abs(step).max(initial=0.0) < STEP:
                chance = scipy.special.expit(theta[:, None] - theta)
                known = games if pending is None else games + pending
                covariance = np.linalg.inv(_information(known, chance, ridge))
                return cls(theta, (covariance + covariance.T) / 2, chance * (1 - chance))
        raise NotConverged(problems.NO_OPTIMUM(steps=LIMIT))

    @cached_property
    def variance(self) -> Floats:
        """(m, m) the variance d = x' S x of the difference of two models."""
        diagonal = self.covariance.diagonal()
        found = self.covariance * -2
        found += diagonal
        found += diagonal[:, None]
        return np.maximum(found, 0.0, out=found)

    def discounted(self, worth: Floats) -> Self:
        """Returns the belief where one more vote on two models informs only `worth` (m, m) times as much."""
        return replace(self, weight=self.weight * worth)

    def expecting(self, i: int, j: int) -> Self:
        """Returns the belief once one more vote on i and j is in, whichever way it goes: S - w Sxx'S / (1 + w d)."""
        reach = self.covariance[i] - self.covariance[j]
        weight = self.weight[i, j]
        shrink = weight / (1 + weight * (reach[i] - reach[j]))
        return type(self)(self.theta, self.covariance - np.multiply.outer(shrink * reach, reach), self.weight)


def _information(games: Floats, chance: Floats, ridge: float) -> Floats:
    weight = games * chance * (1 - chance)
    information = -weight
    np.fill_diagonal(information, weight.sum(axis=1) - np.diag(weight) + ridge)
    return information


def _value(wins: Floats, theta: Floats, ridge: float) -> float:
    """The penalised log-likelihood."""
    return float(-(wins * np.logaddexp(0.0, theta - theta[:, None])).sum() - ridge * (theta @ theta) / 2)
