"""Neighbours in rank: the pair that tells most about who is ahead of the next."""

import numpy as np

from ranking.design.belief import Belief
from ranking.methods.tally import Floats

TINY = np.finfo(float).tiny


def gains(belief: Belief, newcomers: frozenset[int]) -> Floats:
    """Returns (m, m) the expected gain on the contrasts of neighbours in rank.

    For neighbours with the contrast c, the gap D and the variance v = c'Sc, one more vote on i and j lowers v by
    w (c'Sx)^2 / (1 + w d). The drop counts phi(D / sqrt(v)) / sqrt(v), the density of the gap at zero: most where the
    order of two neighbours is open.
    """
    order = np.argsort(-belief.theta, kind="stable")
    ahead, behind = order[:-1], order[1:]
    gap = belief.theta[ahead] - belief.theta[behind]
    variance = np.maximum(belief.variance[ahead, behind], TINY)
    density = np.exp(-(gap**2) / (2 * variance)) / np.sqrt(variance)
    reach = belief.covariance[ahead] - belief.covariance[behind]
    joint = reach.T @ (density[:, None] * reach)
    diagonal = np.diag(joint)
    drop = np.maximum(diagonal[:, None] + diagonal - 2 * joint, 0.0)
    return belief.weight * drop / (1 + belief.weight * belief.variance)
