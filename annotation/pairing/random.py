"""Random pairs, a design that no property of the answers can bias."""

from collections.abc import Sequence

import numpy as np

from annotation.pairing.strategy import Links, Options, ordered


def link(texts: Sequence[str], options: Options, rng: np.random.Generator) -> Links:
    """Draws `options.per_prompt` different pairs; every set of them is equally likely.

    Without that number it draws `options.neighbours` pairs per text, the maximum of the neighbours strategy.
    Returns all pairs if there are no more.
    """
    size = len(texts)
    possible = size * (size - 1) // 2
    wanted = options.neighbours * size if options.per_prompt is None else options.per_prompt
    ranks = rng.choice(possible, size=min(wanted, possible), replace=False, shuffle=False) if possible else np.empty(0)
    return ordered(pairs_of_ranks(ranks.astype(np.int64)))


def pairs_of_ranks(ranks: np.typing.NDArray[np.int64]) -> np.typing.NDArray[np.int64]:
    """Returns the pairs (i, j), i < j, at `ranks` in the order (0, 1), (0, 2), (1, 2), (0, 3), ...

    Rank r belongs to the j with j (j - 1) / 2 <= r < j (j + 1) / 2, so the matrix of all pairs is not needed.
    """
    high = ((1 + np.sqrt(1 + 8 * ranks.astype(np.float64))) / 2).astype(np.int64)
    # The square root of a large number may be rounded past an integer.
    high -= high * (high - 1) // 2 > ranks
    high += high * (high + 1) // 2 <= ranks
    return np.column_stack([ranks - high * (high - 1) // 2, high])
