"""How far apart models are, learnt from a pilot: a few models whose ratings are known with error.

Ratings vary more than strengths, because each has an error of its own. With true ratings that are normal about their
mean with the standard deviation sigma, and errors with the covariance S, the pilot's ratings are normal with the
covariance sigma^2 I + S around their mean. The posterior of sigma takes the errors out and keeps what the pilot leaves
open. The prior is Jeffreys', sigma sqrt(sum 1 / (sigma^2 + s_k^2)^2) with s_k^2 the eigenvalues of S, so that intervals
for sigma hold in as many pilots as they say.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import scipy

from ranking.design.planner.assumptions import MOST_SPREAD, Unplannable
from ranking.methods.tally import Floats

type Strengths = Callable[[np.random.Generator, int], Floats]
"""Draws the ratings of so many studies: (r, m), each row with mean zero, in log-odds."""

LEAST_MODELS: Final = 3
POINTS: Final = 600
SMALLEST: Final = 1e-3
"""Of the ratings' own spread: smaller values of sigma are as good as zero."""


def normal(models: int, spread: float) -> Strengths:
    """Returns strengths that are normal with the standard deviation `spread`."""

    def draw(rng: np.random.Generator, studies: int) -> Floats:
        return _centred(spread * rng.standard_normal((studies, models)))

    return draw


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """The posterior of sigma after a pilot of m models.

    Attributes:
        values, weights: (g,) sigma in log-odds, and its probabilities.
        basis: (m, m - 1) the directions in which the pilot's errors are independent.
        scores, errors: (m - 1,) the ratings in these directions, and the variances of their errors.
    """

    values: Floats
    weights: Floats
    basis: Floats
    scores: Floats
    errors: Floats

    @classmethod
    def after(cls, scores: Floats, covariance: Floats) -> Self:
        """Returns the posterior after a pilot with the ratings `scores` (m,) and their `covariance` (m, m).

        Raises:
            Unplannable: there are fewer than three models, or a number is not finite.
        """
        size = len(scores)
        if size < LEAST_MODELS:
            raise Unplannable(f"The pilot has {size} models; it must have at least {LEAST_MODELS}.")
        if not (np.isfinite(scores).all() and np.isfinite(covariance).all()):
            raise Unplannable("The pilot's ratings or their errors are not finite.")
        contrasts = scipy.linalg.null_space(np.ones((1, size)))
        errors, turn = np.linalg.eigh(contrasts.T @ covariance @ contrasts)
        errors = errors.clip(0)
        basis = contrasts @ turn
        seen = basis.T @ scores
        scale = max(float(np.sqrt(np.mean(seen**2 + errors))), 1e-6)
        values = np.geomspace(SMALLEST * scale, max(min(20 * scale, MOST_SPREAD), 2 * scale), POINTS)
        total = values[:, None] ** 2 + errors
        log = -0.5 * (np.log(total) + seen**2 / total).sum(axis=1)
        # The values are evenly spaced in log sigma, so each stands for a width in proportion to itself.
        log += np.log(values) + 0.5 * np.log((1 / total**2).sum(axis=1)) + np.log(values)
        weights = np.exp(log - log.max())
        return cls(values, weights / weights.sum(), basis, seen, errors)

    @classmethod
    def of_board(cls, scores: Floats, covariance: Floats, games: Floats) -> Self:
        """Returns the same from a Bradley-Terry leaderboard with `games` (m, m) votes for each pair of models.

        Its ratings are too far apart on average, by an amount that shrinks with the votes; that is taken out first.
        The errors are as large as `covariance` says on average, and differ as the votes do. What they owe to the
        ratings themselves, of which far ones have larger errors, would make far ratings count less and sigma too small.
        """
        even = np.linalg.pinv(np.diag(games.sum(axis=1)) - games, hermitian=True)
        level = np.trace(covariance) / np.trace(even)
        return cls.after(scores - _bias(scores, covariance, games), level * even)

    @property
    def models(self) -> int:
        return len(self.basis)

    def quantile(self, share: float) -> float:
        """Returns the sigma below which the posterior has `share` of its probability."""
        return float(np.interp(share, np.cumsum(self.weights) - self.weights / 2, self.values))

    def draw(self, rng: np.random.Generator, studies: int) -> Floats:
        """Draws sigma for so many studies."""
        step = np.log(self.values[1] / self.values[0])
        chosen = rng.choice(self.values, studies, p=self.weights)
        return np.asarray(chosen * np.exp(step * (rng.random(studies) - 0.5)))

    def new_models(self, models: int) -> Strengths:
        """Returns strengths of `models` other models, as far apart as the pilot's."""

        def draw(rng: np.random.Generator, studies: int) -> Floats:
            return _centred(self.draw(rng, studies)[:, None] * rng.standard_normal((studies, models)))

        return draw

    def same_models(self) -> Strengths:
        """Returns the strengths of the pilot's own models, as far as the pilot tells them.

        The models of each study come in an order of chance.
        """

        def draw(rng: np.random.Generator, studies: int) -> Floats:
            variance = self.draw(rng, studies)[:, None] ** 2
            share = variance / (variance + self.errors)
            noise = rng.standard_normal((studies, len(self.errors)))
            found = (share * self.scores + np.sqrt(share * self.errors) * noise) @ self.basis.T
            return rng.permuted(found, axis=1)

        return draw


def _bias(scores: Floats, covariance: Floats, games: Floats) -> Floats:
    """(m,) the bias of Bradley-Terry ratings, to first order: -I^-1 sum n w' x (x'Sx) / 2 with w' = w (1 - 2 p).

    Source: Cox and Snell, A general definition of residuals (1968), with the covariance S that the ratings have.
    """
    chance = scipy.special.expit(scores[:, None] - scores)
    weight = games * chance * (1 - chance)
    information = np.diag(weight.sum(axis=1)) - weight
    diagonal = np.diag(covariance)
    variance = diagonal[:, None] + diagonal - 2 * covariance
    pull = (weight * (1 - 2 * chance) * variance).sum(axis=1)
    return np.asarray(-0.5 * np.linalg.pinv(information, hermitian=True) @ pull)


def _centred(drawn: Floats) -> Floats:
    return np.asarray(drawn - drawn.mean(axis=1, keepdims=True))
