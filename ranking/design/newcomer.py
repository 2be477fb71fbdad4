"""New models against the others: the pair that tells most about a newcomer's own rating."""

from collections.abc import Collection

import numpy as np

from ranking.design.belief import Belief
from ranking.methods.tally import Floats


def gains(belief: Belief, newcomers: frozenset[int]) -> Floats:
    """Returns (m, m) by how much one more vote on i and j lowers the variance of a newcomer's distance from the mean.

    That is w (c'Sx)^2 / (1 + w d) with c the newcomer against the average of all; of two newcomers the sum. Pairs
    without a newcomer gain nothing.
    """
    size = len(belief.theta)
    found = np.zeros((size, size))
    mean = belief.covariance.mean(axis=0)
    for model in sorted(newcomers):
        reach = belief.covariance[model] - mean
        drop = (reach[model] - reach) ** 2
        found[model] += drop
        found[:, model] += drop
    return belief.weight * found / (1 + belief.weight * belief.variance)


def distance_variance(belief: Belief) -> Floats:
    """Returns (m,) the variance c'Sc of each model's distance from the mean of all."""
    mean = belief.covariance.mean(axis=0)
    return np.maximum(belief.covariance.diagonal() - 2 * mean + mean.mean(), 0.0)


def still_new(belief: Belief, joined_late: Collection[int]) -> frozenset[int]:
    """Returns those of `joined_late` that are less sure than the median of the other models; none without others."""
    late = frozenset(joined_late)
    others = [model for model in range(len(belief.theta)) if model not in late]
    if not late or not others:
        return frozenset()
    variance = distance_variance(belief)
    usual = float(np.median(variance[others]))
    return frozenset(model for model in late if variance[model] > usual)
