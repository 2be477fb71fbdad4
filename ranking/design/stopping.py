"""When two models are told apart, however often one has looked.

An asymptotic confidence sequence by a normal mixture (Robbins; Waudby-Smith et al., arXiv 2103.06476, theorem 2.2):
its statements hold at all looks together, in large samples, with the probability 1 - alpha.
"""

from typing import Final

import numpy as np

from ranking.methods.tally import Floats

MIXTURE: Final = 4.0
"""The information v at which the boundary is tightest: standard errors of half a unit of log-odds."""

LEAST_CLUSTERS: Final = 30
LEAST_VOTES: Final = 10
"""What the approximation needs: clusters of each kind, and votes of each model."""


def boundary(error: Floats, alpha: float, mixture: float = MIXTURE) -> Floats:
    """Returns how far from zero an estimate with the standard error `error` must be, on its scale (log-odds).

    D is beyond it where D^2 / SE^2 > (1 + v/I) log((1 + I/v) / alpha^2), with the information I = 1 / SE^2.

    Raises:
        ValueError: alpha is not between 0 and 1.
    """
    if not 0 < alpha < 1:
        raise ValueError("alpha must lie between 0 and 1.")
    information = 1 / np.square(error)
    limit = (1 + mixture / information) * np.log((1 + information / mixture) / alpha**2)
    return np.asarray(error * np.sqrt(limit), dtype=np.float64)


def separated(scores: Floats, covariance: Floats, alpha: float = 0.05) -> np.ndarray:
    """Returns (m, m) whether i is ahead of j, for all pairs at once: each is asked at `alpha` over their number.

    `scores` (m,) and `covariance` (m, m) are in log-odds, the covariance robust to clusters.
    """
    size = len(scores)
    diagonal = np.diag(covariance)
    error = np.sqrt(np.maximum(diagonal[:, None] + diagonal - 2 * covariance, 0.0))
    np.fill_diagonal(error, np.inf)
    pairs = max(size * (size - 1) // 2, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        limit = np.where(np.isfinite(error) & (error > 0), boundary(error, alpha / pairs), np.inf)
    return np.asarray(scores[:, None] - scores > limit)
