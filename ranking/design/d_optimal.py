"""D-optimal design: the pair that shrinks the volume of the joint confidence region most."""

import numpy as np

from ranking.design.belief import Belief
from ranking.methods.tally import Floats


def gains(belief: Belief, newcomers: frozenset[int]) -> Floats:
    """Returns (m, m) log(1 + w d): by how much one more vote on i and j lowers the log-determinant of the covariance.

    Source: the matrix determinant lemma; Fedorov, Theory of Optimal Experiments (1972).
    """
    return np.log1p(belief.weight * belief.variance)
