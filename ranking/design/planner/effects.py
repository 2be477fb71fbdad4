"""How much strengths differ from prompt to prompt and from worker to worker, estimated from the votes of a pilot.

If model i is stronger by u_i on one prompt, the residuals e of two votes on that prompt have the expected product
sigma^2 w w' (x . x'), with w = p (1 - p) and x = e_i - e_j. So sigma^2 is the sum of e e' w w' (x . x') over all pairs
of votes of a prompt, divided by that of (w w' (x . x'))^2: the method of moments. Workers likewise.

Ratings are averages over prompts and workers, in which such effects look smaller than they are, by the factor
1 / sqrt(1 + c^2 s^2) with s^2 the variance of all effects on a lead and c = 16 sqrt(3) / (15 pi) (Zeger, Liang and
Albert, Models for longitudinal data, 1988).
"""

from typing import Final

import numpy as np
import scipy

from ranking.methods.tally import Codes, Floats, Votes

SHRUNK: Final = (16 * np.sqrt(3) / (15 * np.pi)) ** 2

LARGEST: Final = 1.2
"""The largest sum of variances, as ratings show it, that is scaled up: near 1 / (2 c^2) nothing follows from them."""


def effects(votes: Votes, scores: Floats) -> tuple[float | None, float | None]:
    """Returns the standard deviations of the effects of prompts and of workers, in log-odds; None where not known.

    `scores` (m,) are the Bradley-Terry strengths. An estimate below zero counts as none.
    """
    variances = [None if codes is None else _variance(votes, scores, codes) for codes in (votes.prompt, votes.rater)]
    total = min(LARGEST, sum(variance or 0.0 for variance in variances))
    scale = 1 / (1 - 2 * SHRUNK * total)
    prompt, worker = (None if variance is None else float(np.sqrt(scale * variance)) for variance in variances)
    return prompt, worker


def _variance(votes: Votes, scores: Floats, cluster: Codes) -> float:
    """Returns the variance of the effects of `cluster` (n,) as ratings show it."""
    chance = scipy.special.expit(scores[votes.x] - scores[votes.y])
    weight = chance * (1 - chance)
    moved = (votes.score() - chance) * weight
    size = len(scores)
    _codes, group = np.unique(cluster, return_inverse=True)
    groups = int(group.max(initial=-1)) + 1

    def spread(values: Floats, sign: int) -> Floats:
        one = np.bincount(group * size + votes.x, values, groups * size)
        return one + sign * np.bincount(group * size + votes.y, values, groups * size)

    products = float(np.square(spread(moved, -1)).sum() - 2 * np.square(moved).sum())
    low, high = np.minimum(votes.x, votes.y), np.maximum(votes.x, votes.y)
    _pairs, pair = np.unique((group * size + low) * size + high, return_inverse=True)
    squares = float(np.square(spread(weight**2, 1)).sum() + 2 * np.square(np.bincount(pair, weight**2)).sum())
    squares -= 4 * float((weight**4).sum())
    return max(0.0, products / squares) if squares > 0 else 0.0
