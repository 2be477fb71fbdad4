"""New models against the others: the pair that tells most about a newcomer's own rating."""

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
    for model in sorted(newcomers):
        reach = belief.covariance[model] - belief.covariance.mean(axis=0)
        drop = (reach[:, None] - reach) ** 2
        found[model] += drop[model]
        found[:, model] += drop[:, model]
    return belief.weight * found / (1 + belief.weight * belief.variance)
