"""Maximum discrepancy: the prompts on which two models' answers are least alike, and not all of one kind.

Source: Wang and Simoncelli, Maximum differentiation (MAD) competition (2008); for language models Feng et al. (2024).
"""

from typing import Any, Final

import numpy as np
import scipy
from numpy.typing import NDArray

TOP: Final = 10
DECIMALS: Final = 12
"""Scores that agree to so many decimals are ties, because a cosine of 1 may come out a little smaller."""


def choose(
    similarity: NDArray[np.float64], vectors: Any = None, *, top: int = TOP, spread: float = 0.0
) -> NDArray[np.intp]:
    """Returns up to `top` of n prompts, in the order in which they are taken.

    `similarity` (n,) is that of the two answers, NaN where it is not known: such a prompt is never taken. The first is
    the least similar. Each of the others minimises similarity + `spread` times the greatest cosine of its prompt, in
    `vectors` (n, d; an array or a sparse one), to those taken. Ties go to the earlier prompt. The choice is
    deterministic, so it has no probability.

    Raises:
        ValueError: `top` or `spread` is negative or no number, or there is a spread and no vectors.
    """
    if top < 0 or not 0 <= spread < np.inf:
        raise ValueError("Neither number may be negative.")
    if spread and vectors is None:
        raise ValueError("Without the prompts' vectors they cannot be spread.")
    score = np.round(np.where(np.isfinite(similarity), similarity, np.inf), DECIMALS)
    number = min(top, int(np.isfinite(score).sum()))
    if not spread:
        return np.argsort(score, kind="stable")[:number]
    unit = _unit(vectors)
    closest = np.full(len(score), -np.inf)
    taken: list[int] = []
    while len(taken) < number:
        now = np.round(score + spread * closest, DECIMALS) if taken else score.copy()
        now[taken] = np.inf
        taken.append(int(np.argmin(now)))
        closest = np.maximum(closest, _cosines(unit, taken[-1]))
    return np.array(taken, dtype=np.intp)


def _unit(vectors: Any) -> Any:
    """Returns the rows of `vectors` at length 1; a row of zeros stays, and is like no other."""
    sparse = bool(scipy.sparse.issparse(vectors))
    if sparse:
        length = np.sqrt(vectors.multiply(vectors).sum(axis=1)).ravel()
        return scipy.sparse.diags_array(np.divide(1.0, length, out=np.zeros(len(length)), where=length > 0)) @ vectors
    vectors = np.asarray(vectors, dtype=np.float64)
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0)


def _cosines(unit: Any, one: int) -> NDArray[np.float64]:
    """Returns (n,) the cosines of all rows to the row `one`."""
    sparse = bool(scipy.sparse.issparse(unit))
    if sparse:
        return np.asarray((unit @ unit[[one]].T).toarray().ravel(), dtype=np.float64)
    return np.asarray(unit @ unit[one], dtype=np.float64)
