"""Bradley-Terry fits of many studies at once, all with the same numbers of votes per pair.

The same estimate as `ranking.methods.logistic` with its prior, half a tie of each model against the mean: that one
fits one study at a time, which takes longer than drawing its votes.
"""

from typing import Final

import numpy as np
import scipy

from ranking import problems
from ranking.methods.logistic import PRIOR_WEIGHT, NotConverged
from ranking.methods.tally import Codes, Floats

LIMIT: Final = 100
STEP: Final = 1e-7
LONGEST: Final = 1.0
"""In log-odds: longer Newton steps are shortened to this."""

FRESH: Final = 3
"""The first so many steps, and each so many later, invert the information again. Inverting takes most of the time."""


def fit(i: Codes, j: Codes, games: Floats, points: Floats, start: Floats) -> tuple[Floats, Floats]:
    """Returns (r, m) the strengths of r studies, in log-odds with mean zero, and (r, m, m) the inverse information.

    The inverse is that of a step close to the optimum, and is right up to a multiple of the matrix of ones.

    Args:
        i, j: (k,) the models of each pair.
        games: (k,) how many votes each pair has, in every study.
        points: (r, k) how many of them i won; a tie is half.
        start: (r, m) where to begin, with mean zero.

    Raises:
        NotConverged: Newton's method did not reach the optimum.
    """
    size = start.shape[1]
    incidence = np.zeros((len(i), size))
    incidence[np.arange(len(i)), i], incidence[np.arange(len(i)), j] = 1.0, -1.0
    theta = start.copy()
    for number in range(LIMIT):
        chance = scipy.special.expit(theta[:, i] - theta[:, j])
        if number < FRESH or number % FRESH == 0:
            inverse = np.linalg.inv(information(i, j, games * chance * (1 - chance), theta))
        slope = PRIOR_WEIGHT * (0.5 - scipy.special.expit(theta))
        gradient = (points - games * chance) @ incidence + slope - slope.mean(axis=1, keepdims=True)
        step = (inverse @ gradient[..., None])[..., 0]
        longest = np.abs(step).max(axis=1, keepdims=True)
        theta += step * np.minimum(1.0, LONGEST / np.maximum(longest, LONGEST))
        if longest.max() < STEP:
            return theta - theta.mean(axis=1, keepdims=True), inverse
    raise NotConverged(problems.NO_OPTIMUM(steps=LIMIT))


def information(i: Codes, j: Codes, weight: Floats, theta: Floats) -> Floats:
    """(r, m, m) the information of the votes, whose `weight` (r, k) is w = n p (1 - p), and of the prior.

    A term for the common shift, which votes do not determine, makes it regular.
    """
    size = theta.shape[1]
    found = laplacian(i, j, weight, size)
    chance = scipy.special.expit(theta)
    curve = PRIOR_WEIGHT * chance * (1 - chance)
    found -= (curve[:, :, None] + curve[:, None, :]) / size
    diagonal = np.einsum("rmm->rm", found)
    diagonal += curve
    found += (curve.sum(axis=1) / size**2 + diagonal.mean(axis=1) / size)[:, None, None]
    return found


def laplacian(i: Codes, j: Codes, weight: Floats, size: int) -> Floats:
    """(r, size, size) the sums over pairs of weight (e_i - e_j)(e_i - e_j)'."""
    found = np.zeros((len(weight), size, size))
    found[:, i, j] = found[:, j, i] = -weight
    np.einsum("rmm->rm", found)[...] = -found.sum(axis=2)
    return found
