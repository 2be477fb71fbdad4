"""Neighbours in rank: the pair that tells most about who is ahead of the next."""

import numpy as np

from ranking.design.belief import Belief
from ranking.methods.tally import Floats

TINY = np.finfo(float).tiny


def gains(belief: Belief, newcomers: frozenset[int]) -> Floats:
    """Returns (m, m) the expected gain on the contrasts of neighbours in rank.

    For neighbours with the contrast c, the gap D and the variance v = c'Sc, one more vote on i and j lowers v by
    w (c'Sx)^2 / (1 + w d). The drop counts exp(-D^2 / 2v) / sqrt(v), in proportion to the density of the gap at zero:
    most where the order of two neighbours is open.
    """
    order = np.argsort(-belief.theta, kind="stable")
    ahead, behind = order[:-1], order[1:]
    gap = belief.theta[ahead] - belief.theta[behind]
    variance = np.maximum(belief.variance[ahead, behind], TINY)
    density = np.exp(-(gap**2) / (2 * variance)) / np.sqrt(variance)
    sorted_rows = belief.covariance[order]
    reach = sorted_rows[:-1] - sorted_rows[1:]
    joint = (density[:, None] * reach).T @ reach
    # Sum over neighbours of density (c'Sx)^2, for all x = e_i - e_j at once.
    diagonal = joint.diagonal().copy()
    drop: Floats = joint
    drop *= -2
    drop += diagonal
    drop += diagonal[:, None]
    np.maximum(drop, 0.0, out=drop)
    drop *= belief.weight
    drop /= 1 + belief.weight * belief.variance
    return drop
