"""What the graph of comparisons allows to be said at all, checked before any rating."""

from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from ranking.methods.tally import Tally


def components(tally: Tally) -> list[NDArray[np.intp]]:
    """The groups of models that comparisons connect, largest first; models without any are in none.

    Between two groups nothing is known: they have no common scale.
    """
    met = tally.games > 0
    if _reaches_all(met):
        return [np.arange(len(met))] if met.any() else []
    labels = cast(NDArray[np.intp], connected_components(csr_array(met.astype(np.int8)), directed=False)[1])
    groups = [np.flatnonzero(labels == label) for label in range(labels.max(initial=-1) + 1)]
    return sorted((group for group in groups if met[group].any()), key=lambda group: (-len(group), group[0]))


def has_finite_fit(tally: Tally) -> bool:
    """Whether Bradley-Terry strengths exist: every set of models has won, or tied, against the rest.

    That is, the graph of wins, with ties both ways, is strongly connected (Ford, 1957).
    """
    beaten = tally.wins + tally.ties > 0
    return _reaches_all(beaten) and _reaches_all(beaten.T)


def has_circle(tally: Tally) -> bool:
    """Whether some model has beaten, or tied with, one that has beaten it in turn, directly or through others."""
    beaten = tally.wins + tally.ties > 0
    number = connected_components(csr_array(beaten.astype(np.int8)), directed=True, connection="strong")[0]
    return bool(number < len(beaten))


def _reaches_all(graph: NDArray[np.bool_]) -> bool:
    """Whether every node can be reached from the first along the rows' edges."""
    if not len(graph):
        return True
    reached = graph[0].copy()
    reached[0] = True
    number = 1
    while number != (number := int(reached.sum())):
        reached |= graph[reached].any(axis=0)
    return number == len(graph)
