"""What the graph of comparisons allows to be said at all, checked before any rating."""

from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from ranking.methods.tally import Floats, Tally


def components(tally: Tally) -> list[NDArray[np.intp]]:
    """The groups of models that comparisons connect, largest first; models without any are in none.

    Between two groups nothing is known: they have no common scale.
    """
    met = tally.games > 0
    labels = _labels(met, strong=False)
    groups = [np.flatnonzero(labels == label) for label in range(labels.max(initial=-1) + 1)]
    return sorted((group for group in groups if met[group].any()), key=lambda group: (-len(group), group[0]))


def has_finite_fit(tally: Tally) -> bool:
    """Whether Bradley-Terry strengths exist: every set of models has won, or tied, against the rest.

    That is, the graph of wins, with ties both ways, is strongly connected (Ford, 1957).
    """
    return bool(_labels(tally.wins + tally.ties > 0, strong=True).max(initial=0) == 0)


def _labels(graph: Floats | NDArray[np.bool_], *, strong: bool) -> NDArray[np.intp]:
    return cast(
        NDArray[np.intp],
        connected_components(csr_array(graph), directed=strong, connection="strong" if strong else "weak")[1],
    )
