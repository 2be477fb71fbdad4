"""Maximum discrepancy: the prompts on which two models' answers are least alike, and not all of one kind."""

from typing import Final

import numpy as np

from ranking.methods.tally import Codes, Floats

TOP: Final = 10


def choose(similarity: Floats, vectors: Floats | None = None, *, top: int = TOP, spread: float = 0.0) -> Codes:
    """Returns up to `top` of n prompts, in the order in which they are taken.

    `similarity` (n,) is that of the two answers, NaN where it is not known: such a prompt is never taken. The first is
    the least similar. Each of the others minimises similarity + `spread` times the greatest cosine of its prompt, in
    `vectors` (n, d), to those taken. Ties go to the earlier prompt. The choice is deterministic, so it has no
    probability.

    Raises:
        ValueError: `top` or `spread` is negative, or there is a spread and no vectors.
    """
    if top < 0 or spread < 0:
        raise ValueError("Neither number may be negative.")
    if spread and vectors is None:
        raise ValueError("Without the prompts' vectors they cannot be spread.")
    score = np.where(np.isnan(similarity), np.inf, similarity)
    number = min(top, int(np.isfinite(score).sum()))
    if not spread or vectors is None:
        return np.argsort(score, kind="stable")[:number]
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = np.divide(vectors, length, out=np.zeros_like(vectors, dtype=np.float64), where=length > 0)
    closest = np.full(len(score), -np.inf)
    taken: list[int] = []
    while len(taken) < number:
        now = score + spread * closest if taken else score.copy()
        now[taken] = np.inf
        taken.append(int(np.argmin(now)))
        closest = np.maximum(closest, unit @ unit[taken[-1]])
    return np.array(taken, dtype=np.intp)
