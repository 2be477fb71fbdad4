"""Every result against every other: for a handful of models."""

from collections.abc import Sequence

import numpy as np

from annotation.pairing.strategy import Links, Options


def link(texts: Sequence[str], options: Options, rng: np.random.Generator) -> Links:
    """All n (n - 1) / 2 pairs; heeds no option, and nothing is random in it."""
    return np.column_stack(np.triu_indices(len(texts), 1))
